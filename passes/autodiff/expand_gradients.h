// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Reverse-mode differentiation as a function, for passes and checks.

#ifndef GRAFT_PASSES_AUTODIFF_EXPAND_GRADIENTS_H_
#define GRAFT_PASSES_AUTODIFF_EXPAND_GRADIENTS_H_

#include "mlir/IR/Operation.h"

namespace graft {

// Replaces every graft.gradients nested in `root`, as described for the pass
// autodiff-expand-gradients. Emits a diagnostic on failure.
mlir::LogicalResult expandGradients(mlir::Operation* root);

}  // namespace graft

#endif  // GRAFT_PASSES_AUTODIFF_EXPAND_GRADIENTS_H_

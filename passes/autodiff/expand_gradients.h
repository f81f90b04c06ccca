// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Reverse-mode differentiation as a function, for passes and checks that need
// it in the middle of other work.

#ifndef GRAFT_PASSES_AUTODIFF_EXPAND_GRADIENTS_H_
#define GRAFT_PASSES_AUTODIFF_EXPAND_GRADIENTS_H_

#include "mlir/IR/Operation.h"

namespace graft {

// Replaces every graft.gradients below `root`, as the pass
// autodiff-expand-gradients describes. A diagnostic and failure otherwise.
mlir::LogicalResult expandGradients(mlir::Operation* root);

}  // namespace graft

#endif  // GRAFT_PASSES_AUTODIFF_EXPAND_GRADIENTS_H_

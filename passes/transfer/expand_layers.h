// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What passes after transfer-expand-layers rely on.

#ifndef GRAFT_PASSES_TRANSFER_EXPAND_LAYERS_H_
#define GRAFT_PASSES_TRANSFER_EXPAND_LAYERS_H_

#include "dialects/graft/graft_ops.h"

namespace graft::transfer {

// Fails with a diagnostic if `model` still has a `graft.layers`, which was to
// be expanded before what `later` says, such as "the strategy is".
llvm::LogicalResult checkLayersExpanded(ModelOp model, llvm::StringRef later);

}  // namespace graft::transfer

#endif  // GRAFT_PASSES_TRANSFER_EXPAND_LAYERS_H_

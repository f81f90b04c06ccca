// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Numbers for the sizes and the stacks that a strategy leaves open.

#ifndef GRAFT_DIALECTS_TRANSFER_BIND_SIZES_H_
#define GRAFT_DIALECTS_TRANSFER_BIND_SIZES_H_

#include <cstdint>

#include "dialects/transfer/transfer_dialect.h"
#include "llvm/ADT/MapVector.h"

namespace graft::transfer {

// Puts the numbers in the place of these sizes: in the types of the strategy
// and of all models of its module, and in `labels<K>` of its streams. The
// strategy no longer declares them.
void bindSizes(StrategyOp strategy,
               const llvm::MapVector<mlir::StringAttr, int64_t>& numbers);

// Gives each stack of layers that a `transfer.count` names its number, in its
// model and in each `graft.repeat` over it. Fails with a diagnostic at the op
// if there is no such stack, or it is pretrained, or another op names it, too.
llvm::LogicalResult setCounts(StrategyOp strategy);

}  // namespace graft::transfer

#endif  // GRAFT_DIALECTS_TRANSFER_BIND_SIZES_H_

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Parts of the verifier of transfer.strategy. Each fails with a diagnostic.

#ifndef GRAFT_DIALECTS_TRANSFER_TRANSFER_VERIFY_H_
#define GRAFT_DIALECTS_TRANSFER_TRANSFER_VERIFY_H_

#include "dialects/transfer/transfer_dialect.h"

namespace graft::transfer {

// Labels and what they are compared with (C8), weights (C9), draws (C17).
llvm::LogicalResult verifyLabels(StrategyOp strategy);
llvm::LogicalResult verifyWeights(StrategyOp strategy);
llvm::LogicalResult verifyDraws(StrategyOp strategy);

// The groups and calls of `inner`, and whatever is at its result (C12).
llvm::LogicalResult verifyInner(InnerOp inner);

// What `phase` weighs gradients by (C13).
llvm::LogicalResult verifyWeighing(PhaseOp phase);

// The streams of the phases of `schedule`, if a step takes one of them (C14).
llvm::LogicalResult verifyDrawing(ScheduleOp schedule);

// C15 and C16.
llvm::LogicalResult verifyKeep(KeepOp keep);
llvm::LogicalResult verifyReward(RewardOp reward);

}  // namespace graft::transfer

#endif  // GRAFT_DIALECTS_TRANSFER_TRANSFER_VERIFY_H_

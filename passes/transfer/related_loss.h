// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Builds the entries of a loss that relates more examples than a launch holds.

#ifndef GRAFT_PASSES_TRANSFER_RELATED_LOSS_H_
#define GRAFT_PASSES_TRANSFER_RELATED_LOSS_H_

#include <string>

#include "dialects/transfer/transfer_analysis.h"
#include "passes/transfer/host_program.h"

namespace graft::transfer {

// A part of the loss of a phase, and where it is cut.
struct RelatedLoss {
  PhaseOp phase;
  const LossPart& part;
  const LossCut& cut;
  llvm::ArrayRef<GroupedParameter> trained;
};

// Builds these entries before `strategy`, and appends their calls to `calls`:
//
// - `represent`, for each micro-batch of a stream: the rows that are related.
// - `relate`, for all rows of the batch: the terms that relate them, whose
//   derivatives it adds to the gradients of the parameters that it reads
//   itself, and returns for rows that other parameters make.
// - `accumulate`, for each micro-batch again: adds the gradients of its own
//   terms, and of the sum of rows times derivatives.
//
// So the gradients are those of the loss of the whole batch, while a launch
// holds a micro-batch (Gao et al. 2021, arXiv 2101.06983). `represent` and
// `accumulate` of a stream draw the same random numbers, of the number
// `ordinals`, which this counts on. `name` names an entry, of one stream or
// (null) of all.
llvm::LogicalResult buildRelatedLoss(
    StrategyOp strategy, const RelatedLoss& loss, HostProgram& host,
    llvm::function_ref<std::string(llvm::StringRef entry, StreamOp stream)>
        name,
    int64_t& ordinals, llvm::SmallVectorImpl<Accumulation>& calls);

}  // namespace graft::transfer

#endif  // GRAFT_PASSES_TRANSFER_RELATED_LOSS_H_

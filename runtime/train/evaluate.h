// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Predictions and quality on a whole data set.

#ifndef GRAFT_RUNTIME_TRAIN_EVALUATE_H_
#define GRAFT_RUNTIME_TRAIN_EVALUATE_H_

#include <cstdint>
#include <functional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/executor/instance.h"
#include "runtime/train/dataset.h"
#include "runtime/train/entry.h"

namespace graft {

struct EvaluationResult {
  double loss = 0;   // mean over examples
  double score = 0;  // accuracy, or Pearson correlation of a regression
};

// Gets each example with its logits and probabilities [classes]; a regression
// has no probabilities.
using PredictionSink =
    std::function<void(int64_t example, absl::Span<const float> logits,
                       absl::Span<const float> probabilities)>;

// Runs `caller` over the data set in its order, in pieces inside of `bounds`;
// `consume` gets the range of examples of each piece after the call.
absl::Status ForEachPiece(EntryCaller& caller, const BatchBounds& bounds,
                          const Dataset& dataset,
                          absl::FunctionRef<absl::Status(BatchRange)> consume);

// Predicts all examples in their order, by entry "predict".
absl::Status PredictAll(Instance& instance, const Dataset& dataset,
                        const PredictionSink& consume);

// Loss and score on a labelled data set. `evaluate` calls entry "evaluate".
absl::StatusOr<EvaluationResult> EvaluateAll(EntryCaller& evaluate,
                                             const BatchBounds& bounds,
                                             const Dataset& dataset);

}  // namespace graft

#endif  // GRAFT_RUNTIME_TRAIN_EVALUATE_H_

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Predictions and quality on all examples of a source, a few of them in memory.

#ifndef GRAFT_RUNTIME_PREDICT_EVALUATE_H_
#define GRAFT_RUNTIME_PREDICT_EVALUATE_H_

#include <cstdint>
#include <functional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/binding/entry.h"
#include "runtime/data/batch_stream.h"
#include "runtime/executor/instance.h"

namespace graft {

struct EvaluationResult {
  double loss = 0;   // mean over examples
  double score = 0;  // accuracy, or Pearson correlation of a regression
};

// Gets example `i` of `examples` with its logits and probabilities [classes]; a
// regression has no probabilities.
using PredictionSink = std::function<absl::Status(
    const Examples& examples, int64_t i, absl::Span<const float> logits,
    absl::Span<const float> probabilities)>;

// Runs `caller` over the examples of `next` in their order, in pieces inside of
// `bounds`; `consume` gets those of each piece after the call. `next` is called
// in another thread.
absl::Status ForEachPiece(
    EntryCaller& caller, const BatchBounds& bounds, ExampleFeed next,
    absl::FunctionRef<absl::Status(const Examples&)> consume);

// Predicts all examples in their order, by entry "predict".
absl::Status PredictAll(Instance& instance, ExampleFeed next,
                        const PredictionSink& consume);

// Loss and score on labelled examples. `evaluate` calls entry "evaluate".
absl::StatusOr<EvaluationResult> EvaluateAll(EntryCaller& evaluate,
                                             const BatchBounds& bounds,
                                             ExampleFeed next);

}  // namespace graft

#endif  // GRAFT_RUNTIME_PREDICT_EVALUATE_H_

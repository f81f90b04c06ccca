// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Loss and quality of a model that is being trained.

#ifndef GRAFT_RUNTIME_PREDICT_EVALUATE_H_
#define GRAFT_RUNTIME_PREDICT_EVALUATE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/binding/entry.h"
#include "runtime/data/examples.h"
#include "runtime/metrics/metric.h"

namespace graft {

struct EvaluationResult {
  double loss = 0;  // mean over examples
  // The first metric of the model's target: accuracy, micro-F1, ..., or 0 where
  // that is not defined; where no example has a label, or all have the same
  // number, by which none can be better, the negative loss. Higher is better.
  double score = 0;
};

// What the model computed for example `i` and what it should have: the column
// "labels" or "multi_hot" of the example. Without one the class is not known.
// Borrows both.
Outcome OutcomeOf(const Examples& examples, int64_t i,
                  absl::Span<const float> outputs);

// Runs entry "evaluate", which `evaluate` calls, on the labelled examples of
// `next` in batches that fit `capacity`. A model with one output has a number
// as target, another one classes. Without examples all is 0. `next` runs in
// another thread.
absl::StatusOr<EvaluationResult> EvaluateAll(EntryCaller& evaluate,
                                             const BatchCapacity& capacity,
                                             ExampleFeed next);

}  // namespace graft

#endif  // GRAFT_RUNTIME_PREDICT_EVALUATE_H_

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/predict/evaluate.h"

#include <memory>
#include <optional>
#include <utility>

#include "runtime/base/status_macros.h"
#include "runtime/binding/run_batches.h"

namespace graft {

Outcome OutcomeOf(const Examples& examples, int64_t i,
                  absl::Span<const float> outputs) {
  Outcome outcome;
  outcome.outputs = outputs;
  outcome.label = kNoLabel;
  if (const auto set = examples.schema().Find(kMultiHotColumn)) {
    outcome.set = examples.floats(*set, i);
    return outcome;
  }
  const std::optional<size_t> labels = examples.schema().Find(kLabelsColumn);
  if (!labels) return outcome;
  if (examples.schema().columns()[*labels].dtype == DType::kI32)
    outcome.label = examples.ints(*labels, i)[0];
  else
    outcome.score = examples.floats(*labels, i)[0];
  return outcome;
}

namespace {

// Whether metrics can tell models apart by the truth of some examples.
struct Truths {
  bool tell = false;
  bool any = false;
  float first = 0;

  void Add(const Outcome& outcome, bool number) {
    if (!number) {
      tell |= outcome.label >= 0;
      for (const float has : outcome.set) tell |= has > 0;
      return;
    }
    tell |= any && outcome.score != first;
    if (!any) first = outcome.score;
    any = true;
  }
};

}  // namespace

absl::StatusOr<EvaluationResult> EvaluateAll(EntryCaller& evaluate,
                                             const BatchCapacity& capacity,
                                             ExampleFeed next) {
  double loss = 0;
  int64_t count = 0;
  std::unique_ptr<Metric> metric;
  Truths truths;
  GRAFT_RETURN_IF_ERROR(RunBatches(
      evaluate, capacity, std::move(next), [&](const Examples& examples) {
        const absl::Span<const float> losses = evaluate.Output("losses");
        const absl::Span<const float> logits = evaluate.Output("logits");
        const size_t width = logits.size() / examples.size();
        if (!metric) {
          const TargetKind target = examples.schema().Find(kMultiHotColumn)
                                        ? TargetKind::kSet
                                    : width == 1 ? TargetKind::kNumber
                                                 : TargetKind::kClass;
          metric =
              MetricsOf(target).front()->create(static_cast<int64_t>(width));
        }
        count += examples.size();
        for (int64_t i = 0; i < examples.size(); ++i) {
          loss += losses[i];
          const Outcome outcome =
              OutcomeOf(examples, i, logits.subspan(i * width, width));
          truths.Add(outcome, width == 1);
          metric->Add(outcome);
        }
        return absl::OkStatus();
      }));
  EvaluationResult result;
  if (count == 0) return result;
  result.loss = loss / static_cast<double>(count);
  // A score that is not defined is no better than chance.
  result.score = truths.tell ? metric->Value().value_or(0) : -result.loss;
  return result;
}

}  // namespace graft

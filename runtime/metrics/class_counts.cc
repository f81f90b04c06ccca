// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/metrics/class_counts.h"

#include "runtime/metrics/classification.h"

namespace graft {
namespace {

double Divide(int64_t part, int64_t whole) {
  return whole == 0 ? 0
                    : static_cast<double>(part) / static_cast<double>(whole);
}

// Adds `weight` times `scores` to `sum`.
void Accumulate(ClassScores& sum, const ClassScores& scores, double weight) {
  sum.precision += weight * scores.precision;
  sum.recall += weight * scores.recall;
  sum.f1 += weight * scores.f1;
}

ClassScores DividedBy(const ClassScores& sum, int64_t count) {
  if (count == 0) return {};
  const auto n = static_cast<double>(count);
  return {sum.precision / n, sum.recall / n, sum.f1 / n};
}

}  // namespace

void ClassCounts::Add(const Outcome& outcome) {
  if (outcome.set.empty()) {
    if (outcome.label >= 0) Add(outcome.label, PredictedClass(outcome.outputs));
    return;
  }
  for (size_t c = 0; c < outcome.set.size(); ++c) {
    const bool truth = outcome.set[c] > 0;
    const bool predicted = IsPredicted(outcome.outputs[c]);
    truth_[c] += truth;
    predicted_[c] += predicted;
    right_[c] += truth && predicted;
  }
  ++total_;
}

ClassScores ScoresOf(const ClassCounts& counts, int64_t c) {
  const int64_t right = counts.right(c);
  return {Divide(right, counts.predicted(c)), Divide(right, counts.truth(c)),
          Divide(2 * right, counts.truth(c) + counts.predicted(c))};
}

ClassScores MicroAverage(const ClassCounts& counts) {
  int64_t right = 0, predicted = 0, truth = 0;
  for (int64_t c = 0; c < counts.classes(); ++c) {
    right += counts.right(c);
    predicted += counts.predicted(c);
    truth += counts.truth(c);
  }
  return {Divide(right, predicted), Divide(right, truth),
          Divide(2 * right, truth + predicted)};
}

ClassScores MacroAverage(const ClassCounts& counts) {
  ClassScores sum;
  int64_t seen = 0;
  for (int64_t c = 0; c < counts.classes(); ++c) {
    if (counts.truth(c) + counts.predicted(c) == 0) continue;
    ++seen;
    Accumulate(sum, ScoresOf(counts, c), 1);
  }
  return DividedBy(sum, seen);
}

ClassScores WeightedAverage(const ClassCounts& counts) {
  ClassScores sum;
  int64_t truth = 0;
  for (int64_t c = 0; c < counts.classes(); ++c) {
    truth += counts.truth(c);
    Accumulate(sum, ScoresOf(counts, c), static_cast<double>(counts.truth(c)));
  }
  return DividedBy(sum, truth);
}

void CountsMetric::Add(const Outcome& outcome) { counts_.Add(outcome); }

std::optional<double> CountsMetric::Value() const {
  if (counts_.total() == 0) return std::nullopt;
  return formula_(counts_);
}

}  // namespace graft

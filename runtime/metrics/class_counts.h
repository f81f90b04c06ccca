// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Precision, recall and F1: of each class, and their averages.

#ifndef GRAFT_RUNTIME_METRICS_CLASS_COUNTS_H_
#define GRAFT_RUNTIME_METRICS_CLASS_COUNTS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/metrics/metric.h"

namespace graft {

// How often each class, or label of sets, is true, is predicted, and is both:
// all that these metrics need, in memory that grows with the classes alone.
// Thread-compatible.
class ClassCounts {
 public:
  explicit ClassCounts(int64_t classes)
      : truth_(classes), predicted_(classes), right_(classes) {}

  // Both in [0, classes()). `examples` of them.
  void Add(int64_t truth, int64_t predicted, int64_t examples = 1) {
    truth_[truth] += examples;
    predicted_[predicted] += examples;
    if (truth == predicted) right_[truth] += examples;
    total_ += examples;
  }

  // The outcome of one example: its class if that is known, or the labels of a
  // set; predicted are those of IsPredicted.
  void Add(const Outcome& outcome);

  int64_t classes() const { return static_cast<int64_t>(truth_.size()); }
  int64_t total() const { return total_; }  // examples
  int64_t truth(int64_t c) const { return truth_[c]; }
  int64_t predicted(int64_t c) const { return predicted_[c]; }
  int64_t right(int64_t c) const { return right_[c]; }

 private:
  std::vector<int64_t> truth_, predicted_, right_;
  int64_t total_ = 0;
};

struct ClassScores {
  double precision = 0;  // right / predicted
  double recall = 0;     // right / truth
  double f1 = 0;         // 2 * right / (truth + predicted)
};

// Each score is 0 where it would divide by 0.
ClassScores ScoresOf(const ClassCounts& counts, int64_t c);

// Averages of ScoresOf; 0 without examples.
//
// Of the sums over all classes: where each example has one, each score is the
// accuracy.
ClassScores MicroAverage(const ClassCounts& counts);
// Unweighted, over the classes that occur as truth or prediction.
ClassScores MacroAverage(const ClassCounts& counts);
// Weighted by how often a class is the truth.
ClassScores WeightedAverage(const ClassCounts& counts);

// A metric that is a formula of the counts; not defined without examples, or
// where the formula is not.
class CountsMetric final : public Metric {
 public:
  using Formula = std::optional<double> (*)(const ClassCounts& counts);

  CountsMetric(int64_t classes, Formula formula)
      : counts_(classes), formula_(formula) {}
  void Add(const Outcome& outcome) override;
  std::optional<double> Value() const override;

 private:
  ClassCounts counts_;
  Formula formula_;
};

// For the table of metrics: CreateAverage<MacroAverage, &ClassScores::f1>.
template <ClassScores (*kAverage)(const ClassCounts&),
          double ClassScores::* kScore>
std::unique_ptr<Metric> CreateAverage(int64_t classes) {
  return std::make_unique<CountsMetric>(
      classes, [](const ClassCounts& counts) -> std::optional<double> {
        return kAverage(counts).*kScore;
      });
}

}  // namespace graft

#endif  // GRAFT_RUNTIME_METRICS_CLASS_COUNTS_H_

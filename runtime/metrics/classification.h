// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Metrics of classes, and a picture of which classes a model confuses.

#ifndef GRAFT_RUNTIME_METRICS_CLASSIFICATION_H_
#define GRAFT_RUNTIME_METRICS_CLASSIFICATION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "runtime/metrics/metric.h"

namespace graft {

// The class of the largest logit, the first of several. `logits` is not empty.
int64_t PredictedClass(absl::Span<const float> logits);

// Whether a label of a set is predicted, by its own logit: its probability is
// above a half.
inline bool IsPredicted(float logit) { return logit > 0; }

// Counts of (true class, predicted class). Thread-compatible.
class ConfusionMatrix {
 public:
  explicit ConfusionMatrix(int64_t classes)
      : classes_(classes), counts_(classes * classes) {}

  // Both in [0, classes()).
  void Add(int64_t truth, int64_t predicted) {
    ++counts_[truth * classes_ + predicted];
  }

  int64_t classes() const { return classes_; }
  int64_t count(int64_t truth, int64_t predicted) const {
    return counts_[truth * classes_ + predicted];
  }
  int64_t total() const;

  // Share of right predictions; 0 without any.
  double Accuracy() const;
  // Unweighted mean of the F1 of each class that occurs as truth or prediction.
  double MacroF1() const;

 private:
  int64_t classes_;
  std::vector<int64_t> counts_;
};

// A self-contained SVG: one square for each pair of classes, shaded by the
// share of the row's examples, with row and column names and the counts.
std::string ConfusionSvg(const ConfusionMatrix& matrix,
                         absl::Span<const std::string> labels);

// Share of right predictions.
std::unique_ptr<Metric> CreateAccuracy(int64_t classes);

}  // namespace graft

#endif  // GRAFT_RUNTIME_METRICS_CLASSIFICATION_H_

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Quality of a classifier's predictions, and a picture of its confusions.

#ifndef GRAFT_RUNTIME_METRICS_METRICS_H_
#define GRAFT_RUNTIME_METRICS_METRICS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"

namespace graft {

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

struct RegressionQuality {
  double pearson = 0;  // 0 where either side is constant
  double mse = 0;
};

// Pearson correlation and mean squared error of a regression, whose pairs come
// one at a time and are not kept (Welford's method). Thread-compatible.
class RegressionMeter {
 public:
  void Add(float truth, float predicted);
  int64_t count() const { return count_; }
  RegressionQuality Quality() const;

 private:
  int64_t count_ = 0;
  double mean_truth_ = 0, mean_predicted_ = 0;
  // Sums of products of the differences from the means.
  double truth_ = 0, predicted_ = 0, both_ = 0;
  double errors_ = 0;  // squared
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_METRICS_METRICS_H_

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Metrics of numbers.

#ifndef GRAFT_RUNTIME_METRICS_REGRESSION_H_
#define GRAFT_RUNTIME_METRICS_REGRESSION_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "runtime/metrics/metric.h"

namespace graft {

// Sums of pairs, by Welford's method in one pass. Thread-compatible.
class PearsonSums {
 public:
  void Add(double truth, double predicted);
  // Pearson correlation of the pairs; not defined where either is constant.
  std::optional<double> Correlation() const;

 private:
  int64_t count_ = 0;
  double mean_truth_ = 0, mean_predicted_ = 0;
  // Sums of products of the differences from the means.
  double truth_ = 0, predicted_ = 0, both_ = 0;
};

// Pearson correlation of truth and prediction.
std::unique_ptr<Metric> CreatePearson(int64_t classes);

// Mean of the squared differences of truth and prediction.
std::unique_ptr<Metric> CreateMeanSquaredError(int64_t classes);

}  // namespace graft

#endif  // GRAFT_RUNTIME_METRICS_REGRESSION_H_

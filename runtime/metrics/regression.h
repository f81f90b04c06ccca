// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Metrics of numbers.

#ifndef GRAFT_RUNTIME_METRICS_REGRESSION_H_
#define GRAFT_RUNTIME_METRICS_REGRESSION_H_

#include <cstdint>
#include <memory>

#include "runtime/metrics/metric.h"

namespace graft {

// Pearson correlation of truth and prediction, by Welford's method in one pass;
// 0 where either is constant.
std::unique_ptr<Metric> CreatePearson(int64_t classes);

// Mean of the squared differences of truth and prediction.
std::unique_ptr<Metric> CreateMeanSquaredError(int64_t classes);

}  // namespace graft

#endif  // GRAFT_RUNTIME_METRICS_REGRESSION_H_

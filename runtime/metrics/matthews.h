// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Matthews correlation coefficient.

#ifndef GRAFT_RUNTIME_METRICS_MATTHEWS_H_
#define GRAFT_RUNTIME_METRICS_MATTHEWS_H_

#include <cstdint>
#include <memory>

#include "runtime/metrics/class_counts.h"
#include "runtime/metrics/metric.h"

namespace graft {

// Correlation of true and predicted classes, in [-1, 1], of any number of
// classes; 0 where all examples have one true class or one predicted class.
double MatthewsCorrelation(const ClassCounts& counts);

std::unique_ptr<Metric> CreateMatthews(int64_t classes);

}  // namespace graft

#endif  // GRAFT_RUNTIME_METRICS_MATTHEWS_H_

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Spearman's rank correlation.

#ifndef GRAFT_RUNTIME_METRICS_SPEARMAN_H_
#define GRAFT_RUNTIME_METRICS_SPEARMAN_H_

#include <cstdint>
#include <memory>

#include "runtime/metrics/metric.h"

namespace graft {

// Pearson correlation of the ranks of truth and prediction, equal numbers with
// the mean of their ranks; not defined where either is constant.
//
// Keeps 16 bytes for each example; Value() sorts them.
std::unique_ptr<Metric> CreateSpearman(int64_t classes);

}  // namespace graft

#endif  // GRAFT_RUNTIME_METRICS_SPEARMAN_H_

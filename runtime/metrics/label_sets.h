// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Metrics of examples with any number of labels, beside those of
// class_counts.h.

#ifndef GRAFT_RUNTIME_METRICS_LABEL_SETS_H_
#define GRAFT_RUNTIME_METRICS_LABEL_SETS_H_

#include <cstdint>
#include <memory>

#include "runtime/metrics/metric.h"

namespace graft {

// Share of the examples all of whose labels are right: those of IsPredicted are
// the true ones.
std::unique_ptr<Metric> CreateExactMatch(int64_t labels);

// The unweighted mean of AreaUnderCurve over the labels, by the logits of each.
// Labels that all examples have, or none, do not count; not defined where none
// is left.
//
// Keeps about 4 bytes for each example and label; Value() sorts them.
std::unique_ptr<Metric> CreateSetAuc(int64_t labels);

}  // namespace graft

#endif  // GRAFT_RUNTIME_METRICS_LABEL_SETS_H_

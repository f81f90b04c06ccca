// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Area under the ROC curve.

#ifndef GRAFT_RUNTIME_METRICS_AUC_H_
#define GRAFT_RUNTIME_METRICS_AUC_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "runtime/metrics/metric.h"

namespace graft {

// The probability that a positive example has a higher score than a negative
// one; of equal scores half counts. Not defined unless there are both.
// `positive` has as many elements as `scores`.
std::optional<double> AreaUnderCurve(absl::Span<const double> scores,
                                     const std::vector<bool>& positive);

// Of two classes: the area of the second one's scores. Of more: the unweighted
// mean over the classes, each against all others by its probability; not
// defined unless each class is the truth of an example.
//
// Keeps 12 bytes for each example of two classes, and 4 + 8 * classes of more;
// Value() sorts them.
std::unique_ptr<Metric> CreateAuc(int64_t classes);

}  // namespace graft

#endif  // GRAFT_RUNTIME_METRICS_AUC_H_

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The scores of each class as text.

#ifndef GRAFT_RUNTIME_METRICS_CLASS_TABLE_H_
#define GRAFT_RUNTIME_METRICS_CLASS_TABLE_H_

#include <string>

#include "absl/types/span.h"
#include "runtime/metrics/class_counts.h"

namespace graft {

// A table with a line for each class, in their order, and one for each average:
// precision, recall, F1, and the rows whose true class it is. `labels` has the
// name of each class; long ones are shortened, line breaks escaped.
std::string ClassTable(const ClassCounts& counts,
                       absl::Span<const std::string> labels);

}  // namespace graft

#endif  // GRAFT_RUNTIME_METRICS_CLASS_TABLE_H_

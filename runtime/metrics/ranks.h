// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Ranks of numbers, of which rank metrics are made.

#ifndef GRAFT_RUNTIME_METRICS_RANKS_H_
#define GRAFT_RUNTIME_METRICS_RANKS_H_

#include <vector>

#include "absl/types/span.h"

namespace graft {

// The rank of each value, 1 for the smallest; equal ones have the mean of their
// ranks. Values are not NaN.
std::vector<double> AverageRanks(absl::Span<const double> values);

}  // namespace graft

#endif  // GRAFT_RUNTIME_METRICS_RANKS_H_

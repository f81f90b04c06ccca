// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_EXECUTOR_COST_H_
#define GRAFT_RUNTIME_EXECUTOR_COST_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "runtime/artifact/spec.h"
#include "runtime/executor/feed.h"

namespace graft {

// For each size that counts the tokens of a fed input of segments: the sum of
// the squared lengths of its sequences; 0 for other sizes.
std::vector<double> SquaredLengths(const ArtifactSpec& spec,
                                   const EntrySpec& entry,
                                   absl::Span<const Feed> feeds);

// The sum of the terms at these values of the sizes.
double EvaluateCost(const std::vector<CostTermSpec>& terms,
                    absl::Span<const int64_t> sizes,
                    absl::Span<const double> squared_lengths);

}  // namespace graft

#endif  // GRAFT_RUNTIME_EXECUTOR_COST_H_

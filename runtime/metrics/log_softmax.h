// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Logarithms of probabilities.

#ifndef GRAFT_RUNTIME_METRICS_LOG_SOFTMAX_H_
#define GRAFT_RUNTIME_METRICS_LOG_SOFTMAX_H_

#include <vector>

#include "absl/types/span.h"

namespace graft {

// The logarithm of each class's probability by softmax, in double: exact to
// rounding also where a probability is near 1. `logits` are finite and not
// empty. A permutation of the logits permutes the results, so equal
// probabilities stay equal.
std::vector<double> LogSoftmax(absl::Span<const float> logits);

}  // namespace graft

#endif  // GRAFT_RUNTIME_METRICS_LOG_SOFTMAX_H_

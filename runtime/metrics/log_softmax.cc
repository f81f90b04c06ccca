// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/metrics/log_softmax.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace graft {

std::vector<double> LogSoftmax(absl::Span<const float> logits) {
  std::vector<double> sorted(logits.begin(), logits.end());
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  const double largest = sorted[0];
  // Without the largest, whose 1 would hide small ones, smallest first.
  double others = 0;
  for (size_t i = sorted.size() - 1; i > 0; --i)
    others += std::exp(sorted[i] - largest);
  const double log_sum = std::log1p(others);
  std::vector<double> result;
  result.reserve(logits.size());
  for (const float logit : logits) result.push_back(logit - largest - log_sum);
  return result;
}

}  // namespace graft

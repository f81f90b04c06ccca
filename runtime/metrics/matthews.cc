// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/metrics/matthews.h"

#include <cmath>

namespace graft {

double MatthewsCorrelation(const ClassCounts& counts) {
  // Whole numbers, exact in double up to 90 million examples.
  const auto n = static_cast<double>(counts.total());
  double both = 0, truth = 0, predicted = 0;
  for (int64_t c = 0; c < counts.classes(); ++c) {
    const auto t = static_cast<double>(counts.truth(c));
    const auto p = static_cast<double>(counts.predicted(c));
    both += static_cast<double>(counts.right(c)) * n - t * p;
    truth += t * (n - t);
    predicted += p * (n - p);
  }
  if (truth == 0 || predicted == 0) return 0;
  return both / std::sqrt(truth * predicted);
}

std::unique_ptr<Metric> CreateMatthews(int64_t classes) {
  return std::make_unique<CountsMetric>(
      classes, [](const ClassCounts& counts) -> std::optional<double> {
        return MatthewsCorrelation(counts);
      });
}

}  // namespace graft

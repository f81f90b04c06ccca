// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/executor/cost.h"

namespace graft {

std::vector<double> SquaredLengths(const ArtifactSpec& spec,
                                   const EntrySpec& entry,
                                   absl::Span<const Feed> feeds) {
  std::vector<double> squares(spec.sizes.size(), 0);
  for (size_t i = 0; i < feeds.size(); ++i) {
    if (feeds[i].kind != ValueKind::segments) continue;
    double& sum = squares[entry.inputs[i].tokens];
    sum = 0;
    for (size_t s = 1; s < feeds[i].offsets.size(); ++s) {
      const double length = feeds[i].offsets[s] - feeds[i].offsets[s - 1];
      sum += length * length;
    }
  }
  return squares;
}

double EvaluateCost(const std::vector<CostTermSpec>& terms,
                    absl::Span<const int64_t> sizes,
                    absl::Span<const double> squared_lengths) {
  double sum = 0;
  for (const CostTermSpec& term : terms) {
    auto value = static_cast<double>(term.coefficient);
    if (term.squares) {
      value *= squared_lengths[term.first];
    } else {
      for (int32_t size : {term.first, term.second}) {
        if (size >= 0) value *= static_cast<double>(sizes[size]);
      }
    }
    sum += value;
  }
  return sum;
}

}  // namespace graft

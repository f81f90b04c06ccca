// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/formats/merge_adapters.h"

#include <cmath>
#include <cstddef>
#include <vector>

namespace graft {

void MergeAdapters(const LowRankValues& adapters, absl::Span<float> matrix) {
  const auto rank = static_cast<size_t>(adapters.rank);
  const size_t columns = adapters.right.size() / rank;
  std::vector<double> row(columns), sums(columns);
  for (size_t i = 0; columns > 0 && i < matrix.size() / columns; ++i) {
    const absl::Span<float> values = matrix.subspan(i * columns, columns);
    sums.assign(columns, 0.0);
    for (size_t k = 0; k < rank; ++k)
      for (size_t j = 0; j < columns; ++j)
        sums[j] += static_cast<double>(adapters.left[i * rank + k]) *
                   static_cast<double>(adapters.right[k * columns + j]);
    double squares = 0;
    for (size_t j = 0; j < columns; ++j) {
      row[j] = static_cast<double>(values[j]) + adapters.scale * sums[j];
      squares += row[j] * row[j];
    }
    double factor = 1;
    if (!adapters.norms.empty() && squares > 0)
      factor = static_cast<double>(adapters.norms[i]) / std::sqrt(squares);
    for (size_t j = 0; j < columns; ++j)
      values[j] = static_cast<float>(factor * row[j]);
  }
}

}  // namespace graft

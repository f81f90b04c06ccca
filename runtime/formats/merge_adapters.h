// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// A matrix and low-rank adapters as one matrix.

#ifndef GRAFT_RUNTIME_FORMATS_MERGE_ADAPTERS_H_
#define GRAFT_RUNTIME_FORMATS_MERGE_ADAPTERS_H_

#include <cstdint>

#include "absl/types/span.h"

namespace graft {

// Values of `left` [out, rank] and `right` [rank, in]; `norms` has `out`
// numbers, or none.
struct LowRankValues {
  absl::Span<const float> left, right;
  int64_t rank = 0;
  double scale = 0;
  absl::Span<const float> norms;
};

// Adds scale * left right to `matrix` [out, in], in double precision, and then,
// where there are `norms`, scales each row to its norm. A row of zeros stays
// one.
void MergeAdapters(const LowRankValues& adapters, absl::Span<float> matrix);

}  // namespace graft

#endif  // GRAFT_RUNTIME_FORMATS_MERGE_ADAPTERS_H_

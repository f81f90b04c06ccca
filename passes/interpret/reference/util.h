// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What several families of reference functions share.

#ifndef GRAFT_PASSES_INTERPRET_REFERENCE_UTIL_H_
#define GRAFT_PASSES_INTERPRET_REFERENCE_UTIL_H_

#include "passes/interpret/interpreter.h"
#include "runtime/formats/philox.h"

namespace graft::interpret {

// An error that names the row unless each id is in [0, count).
mlir::LogicalResult checkIds(OpCall& call, const Tensor& ids, int64_t count,
                             llvm::StringRef what);

// Writes the softmax of `count` values at `input` to `output`; they may be the
// same. With `log`, its logarithm.
void softmaxRow(const double* input, double* output, int64_t count, bool log);

// Mean, and 1 / sqrt(variance + epsilon), of a row.
struct RowStatistics {
  double mean;
  double scale;
};
RowStatistics rowStatistics(const double* row, int64_t count, double epsilon);

// The dropout mask of one random op: keyed once, asked a row at a time.
class Dropout {
 public:
  // `rate` zero keeps everything.
  Dropout(const RandomPlace& place, double rate, int64_t id, int64_t draw);

  // Multiplies `count` elements of a row by 0, or by 1 / (1 - rate). `head` and
  // `first`, the first element, count in the whole op.
  void apply(double* row, int64_t count, int64_t head, int64_t position,
             int64_t example, int64_t first = 0) const;

 private:
  bool active;
  uint32_t threshold = 0;
  uint32_t step;
  PhiloxKey key{};
};

// The sum of products of `width` elements.
inline double dotProduct(const double* x, const double* y, int64_t width) {
  double sum = 0;
  for (int64_t d = 0; d < width; ++d) sum += x[d] * y[d];
  return sum;
}

// to += factor * row.
inline void addRow(double* to, double factor, const double* row,
                   int64_t width) {
  for (int64_t d = 0; d < width; ++d) to[d] += factor * row[d];
}

}  // namespace graft::interpret

#endif  // GRAFT_PASSES_INTERPRET_REFERENCE_UTIL_H_

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Pieces of matrices of bf16, in the order in which instructions multiply them:
// 16 lines, each a vector of 32 bf16. A tile register of AMX takes all lines of
// a piece, a dot product of vectors one.

#ifndef GRAFT_PASSES_LOWER_CPU_BUILDER_BF16_TILE_H_
#define GRAFT_PASSES_LOWER_CPU_BUILDER_BF16_TILE_H_

#include "passes/lower/cpu/builder/tile_builder.h"

namespace graft {

// Of rhs: 16 columns and 32 of k, a line two of k for all columns. Of lhs: 16
// rows and 32 of k, a line all of k for one row.
struct Bf16Tile {
  static constexpr int64_t kLines = 16;
  static constexpr int64_t kDepth = 32;
  static constexpr int64_t kElements = kLines * kDepth;
};

// A line of pairs, of two vectors of 16 floats, rounded: a0 b0 a1 b1 ...
mlir::Value joinPairs(TileBuilder& v, mlir::Value a, mlir::Value b);

// A line of all of `a`, then all of `b`, rounded.
mlir::Value joinHalves(TileBuilder& v, mlir::Value a, mlir::Value b);

// Three lines, the sum of which is a line of floats to the bit: the first is
// `joinPairs` or `joinHalves` but for ties, the others what that lost. NaN if a
// float is not finite or rounds to infinity.
using SplitLine = std::array<mlir::Value, 3>;
SplitLine splitPairs(TileBuilder& v, mlir::Value a, mlir::Value b);
SplitLine splitHalves(TileBuilder& v, mlir::Value a, mlir::Value b);

// A line as it lies in `rows`, a matrix of bf16.
mlir::Value loadPairs(TileBuilder& v, mlir::Value rows, mlir::Value row,
                      mlir::Value column);

// Two rows of a matrix of bf16 from `column` on, as joinPairs has vectors; the
// second row is zero, and not read, without `hasSecond`.
mlir::Value joinRows(TileBuilder& v, mlir::Value rows, mlir::Value row,
                     mlir::Value column, bool hasSecond);

// Transposes a square of 16 x 16 pairs in place.
void transposePairs(TileBuilder& v, llvm::SmallVectorImpl<mlir::Value>& lines);

// Two neighbours in a matrix of bf16, or in `pieces`, as all pairs of a line.
mlir::Value broadcastPair(TileBuilder& v, mlir::Value buffer,
                          mlir::ValueRange indices);

// sums + the dot products of the pairs of two lines, by an instruction of
// targets with `hasBf16`.
mlir::Value dotPairs(TileBuilder& v, mlir::Value sums, mlir::Value a,
                     mlir::Value b);

// Loads a line of `pieces`, of rank 1, from `offset` on.
mlir::Value loadLine(TileBuilder& v, mlir::Value pieces, mlir::Value offset);

// Stores a line in `pieces`, of rank 1, from `offset` on.
void storeLine(TileBuilder& v, mlir::Value line, mlir::Value pieces,
               mlir::Value offset);

// Stores lines one after the other.
void storeTile(TileBuilder& v, mlir::ValueRange lines, mlir::Value pieces,
               mlir::Value offset);

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_BUILDER_BF16_TILE_H_

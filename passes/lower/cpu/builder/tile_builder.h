// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Short names for kernels that work on tiles of several dimensions: vectors at
// a position named by several indices, tails, transposed squares, scratch
// memory, and the vector functions of attention.

#ifndef GRAFT_PASSES_LOWER_CPU_BUILDER_TILE_BUILDER_H_
#define GRAFT_PASSES_LOWER_CPU_BUILDER_TILE_BUILDER_H_

#include <array>

#include "passes/lower/cpu/builder/vector_builder.h"

namespace graft {

// Adds to VectorBuilder what kernels over tiles need. Arithmetic here takes
// index values, integers and floats alike.
class TileBuilder : public VectorBuilder {
 public:
  using Value = mlir::Value;
  using Values = llvm::SmallVector<mlir::Value>;
  using VectorBuilder::VectorBuilder;

  // 0, 1, ... as vector of i32.
  Value laneNumbers();

  // On index, integers and floats, scalars and vectors, by the type of `a`.
  Value add(Value a, Value b);
  Value add(Value a, int64_t b);
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  Value mul(Value a, int64_t b);
  Value div(Value a, Value b);  // unsigned for index
  Value div(Value a, int64_t b);
  Value rem(Value a, int64_t b);
  // The smaller and larger index.
  Value min(Value a, Value b);
  // `a > b ? a : b`, one instruction everywhere; `b` if either is NaN.
  Value larger(Value a, Value b);
  Value smaller(Value a, Value b);
  Value less(Value a, Value b);
  Value less(Value a, int64_t b);
  Value toFloat(Value index);  // index -> f32
  // On i32, unsigned; `orWord` on i1, too.
  Value andWord(Value a, Value b);
  Value orWord(Value a, Value b);
  Value shiftLeftWord(Value a, Value b);
  Value equalWord(Value a, Value b);
  Value greaterEqualWord(Value a, Value b);

  // Asks for the cache line at a position, which may lie outside of the buffer,
  // to be brought into the nearest cache, or into the second one.
  void prefetch(Value buffer, mlir::ValueRange indices);
  void prefetchSecond(Value buffer, mlir::ValueRange indices);
  // Whether two buffers begin at different places.
  Value differ(Value a, Value b);
  // The first `count` lanes; null when that is all of them.
  Value tailMask(int64_t count);
  Value tailMask(Value count);
  // Runs `body` for each vector of columns [0, count): full ones in a loop,
  // then the tail with its mask.
  void columns(int64_t count, llvm::function_ref<void(Value, Value)> body);
  // The same for columns [lower, min(lower + width, count)) with `width` and
  // `lower` multiples of the lanes.
  void columns(Value lower, int64_t width, int64_t count,
               llvm::function_ref<void(Value, Value)> body);

  // Uninitialised stack memory, aligned for vectors. Call outside of loops.
  Value scratch(llvm::ArrayRef<int64_t> shape, mlir::Type element);
  Value scratch(llvm::ArrayRef<int64_t> shape);

  // Transposes `lanes` vectors in place: row i becomes column i.
  void transpose(llvm::SmallVectorImpl<Value>& rows);

 private:
  template <typename Op, typename... Arguments>
  Value create(Arguments&&... arguments) {
    return Op::create(b(), location(), std::forward<Arguments>(arguments)...);
  }
  mlir::VectorType vectorOf(mlir::Type element);
};

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_BUILDER_TILE_BUILDER_H_

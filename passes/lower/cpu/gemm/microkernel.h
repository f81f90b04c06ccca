// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Register-tiled GEMMs, the inner part of every kernel that
// multiplies: output(m, n) = init(m, n) + sum over k of lhs(m, k) rhs(k, n).

#ifndef GRAFT_PASSES_LOWER_CPU_GEMM_MICROKERNEL_H_
#define GRAFT_PASSES_LOWER_CPU_GEMM_MICROKERNEL_H_

#include "passes/lower/cpu/builder/cpu_context.h"
#include "passes/lower/cpu/builder/tile_builder.h"

namespace graft {

// A tile of accumulators that stays in registers.
struct TileShape {
  int64_t rows;     // one broadcast value each
  int64_t vectors;  // native vectors of columns
};

// The largest tile of `vectors` columns that leaves registers for a row of the
// right-hand side and a broadcast value; never more than 12 rows.
TileShape getTileShape(const IsaLevel& level, int64_t vectors);

// A row, or the first column of a vector: that of the tile, and how far behind.
// Kept apart so that a tile needs one address, not one a row.
struct TilePosition {
  mlir::Value tile;
  int64_t offset;
};

// Vectors of columns side by side.
struct TileColumns {
  mlir::Value first;
  int64_t vectors;
  mlir::Value mask;  // of the last one, or null

  mlir::Value maskOf(int64_t vector) const {
    return vector + 1 == vectors ? mask : mlir::Value();
  }
};

// A tile of a product.
struct AccumulatorTile {
  mlir::Value row;
  int64_t rows;
  TileColumns columns;
};

// Where a product reads and writes. Positions are relative to the product;
// `mask` names the valid lanes of a vector (null: all).
struct GemmAccess {
  using Value = mlir::Value;
  // A float in all lanes; called once a row and block of k.
  std::function<Value(TilePosition row, Value k)> lhs;
  // A vector; lanes outside of the mask may hold anything.
  std::function<Value(Value k, TilePosition column, Value mask)> rhs;
  // Adds all of k to the sums of a tile, row by row, by other instructions than
  // fused multiply-adds of what `lhs` and `rhs` give; absent: by these.
  std::function<llvm::SmallVector<Value>(const AccumulatorTile& tile,
                                         llvm::SmallVector<Value> sums)>
      accumulate;
  // A vector, the start of the sum; absent: zero.
  std::function<Value(Value row, Value column, Value mask)> init;
  // Takes the finished sum: the epilogue and the store.
  std::function<void(Value row, Value column, Value mask, Value sum)> finish;
};

// Emits the product of `rows` x `columns` x [0, depth) where `rows` and `depth`
// are values. Each element is one chain of fused multiply-adds, or of what
// `accumulate` does, in ascending k, however rows are grouped, so bits do not
// depend on how a caller splits rows. `depth` is not used with `accumulate`,
// and may be null. Rows outside of `rows` are never touched: remainders run
// smaller tiles.
void emitMicrokernel(TileBuilder& v, TileShape tile, mlir::Value rows,
                     int64_t columns, mlir::Value depth,
                     const GemmAccess& access);

// The same for columns [lower, lower + width) of `columns`, where `lower` is a
// multiple of the tile's width, and `width` one as well.
void emitMicrokernel(TileBuilder& v, TileShape tile, mlir::Value rows,
                     mlir::Value lower, int64_t width, int64_t columns,
                     mlir::Value depth, const GemmAccess& access);

// The same with a number of columns known at run time; the last vectors are
// masked.
void emitDynamicMicrokernel(TileBuilder& v, TileShape tile, mlir::Value rows,
                            mlir::Value columns, mlir::Value depth,
                            const GemmAccess& access);

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_GEMM_MICROKERNEL_H_

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// How row and elementwise kernels cut their work into items.

#ifndef GRAFT_PASSES_LOWER_CPU_BUILDER_WORK_H_
#define GRAFT_PASSES_LOWER_CPU_BUILDER_WORK_H_

#include "passes/lower/cpu/builder/vector_builder.h"

namespace graft {

// Work over units of one size: rows of a matrix, or for elementwise kernels
// slices of the flat tensor. An item is `block` units.
class Work {
 public:
  // Rows of `type`: its leading dimensions, all but the last, counted
  // together; a tensor of rank 0 is one row. Blocks hold about
  // `elementsPerItem` elements.
  static Work rows(mlir::RankedTensorType type, int64_t elementsPerItem = 8192);
  // All elements of `type`, without regard to rows.
  static Work elements(mlir::RankedTensorType type,
                       int64_t elementsPerItem = 8192);
  // `count` units, `block` of them an item.
  static Work units(mlir::MLIRContext* context, int64_t count, int64_t block);

  exec::GridAttr grid() const { return gridAttr; }

  // The range of units [first, second) of the items of this call.
  std::pair<mlir::Value, mlir::Value> range(
      VectorBuilder& v, const KernelArguments& arguments) const;

 private:
  // Units are `scale` x the values of the named sizes; an item is `block`
  // values of the first size (or units without one) times all the rest.
  Work(mlir::MLIRContext* context, llvm::ArrayRef<mlir::StringAttr> sizes,
       int64_t scale, int64_t elementsPerUnit, int64_t elementsPerItem);

  llvm::SmallVector<mlir::StringAttr> sizes;
  int64_t scale;
  int64_t block;
  exec::GridAttr gridAttr;
};

// Elements of the last dimension, which must be static; 1 for rank 0.
int64_t rowWidth(mlir::RankedTensorType type);

// Calls `body(column, mask)` for the registers of a row of `width` elements:
// whole registers first (mask null), then the rest under a mask. `column` is
// an index value. Registers of short rows are unrolled.
void forColumns(
    VectorBuilder& v, int64_t width,
    llvm::function_ref<void(mlir::Value column, mlir::Value mask)> body);

// How one accumulator of reduceColumns is combined with another.
using Combine = llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)>;

// Folds the registers of a row into accumulators. `inits` are vectors that are
// neutral for `combine`, which is applied to accumulator `k` of two chains;
// four chains run side by side to hide latency, always in the same order.
llvm::SmallVector<mlir::Value> reduceColumns(
    VectorBuilder& v, int64_t width, mlir::ValueRange inits,
    llvm::function_ref<llvm::SmallVector<mlir::Value>(
        mlir::Value column, mlir::Value mask, mlir::ValueRange carried)>
        body,
    llvm::function_ref<mlir::Value(unsigned k, mlir::Value, mlir::Value)>
        combine);

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_BUILDER_WORK_H_

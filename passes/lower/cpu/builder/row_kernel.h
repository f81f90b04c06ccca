// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What emitters of row kernels share.

#ifndef GRAFT_PASSES_LOWER_CPU_BUILDER_ROW_KERNEL_H_
#define GRAFT_PASSES_LOWER_CPU_BUILDER_ROW_KERNEL_H_

#include "passes/lower/cpu/builder/work.h"

namespace graft {

// The body of a kernel: `flat` are the buffers as flat memrefs, operands
// first.
using KernelBody =
    llvm::function_ref<void(VectorBuilder& v, const KernelArguments& arguments,
                            llvm::ArrayRef<mlir::Value> flat)>;

// KernelContext::launch with the body in terms of a VectorBuilder.
mlir::ValueRange launchKernel(mlir::Operation* op, mlir::OpBuilder& builder,
                              CpuContext& context, llvm::StringRef stem,
                              mlir::ValueRange operands,
                              mlir::TypeRange results, exec::GridAttr grid,
                              llvm::ArrayRef<int64_t> ties, KernelBody body);

// Replaces `op` by one launch that takes its operands and gives its results.
mlir::LogicalResult replaceByKernel(mlir::Operation* op,
                                    mlir::OpBuilder& builder,
                                    CpuContext& context, exec::GridAttr grid,
                                    llvm::ArrayRef<int64_t> ties,
                                    KernelBody body);

// Replaces `op` by `values` and erases it.
mlir::LogicalResult replaceBy(mlir::Operation* op, mlir::ValueRange values);

// Calls `body(row)` for each row of this call's items.
void forRows(VectorBuilder& v, const Work& work,
             const KernelArguments& arguments,
             llvm::function_ref<void(mlir::Value row)> body);

// Calls `body(index, mask)` for each register of the elements [begin, end):
// whole ones first (mask null), then at most one that is cut.
void forRange(
    VectorBuilder& v, mlir::Value begin, mlir::Value end,
    llvm::function_ref<void(mlir::Value index, mlir::Value mask)> body);
// The same for this call's elements.
void forElements(
    VectorBuilder& v, const Work& work, const KernelArguments& arguments,
    llvm::function_ref<void(mlir::Value index, mlir::Value mask)> body);

// A statically known width of rows, or an error at `op`.
mlir::FailureOr<int64_t> staticWidth(mlir::Operation* op, mlir::Type tensor);

// The number of elements of `type` in a kernel, and of its rows.
mlir::Value elementCount(VectorBuilder& v, const KernelArguments& arguments,
                         mlir::RankedTensorType type);
mlir::Value rowCount(VectorBuilder& v, const KernelArguments& arguments,
                     mlir::RankedTensorType type);

// Sums over rows: item i owns the columns [64 i, 64 i + 64). `term(row,
// column, mask)` gives one register of each of `count` sums; `finish(k,
// column, mask, sum)` takes the sums. Rows are added in order, a hundred at a
// time so that rounding errors do not grow with the number of rows.
constexpr int64_t kColumnBlock = 64;
exec::GridAttr columnGrid(mlir::MLIRContext* context, int64_t width);
void foldRows(VectorBuilder& v, const KernelArguments& arguments,
              mlir::Value rows, int64_t width, mlir::ValueRange inits,
              llvm::function_ref<llvm::SmallVector<mlir::Value>(
                  mlir::Value row, mlir::Value column, mlir::Value mask)>
                  term,
              llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> combine,
              llvm::function_ref<void(unsigned k, mlir::Value column,
                                      mlir::Value mask, mlir::Value sum)>
                  finish);

// Softmax statistics of the row of `width` elements that starts at `offset`.
struct RowMaximum {
  mlir::Value maximum;  // scalar
  mlir::Value sum;      // of exp(x - maximum), scalar
};
// `read(index, mask)` gives a register of the row. With `keep`, exp(x -
// maximum) of each register is passed to it.
RowMaximum softmaxRow(
    VectorBuilder& v, int64_t width, mlir::Value offset,
    llvm::function_ref<mlir::Value(mlir::Value index, mlir::Value mask)> read,
    llvm::function_ref<void(mlir::Value index, mlir::Value mask,
                            mlir::Value exponential)>
        keep = nullptr);

// Lanes beyond a row's end, which loads give as zero, set to `value`; `vector`
// itself without a mask.
mlir::Value maskedOr(VectorBuilder& v, mlir::Value mask, mlir::Value vector,
                     double value);

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_BUILDER_ROW_KERNEL_H_

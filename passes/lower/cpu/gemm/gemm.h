// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// A GEMM about to become kernels, and what these have in common
// however they multiply.

#ifndef GRAFT_PASSES_LOWER_CPU_GEMM_GEMM_H_
#define GRAFT_PASSES_LOWER_CPU_GEMM_GEMM_H_

#include <optional>

#include "dialects/graft/graft_dialect.h"
#include "passes/lower/cpu/elementwise/region.h"

namespace graft {

// The rest of a region that begins with a GEMM.
struct Epilogue {
  // The first input is the GEMM; outputs are the results, without `sums` if
  // that is the GEMM in the end.
  ElementwiseRegion lanes;
  mlir::TypeRange results;  // of the region
  int64_t sums;             // the result that holds the GEMM meanwhile
  bool keeps;               // whether it is the GEMM in the end
};

// output [m, n] = lhs rhs + bias, with lhs [m, k] or [k, m] and rhs [k, n] or
// [n, k].
struct Gemm {
  mlir::Value lhs, rhs, bias;  // bias [n] may be null
  // What the packing of a side rounds to, in the place of a cast; or null.
  mlir::Type roundLhs, roundRhs;
  Addend addend;  // what the sum begins with, not with a bias
  bool transposeLhs = false, transposeRhs = false;
  Dim m, n, k;
  mlir::RankedTensorType type;
  const Epilogue* epilogue = nullptr;

  // Panels need a known number of rows or columns.
  bool packsLhs() const { return transposeLhs && m.isStatic(); }
  bool packsRhs() const { return n.isStatic(); }
};

// How a GEMM is cut into work items.
struct ItemShape {
  int64_t rows;     // at most; a multiple of `unit`
  int64_t unit;     // rows of an item, but the last of a column, are a multiple
  int64_t columns;  // 0: all
  // Neighbouring items share columns of rhs, rather than rows of lhs.
  bool rowsFirst = false;
};

// The kernel of a GEMM, without the multiplying.
class GemmFrame {
 public:
  using Value = mlir::Value;
  struct Item {
    Value row, rows, column;
  };
  // Items of the same rows, side by side; `end` is behind their columns.
  struct Group {
    Value row, rows, column, end;
  };

  // `inputs` is the number of buffers that hold lhs and rhs, the first of the
  // kernel.
  GemmFrame(TileBuilder& v, const Gemm& gemm, const KernelArguments& arguments,
            const ItemShape& shape, size_t inputs);

  // Calls `body` for each item of the kernel's range, and emits the epilogue
  // behind it.
  void emitItems(llvm::function_ref<void(const Item&)> body);
  // The same for items of another shape, larger ones: this range gets its share
  // of them.
  void emitItems(const ItemShape& items,
                 llvm::function_ref<void(const Item&)> body);

  // The same for up to `count` items of the range at a time.
  void emitGroups(int64_t count, llvm::function_ref<void(const Group&)> body);

  const Value bias, addend, output;  // null where the GEMM has none
  const Value m, n, k;

 private:
  Value countRows(const ItemShape& items);
  Value getHeight(const ItemShape& items);
  void emitRange(const ItemShape& items, Value begin, Value end,
                 llvm::function_ref<void(const Item&)> body);
  // The rows from which the row block `number` of items begins, and their
  // count.
  std::pair<Value, Value> getRows(const ItemShape& items, Value number);

  TileBuilder& v;
  const Gemm& gemm;
  const KernelArguments& arguments;
  const ItemShape& shape;
  std::optional<ElementwiseEmitter> lanes;
};

// Launches the kernel of `gemm` before `op`, and of its epilogue if it has
// one; `inputs` hold lhs and rhs, `unit` is that of countFlops.
mlir::ValueRange launchGemm(
    mlir::OpBuilder& builder, mlir::Operation* op, CpuContext& context,
    const Gemm& gemm, llvm::StringRef stem, mlir::ValueRange inputs,
    const ItemShape& shape, FlopUnit unit,
    llvm::function_ref<void(TileBuilder&, const KernelArguments&, GemmFrame&)>
        body);

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_GEMM_GEMM_H_

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/builder/row_kernel.h"

#include <limits>

#include "dialects/graft/graft_dialect.h"

using namespace mlir;

namespace graft {
namespace {

// Rows that are added before the sum goes to the total.
constexpr int64_t kRowChunk = 128;

// Registers of one block of columns that are summed side by side.
constexpr int64_t kColumnRegisters = 4;

// The product of `dims` leading dimensions.
Value countOf(VectorBuilder& v, const KernelArguments& arguments,
              RankedTensorType type, int64_t dims) {
  auto encoding = dyn_cast_if_present<DimsAttr>(type.getEncoding());
  Value count = v.index(1);
  unsigned next = 0;
  for (int64_t size : type.getShape().take_front(dims)) {
    Value value =
        ShapedType::isDynamic(size)
            ? arguments.sizes.lookup(encoding.getNames()[next++].getValue())
            : v.index(size);
    count = v.mulIndex(count, value);
  }
  return count;
}

}  // namespace

ValueRange launchKernel(Operation* op, OpBuilder& builder, CpuContext& context,
                        StringRef stem, ValueRange operands, TypeRange results,
                        exec::GridAttr grid, ArrayRef<int64_t> ties,
                        KernelBody body) {
  return context.launch(
      builder, op, stem, operands, results, grid, ties,
      [&](OpBuilder& b, Location loc, const KernelArguments& arguments) {
        VectorBuilder v(b, loc, context.getLevel());
        SmallVector<Value> flat;
        for (Value buffer : arguments.buffers) flat.push_back(v.flat(buffer));
        body(v, arguments, flat);
      });
}

LogicalResult replaceBy(Operation* op, ValueRange values) {
  op->replaceAllUsesWith(values);
  op->erase();
  return success();
}

LogicalResult replaceByKernel(Operation* op, OpBuilder& builder,
                              CpuContext& context, exec::GridAttr grid,
                              ArrayRef<int64_t> ties, KernelBody body) {
  return replaceBy(
      op,
      launchKernel(op, builder, context, op->getName().stripDialect(),
                   op->getOperands(), op->getResultTypes(), grid, ties, body));
}

void forRows(VectorBuilder& v, const Work& work,
             const KernelArguments& arguments,
             llvm::function_ref<void(Value)> body) {
  auto [begin, end] = work.range(v, arguments);
  v.loop(begin, end, 1, body);
}

void forRange(VectorBuilder& v, Value begin, Value end,
              llvm::function_ref<void(Value, Value)> body) {
  Value count = v.subIndex(end, begin);
  Value whole = v.mulIndex(v.divIndex(count, v.lanes()), v.lanes());
  Value rest = v.addIndex(begin, whole);
  v.loop(begin, rest, v.lanes(), [&](Value at) { body(at, Value()); });
  // A loop that runs once or not at all.
  v.loop(rest, end, v.lanes(),
         [&](Value at) { body(at, v.mask(v.subIndex(end, at))); });
}

void forElements(VectorBuilder& v, const Work& work,
                 const KernelArguments& arguments,
                 llvm::function_ref<void(Value, Value)> body) {
  auto [begin, end] = work.range(v, arguments);
  forRange(v, begin, end, body);
}

FailureOr<int64_t> staticWidth(Operation* op, Type tensor) {
  int64_t width = rowWidth(cast<RankedTensorType>(tensor));
  if (!ShapedType::isDynamic(width)) return width;
  op->emitOpError("expects rows of static width, got ") << tensor;
  return failure();
}

Value elementCount(VectorBuilder& v, const KernelArguments& arguments,
                   RankedTensorType type) {
  return countOf(v, arguments, type, type.getRank());
}

Value rowCount(VectorBuilder& v, const KernelArguments& arguments,
               RankedTensorType type) {
  return countOf(v, arguments, type, std::max<int64_t>(0, type.getRank() - 1));
}

exec::GridAttr columnGrid(MLIRContext* context, int64_t width) {
  return exec::GridAttr::get(context, StringAttr(), 1,
                             llvm::divideCeil(width, kColumnBlock));
}

void foldRows(VectorBuilder& v, const KernelArguments& arguments, Value rows,
              int64_t width, ValueRange inits,
              llvm::function_ref<SmallVector<Value>(Value, Value, Value)> term,
              llvm::function_ref<Value(Value, Value)> combine,
              llvm::function_ref<void(unsigned, Value, Value, Value)> finish) {
  size_t count = inits.size();
  constexpr int64_t registers = kColumnRegisters;
  // All registers of `group` at `column`, of which `masks` are cut.
  auto fold = [&](Value column, ArrayRef<Value> masks) {
    SmallVector<Value> zeros, columns;
    for (size_t r = 0; r < masks.size(); ++r) {
      zeros.append(inits.begin(), inits.end());
      columns.push_back(
          v.addIndex(column, static_cast<int64_t>(r) * v.lanes()));
    }
    auto step = [&](Value row, ValueRange carried) {
      SmallVector<Value> next;
      for (size_t r = 0; r < masks.size(); ++r)
        for (auto [k, value] : llvm::enumerate(term(row, columns[r], masks[r])))
          next.push_back(combine(carried[r * count + k], value));
      return next;
    };
    SmallVector<Value> totals =
        v.loop(v.index(0), rows, kRowChunk, zeros,
               [&](Value first, ValueRange carried) {
                 Value last = v.minIndex(v.addIndex(first, kRowChunk), rows);
                 SmallVector<Value> sums = v.loop(first, last, 1, zeros, step);
                 SmallVector<Value> next;
                 for (auto [total, sum] : llvm::zip_equal(carried, sums))
                   next.push_back(combine(total, sum));
                 return next;
               });
    for (size_t r = 0; r < masks.size(); ++r)
      for (size_t k = 0; k < count; ++k)
        finish(k, columns[r], masks[r], totals[r * count + k]);
  };

  // Blocks of this call that are whole, then the last one if it is cut.
  int64_t whole = width / kColumnBlock;
  v.loop(arguments.begin, v.minIndex(arguments.end, v.index(whole)), 1,
         [&](Value item) {
           Value first = v.mulIndex(item, kColumnBlock);
           v.loop(first, v.addIndex(first, kColumnBlock), registers * v.lanes(),
                  [&](Value column) {
                    fold(column, SmallVector<Value>(registers));
                  });
         });
  if (width % kColumnBlock == 0) return;
  Value isLast = v.greaterIndex(arguments.end, v.index(whole));
  v.ifThen(isLast, [&] {
    for (int64_t column = whole * kColumnBlock; column < width;
         column += v.lanes()) {
      Value mask =
          column + v.lanes() > width ? v.mask(width - column) : Value();
      fold(v.index(column), mask);
    }
  });
}

Value maskedOr(VectorBuilder& v, Value mask, Value vector, double value) {
  return mask ? v.select(mask, vector, v.splat(value)) : vector;
}

RowMaximum softmaxRow(VectorBuilder& v, int64_t width, Value offset,
                      llvm::function_ref<Value(Value, Value)> read,
                      llvm::function_ref<void(Value, Value, Value)> keep) {
  constexpr double lowest = -std::numeric_limits<float>::infinity();
  Value largest =
      v.maxLanes(reduceColumns(
                     v, width, v.splat(lowest),
                     [&](Value column, Value mask, ValueRange carried) {
                       Value x = read(v.addIndex(offset, column), mask);
                       return SmallVector<Value>{
                           v.max(carried[0], maskedOr(v, mask, x, lowest))};
                     },
                     [&](unsigned, Value a, Value b) { return v.max(a, b); })
                     .front());
  Value shift = v.broadcast(largest);
  Value sum =
      v.sumLanes(reduceColumns(
                     v, width, v.splat(0),
                     [&](Value column, Value mask, ValueRange carried) {
                       Value at = v.addIndex(offset, column);
                       Value e = v.exp(v.sub(read(at, mask), shift));
                       if (keep) keep(at, mask, e);
                       return SmallVector<Value>{
                           v.add(carried[0], maskedOr(v, mask, e, 0))};
                     },
                     [&](unsigned, Value a, Value b) { return v.add(a, b); })
                     .front());
  return {largest, sum};
}

}  // namespace graft

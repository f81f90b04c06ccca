// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/gemm/gemm.h"

#include <tuple>

#include "llvm/Support/MathExtras.h"
#include "passes/lower/cpu/gemm/pack.h"

using namespace mlir;

namespace graft {
namespace {

Value getOutput(const Gemm& gemm, const KernelArguments& arguments) {
  if (!gemm.epilogue) return arguments.buffers.back();
  return ArrayRef(arguments.buffers)
      .take_back(gemm.epilogue->results.size())[gemm.epilogue->sums];
}

int64_t countColumns(const Gemm& gemm, const ItemShape& shape) {
  return shape.columns ? llvm::divideCeil(gemm.n.size, shape.columns) : 1;
}

exec::CostTermAttr getFlops(MLIRContext* context, const Gemm& gemm) {
  int64_t flops = 2;  // a multiply-add
  SmallVector<StringAttr> sizes;
  for (const Dim& dim : {gemm.m, gemm.n, gemm.k}) {
    if (dim.isStatic())
      flops *= dim.size;
    else
      sizes.push_back(dim.name);
  }
  return exec::CostTermAttr::get(context, flops, sizes, /*squares=*/false);
}

}  // namespace

GemmFrame::GemmFrame(TileBuilder& v, const Gemm& gemm,
                     const KernelArguments& arguments, const ItemShape& shape,
                     size_t inputs)
    : bias(gemm.bias ? arguments.buffers[inputs] : Value()),
      addend(gemm.addend ? arguments.buffers[inputs] : Value()),
      output(getOutput(gemm, arguments)),
      m(getSize(v, gemm.m, arguments)),
      n(getSize(v, gemm.n, arguments)),
      k(getSize(v, gemm.k, arguments)),
      v(v),
      gemm(gemm),
      arguments(arguments),
      shape(shape) {
  if (!gemm.epilogue) return;
  // The GEMM, other operands, and results, of which it may be one.
  SmallVector<Value> flat{v.flat(output)};
  for (Value buffer :
       ArrayRef(arguments.buffers).drop_front(gemm.bias ? inputs + 1 : inputs))
    if (buffer != output || !gemm.epilogue->keeps)
      flat.push_back(v.flat(buffer));
  lanes.emplace(gemm.epilogue->lanes.program, v, arguments, flat);
}

Value GemmFrame::countRows(const ItemShape& items) {
  return v.div(v.add(m, items.rows - 1), items.rows);
}

// Rows of an item: as even as the shape allows, so that threads get equal work,
// 64 and 64 of 128 rows instead of 96 and 32.
Value GemmFrame::getHeight(const ItemShape& items) {
  Value count = countRows(items);
  Value even = v.div(v.sub(v.add(m, count), v.index(1)), count);
  return v.mul(v.div(v.add(even, items.unit - 1), items.unit), items.unit);
}

void GemmFrame::emitItems(llvm::function_ref<void(const Item&)> body) {
  emitRange(shape, arguments.begin, arguments.end, body);
}

void GemmFrame::emitItems(const ItemShape& items,
                          llvm::function_ref<void(const Item&)> body) {
  Value all = v.mul(countRows(shape), countColumns(gemm, shape));
  Value count = v.mul(countRows(items), countColumns(gemm, items));
  emitRange(items, v.div(v.mul(arguments.begin, count), all),
            v.div(v.mul(arguments.end, count), all), body);
}

std::pair<Value, Value> GemmFrame::getRows(const ItemShape& items,
                                           Value number) {
  Value height = getHeight(items);
  Value row = v.mul(number, height);
  return {row, v.min(height, v.sub(m, row))};
}

void GemmFrame::emitRange(const ItemShape& items, Value begin, Value end,
                          llvm::function_ref<void(const Item&)> body) {
  int64_t blocks = countColumns(gemm, items);
  v.loop(begin, end, 1, [&](Value index) {
    Value count = countRows(items);
    Value block = items.rowsFirst ? v.div(index, count) : v.rem(index, blocks);
    Value row = items.rowsFirst ? v.sub(index, v.mul(block, count))
                                : v.div(index, blocks);
    Item item;
    std::tie(item.row, item.rows) = getRows(items, row);
    item.column = v.mul(block, items.columns);
    body(item);
    if (lanes)
      lanes->emitTile(v, item.row, item.rows, item.column, items.columns);
  });
}

void GemmFrame::emitGroups(int64_t count,
                           llvm::function_ref<void(const Group&)> body) {
  assert(!shape.rowsFirst && shape.columns && "expects items along rows");
  int64_t width = shape.columns, blocks = countColumns(gemm, shape);
  Value begin = arguments.begin, end = arguments.end;
  // Of the range, the part that lies in each block of rows.
  v.loop(v.div(begin, blocks), v.div(v.add(end, blocks - 1), blocks), 1,
         [&](Value number) {
           Value zero = v.mul(number, blocks);
           Value first =
               v.sub(v.select(v.less(begin, zero), zero, begin), zero);
           Value last = v.sub(v.min(end, v.add(zero, blocks)), zero);
           auto [row, rows] = getRows(shape, number);
           v.loop(first, last, count, [&, row = row, rows = rows](Value at) {
             Value behind = v.min(v.add(at, count), last);
             Group group{row, rows, v.mul(at, width), v.mul(behind, width)};
             body(group);
             if (!lanes) return;
             v.loop(group.column, group.end, width, [&](Value column) {
               lanes->emitTile(v, row, rows, column, width);
             });
           });
         });
}

ValueRange launchGemm(
    OpBuilder& builder, Operation* op, CpuContext& context, const Gemm& gemm,
    StringRef stem, ValueRange inputs, const ItemShape& shape, FlopUnit unit,
    llvm::function_ref<void(TileBuilder&, const KernelArguments&, GemmFrame&)>
        body) {
  SmallVector<Value> operands(inputs);
  if (gemm.bias) operands.push_back(gemm.bias);
  SmallVector<int64_t> ties;
  if (gemm.addend) {
    // Each item reads of the addend what it writes.
    ties = {0, static_cast<int64_t>(operands.size())};
    operands.push_back(gemm.addend.value);
  }
  if (const Epilogue* epilogue = gemm.epilogue) {
    // Its result with the sums is written before its operands are read.
    addTies(epilogue->results, epilogue->lanes.operands,
            static_cast<int64_t>(operands.size()), ties, epilogue->sums,
            inputs);
    llvm::append_range(operands, epilogue->lanes.operands);
  }
  KernelKey key;
  key.add(op)
      .add(gemm.roundLhs)
      .add(gemm.roundRhs)
      .add(static_cast<bool>(gemm.addend))
      .add(shape.rows)
      .add(shape.unit)
      .add(shape.columns)
      .add(shape.rowsFirst)
      .add(unit.count);
  ValueRange results = context.launch(
      builder, op, stem, operands,
      gemm.epilogue ? gemm.epilogue->results : TypeRange(gemm.type),
      getGrid(op->getContext(), gemm.m, shape.rows, countColumns(gemm, shape)),
      ties,
      [&](OpBuilder& inside, Location loc, const KernelArguments& arguments) {
        TileBuilder v(inside, loc, context.getLevel());
        GemmFrame frame(v, gemm, arguments, shape, inputs.size());
        body(v, arguments, frame);
      },
      &key);
  countFlops(results, getFlops(op->getContext(), gemm), unit);
  return results;
}

}  // namespace graft

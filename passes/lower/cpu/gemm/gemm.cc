// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/gemm/gemm.h"

#include "llvm/Support/MathExtras.h"
#include "passes/lower/cpu/gemm/pack.h"

using namespace mlir;

namespace graft {
namespace {

Value getOutput(const Product& product, const KernelArguments& arguments) {
  if (!product.epilogue) return arguments.buffers.back();
  return ArrayRef(arguments.buffers)
      .take_back(product.epilogue->results.size())[product.epilogue->sums];
}

int64_t countColumns(const Product& product, const ItemShape& shape) {
  return shape.columns ? llvm::divideCeil(product.n.size, shape.columns) : 1;
}

exec::CostTermAttr getFlops(MLIRContext* context, const Product& product) {
  int64_t flops = 2;  // a multiply-add
  SmallVector<StringAttr> sizes;
  for (const Dim& dim : {product.m, product.n, product.k}) {
    if (dim.isStatic())
      flops *= dim.size;
    else
      sizes.push_back(dim.name);
  }
  return exec::CostTermAttr::get(context, flops, sizes, /*squares=*/false);
}

}  // namespace

ProductFrame::ProductFrame(TileBuilder& v, const Product& product,
                           const KernelArguments& arguments,
                           const ItemShape& shape, size_t sides)
    : bias(product.bias ? arguments.buffers[sides] : Value()),
      addend(product.addend ? arguments.buffers[sides] : Value()),
      output(getOutput(product, arguments)),
      m(getSize(v, product.m, arguments)),
      n(getSize(v, product.n, arguments)),
      k(getSize(v, product.k, arguments)),
      v(v),
      product(product),
      arguments(arguments),
      shape(shape) {
  if (!product.epilogue) return;
  // The product, other operands, and results, of which it may be one.
  SmallVector<Value> flat{v.flat(output)};
  for (Value buffer :
       ArrayRef(arguments.buffers).drop_front(product.bias ? sides + 1 : sides))
    if (buffer != output || !product.epilogue->keeps)
      flat.push_back(v.flat(buffer));
  lanes.emplace(product.epilogue->lanes.program, v, arguments, flat);
}

Value ProductFrame::countRows(const ItemShape& items) {
  return v.div(v.add(m, items.rows - 1), items.rows);
}

// Rows of an item: as even as the shape allows, so that threads get equal work,
// 64 and 64 of 128 rows instead of 96 and 32.
Value ProductFrame::getHeight(const ItemShape& items) {
  Value count = countRows(items);
  Value even = v.div(v.sub(v.add(m, count), v.index(1)), count);
  return v.mul(v.div(v.add(even, items.unit - 1), items.unit), items.unit);
}

void ProductFrame::emitItems(llvm::function_ref<void(const Item&)> body) {
  emitRange(shape, arguments.begin, arguments.end, body);
}

void ProductFrame::emitItems(const ItemShape& items,
                             llvm::function_ref<void(const Item&)> body) {
  Value all = v.mul(countRows(shape), countColumns(product, shape));
  Value count = v.mul(countRows(items), countColumns(product, items));
  emitRange(items, v.div(v.mul(arguments.begin, count), all),
            v.div(v.mul(arguments.end, count), all), body);
}

void ProductFrame::emitRange(const ItemShape& items, Value begin, Value end,
                             llvm::function_ref<void(const Item&)> body) {
  int64_t blocks = countColumns(product, items);
  v.loop(begin, end, 1, [&](Value index) {
    Value count = countRows(items);
    Value block = items.rowsFirst ? v.div(index, count) : v.rem(index, blocks);
    Value row = items.rowsFirst ? v.sub(index, v.mul(block, count))
                                : v.div(index, blocks);
    Value height = getHeight(items);
    Item item;
    item.row = v.mul(row, height);
    item.rows = v.min(height, v.sub(m, item.row));
    item.column = v.mul(block, items.columns);
    body(item);
    if (lanes)
      lanes->emitTile(v, item.row, item.rows, item.column, items.columns);
  });
}

ValueRange launchProduct(
    OpBuilder& builder, Operation* op, KernelContext& context,
    const Product& product, StringRef stem, ValueRange sides,
    const ItemShape& shape, int64_t tiles,
    llvm::function_ref<void(TileBuilder&, const KernelArguments&,
                            ProductFrame&)>
        body) {
  SmallVector<Value> operands(sides);
  if (product.bias) operands.push_back(product.bias);
  SmallVector<int64_t> ties;
  if (product.addend) {
    // Each item reads of the addend what it writes.
    ties = {0, static_cast<int64_t>(operands.size())};
    operands.push_back(product.addend.value);
  }
  if (const Epilogue* epilogue = product.epilogue) {
    // Its result with the sums is written before its operands are read.
    addTies(epilogue->results, epilogue->lanes.operands,
            static_cast<int64_t>(operands.size()), ties, epilogue->sums, sides);
    llvm::append_range(operands, epilogue->lanes.operands);
  }
  KernelKey key;
  key.add(op)
      .add(product.roundLhs)
      .add(product.roundRhs)
      .add(static_cast<bool>(product.addend))
      .add(shape.rows)
      .add(shape.unit)
      .add(shape.columns)
      .add(shape.rowsFirst)
      .add(tiles);
  ValueRange results = context.launch(
      builder, op, stem, operands,
      product.epilogue ? product.epilogue->results : TypeRange(product.type),
      getGrid(op->getContext(), product.m, shape.rows,
              countColumns(product, shape)),
      ties,
      [&](OpBuilder& inside, Location loc, const KernelArguments& arguments) {
        TileBuilder v(inside, loc, context.getTarget());
        ProductFrame frame(v, product, arguments, shape, sides.size());
        body(v, arguments, frame);
      },
      &key);
  countFlops(results, getFlops(op->getContext(), product), tiles);
  return results;
}

}  // namespace graft

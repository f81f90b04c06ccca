// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Kernels of graft.linear and graft.matmul: operands are packed by kernels of
// their own, then one kernel multiplies over a grid of output blocks. In a
// region it computes the rest of the region on each block when that is finished
// and still in the cache: not in the registers of a tile, which would multiply
// the code by their number and draw the words of a dropout for each of them.

#include <numeric>

#include "dialects/graft/graft_ops.h"
#include "llvm/Support/MathExtras.h"
#include "passes/lower/amx_product.h"
#include "passes/lower/amx_split_product.h"
#include "passes/lower/gemm_pack.h"
#include "passes/lower/gemm_product.h"
#include "passes/lower/product.h"
#include "passes/lower/row_kernel.h"

using namespace mlir;

namespace graft {
namespace {

// Sizes of blocks; all depend on shapes and the CPU level alone.
struct Blocking {
  TileShape tile;
  int64_t panelWidth;  // columns of a packed panel of rhs
  int64_t lhsWidth;    // rows of a packed panel of lhs
  ItemShape item;
  int64_t depth;  // of k that is summed in registers at once; 0: all
};

Blocking getBlocking(const Product& product, const CpuTarget& target) {
  // Two vectors a row keep few enough rows for the registers of every level
  // and enough columns to hide the broadcasts; AArch64 has narrow ones.
  int64_t lanes = target.floatLanes();
  int64_t vectors = lanes >= 8 ? 2 : 8 / lanes;
  if (product.n.isStatic())
    vectors =
        std::min<int64_t>(vectors, llvm::divideCeil(product.n.size, lanes));
  Blocking b;
  b.tile = getTileShape(target, vectors);
  b.panelWidth = vectors * lanes;
  b.lhsWidth = std::lcm(b.tile.rows, lanes);
  // A panel of rhs of this depth is read again for each tile of rows from the
  // first-level cache (32 KiB at avx512); partial sums pass through memory once
  // a turn. Measured at 512 x 1536 x 384 and its transposes, avx512: 168-186
  // GFLOP/s, against 155-176 without turns, of a peak of 242.
  constexpr int64_t kLongest = 256;
  if (!product.type.getElementType().isF32()) {
    b.depth = 0;  // Partial sums would be rounded.
  } else if (product.k.isStatic()) {
    int64_t turns = llvm::divideCeil(product.k.size, kLongest);
    b.depth = llvm::divideCeil(product.k.size, turns);
  } else {
    b.depth = kLongest;
  }
  // A multiple of the tile keeps remainders at the end of the matrix.
  constexpr int64_t kRows = 96;
  b.item.rows = std::max(kRows / b.lhsWidth, int64_t{1}) * b.lhsWidth;
  b.item.unit = product.packsLhs() ? b.lhsWidth : b.tile.rows;
  // Narrow enough that a short text still makes items for all threads.
  constexpr int64_t kColumns = 64;
  b.item.columns =
      product.packsRhs()
          ? std::max(kColumns / b.panelWidth, int64_t{1}) * b.panelWidth
          : 0;
  return b;
}

class ProductKernel {
 public:
  ProductKernel(const Product& product, const Blocking& blocking,
                TileBuilder& v, const KernelArguments& arguments,
                ProductFrame& frame)
      : product(product),
        blocking(blocking),
        v(v),
        lhs(arguments.buffers[0]),
        rhs(arguments.buffers[1]),
        frame(frame) {}

  void emit() {
    frame.emitItems([&](const ProductFrame::Item& next) {
      item = next;
      if (!blocking.depth ||
          (product.k.isStatic() && product.k.size <= blocking.depth)) {
        emitTurn(v.index(0), frame.k, {}, {});
      } else {
        v.loop(v.index(0), frame.k, blocking.depth, [&](Value start) {
          Value depth = v.min(v.index(blocking.depth), v.sub(frame.k, start));
          Value first = v.less(start, 1);
          Value last = v.less(v.sub(frame.k, v.add(start, depth)), 1);
          emitTurn(start, depth, first, last);
        });
      }
    });
  }

 private:
  // Sums k in [start, start + depth); `first` and `last` are conditions, null
  // where there is one turn.
  void emitTurn(Value start, Value depth, Value first, Value last) {
    ProductAccess access;
    access.lhs = [&](TilePosition row, Value at) {
      return loadLhs(row, v.add(start, at));
    };
    access.rhs = [&](Value at, TilePosition column, Value mask) {
      return loadRhs(v.add(start, at), column, mask);
    };
    if (first || frame.addend)
      access.init = [&](Value row, Value column, Value mask) {
        Value at = v.add(item.row, row);
        Value start = frame.addend ? v.load(frame.addend, {at, column}, mask)
                                   : v.splat(0.0);
        if (!first) return start;
        // What the buffer held before the first turn is read and dropped.
        return v.select(first, start, v.load(frame.output, {at, column}, mask));
      };
    access.finish = [&](Value row, Value column, Value mask, Value sum) {
      if (frame.bias) {
        Value done = v.add(sum, v.load(frame.bias, {column}, mask));
        sum = last ? v.select(last, done, sum) : done;
      }
      v.store(sum, frame.output, {v.add(item.row, row), column}, mask);
    };
    if (product.n.isStatic())
      emitProduct(v, blocking.tile, item.rows, item.column,
                  blocking.item.columns, product.n.size, depth, access);
    else
      emitDynamicProduct(v, blocking.tile, item.rows, frame.n, depth, access);
  }

  Value loadLhs(TilePosition row, Value at) {
    Value tile = v.add(item.row, row.tile);
    if (!product.packsLhs())
      return v.loadBroadcast(lhs, {v.add(tile, row.offset), at});
    return v.loadBroadcast(lhs,
                           {v.div(tile, blocking.lhsWidth), at,
                            v.add(v.rem(tile, blocking.lhsWidth), row.offset)});
  }

  Value loadRhs(Value at, TilePosition column, Value mask) {
    if (!product.packsRhs())
      return v.load(rhs, {at, v.add(column.tile, column.offset)}, mask);
    Value panel = v.div(column.tile, blocking.panelWidth);
    // Packed weights come from far away and, where there are few rows, are read
    // once; the hardware loses track of them at the end of each turn. So the
    // next panel is asked for while this one is in use.
    if (column.offset == 0) v.prefetch(rhs, {v.add(panel, 1), at, v.index(0)});
    return v.load(rhs, {panel, at, v.index(column.offset)});
  }

  const Product& product;
  const Blocking& blocking;
  TileBuilder& v;
  Value lhs, rhs;
  ProductFrame& frame;
  ProductFrame::Item item;
};

LogicalResult checkProduct(Operation* op, const Product& product) {
  for (const Dim& dim : {product.m, product.n, product.k})
    if (!dim.isStatic() && !dim.name)
      return op->emitOpError("expects named dynamic dimensions, got ")
             << product.type;
  return success();
}

// Launches of the product before `op`, and of the epilogue if it has one.
FailureOr<ValueRange> emitKernels(Operation* op, OpBuilder& builder,
                                  KernelContext& context,
                                  const Product& product, StringRef stem) {
  if (failed(checkProduct(op, product))) return failure();
  if (isAmxProduct(product, context.getTarget()))
    return launchAmxProduct(builder, op, context, product, stem);
  if (isAmxSplitProduct(product, context.getTarget()))
    return launchAmxSplitProduct(builder, op, context, product, stem);
  Blocking blocking = getBlocking(product, context.getTarget());
  Value lhs = product.lhs, rhs = product.rhs;
  if (product.packsLhs())
    lhs = packPanels(builder, op, context, "pack_lhs", lhs,
                     /*transposed=*/false, blocking.lhsWidth, product.roundLhs);
  else if (product.transposeLhs)
    lhs = transposeMatrix(builder, op, context, lhs);
  if (product.packsRhs())
    rhs =
        packPanels(builder, op, context, "pack_rhs", rhs, product.transposeRhs,
                   blocking.panelWidth, product.roundRhs);
  else if (product.transposeRhs)
    rhs = transposeMatrix(builder, op, context, rhs);
  return launchProduct(
      builder, op, context, product, stem, {lhs, rhs}, blocking.item,
      [&](TileBuilder& v, const KernelArguments& arguments,
          ProductFrame& frame) {
        ProductKernel(product, blocking, v, arguments, frame).emit();
      });
}

// The product that a graft.linear or graft.matmul is of the values that
// `outside` gives for its operands.
Product getProduct(Operation* op, llvm::function_ref<Value(Value)> outside) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  Product product;
  product.type = type;
  product.m = getDim(type, 0);
  product.n = getDim(type, 1);
  if (auto linear = dyn_cast<LinearOp>(op)) {
    product.lhs = outside(linear.getInput());
    product.rhs = outside(linear.getWeight());
    if (Value bias = linear.getBias()) product.bias = outside(bias);
    product.transposeLhs = false;
    product.transposeRhs = true;
    product.k = getDim(linear.getInput().getType(), 1);
    return product;
  }
  auto matmul = cast<MatmulOp>(op);
  product.lhs = outside(matmul.getLhs());
  product.rhs = outside(matmul.getRhs());
  product.transposeLhs = matmul.getTransposeLhs();
  product.transposeRhs = matmul.getTransposeRhs();
  product.k = getDim(matmul.getLhs().getType(), product.transposeLhs ? 0 : 1);
  return product;
}

// Lets the packing of a side round what a cast would.
void takeCasts(Product& product) {
  auto take = [](Value& side, Type& rounding) {
    auto source = side.getDefiningOp<CastOp>();
    if (!source || !isRoundedByPacking(source)) return;
    rounding = cast<RankedTensorType>(side.getType()).getElementType();
    side = source.getInput();
  };
  if (product.packsLhs()) take(product.lhs, product.roundLhs);
  if (product.packsRhs()) take(product.rhs, product.roundRhs);
}

LogicalResult emitSingleProduct(Operation* op, OpBuilder& builder,
                                KernelContext& context) {
  Product product = getProduct(op, [](Value value) { return value; });
  takeCasts(product);
  product.addend = findAddend(op);
  FailureOr<ValueRange> results = emitKernels(op, builder, context, product,
                                              product.bias     ? "linear"
                                              : product.addend ? "matmul_add"
                                                               : "matmul");
  if (failed(results)) return failure();
  replaceWithSum(op, product.addend, results->front());
  return success();
}

// Whether a product packs this operand, and does nothing else with it.
bool isPacked(OpOperand& use) {
  Operation* user = use.getOwner();
  if (auto region = dyn_cast<RegionOp>(user)) {
    BlockArgument inside = region.getBody().getArgument(use.getOperandNumber());
    return llvm::all_of(inside.getUses(), isPacked);
  }
  if (!isa<LinearOp, MatmulOp>(user)) return false;
  Product product = getProduct(user, [](Value value) { return value; });
  return use.getOperandNumber() == 0   ? product.packsLhs()
         : use.getOperandNumber() == 1 ? product.packsRhs()
                                       : false;
}

}  // namespace

bool isRoundedByPacking(CastOp op) {
  return op.getInput().getType().getElementType().isF32() &&
         llvm::all_of(op->getUses(), isPacked);
}

void populateMatmulEmitters(KernelEmitters& emitters) {
  emitters["graft.linear"] = emitSingleProduct;
  emitters["graft.matmul"] = emitSingleProduct;
}

LogicalResult emitProductRegion(RegionOp op, OpBuilder& builder,
                                KernelContext& context) {
  Block& body = op.getBody().front();
  Operation* root = &body.front();
  Value sums = root->getResult(0);
  Product product = getProduct(root, [&](Value inside) {
    return op.getInputs()[cast<BlockArgument>(inside).getArgNumber()];
  });
  takeCasts(product);
  FailureOr<RegionLanes> lanes =
      getRegionLanes(op, std::next(root->getIterator()),
                     body.getTerminator()->getIterator(), product.type);
  if (failed(lanes) || failed(lanes->program.check())) return failure();
  lanes->program.inputs.insert(lanes->program.inputs.begin(), sums);
  SmallVector<Value> outputs(body.getTerminator()->getOperands());
  auto* place = llvm::find(outputs, sums);
  bool isYielded = place != outputs.end();
  // If nothing else is, the product is the program's output, too.
  bool keeps = isYielded && outputs.size() > 1;
  if (!isYielded)
    place = llvm::find_if(outputs, [&](Value output) {
      return output.getType() == product.type;
    });
  if (place == outputs.end() || !product.n.isStatic())
    return op.emitOpError(
               "expects a product of static width and a result of its type, "
               "got ")
           << product.type;
  int64_t index = place - outputs.begin();
  if (keeps) outputs.erase(place);
  lanes->program.outputs = std::move(outputs);
  Epilogue epilogue{std::move(*lanes), op.getResultTypes(), index, keeps};
  product.epilogue = &epilogue;
  FailureOr<ValueRange> results =
      emitKernels(op, builder, context, product, getRegionStem(op));
  if (failed(results)) return failure();
  return replaceBy(op, *results);
}

}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Kernels of graft.linear and graft.matmul: operands are packed by kernels of
// their own, then one kernel multiplies over a grid of output blocks. In a
// region it computes the rest of the region on each block when that is finished
// and still in the cache: not in the registers of a tile, which would multiply
// the code by their number and draw the words of a dropout for each of them.

#include "dialects/graft/graft_ops.h"
#include "passes/lower/cpu/builder/row_kernel.h"
#include "passes/lower/cpu/gemm/amx_gemm.h"
#include "passes/lower/cpu/gemm/amx_split_gemm.h"
#include "passes/lower/cpu/gemm/dot_gemm.h"
#include "passes/lower/cpu/gemm/gemm.h"
#include "passes/lower/cpu/gemm/vector_gemm.h"

using namespace mlir;

namespace graft {
namespace {

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
  if (isDotProduct(product, context.getTarget()))
    return launchDotProduct(builder, op, context, product, stem);
  return launchVectorProduct(builder, op, context, product, stem);
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

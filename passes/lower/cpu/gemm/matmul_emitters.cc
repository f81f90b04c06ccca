// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Kernels of graft.linear and graft.matmul: operands are packed by kernels of
// their own, then one kernel multiplies over a grid of output blocks. In a
// region it computes the rest of the region on each block when that is finished
// and still in the cache: not in the registers of a tile, which would multiply
// the code by their number and draw the words of a dropout for each of them.

#include "passes/lower/cpu/gemm/matmul_emitters.h"

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

LogicalResult checkGemm(Operation* op, const Gemm& gemm) {
  for (const Dim& dim : {gemm.m, gemm.n, gemm.k})
    if (!dim.isStatic() && !dim.name)
      return op->emitOpError("expects named dynamic dimensions, got ")
             << gemm.type;
  return success();
}

// Launches of the GEMM before `op`, and of the epilogue if it has one.
FailureOr<ValueRange> emitKernels(Operation* op, OpBuilder& builder,
                                  CpuContext& context, const Gemm& gemm,
                                  StringRef stem) {
  if (failed(checkGemm(op, gemm))) return failure();
  if (isAmxGemm(gemm, context.getLevel()))
    return launchAmxGemm(builder, op, context, gemm, stem);
  if (isAmxSplitGemm(gemm, context.getLevel()))
    return launchAmxSplitGemm(builder, op, context, gemm, stem);
  if (isDotGemm(gemm, context.getLevel()))
    return launchDotGemm(builder, op, context, gemm, stem);
  return launchVectorGemm(builder, op, context, gemm, stem);
}

// The GEMM that a graft.linear or graft.matmul is of the values that
// `outside` gives for its operands.
Gemm getGemm(Operation* op, llvm::function_ref<Value(Value)> outside) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  Gemm gemm;
  gemm.type = type;
  gemm.m = getDim(type, 0);
  gemm.n = getDim(type, 1);
  if (auto linear = dyn_cast<LinearOp>(op)) {
    gemm.lhs = outside(linear.getInput());
    gemm.rhs = outside(linear.getWeight());
    if (Value bias = linear.getBias()) gemm.bias = outside(bias);
    gemm.transposeLhs = false;
    gemm.transposeRhs = true;
    gemm.k = getDim(linear.getInput().getType(), 1);
    return gemm;
  }
  auto matmul = cast<MatmulOp>(op);
  gemm.lhs = outside(matmul.getLhs());
  gemm.rhs = outside(matmul.getRhs());
  gemm.transposeLhs = matmul.getTransposeLhs();
  gemm.transposeRhs = matmul.getTransposeRhs();
  gemm.k = getDim(matmul.getLhs().getType(), gemm.transposeLhs ? 0 : 1);
  return gemm;
}

// Lets the packing of a side round what a cast would.
void takeCasts(Gemm& gemm) {
  auto take = [](Value& side, Type& rounding) {
    auto source = side.getDefiningOp<CastOp>();
    if (!source || !isRoundedByPacking(source)) return;
    rounding = cast<RankedTensorType>(side.getType()).getElementType();
    side = source.getInput();
  };
  if (gemm.packsLhs()) take(gemm.lhs, gemm.roundLhs);
  if (gemm.packsRhs()) take(gemm.rhs, gemm.roundRhs);
}

LogicalResult emitSingleGemm(Operation* op, OpBuilder& builder,
                             CpuContext& context) {
  Gemm gemm = getGemm(op, [](Value value) { return value; });
  takeCasts(gemm);
  gemm.addend = findAddend(op);
  FailureOr<ValueRange> results = emitKernels(op, builder, context, gemm,
                                              gemm.bias     ? "linear"
                                              : gemm.addend ? "matmul_add"
                                                            : "matmul");
  if (failed(results)) return failure();
  replaceWithSum(op, gemm.addend, results->front());
  return success();
}

// Whether a GEMM packs this operand, and does nothing else with it.
bool isPacked(OpOperand& use) {
  Operation* user = use.getOwner();
  if (auto region = dyn_cast<RegionOp>(user)) {
    BlockArgument inside = region.getBody().getArgument(use.getOperandNumber());
    return llvm::all_of(inside.getUses(), isPacked);
  }
  if (!isa<LinearOp, MatmulOp>(user)) return false;
  Gemm gemm = getGemm(user, [](Value value) { return value; });
  return use.getOperandNumber() == 0   ? gemm.packsLhs()
         : use.getOperandNumber() == 1 ? gemm.packsRhs()
                                       : false;
}

}  // namespace

bool isRoundedByPacking(CastOp op) {
  return op.getInput().getType().getElementType().isF32() &&
         llvm::all_of(op->getUses(), isPacked);
}

void populateMatmulEmitters(KernelEmitters& emitters) {
  emitters["graft.linear"] = emitSingleGemm;
  emitters["graft.matmul"] = emitSingleGemm;
}

LogicalResult emitGemmRegion(RegionOp op, OpBuilder& builder,
                             CpuContext& context) {
  Block& body = op.getBody().front();
  Operation* root = &body.front();
  Value sums = root->getResult(0);
  Gemm gemm = getGemm(root, [&](Value inside) {
    return op.getInputs()[cast<BlockArgument>(inside).getArgNumber()];
  });
  takeCasts(gemm);
  FailureOr<ElementwiseRegion> lanes =
      getElementwiseRegion(op, std::next(root->getIterator()),
                           body.getTerminator()->getIterator(), gemm.type);
  if (failed(lanes) || failed(lanes->program.check())) return failure();
  lanes->program.inputs.insert(lanes->program.inputs.begin(), sums);
  SmallVector<Value> outputs(body.getTerminator()->getOperands());
  auto* place = llvm::find(outputs, sums);
  bool isYielded = place != outputs.end();
  // If nothing else is, the GEMM is the program's output, too.
  bool keeps = isYielded && outputs.size() > 1;
  if (!isYielded)
    place = llvm::find_if(
        outputs, [&](Value output) { return output.getType() == gemm.type; });
  if (place == outputs.end() || !gemm.n.isStatic())
    return op.emitOpError(
               "expects a product of static width and a result of its type, "
               "got ")
           << gemm.type;
  int64_t index = place - outputs.begin();
  if (keeps) outputs.erase(place);
  lanes->program.outputs = std::move(outputs);
  Epilogue epilogue{std::move(*lanes), op.getResultTypes(), index, keeps};
  gemm.epilogue = &epilogue;
  FailureOr<ValueRange> results =
      emitKernels(op, builder, context, gemm, getRegionStem(op));
  if (failed(results)) return failure();
  return replaceBy(op, *results);
}

}  // namespace graft

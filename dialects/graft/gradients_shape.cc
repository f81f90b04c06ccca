// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Gradients of reductions and of ops that move elements: the adjoint of each is
// another of them.

#include "dialects/graft/gradients.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;

namespace graft {
namespace {

// dx = dy on each element of a sum; on those that equal a maximum, in equal
// shares.
LogicalResult gradientOf(ReduceOp op, GradientBuilder& g) {
  // An f32 result of a low-precision input has an f32 gradient; whoever asked
  // for the input's rounds it.
  Value gradient = g.gradient();
  Type element = cast<RankedTensorType>(gradient.getType()).getElementType();
  RankedTensorType type = withElements(op.getInput().getType(), element);
  auto spread = [&](Value rows) {
    return g.broadcast(rows, type, op.getDimensions());
  };
  if (op.getKind() == ReduceKind::sum) {
    g.set(0, spread(gradient));
    return success();
  }
  Value equal =
      g.create<StepOp>(g.cast(op.getInput(), type), spread(op.getOutput()));
  Value share = g.div(gradient, g.sum(equal, op.getDimensions()));
  g.set(0, g.mul(spread(share), equal));
  return success();
}

LogicalResult gradientOf(BroadcastOp op, GradientBuilder& g) {
  g.set(0, g.sum(g.gradient(), op.getDimensions()));
  return success();
}

LogicalResult gradientOf(ReshapeOp op, GradientBuilder& g) {
  g.set(0, g.create<ReshapeOp>(op.getInput().getType(), g.gradient()));
  return success();
}

LogicalResult gradientOf(TransposeOp op, GradientBuilder& g) {
  g.set(0, g.create<TransposeOp>(g.gradient()));
  return success();
}

LogicalResult gradientOf(ConcatOp op, GradientBuilder& g) {
  uint64_t offset = 0;
  for (auto [index, input] : llvm::enumerate(op.getInputs())) {
    auto width = static_cast<uint64_t>(
        cast<RankedTensorType>(input.getType()).getDimSize(1));
    if (g.needs(static_cast<unsigned>(index)))
      g.set(static_cast<unsigned>(index),
            g.create<SliceOp>(g.gradient(), offset, width));
    offset += width;
  }
  return success();
}

// dx is dy between columns of zeros.
LogicalResult gradientOf(SliceOp op, GradientBuilder& g) {
  RankedTensorType input = op.getInput().getType();
  auto zeros = [&](int64_t width) {
    return g.constant(getTensorType({getDim(input, 0), {width, nullptr}},
                                    input.getElementType()),
                      0);
  };
  auto before = static_cast<int64_t>(op.getOffset());
  int64_t after =
      input.getDimSize(1) - before - static_cast<int64_t>(op.getSize());
  SmallVector<Value> parts;
  if (before > 0) parts.push_back(zeros(before));
  parts.push_back(g.gradient());
  if (after > 0) parts.push_back(zeros(after));
  g.set(0, parts.size() == 1 ? parts[0] : g.create<ConcatOp>(parts));
  return success();
}

LogicalResult gradientOf(GatherOp op, GradientBuilder& g) {
  Value zeros = g.constant(op.getInput().getType(), 0);
  g.set(0, g.create<ScatterAddOp>(zeros, op.getIndices(), g.gradient()));
  return success();
}

LogicalResult gradientOf(ScatterAddOp op, GradientBuilder& g) {
  g.set(0, g.gradient());
  if (g.needs(2)) g.set(2, g.create<GatherOp>(g.gradient(), op.getIndices()));
  return success();
}

LogicalResult gradientOf(EmbeddingOp op, GradientBuilder& g) {
  auto rows = static_cast<uint64_t>(op.getTable().getType().getDimSize(0));
  g.set(1, g.create<EmbeddingGradientOp>(op.getIds(), g.gradient(), rows));
  return success();
}

LogicalResult gradientOf(EmbeddingGradientOp op, GradientBuilder& g) {
  g.set(1, g.create<EmbeddingOp>(op.getIds(), g.gradient()));
  return success();
}

// dg = dnorm g / norm.
LogicalResult gradientOf(GlobalNormOp op, GradientBuilder& g) {
  Value factor = g.div(g.gradient(), op.getNorm());
  for (auto [index, gradient] : llvm::enumerate(op.getGradients())) {
    auto operand = static_cast<unsigned>(index);
    if (!g.needs(operand)) continue;
    Value wide = g.widen(gradient);
    auto type = cast<RankedTensorType>(wide.getType());
    auto all = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
    g.set(operand, g.mul(g.broadcast(factor, type, all), wide));
  }
  return success();
}

}  // namespace

void attachShapeGradients(MLIRContext* context) {
  attachGradient<ReduceOp, gradientOf>(context);
  attachGradient<BroadcastOp, gradientOf>(context);
  attachGradient<ReshapeOp, gradientOf>(context);
  attachGradient<TransposeOp, gradientOf>(context);
  attachGradient<ConcatOp, gradientOf>(context);
  attachGradient<SliceOp, gradientOf>(context);
  attachGradient<GatherOp, gradientOf>(context);
  attachGradient<ScatterAddOp, gradientOf>(context);
  attachGradient<EmbeddingOp, gradientOf>(context);
  attachGradient<EmbeddingGradientOp, gradientOf>(context);
  attachGradient<GlobalNormOp, gradientOf>(context);
}

}  // namespace graft

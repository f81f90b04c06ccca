// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Gradients of layers.

#include "dialects/graft/gradients.h"

using namespace mlir;

namespace graft {
namespace {

// The product of `lhs` and `rhs`, each transposed where the flag is set.
Value multiply(GradientBuilder& g, Value lhs, bool transposeLhs, Value rhs,
               bool transposeRhs) {
  return g.create<MatmulOp>(lhs, rhs, transposeLhs, transposeRhs);
}

// dx = dy w, dw = dy^T x, db = column sums of dy.
LogicalResult gradientOf(LinearOp op, GradientBuilder& g) {
  Value dy = g.gradient();
  if (g.needs(0)) g.set(0, multiply(g, dy, false, op.getWeight(), false));
  if (g.needs(1)) g.set(1, multiply(g, dy, true, op.getInput(), false));
  if (op.getBias() && g.needs(2)) g.set(2, g.sum(dy, {0}));
  return success();
}

// With a = op(lhs) and b = op(rhs): da = dy b^T and db = a^T dy, or the
// transpose of that where the operand itself is transposed.
LogicalResult gradientOf(MatmulOp op, GradientBuilder& g) {
  Value dy = g.gradient(), lhs = op.getLhs(), rhs = op.getRhs();
  bool left = op.getTransposeLhs(), right = op.getTransposeRhs();
  if (g.needs(0))
    g.set(0, left ? multiply(g, rhs, right, dy, true)
                  : multiply(g, dy, false, rhs, !right));
  if (g.needs(1))
    g.set(1, right ? multiply(g, dy, true, lhs, left)
                   : multiply(g, lhs, !left, dy, false));
  return success();
}

LogicalResult gradientOf(LayerNormOp op, GradientBuilder& g) {
  if (!g.needs(0) && !g.needs(1)) {
    g.set(2, g.sum(g.gradient(), {0}));
    return success();
  }
  auto gradient = g.create<LayerNormGradientOp>(
      g.gradient(), op.getInput(), op.getScale(), op.getEpsilonAttr());
  for (unsigned i = 0; i < 3; ++i)
    if (g.needs(i)) g.set(i, gradient->getResult(i));
  return success();
}

LogicalResult gradientOf(AttentionOp op, GradientBuilder& g) {
  Value dy = g.gradient();
  if (dy.getType() != op.getQuery().getType())
    dy = g.create<CastOp>(op.getQuery().getType(), dy);
  auto gradient = g.create<AttentionGradientOp>(
      dy, op.getQuery(), op.getKey(), op.getValue(), op.getSegments(),
      op.getHeadsAttr(), op.getScaleAttr(), op.getDropoutAttr(),
      op.getRandomIdAttr(), op.getDrawAttr());
  for (unsigned i = 0; i < 3; ++i)
    if (g.needs(i)) g.set(i, gradient->getResult(i));
  return success();
}

// The same mask: the op is linear and diagonal.
LogicalResult gradientOf(DropoutOp op, GradientBuilder& g) {
  g.set(0, g.create<DropoutOp>(g.gradient(), op.getSegments(), op.getRateAttr(),
                               op.getRandomIdAttr(), op.getDrawAttr()));
  return success();
}

LogicalResult gradientOf(SoftmaxOp op, GradientBuilder& g) {
  g.set(0,
        g.create<SoftmaxGradientOp>(g.gradient(), op.getOutput(), op.getLog()));
  return success();
}

LogicalResult gradientOf(SegmentPoolOp op, GradientBuilder& g) {
  g.set(0, g.create<SegmentPoolGradientOp>(g.gradient(), op.getInput(),
                                           op.getSegments(), op.getKind()));
  return success();
}

}  // namespace

void attachNnGradients(MLIRContext* context) {
  attachGradient<LinearOp, gradientOf>(context);
  attachGradient<MatmulOp, gradientOf>(context);
  attachGradient<LayerNormOp, gradientOf>(context);
  attachGradient<AttentionOp, gradientOf>(context);
  attachGradient<DropoutOp, gradientOf>(context);
  attachGradient<SoftmaxOp, gradientOf>(context);
  attachGradient<SegmentPoolOp, gradientOf>(context);
}

}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Second derivatives: gradients of the ops that are gradients themselves. Where
// there is none, a diagnostic says so.

#include "dialects/graft/gradients.h"

using namespace mlir;

namespace graft {
namespace {

LogicalResult gradientOf(AttentionGradientOp, GradientBuilder& g) {
  return g.fail("second derivative");
}

LogicalResult gradientOf(LayerNormGradientOp, GradientBuilder& g) {
  return g.fail("second derivative");
}

LogicalResult gradientOf(RelationDivergenceGradientOp, GradientBuilder& g) {
  return g.fail("second derivative");
}

// Of y (dy - s) with s = sum(dy y), for the incoming G:
//   ddy = y (G - sum(G y)),  dy' = G (dy - s) - dy sum(G y).
// Of dy - exp(y) s with s = sum(dy) (log):
//   ddy = G - sum(G exp(y)),  dy' = -G exp(y) s.
LogicalResult gradientOf(SoftmaxGradientOp op, GradientBuilder& g) {
  Value incoming = g.gradient(), dy = op.getGradient(), y = op.getOutput();
  if (op.getLog()) {
    Value weighted = g.mul(incoming, g.create<ExpOp>(y));
    if (g.needs(0)) g.set(0, g.sub(incoming, g.rowSums(weighted)));
    if (g.needs(1)) g.set(1, g.negate(g.mul(weighted, g.rowSums(dy))));
    return success();
  }
  if (g.needs(0))
    g.set(0, g.create<SoftmaxGradientOp>(incoming, y, /*log=*/false));
  if (!g.needs(1)) return success();
  Value centred = g.sub(dy, g.rowSums(g.mul(dy, y)));
  g.set(1, g.sub(g.mul(incoming, centred),
                 g.mul(dy, g.rowSums(g.mul(incoming, y)))));
  return success();
}

// Of dl (p - q): ddl = sum_k G (p - q); dz = p * (G' - sum(G' p)) with
// G' = G dl.
LogicalResult gradientOf(CrossEntropyGradientOp op, GradientBuilder& g) {
  Value incoming = g.gradient(), z = op.getLogits();
  RankedTensorType type = op.getLogits().getType();
  if (g.needs(0)) {
    Value ones = g.constant(op.getGradient().getType(), 1);
    Value slope = g.create<CrossEntropyGradientOp>(ones, z, op.getLabels(),
                                                   op.getIgnoreIndexAttr(),
                                                   op.getLabelSmoothingAttr());
    g.set(0, g.sum(g.mul(incoming, slope), {1}));
  }
  if (!g.needs(1)) return success();
  // An ignored row has none, which no op here can tell.
  if (op.getIgnoreIndex())
    return g.fail("second derivative with an ignored label");
  Value weighted = g.mul(incoming, g.broadcast(op.getGradient(), type, {1}));
  Value p = g.create<SoftmaxOp>(z, /*log=*/false);
  g.set(1, g.create<SoftmaxGradientOp>(weighted, p, /*log=*/false));
  return success();
}

// The adjoint of spreading a row over its sequence pools again.
LogicalResult gradientOf(SegmentPoolGradientOp op, GradientBuilder& g) {
  if (!g.needs(0)) return success();
  if (op.getKind() == PoolKind::max)
    return g.fail("second derivative of its maximum");
  g.set(0,
        g.create<SegmentPoolOp>(g.gradient(), op.getSegments(), op.getKind()));
  return success();
}

}  // namespace

void attachSecondGradients(MLIRContext* context) {
  attachGradient<AttentionGradientOp, gradientOf>(context);
  attachGradient<LayerNormGradientOp, gradientOf>(context);
  attachGradient<RelationDivergenceGradientOp, gradientOf>(context);
  attachGradient<SoftmaxGradientOp, gradientOf>(context);
  attachGradient<CrossEntropyGradientOp, gradientOf>(context);
  attachGradient<SegmentPoolGradientOp, gradientOf>(context);
}

}  // namespace graft

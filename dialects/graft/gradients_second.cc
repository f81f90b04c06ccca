// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Second derivatives: gradients of the ops that are gradients themselves. Those
// of attention and of relations are ops again, which are the last ones: a
// diagnostic says that there is no third derivative.

#include "dialects/graft/gradients.h"

using namespace mlir;

namespace graft {
namespace {

LogicalResult gradientOf(AttentionGradientOp op, GradientBuilder& g) {
  Type type = op.getQuery().getType();
  auto second = g.create<AttentionSecondGradientOp>(
      g.cast(g.gradient(0), type), g.cast(g.gradient(1), type),
      g.cast(g.gradient(2), type), op.getGradient(), op.getQuery(), op.getKey(),
      op.getValue(), op.getSegments(), op.getHeadsAttr(), op.getScaleAttr(),
      op.getDropoutAttr(), op.getRandomIdAttr(), op.getDrawAttr());
  for (unsigned i = 0; i < 4; ++i)
    if (g.needs(i)) g.set(i, second->getResult(i));
  return success();
}

LogicalResult gradientOf(AttentionSecondGradientOp, GradientBuilder& g) {
  return g.fail("gradient: attention has no third derivative");
}

// The mean of each row of `value`.
Value rowMeans(GradientBuilder& g, Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return g.scale(g.sum(value, {1}),
                 1 / static_cast<double>(type.getDimSize(1)));
}

// The formulas of the op's description.
LogicalResult gradientOf(LayerNormGradientOp op, GradientBuilder& g) {
  return g.differentiateAs([&] {
    Value dy = g.widen(op.getGradient()), x = g.widen(op.getInput());
    Type type = x.getType();
    auto spread = [&](Value rows) { return g.broadcast(rows, type, {1}); };
    auto meanOf = [&](Value value) { return spread(rowMeans(g, value)); };
    Value centred = g.sub(x, meanOf(x));
    Value variance = rowMeans(g, g.mul(centred, centred));
    Value epsilon =
        g.constant(variance.getType(), op.getEpsilon().convertToDouble());
    Value deviation =
        spread(g.create<SqrtOp>(g.add(variance, epsilon)).getResult());
    Value n = g.div(centred, deviation);
    SmallVector<Value> results(3);
    if (g.hasGradient(0)) {
      Value scale = g.broadcast(g.widen(op.getScale()), type, {0});
      Value scaled = g.mul(dy, scale);
      Value rest = g.add(meanOf(scaled), g.mul(n, meanOf(g.mul(scaled, n))));
      Value dx = g.div(g.sub(scaled, rest), deviation);
      results[0] = g.cast(dx, op.getInputGradient().getType());
    }
    if (g.hasGradient(1))
      results[1] =
          g.cast(g.sum(g.mul(dy, n), {0}), op.getScaleGradient().getType());
    if (g.hasGradient(2))
      results[2] = g.cast(g.sum(dy, {0}), op.getShiftGradient().getType());
    return results;
  });
}

LogicalResult gradientOf(RelationDivergenceGradientOp op, GradientBuilder& g) {
  if (failed(checkTargets(g, /*first=*/3))) return failure();
  auto second = g.create<RelationDivergenceSecondGradientOp>(
      op.getKind(), g.gradient(0), g.gradient(1), op.getGradient(),
      op.getQuery(), op.getKey(), op.getTargetQuery(), op.getTargetKey(),
      op.getSegments(), op.getHeads());
  for (unsigned i = 0; i < 3; ++i)
    if (g.needs(i)) g.set(i, second->getResult(i));
  return success();
}

LogicalResult gradientOf(RelationDivergenceSecondGradientOp,
                         GradientBuilder& g) {
  return g.fail(
      "gradient: the divergence of relations has no third derivative");
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

// 1 for each row whose label counts, else 0. Of logits that are all zero, a row
// has the loss log K, which is above 0.5, or 0 where its label is ignored.
Value countedRows(CrossEntropyGradientOp op, GradientBuilder& g) {
  Value zeros = g.constant(op.getLogits().getType(), 0);
  Value losses =
      g.create<CrossEntropyOp>(zeros, op.getLabels(), op.getIgnoreIndexAttr(),
                               op.getLabelSmoothingAttr());
  return g.create<StepOp>(losses, g.constant(losses.getType(), 0.5));
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
  Value factor = op.getGradient();
  if (op.getIgnoreIndex()) factor = g.mul(factor, countedRows(op, g));
  Value weighted = g.mul(incoming, g.broadcast(factor, type, {1}));
  Value p = g.create<SoftmaxOp>(z, /*log=*/false);
  g.set(1, g.create<SoftmaxGradientOp>(weighted, p, /*log=*/false));
  return success();
}

// The adjoint of spreading a row over its sequence pools again. That of a
// maximum takes what stands at its token: the sum of the sequence where only
// that is left, which is a mean without the shares of a mean.
LogicalResult gradientOf(SegmentPoolGradientOp op, GradientBuilder& g) {
  if (!g.needs(0)) return success();
  auto pool = [&](Value input, PoolKind kind) -> Value {
    return g.create<SegmentPoolOp>(input, op.getSegments(), kind);
  };
  if (op.getKind() != PoolKind::max) {
    g.set(0, pool(g.gradient(), op.getKind()));
    return success();
  }
  Value ones = g.constant(op.getGradient().getType(), 1);
  auto spread = [&](PoolKind kind) -> Value {
    return g.create<SegmentPoolGradientOp>(ones, op.getInput(),
                                           op.getSegments(), kind);
  };
  Value chosen = g.mul(g.gradient(), spread(PoolKind::max));
  g.set(0, pool(g.div(chosen, spread(PoolKind::mean)), PoolKind::mean));
  return success();
}

}  // namespace

void attachSecondGradients(MLIRContext* context) {
  attachGradient<AttentionGradientOp, gradientOf>(context);
  attachGradient<AttentionSecondGradientOp, gradientOf>(context);
  attachGradient<LayerNormGradientOp, gradientOf>(context);
  attachGradient<RelationDivergenceGradientOp, gradientOf>(context);
  attachGradient<RelationDivergenceSecondGradientOp, gradientOf>(context);
  attachGradient<SoftmaxGradientOp, gradientOf>(context);
  attachGradient<CrossEntropyGradientOp, gradientOf>(context);
  attachGradient<SegmentPoolGradientOp, gradientOf>(context);
}

}  // namespace graft

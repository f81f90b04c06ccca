// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Gradients of losses: rows, or sequences, have one incoming gradient each.

#include "dialects/graft/gradients.h"

using namespace mlir;

namespace graft {
namespace {

// The row gradients on each of the K columns, times `factor` / K.
Value spread(GradientBuilder& g, RankedTensorType type, double factor) {
  return g.scale(g.broadcast(g.gradient(), type, {1}),
                 factor / static_cast<double>(type.getDimSize(1)));
}

LogicalResult gradientOf(CrossEntropyOp op, GradientBuilder& g) {
  g.set(0, g.create<CrossEntropyGradientOp>(
               g.gradient(), op.getLogits(), op.getLabels(),
               op.getIgnoreIndexAttr(), op.getLabelSmoothingAttr()));
  return success();
}

// dprediction = 2 / K (prediction - target) dy.
LogicalResult gradientOf(MseOp op, GradientBuilder& g) {
  Value difference = g.sub(op.getPrediction(), op.getTarget());
  Value dp = g.mul(spread(g, op.getPrediction().getType(), 2), difference);
  g.set(0, dp);
  if (g.needs(1)) g.set(1, g.negate(dp));
  return success();
}

// dlogits = (sigmoid(z) - t) dy / K, dtarget = -z dy / K.
LogicalResult gradientOf(BinaryCrossEntropyOp op, GradientBuilder& g) {
  Value z = op.getLogits();
  Value dy = spread(g, op.getLogits().getType(), 1);
  if (g.needs(0))
    g.set(0, g.mul(dy, g.sub(g.create<SigmoidOp>(z), op.getTarget())));
  if (g.needs(1)) g.set(1, g.negate(g.mul(dy, z)));
  return success();
}

// dlogits = temperature (q - p) dy, and dtarget = temperature p (log p - log q
// - loss / temperature^2) dy.
LogicalResult gradientOf(KlDivergenceOp op, GradientBuilder& g) {
  double temperature = op.getTemperature().convertToDouble();
  auto soften = [&](Value logits, bool log) -> Value {
    return g.create<SoftmaxOp>(g.scale(logits, 1 / temperature), log);
  };
  RankedTensorType type = op.getLogits().getType();
  Value dy = g.scale(g.broadcast(g.gradient(), type, {1}), temperature);
  Value p = soften(op.getTarget(), /*log=*/false);
  if (g.needs(0))
    g.set(0, g.mul(dy, g.sub(soften(op.getLogits(), /*log=*/false), p)));
  if (!g.needs(1)) return success();
  Value mean = g.scale(g.broadcast(op.getLoss(), type, {1}),
                       1 / (temperature * temperature));
  Value difference = g.sub(soften(op.getTarget(), /*log=*/true),
                           soften(op.getLogits(), /*log=*/true));
  g.set(1, g.mul(dy, g.mul(p, g.sub(difference, mean))));
  return success();
}

LogicalResult gradientOf(RelationDivergenceOp op, GradientBuilder& g) {
  if (failed(checkTargets(g, /*first=*/2))) return failure();
  auto gradient = g.create<RelationDivergenceGradientOp>(
      op.getKind(), g.gradient(), op.getQuery(), op.getKey(),
      op.getTargetQuery(), op.getTargetKey(), op.getSegments(), op.getHeads());
  for (unsigned i = 0; i < 2; ++i)
    if (g.needs(i)) g.set(i, gradient->getResult(i));
  return success();
}

}  // namespace

LogicalResult checkTargets(GradientBuilder& g, unsigned first) {
  if (!g.needs(first) && !g.needs(first + 1)) return success();
  return g.fail("gradient with respect to '" +
                Twine(g.needs(first) ? "target_query" : "target_key") +
                "', which is constant: expects graft.stop_gradient between it "
                "and what is trained");
}

void attachLossGradients(MLIRContext* context) {
  attachGradient<CrossEntropyOp, gradientOf>(context);
  attachGradient<MseOp, gradientOf>(context);
  attachGradient<BinaryCrossEntropyOp, gradientOf>(context);
  attachGradient<KlDivergenceOp, gradientOf>(context);
  attachGradient<RelationDivergenceOp, gradientOf>(context);
}

}  // namespace graft

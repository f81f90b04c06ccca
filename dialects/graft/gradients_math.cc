// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Gradients of elementwise ops. Comments give dx for y = f(x) and the incoming
// gradient dy.

#include "dialects/graft/gradients.h"

using namespace mlir;

namespace graft {
namespace {

LogicalResult gradientOf(AddOp, GradientBuilder& g) {
  g.set(0, g.gradient());
  g.set(1, g.gradient());
  return success();
}

LogicalResult gradientOf(SubOp, GradientBuilder& g) {
  g.set(0, g.gradient());
  if (g.needs(1)) g.set(1, g.negate(g.gradient()));
  return success();
}

LogicalResult gradientOf(MulOp op, GradientBuilder& g) {
  if (g.needs(0)) g.set(0, g.mul(g.gradient(), op.getRhs()));
  if (g.needs(1)) g.set(1, g.mul(g.gradient(), op.getLhs()));
  return success();
}

// dlhs = dy / rhs, drhs = -dy y / rhs.
LogicalResult gradientOf(DivOp op, GradientBuilder& g) {
  Value quotient = g.div(g.gradient(), op.getRhs());
  g.set(0, quotient);
  if (g.needs(1)) g.set(1, g.negate(g.mul(quotient, op.getOutput())));
  return success();
}

// The mask is 1 where lhs >= rhs.
LogicalResult gradientOf(MaxOp op, GradientBuilder& g) {
  Value dy = g.gradient();
  Value left = g.mul(dy, g.create<StepOp>(op.getLhs(), op.getRhs()));
  g.set(0, left);
  if (g.needs(1)) g.set(1, g.sub(dy, left));
  return success();
}

// Constant almost everywhere: no gradient.
LogicalResult gradientOf(StepOp, GradientBuilder&) { return success(); }
LogicalResult gradientOf(StopGradientOp, GradientBuilder&) { return success(); }

// dx = factor dy, whatever the op computes.
LogicalResult gradientOf(ScaleGradientOp op, GradientBuilder& g) {
  if (g.needs(1)) return g.fail("gradient with respect to its factor");
  auto type = cast<RankedTensorType>(op.getType());
  Value factor = op.getFactor();
  if (type.getRank() > 0)
    factor = g.broadcast(
        factor, type, llvm::to_vector(llvm::seq<int64_t>(0, type.getRank())));
  g.set(0, g.mul(g.gradient(), factor));
  return success();
}

LogicalResult gradientOf(ExpOp op, GradientBuilder& g) {
  g.set(0, g.mul(g.gradient(), op.getOutput()));
  return success();
}

LogicalResult gradientOf(LogOp op, GradientBuilder& g) {
  g.set(0, g.div(g.gradient(), op.getInput()));
  return success();
}

// dx = dy / (2 y).
LogicalResult gradientOf(SqrtOp op, GradientBuilder& g) {
  g.set(0, g.div(g.scale(g.gradient(), 0.5), op.getOutput()));
  return success();
}

// dx = dy (1 - y^2).
LogicalResult gradientOf(TanhOp op, GradientBuilder& g) {
  Value dy = g.gradient(), y = op.getOutput();
  g.set(0, g.sub(dy, g.mul(g.mul(dy, y), y)));
  return success();
}

// dx = dy y (1 - y).
LogicalResult gradientOf(SigmoidOp op, GradientBuilder& g) {
  Value product = g.mul(g.gradient(), op.getOutput());
  g.set(0, g.sub(product, g.mul(product, op.getOutput())));
  return success();
}

// dx = dy where x > 0: nothing at 0, as in PyTorch.
LogicalResult gradientOf(ReluOp op, GradientBuilder& g) {
  Value zero = g.constant(op.getType(), 0);
  Value off = g.create<StepOp>(zero, op.getInput());
  g.set(0, g.sub(g.gradient(), g.mul(g.gradient(), off)));
  return success();
}

LogicalResult gradientOf(ScaleOp op, GradientBuilder& g) {
  g.set(0, g.create<ScaleOp>(g.gradient(), op.getFactorAttr()));
  return success();
}

LogicalResult gradientOf(CastOp op, GradientBuilder& g) {
  g.set(0, g.create<CastOp>(op.getInput().getType(), g.gradient()));
  return success();
}

// The tanh form is x s(z) with s the sigmoid and z = 2 c (x + a x^3); its
// derivative s(z) (1 + x s(-z) z'), in which nothing cancels for large x.
Value tanhGeluGradient(GeluGradientOp op, GradientBuilder& g) {
  constexpr double kFactor = 1.5957691216057308, kCubic = 0.044715;
  Value x = op.getInput();
  Value one = g.constant(x.getType(), 1), square = g.mul(x, x);
  auto polynomial = [&](double cubic) {
    return g.scale(g.add(one, g.scale(square, cubic)), kFactor);
  };
  Value z = g.mul(x, polynomial(kCubic));
  Value s = g.create<SigmoidOp>(z), rest = g.create<SigmoidOp>(g.negate(z));
  Value bend = g.mul(g.mul(x, rest), polynomial(3 * kCubic));
  return g.mul(op.getGradient(), g.mul(s, g.add(one, bend)));
}

// The derivative of Phi(x) + x phi(x) is phi(x) (2 - x^2), with
// phi(x) = exp(-x^2 / 2) / sqrt(2 pi).
LogicalResult gradientOf(GeluGradientOp op, GradientBuilder& g) {
  Value x = op.getInput();
  if (op.getForm() == GeluForm::tanh && g.needs(1))
    return g.differentiateAs(
        [&] { return SmallVector<Value>{tanhGeluGradient(op, g)}; });
  if (g.needs(0))
    g.set(0, g.create<GeluGradientOp>(g.gradient(), x, op.getForm()));
  if (!g.needs(1)) return success();
  Value square = g.mul(x, x);
  Value density =
      g.scale(g.create<ExpOp>(g.scale(square, -0.5)), 0.3989422804014327);
  Value slope = g.mul(density, g.sub(g.constant(x.getType(), 2), square));
  g.set(1, g.mul(g.mul(g.gradient(), op.getGradient()), slope));
  return success();
}

LogicalResult gradientOf(GeluOp op, GradientBuilder& g) {
  g.set(0, g.create<GeluGradientOp>(g.gradient(), op.getInput(), op.getForm()));
  return success();
}

}  // namespace

void attachMathGradients(MLIRContext* context) {
  attachGradient<AddOp, gradientOf>(context);
  attachGradient<SubOp, gradientOf>(context);
  attachGradient<MulOp, gradientOf>(context);
  attachGradient<DivOp, gradientOf>(context);
  attachGradient<MaxOp, gradientOf>(context);
  attachGradient<StepOp, gradientOf>(context);
  attachGradient<StopGradientOp, gradientOf>(context);
  attachGradient<ScaleGradientOp, gradientOf>(context);
  attachGradient<ExpOp, gradientOf>(context);
  attachGradient<LogOp, gradientOf>(context);
  attachGradient<SqrtOp, gradientOf>(context);
  attachGradient<TanhOp, gradientOf>(context);
  attachGradient<SigmoidOp, gradientOf>(context);
  attachGradient<ReluOp, gradientOf>(context);
  attachGradient<ScaleOp, gradientOf>(context);
  attachGradient<CastOp, gradientOf>(context);
  attachGradient<GeluOp, gradientOf>(context);
  attachGradient<GeluGradientOp, gradientOf>(context);
}

}  // namespace graft

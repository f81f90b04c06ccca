// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The elementwise ops in registers: see LaneFunction.

#include <cmath>
#include <numbers>

#include "passes/lower/lane_program.h"

using namespace mlir;

namespace graft {
namespace {

template <typename Op>
void add(LaneFunctions& functions, LaneFunction function) {
  functions[Op::getOperationName()] = std::move(function);
}

// 1 / (1 + exp(-x)).
Value sigmoid(VectorBuilder& v, Value x) {
  Value one = v.constantLike(x, 1.0);
  return v.div(one, v.add(one, v.exp(v.neg(x))));
}

// The tanh form by 0.5 (1 + tanh z) = s(2 z) with the logistic function s,
// which loses no digits where tanh is near -1. z = sqrt(2 / pi) (x + c x^3).
constexpr double kTanhCubic = 0.044715;

struct TanhForm {
  Value share;  // s(2 z)
  Value rest;   // 1 - s(2 z)
};

TanhForm tanhForm(VectorBuilder& v, Value x) {
  const double scale = 2 * std::sqrt(2 / std::numbers::pi);
  Value one = v.constantLike(x, 1);
  Value factor = v.fma(v.constantLike(x, kTanhCubic), v.mul(x, x), one);
  Value twice = v.mul(v.mul(v.constantLike(x, scale), x), factor);
  // Below this both results are what they are at it, and exp stays finite.
  twice = v.max(twice, v.constantLike(x, -80));
  Value e = v.exp(v.neg(twice));
  Value share = v.div(one, v.add(one, e));
  return {share, v.mul(e, share)};
}

// x Phi(x), or the tanh form; its derivative.
Value gelu(VectorBuilder& v, GeluForm form, Value x) {
  if (form == GeluForm::erf) {
    Value half = v.mul(v.constantLike(x, 0.5), x);
    Value e = v.erf(v.mul(x, v.constantLike(x, 1 / std::numbers::sqrt2)));
    return v.fma(half, e, half);
  }
  return v.mul(x, tanhForm(v, x).share);
}

Value geluDerivative(VectorBuilder& v, GeluForm form, Value x) {
  Value half = v.constantLike(x, 0.5), one = v.constantLike(x, 1);
  if (form == GeluForm::erf) {
    Value e = v.erf(v.mul(x, v.constantLike(x, 1 / std::numbers::sqrt2)));
    Value cumulative = v.fma(half, e, half);
    Value density =
        v.mul(v.exp(v.mul(v.mul(x, x), v.constantLike(x, -0.5))),
              v.constantLike(x, 1 / std::sqrt(2 * std::numbers::pi)));
    return v.fma(x, density, cumulative);
  }
  const double scale = 2 * std::sqrt(2 / std::numbers::pi);
  auto [share, rest] = tanhForm(v, x);
  Value slope =
      v.mul(v.constantLike(x, scale),
            v.fma(v.constantLike(x, 3 * kTanhCubic), v.mul(x, x), one));
  return v.fma(v.mul(v.mul(x, slope), share), rest, share);
}

}  // namespace

void populateElementwiseFunctions(LaneFunctions& functions) {
  using Values = ArrayRef<Value>;
  add<AddOp>(functions, [](VectorBuilder& v, Operation*, Values x) {
    return v.add(x[0], x[1]);
  });
  add<SubOp>(functions, [](VectorBuilder& v, Operation*, Values x) {
    return v.sub(x[0], x[1]);
  });
  add<MulOp>(functions, [](VectorBuilder& v, Operation*, Values x) {
    return v.mul(x[0], x[1]);
  });
  add<DivOp>(functions, [](VectorBuilder& v, Operation*, Values x) {
    return v.div(x[0], x[1]);
  });
  add<MaxOp>(functions, [](VectorBuilder& v, Operation*, Values x) {
    return v.max(x[0], x[1]);
  });
  add<StepOp>(functions, [](VectorBuilder& v, Operation*, Values x) {
    return v.select(v.greaterEqual(x[0], x[1]), v.splat(1), v.splat(0));
  });
  add<ExpOp>(functions, [](VectorBuilder& v, Operation*, Values x) {
    return v.exp(x[0]);
  });
  add<LogOp>(functions, [](VectorBuilder& v, Operation*, Values x) {
    return v.log(x[0]);
  });
  add<SqrtOp>(functions, [](VectorBuilder& v, Operation*, Values x) {
    return v.sqrt(x[0]);
  });
  add<TanhOp>(functions, [](VectorBuilder& v, Operation*, Values x) {
    return v.tanh(x[0]);
  });
  add<SigmoidOp>(functions, [](VectorBuilder& v, Operation*, Values x) {
    return sigmoid(v, x[0]);
  });
  add<ReluOp>(functions, [](VectorBuilder& v, Operation*, Values x) {
    return v.max(x[0], v.splat(0));
  });
  add<ScaleOp>(functions, [](VectorBuilder& v, Operation* op, Values x) {
    double factor = cast<ScaleOp>(op).getFactor().convertToDouble();
    return v.mul(x[0], v.splat(factor));
  });
  add<GeluOp>(functions, [](VectorBuilder& v, Operation* op, Values x) {
    return gelu(v, cast<GeluOp>(op).getForm(), x[0]);
  });
  add<GeluGradientOp>(functions, [](VectorBuilder& v, Operation* op, Values x) {
    return v.mul(x[0],
                 geluDerivative(v, cast<GeluGradientOp>(op).getForm(), x[1]));
  });
  add<ReshapeOp>(functions,
                 [](VectorBuilder&, Operation*, Values x) { return x[0]; });
  add<CastOp>(functions,
              [](VectorBuilder&, Operation*, Values x) { return x[0]; });
  add<StopGradientOp>(
      functions, [](VectorBuilder&, Operation*, Values x) { return x[0]; });
}

}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The elementwise ops in registers: see VectorFunction.

#include <cmath>
#include <numbers>

#include "passes/lower/cpu/elementwise/elementwise_program.h"

using namespace mlir;

namespace graft {
namespace {

template <typename Op>
void add(VectorFunctions& functions, VectorFunction function) {
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

// The erf form by the distribution of the normal deviate, Phi, whose tail is
// Phi(-a) = e^(-a^2 / 2) t q(t) with t = 1 / (1 + c a), a >= 0 (the form of
// Abramowitz and Stegun 7.1.26; c and q fitted for the least relative error,
// 9.1e-8). In f32 Phi is within 2.2e-7, relatively within 8e-7 above -5; tails
// lose no digits to 1 + erf.
struct Normal {
  Value cumulative;  // Phi(x)
  Value power;       // e^(-x^2 / 2)
};

Normal normal(VectorBuilder& v, Value x) {
  Value one = v.splat(1.0);
  Value t = v.div(one, v.fma(v.abs(x), v.splat(0.3025), one));
  Value q = v.splat(0.036662922701309844);
  for (double c :
       {-0.15703595841932805, 0.19914754054028405, -0.048516572207494155,
        0.1261757023879643, 0.10126097602589602, 0.12167503707309302,
        0.12063032571373307})
    q = v.fma(q, t, v.splat(c));
  Value power = v.expNonPositive(v.mul(v.mul(x, x), v.splat(-0.5)));
  Value tail = v.mul(v.mul(q, t), power);
  Value isNegative = v.greaterEqual(v.splat(0.0), x);
  return {v.select(isNegative, tail, v.sub(one, tail)), power};
}

// x Phi(x), or the tanh form; its derivative.
Value gelu(VectorBuilder& v, GeluForm form, Value x) {
  if (form == GeluForm::erf) return v.mul(x, normal(v, x).cumulative);
  return v.mul(x, tanhForm(v, x).share);
}

Value geluDerivative(VectorBuilder& v, GeluForm form, Value x) {
  if (form == GeluForm::erf) {
    auto [cumulative, power] = normal(v, x);
    Value density = v.mul(power, v.splat(1 / std::sqrt(2 * std::numbers::pi)));
    return v.fma(x, density, cumulative);
  }
  Value one = v.constantLike(x, 1);
  const double scale = 2 * std::sqrt(2 / std::numbers::pi);
  auto [share, rest] = tanhForm(v, x);
  Value slope =
      v.mul(v.constantLike(x, scale),
            v.fma(v.constantLike(x, 3 * kTanhCubic), v.mul(x, x), one));
  return v.fma(v.mul(v.mul(x, slope), share), rest, share);
}

}  // namespace

void populateElementwiseFunctions(VectorFunctions& functions) {
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

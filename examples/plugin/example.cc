// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The dialect, and what Graft's passes ask its op.

#include "example.h"

#include <numbers>

#include "dialects/graft/gradients.h"
#include "dialects/graft/linalg_models.h"
#include "dialects/graft/sharding_rule.h"
#include "example_dialect.cc.inc"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#define GET_OP_CLASSES
#include "example_ops.cc.inc"

using namespace mlir;

namespace example {

void ExampleDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "example_ops.cc.inc"
      >();
}

// y = gelu(x) g: dx = gelu'(x) (dy g), dg = dy gelu(x). Only ops of Graft, so
// there are second derivatives as well.
LogicalResult GatedGeluOp::buildGradient(
    OpBuilder& builder, ArrayRef<Value> resultGradients, ArrayRef<bool> needed,
    SmallVectorImpl<Value>& operandGradients) {
  graft::GradientBuilder g(*this, builder, resultGradients, needed,
                           operandGradients);
  constexpr auto form = graft::GeluForm::erf;
  Value dy = g.gradient();
  if (g.needs(0))
    g.set(0, g.create<graft::GeluGradientOp>(g.mul(dy, getGate()), getInput(),
                                             form));
  if (g.needs(1))
    g.set(1, g.mul(dy, g.create<graft::GeluOp>(getInput(), form)));
  return success();
}

graft::PrecisionClass GatedGeluOp::getPrecisionClass() {
  return graft::PrecisionClass::follow;
}

LogicalResult GatedGeluOp::buildShardingRule(graft::ShardingRule& rule) {
  return graft::parseShardingRule("*,*->*; linear 1", *this, rule);
}

// 0.5 x (1 + erf(x / sqrt 2)) g.
LogicalResult GatedGeluOp::lowerToLinalg(OpBuilder& builder,
                                         ValueRange operands,
                                         SmallVectorImpl<Value>& results) {
  graft::LinalgBuilder linalg(builder, getLoc());
  results.push_back(linalg.map(
      operands[0], operands, [](OpBuilder& b, Location loc, ValueRange in) {
        Value x = in[0], gate = in[1];
        auto constant = [&](double value) -> Value {
          return arith::ConstantOp::create(b, loc,
                                           b.getFloatAttr(x.getType(), value));
        };
        auto mul = [&](Value lhs, Value rhs) -> Value {
          return arith::MulFOp::create(b, loc, lhs, rhs);
        };
        Value erf = math::ErfOp::create(
            b, loc, mul(x, constant(1 / std::numbers::sqrt2)));
        Value share = arith::AddFOp::create(b, loc, constant(1), erf);
        return mul(mul(mul(constant(0.5), x), share), gate);
      }));
  return success();
}

}  // namespace example

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The end of a phase: norm, clipping, updates.

#include <algorithm>
#include <cmath>
#include <vector>

#include "dialects/graft/graft_ops.h"
#include "passes/interpret/interpreter.h"

using namespace mlir;

namespace graft::interpret {
namespace {

LogicalResult globalNorm(OpCall& call) {
  double sum = 0;
  for (unsigned k = 0; k < call.numOperands(); ++k)
    for (double value : call.tensor(k).values) sum += value * value;
  call.result().values[0] = std::sqrt(sum);
  return success();
}

LogicalResult clipFactor(OpCall& call) {
  double limit = call.as<ClipFactorOp>().getLimit().convertToDouble();
  call.result().values[0] =
      std::min(1.0, limit / (call.tensor(0).values[0] + 1e-6));
  return success();
}

double numberOf(const APFloat& attribute) {
  return attribute.convertToDouble();
}

// The factor of the gradient, an operand behind `others`.
template <typename Op>
double factorOf(OpCall& call, Op op, unsigned others) {
  return op.getFactor() ? call.tensor(others).values[0] : 1;
}

LogicalResult sgd(OpCall& call) {
  auto op = call.as<SgdOp>();
  double rate = call.tensor(2).values[0] * numberOf(op.getRateMultiplier());
  double factor = factorOf(call, op, 3);
  for (size_t i = 0; i < call.tensor(0).values.size(); ++i) {
    double w = call.tensor(0).values[i];
    double g = call.tensor(1).values[i] * factor + numberOf(op.getDecay()) * w;
    call.result(0).values[i] = w - rate * g;
  }
  return success();
}

LogicalResult momentum(OpCall& call) {
  auto op = call.as<MomentumOp>();
  double rate = call.tensor(3).values[0] * numberOf(op.getRateMultiplier());
  double factor = factorOf(call, op, 4);
  double keep = numberOf(op.getMomentum());
  for (size_t i = 0; i < call.tensor(0).values.size(); ++i) {
    double w = call.tensor(0).values[i];
    double g = call.tensor(1).values[i] * factor + numberOf(op.getDecay()) * w;
    double velocity = keep * call.tensor(2).values[i] + g;
    call.result(0).values[i] =
        w - rate * (op.getNesterov() ? g + keep * velocity : velocity);
    call.result(1).values[i] = velocity;
  }
  return success();
}

// Moments of Adam and LAMB: operands 2 and 3, results 1 and 2.
struct Moments {
  double beta1, beta2, step;

  template <typename Op>
  static FailureOr<Moments> get(OpCall& call, Op op) {
    Moments moments{numberOf(op.getBeta1()), numberOf(op.getBeta2()),
                    call.tensor(5).values[0]};
    if (moments.step >= 1) return moments;
    return op.emitOpError("expects 'step' from 1, got ")
           << static_cast<int64_t>(moments.step);
  }

  // Of element i, whose gradient is g: m / (1 - beta1^t) / (sqrt(v / (1 -
  // beta2^t)) + epsilon).
  double update(OpCall& call, size_t i, double g, double epsilon) const {
    double m = beta1 * call.tensor(2).values[i] + (1 - beta1) * g;
    double v = beta2 * call.tensor(3).values[i] + (1 - beta2) * g * g;
    call.result(1).values[i] = m;
    call.result(2).values[i] = v;
    return m / (1 - std::pow(beta1, step)) /
           (std::sqrt(v / (1 - std::pow(beta2, step))) + epsilon);
  }
};

LogicalResult adamW(OpCall& call) {
  auto op = call.as<AdamWOp>();
  FailureOr<Moments> moments = Moments::get(call, op);
  if (failed(moments)) return failure();
  double rate = call.tensor(4).values[0] * numberOf(op.getRateMultiplier());
  double factor = factorOf(call, op, 6), decay = numberOf(op.getDecay());
  for (size_t i = 0; i < call.tensor(0).values.size(); ++i) {
    double w = call.tensor(0).values[i];
    double g = call.tensor(1).values[i] * factor;
    if (op.getCoupled()) g += decay * w;
    double change = moments->update(call, i, g, numberOf(op.getEpsilon()));
    double keep = op.getCoupled() ? 1 : 1 - rate * decay;
    call.result(0).values[i] = w * keep - rate * change;
  }
  return success();
}

LogicalResult lamb(OpCall& call) {
  auto op = call.as<LambOp>();
  FailureOr<Moments> moments = Moments::get(call, op);
  if (failed(moments)) return failure();
  double rate = call.tensor(4).values[0] * numberOf(op.getRateMultiplier());
  double factor = factorOf(call, op, 6);
  const auto& parameter = call.tensor(0).values;
  std::vector<double> update;
  double squares = 0, updateSquares = 0;
  for (size_t i = 0; i < parameter.size(); ++i) {
    double g = call.tensor(1).values[i] * factor;
    double u = moments->update(call, i, g, numberOf(op.getEpsilon())) +
               numberOf(op.getDecay()) * parameter[i];
    update.push_back(u);
    squares += parameter[i] * parameter[i];
    updateSquares += u * u;
  }
  double ratio = squares > 0 && updateSquares > 0
                     ? std::sqrt(squares) / std::sqrt(updateSquares)
                     : 1;
  for (size_t i = 0; i < parameter.size(); ++i)
    call.result(0).values[i] = parameter[i] - rate * ratio * update[i];
  return success();
}

}  // namespace

void populateOptimizerReferences(References& references) {
  references["graft.global_norm"] = globalNorm;
  references["graft.clip_factor"] = clipFactor;
  references["graft.sgd"] = sgd;
  references["graft.momentum"] = momentum;
  references["graft.adamw"] = adamW;
  references["graft.lamb"] = lamb;
}

}  // namespace graft::interpret

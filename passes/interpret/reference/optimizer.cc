// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The end of a phase: norm, clipping, AdamW.

#include <algorithm>
#include <cmath>

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

LogicalResult adamW(OpCall& call) {
  auto op = call.as<AdamWOp>();
  double beta1 = op.getBeta1().convertToDouble();
  double beta2 = op.getBeta2().convertToDouble();
  double epsilon = op.getEpsilon().convertToDouble();
  double rate =
      call.tensor(4).values[0] * op.getRateMultiplier().convertToDouble();
  double step = call.tensor(5).values[0];
  double factor = op.getFactor() ? call.tensor(6).values[0] : 1;
  if (step < 1)
    return op.emitOpError("expects 'step' from 1, got ")
           << static_cast<int64_t>(step);
  double keep = 1 - rate * op.getDecay().convertToDouble();
  double stepSize = rate / (1 - std::pow(beta1, step));
  double correction = std::sqrt(1 - std::pow(beta2, step));
  for (size_t i = 0; i < call.tensor(0).values.size(); ++i) {
    double g = call.tensor(1).values[i] * factor;
    double m = beta1 * call.tensor(2).values[i] + (1 - beta1) * g;
    double v = beta2 * call.tensor(3).values[i] + (1 - beta2) * g * g;
    call.result(0).values[i] =
        call.tensor(0).values[i] * keep -
        stepSize * m / (std::sqrt(v) / correction + epsilon);
    call.result(1).values[i] = m;
    call.result(2).values[i] = v;
  }
  return success();
}

}  // namespace

void populateOptimizerReferences(References& references) {
  references["graft.global_norm"] = globalNorm;
  references["graft.clip_factor"] = clipFactor;
  references["graft.adamw"] = adamW;
}

}  // namespace graft::interpret

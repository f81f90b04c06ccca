// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/graft_ops.h"
#include "dialects/graft/sharding_rule.h"

using namespace mlir;

namespace graft {

namespace {

// The rule of `decay` and `rate_multiplier` of each optimiser.
template <typename Op>
LogicalResult verifyFactors(Op op) {
  float decay = op.getDecay().convertToFloat();
  float multiplier = op.getRateMultiplier().convertToFloat();
  if (decay >= 0 && multiplier >= 0) return success();
  return op.emitOpError("expects 'decay' and 'multiplier' of at least 0, got ")
         << decay << " and " << multiplier;
}

bool isInUnitInterval(float value) { return value >= 0 && value < 1; }

template <typename Op>
LogicalResult verifyMoments(Op op) {
  // C1.
  float beta1 = op.getBeta1().convertToFloat();
  float beta2 = op.getBeta2().convertToFloat();
  if (!isInUnitInterval(beta1) || !isInUnitInterval(beta2))
    return op.emitOpError("expects 'beta1' and 'beta2' in [0, 1), got ")
           << beta1 << " and " << beta2;
  if (!(op.getEpsilon().convertToFloat() > 0))
    return op.emitOpError("expects a positive 'epsilon', got ")
           << op.getEpsilon().convertToFloat();
  // C2.
  return verifyFactors(op);
}

}  // namespace

LogicalResult SgdOp::verify() { return verifyFactors(*this); }  // C1.

LogicalResult MomentumOp::verify() {
  // C1.
  if (!isInUnitInterval(getMomentum().convertToFloat()))
    return emitOpError("expects 'momentum' in [0, 1), got ")
           << getMomentum().convertToFloat();
  // C2.
  return verifyFactors(*this);
}

LogicalResult AdamWOp::verify() { return verifyMoments(*this); }

LogicalResult LambOp::verify() { return verifyMoments(*this); }

}  // namespace graft

#define GET_OP_CLASSES
#include "dialects/graft/graft_optimizer_ops.cc.inc"

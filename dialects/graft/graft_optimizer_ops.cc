// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/graft_ops.h"
#include "dialects/graft/sharding_rule.h"

using namespace mlir;

namespace graft {

LogicalResult AdamWOp::verify() {
  // C1.
  auto isBeta = [](float beta) { return beta >= 0 && beta < 1; };
  if (!isBeta(getBeta1().convertToFloat()) ||
      !isBeta(getBeta2().convertToFloat()))
    return emitOpError("expects 'beta1' and 'beta2' in [0, 1), got ")
           << getBeta1().convertToFloat() << " and "
           << getBeta2().convertToFloat();
  if (!(getEpsilon().convertToFloat() > 0))
    return emitOpError("expects a positive 'epsilon', got ")
           << getEpsilon().convertToFloat();
  // C2.
  if (!(getDecay().convertToFloat() >= 0) ||
      !(getRateMultiplier().convertToFloat() >= 0))
    return emitOpError("expects 'decay' and 'multiplier' of at least 0, got ")
           << getDecay().convertToFloat() << " and "
           << getRateMultiplier().convertToFloat();
  return success();
}

}  // namespace graft

#define GET_OP_CLASSES
#include "dialects/graft/graft_optimizer_ops.cc.inc"

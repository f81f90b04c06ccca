// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/fusion.h"

#include "dialects/graft/element_function.h"
#include "dialects/graft/graft_ops.h"
#include "dialects/graft/sharding_rule.h"

using namespace mlir;

namespace graft {

bool hasShape(ValueRange values, RankedTensorType shape) {
  return llvm::all_of(values.getTypes(), [&](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return !tensor || (tensor.getShape() == shape.getShape() &&
                       tensor.getEncoding() == shape.getEncoding());
  });
}

bool isElementwise(Operation* op) {
  // An emitter of updates sets their gradient to zero, too.
  if (op->getNumResults() != 1 || !isPure(op) ||
      isa<OptimizerOpInterface>(op) || !getShardingRule(op).isElementwise)
    return false;
  return isa_and_nonnull<GraftDialect>(op->getDialect()) ||
         succeeded(ElementFunction::get(op));
}

Addend matchAddend(Operation* op) {
  auto fusion = dyn_cast<FusionOpInterface>(op);
  if (!fusion || !fusion.takesAddend()) return {};
  Value result = op->getResult(0);
  // A sum that begins with something must not have been rounded before.
  if (!result.hasOneUse() || !getElementTypeOrSelf(result.getType()).isF32())
    return {};
  OpOperand& use = *result.use_begin();
  auto sum = dyn_cast<AddOp>(use.getOwner());
  if (!sum || sum->getBlock() != op->getBlock()) return {};
  Value other = sum->getOperand(1 - use.getOperandNumber());
  if (other.getType() != result.getType()) return {};
  if (Operation* source = other.getDefiningOp();
      source && !source->isBeforeInBlock(op)) {
    // All reads of a slot in a phase give the same value.
    if (!isa<ReadOp>(source)) return {};
  }
  return {sum, other};
}

}  // namespace graft

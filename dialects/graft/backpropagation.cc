// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/backpropagation.h"

#include "dialects/graft/graft_ops.h"

using namespace mlir;

namespace graft {

static bool isFloatTensor(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && isa<FloatType>(type.getElementType());
}

bool Backpropagation::activate(Operation* step) {
  // No gradient passes, so its result does not depend on what is active.
  if (isa<StopGradientOp>(step)) return false;
  // A region may use any value of the function.
  WalkResult result = step->walk([&](Operation* inner) {
    return llvm::any_of(inner->getOperands(),
                        [&](Value value) { return active.contains(value); })
               ? WalkResult::interrupt()
               : WalkResult::advance();
  });
  if (!result.wasInterrupted()) return false;
  for (Value value : step->getResults())
    if (isFloatTensor(value)) active.insert(value);
  return true;
}

void Backpropagation::accumulate(Value value, Value gradient,
                                 Location location) {
  Value& sum = gradients[value];
  sum = sum ? AddOp::create(builder, location, sum, gradient) : gradient;
}

bool Backpropagation::reaches(Operation* step) const {
  return llvm::any_of(step->getResults(),
                      [&](Value result) { return !!gradientOf(result); });
}

LogicalResult Backpropagation::differentiate(Operation* step) {
  if (!reaches(step)) return success();
  auto resultGradients = llvm::map_to_vector(
      step->getResults(), [&](Value result) { return gradientOf(result); });
  auto needed = llvm::map_to_vector(
      step->getOperands(), [&](Value value) { return active.contains(value); });
  SmallVector<Value> operandGradients;
  Block::iterator last = std::prev(builder.getInsertionPoint());
  auto differentiable = cast<DifferentiableOpInterface>(step);
  if (failed(differentiable.buildGradient(builder, resultGradients, needed,
                                          operandGradients)))
    return failure();
  if (Attribute precision = step->getAttr(kPrecisionAttr))
    for (Operation& made :
         llvm::make_range(std::next(last), builder.getInsertionPoint()))
      made.setAttr(kPrecisionAttr, precision);
  for (auto [operand, gradient, wanted] :
       llvm::zip(step->getOperands(), operandGradients, needed)) {
    if (!gradient || !wanted) continue;
    gradient = castTo(gradient, operand.getType(), step->getLoc());
    if (gradient.getType() != operand.getType())
      return step->emitOpError("expects a gradient of type ")
             << operand.getType() << ", got " << gradient.getType();
    accumulate(operand, gradient, step->getLoc());
  }
  return success();
}

// Casts the gradient to the element type of `type`: operands and results of an
// op may differ in precision. Any other difference is an error of the op.
Value Backpropagation::castTo(Value gradient, Type type, Location location) {
  auto have = dyn_cast<RankedTensorType>(gradient.getType());
  auto want = dyn_cast<RankedTensorType>(type);
  if (!have || !want || have == want ||
      withElements(have, want.getElementType()) != want)
    return gradient;
  return CastOp::create(builder, location, type, gradient);
}

}  // namespace graft

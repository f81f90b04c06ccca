// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/gradients.h"

#include "dialects/graft/backpropagation.h"
#include "llvm/ADT/Sequence.h"
#include "mlir/IR/DialectRegistry.h"

using namespace mlir;

namespace graft {

void registerGraftGradients(DialectRegistry& registry) {
  registry.addExtension(+[](MLIRContext* context, GraftDialect*) {
    attachMathGradients(context);
    attachShapeGradients(context);
    attachNnGradients(context);
    attachLossGradients(context);
    attachSecondGradients(context);
  });
}

Value GradientBuilder::gradient(unsigned index) {
  if (Value value = resultGradients[index]) return value;
  return constant(op->getResult(index).getType(), 0);
}

Value GradientBuilder::add(Value lhs, Value rhs) {
  return binary<AddOp>(lhs, rhs);
}

Value GradientBuilder::sub(Value lhs, Value rhs) {
  return binary<SubOp>(lhs, rhs);
}

Value GradientBuilder::mul(Value lhs, Value rhs) {
  return binary<MulOp>(lhs, rhs);
}

Value GradientBuilder::div(Value lhs, Value rhs) {
  return binary<DivOp>(lhs, rhs);
}

Value GradientBuilder::scale(Value value, double factor) {
  return create<ScaleOp>(value,
                         builder.getF32FloatAttr(static_cast<float>(factor)));
}

Value GradientBuilder::cast(Value value, Type type) {
  if (value.getType() == type) return value;
  return create<CastOp>(type, value);
}

Value GradientBuilder::widen(Value value) {
  auto type = llvm::cast<RankedTensorType>(value.getType());
  return cast(value, withElements(type, builder.getF32Type()));
}

Value GradientBuilder::constant(Type type, double value) {
  return create<ConstantOp>(type,
                            builder.getF32FloatAttr(static_cast<float>(value)));
}

Value GradientBuilder::sum(Value value, ArrayRef<int64_t> dimensions) {
  return create<ReduceOp>(value, ReduceKind::sum, dimensions);
}

Value GradientBuilder::broadcast(Value value, Type type,
                                 ArrayRef<int64_t> dimensions) {
  return create<BroadcastOp>(type, value, dimensions);
}

Value GradientBuilder::rowSums(Value value) {
  auto type = llvm::cast<RankedTensorType>(value.getType());
  return broadcast(sum(value, {type.getRank() - 1}), type,
                   {type.getRank() - 1});
}

LogicalResult GradientBuilder::differentiateAs(
    llvm::function_ref<SmallVector<Value>()> build) {
  Block::iterator last = std::prev(builder.getInsertionPoint());
  SmallVector<Value> results = build();
  Backpropagation backward(builder);
  for (auto [operand, wanted] : llvm::zip(op->getOperands(), needed))
    if (wanted) backward.activate(operand);
  SmallVector<Operation*> steps;
  for (Operation& made :
       llvm::make_range(std::next(last), builder.getInsertionPoint()))
    if (backward.activate(&made)) steps.push_back(&made);
  for (auto [result, gradient] : llvm::zip(results, resultGradients))
    if (gradient) backward.accumulate(result, gradient, op->getLoc());
  for (Operation* step : llvm::reverse(steps))
    if (failed(backward.differentiate(step))) return failure();
  // An operand that stands twice has one gradient, of both uses.
  llvm::DenseSet<Value> done;
  for (auto [i, operand] : llvm::enumerate(op->getOperands()))
    if (needed[i] && done.insert(operand).second)
      operandGradients[i] = backward.gradientOf(operand);
  return success();
}

LogicalResult GradientBuilder::fail(const Twine& what) {
  return op->emitOpError("has no ") << what;
}

}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/gradients.h"

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
  auto type = cast<RankedTensorType>(value.getType());
  return broadcast(sum(value, {type.getRank() - 1}), type,
                   {type.getRank() - 1});
}

LogicalResult GradientBuilder::fail(const Twine& what) {
  return op->emitOpError("has no ") << what;
}

}  // namespace graft

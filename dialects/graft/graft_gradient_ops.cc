// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/graft_ops.h"
#include "dialects/graft/sharding_rule.h"

using namespace mlir;

namespace graft {
namespace {

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

// Dimension `lhsDim` of `lhs` and `rhsDim` of `rhs`.
bool areEqual(Value lhs, unsigned lhsDim, Value rhs, unsigned rhsDim) {
  return getDim(typeOf(lhs), lhsDim).isCompatible(getDim(typeOf(rhs), rhsDim));
}

// What the gradients of attention demand, which the op's description numbers.
template <typename Op>
LogicalResult verifyHeads(Op op) {
  // C1.
  RankedTensorType query = op.getQuery().getType();
  if (query.isDynamicDim(1) ||
      query.getDimSize(1) % static_cast<int64_t>(op.getHeads()) != 0)
    return op.emitOpError("expects the width to be a multiple of 'heads', got ")
           << query << " and " << op.getHeads();
  // C2.
  Dim tokens = getNamedDim(op.getSegments().getType().getTokens());
  if (!getDim(query, 0).isCompatible(tokens))
    return op.emitOpError(
               "expects 'query' to have the segments' token dimension, got ")
           << query << " and " << op.getSegments().getType();
  // C3.
  if (op.getDropout().convertToFloat() > 0 && !op.getRandomId())
    return op.emitOpError("expects 'id' where 'dropout' is above zero");
  return success();
}

}  // namespace

LogicalResult EmbeddingGradientOp::inferReturnTypes(
    MLIRContext*, std::optional<Location>, Adaptor adaptor,
    SmallVectorImpl<Type>& types) {
  RankedTensorType gradient = typeOf(adaptor.getGradient());
  Dim rows{static_cast<int64_t>(adaptor.getRows()), nullptr};
  types.push_back(
      getTensorType({rows, getDim(gradient, 1)}, gradient.getElementType()));
  return success();
}

LogicalResult EmbeddingGradientOp::verify() {
  // C1.
  if (areEqual(getIds(), 0, getGradient(), 0)) return success();
  return emitOpError("expects 'ids' and 'gradient' to have as many rows, got ")
         << getIds().getType() << " and " << getGradient().getType();
}

LogicalResult LayerNormGradientOp::inferReturnTypes(
    MLIRContext*, std::optional<Location>, Adaptor adaptor,
    SmallVectorImpl<Type>& types) {
  types.assign({adaptor.getInput().getType(), adaptor.getScale().getType(),
                adaptor.getScale().getType()});
  return success();
}

LogicalResult LayerNormGradientOp::verify() {
  // C1.
  if (!areEqual(getInput(), 1, getScale(), 0))
    return emitOpError("expects 'scale' to have the row's width, got ")
           << getInput().getType() << " and " << getScale().getType();
  // C2.
  if (getEpsilon().convertToFloat() > 0) return success();
  return emitOpError("expects a positive 'epsilon', got ")
         << getEpsilon().convertToFloat();
}

LogicalResult AttentionGradientOp::inferReturnTypes(
    MLIRContext* context, std::optional<Location>, Adaptor adaptor,
    SmallVectorImpl<Type>& types) {
  types.assign(
      3, withElements(typeOf(adaptor.getQuery()), Float32Type::get(context)));
  return success();
}

LogicalResult AttentionGradientOp::verify() { return verifyHeads(*this); }

LogicalResult AttentionSecondGradientOp::inferReturnTypes(
    MLIRContext* context, std::optional<Location>, Adaptor adaptor,
    SmallVectorImpl<Type>& types) {
  types.assign(
      4, withElements(typeOf(adaptor.getQuery()), Float32Type::get(context)));
  return success();
}

LogicalResult AttentionSecondGradientOp::verify() { return verifyHeads(*this); }

LogicalResult SoftmaxGradientOp::verify() {
  // C1.
  if (getGradient().getType().getRank() > 0) return success();
  return emitOpError("expects 'gradient' of at least one dimension, got ")
         << getGradient().getType();
}

LogicalResult SegmentPoolGradientOp::inferReturnTypes(
    MLIRContext*, std::optional<Location>, Adaptor adaptor,
    SmallVectorImpl<Type>& types) {
  types.push_back(adaptor.getInput().getType());
  return success();
}

LogicalResult SegmentPoolGradientOp::verify() {
  // C1.
  SegmentsType segments = getSegments().getType();
  if (!getDim(getInput().getType(), 0)
           .isCompatible(getNamedDim(segments.getTokens())) ||
      !getDim(getGradient().getType(), 0)
           .isCompatible(getNamedDim(segments.getSequences())))
    return emitOpError(
               "expects 'input' to have the segments' tokens as rows and "
               "'gradient' its sequences, got ")
           << getInput().getType() << ", " << getGradient().getType() << " and "
           << segments;
  // C2.
  if (areEqual(getGradient(), 1, getInput(), 1)) return success();
  return emitOpError("expects 'gradient' and 'input' of one width, got ")
         << getGradient().getType() << " and " << getInput().getType();
}

LogicalResult CrossEntropyGradientOp::inferReturnTypes(
    MLIRContext*, std::optional<Location>, Adaptor adaptor,
    SmallVectorImpl<Type>& types) {
  types.push_back(adaptor.getLogits().getType());
  return success();
}

LogicalResult CrossEntropyGradientOp::verify() {
  // C1.
  if (areEqual(getLogits(), 0, getLabels(), 0) &&
      areEqual(getLogits(), 0, getGradient(), 0))
    return success();
  return emitOpError(
             "expects 'gradient', 'logits' and 'labels' to have as many rows, "
             "got ")
         << getGradient().getType() << ", " << getLogits().getType() << " and "
         << getLabels().getType();
}

}  // namespace graft

#define GET_OP_CLASSES
#include "dialects/graft/graft_gradient_ops.cc.inc"

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/graft_ops.h"
#include "dialects/graft/sharding_rule.h"

using namespace mlir;

namespace graft {
namespace {

// One map of scores: two operands whose names begin with `prefix`.
LogicalResult verifyMap(Operation* op, StringRef prefix, Value queryRows,
                        Value keyRows, SegmentsType segments, int64_t heads) {
  auto query = cast<RankedTensorType>(queryRows.getType());
  auto key = cast<RankedTensorType>(keyRows.getType());
  // C1. Element types may differ.
  if (!getDim(query, 0).isCompatible(getDim(key, 0)) ||
      !getDim(query, 1).isCompatible(getDim(key, 1)))
    return op->emitOpError("expects '")
           << prefix << "query' and '" << prefix
           << "key' to have one shape, got " << query << " and " << key;
  // C2.
  if (!getDim(query, 0).isCompatible(getNamedDim(segments.getTokens())))
    return op->emitOpError("expects '")
           << prefix << "query' to have the segments' token dimension, got "
           << query << " and " << segments;
  // C3.
  if (!query.isDynamicDim(1) && query.getDimSize(1) % heads != 0)
    return op->emitOpError("expects the width of '")
           << prefix << "query' to be a multiple of 'heads', got " << query
           << " and " << heads;
  return success();
}

// What both ops demand of their maps.
template <typename Op>
LogicalResult verifyMaps(Op op) {
  SegmentsType segments = op.getSegments().getType();
  auto heads = static_cast<int64_t>(op.getHeads());
  if (failed(verifyMap(op, "", op.getQuery(), op.getKey(), segments, heads)))
    return failure();
  return verifyMap(op, "target_", op.getTargetQuery(), op.getTargetKey(),
                   segments, heads);
}

// What the gradients demand of the gradient of the losses.
template <typename Op>
LogicalResult verifySequences(Op op) {
  // C2.
  SegmentsType segments = op.getSegments().getType();
  if (getDim(op.getGradient().getType(), 0)
          .isCompatible(getNamedDim(segments.getSequences())))
    return success();
  return op.emitOpError(
             "expects 'gradient' to have the segments' sequences, got ")
         << op.getGradient().getType() << " and " << segments;
}

}  // namespace

LogicalResult RelationDivergenceOp::inferReturnTypes(
    MLIRContext* context, std::optional<Location>, Adaptor adaptor,
    SmallVectorImpl<Type>& types) {
  auto segments = cast<SegmentsType>(adaptor.getSegments().getType());
  types.push_back(getTensorType({getNamedDim(segments.getSequences())},
                                Float32Type::get(context)));
  return success();
}

LogicalResult RelationDivergenceOp::verify() { return verifyMaps(*this); }

LogicalResult RelationDivergenceGradientOp::inferReturnTypes(
    MLIRContext* context, std::optional<Location>, Adaptor adaptor,
    SmallVectorImpl<Type>& types) {
  auto query = cast<RankedTensorType>(adaptor.getQuery().getType());
  types.assign(2, withElements(query, Float32Type::get(context)));
  return success();
}

LogicalResult RelationDivergenceGradientOp::verify() {
  if (failed(verifyMaps(*this))) return failure();
  return verifySequences(*this);
}

LogicalResult RelationDivergenceSecondGradientOp::inferReturnTypes(
    MLIRContext* context, std::optional<Location>, Adaptor adaptor,
    SmallVectorImpl<Type>& types) {
  Type element = Float32Type::get(context);
  auto query = cast<RankedTensorType>(adaptor.getQuery().getType());
  auto gradient = cast<RankedTensorType>(adaptor.getGradient().getType());
  types.assign(3, withElements(query, element));
  types[0] = withElements(gradient, element);
  return success();
}

LogicalResult RelationDivergenceSecondGradientOp::verify() {
  if (failed(verifyMaps(*this))) return failure();
  // C1. Element types may differ.
  RankedTensorType query = getQuery().getType();
  for (Value incoming : {getIncomingQuery(), getIncomingKey()}) {
    auto type = cast<RankedTensorType>(incoming.getType());
    if (!getDim(type, 0).isCompatible(getDim(query, 0)) ||
        !getDim(type, 1).isCompatible(getDim(query, 1)))
      return emitOpError("expects incoming gradients of the shape of 'query', ")
             << "got " << type << " and " << query;
  }
  return verifySequences(*this);
}

}  // namespace graft

#define GET_OP_CLASSES
#include "dialects/graft/graft_relation_ops.cc.inc"

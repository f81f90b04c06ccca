// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/graft_ops.h"
#include "dialects/graft/sharding_rule.h"

using namespace mlir;

namespace graft {
namespace {

// The `graft.segments` value's token and sequence dimensions.
Dim tokens(Value segments) {
  return getNamedDim(cast<SegmentsType>(segments.getType()).getTokens());
}
Dim sequences(Value segments) {
  return getNamedDim(cast<SegmentsType>(segments.getType()).getSequences());
}

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

// Rows of `rows` (any tensor, or a dimension) with `width` columns.
RankedTensorType matrix(Dim rows, Dim width, Type element) {
  return getTensorType({rows, width}, element);
}

// The labelled constraint that rows of `input` are the segments' tokens.
LogicalResult verifyTokenRows(Operation* op, Value input, Value segments,
                              StringRef name) {
  Dim rows = getDim(typeOf(input), 0);
  if (rows.isCompatible(tokens(segments))) return success();
  return op->emitOpError("expects '")
         << name << "' to have the segments' token dimension, got "
         << input.getType() << " and " << segments.getType();
}

}  // namespace

LogicalResult LinearOp::inferReturnTypes(MLIRContext*, std::optional<Location>,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type>& types) {
  RankedTensorType input = typeOf(adaptor.getInput());
  types.push_back(matrix(getDim(input, 0),
                         getDim(typeOf(adaptor.getWeight()), 0),
                         input.getElementType()));
  return success();
}

bool LinearOp::isCompatibleReturnTypes(TypeRange inferred, TypeRange actual) {
  return areSameOrF32(inferred, actual);
}

LogicalResult LinearOp::verify() {
  // C1.
  if (!getDim(getInput().getType(), 1)
           .isCompatible(getDim(getWeight().getType(), 1)))
    return emitOpError(
               "expects 'input' and 'weight' to share the input dimension, "
               "got ")
           << getInput().getType() << " and " << getWeight().getType();
  // C2.
  if (getBias() && !getDim(getBias().getType(), 0)
                        .isCompatible(getDim(getWeight().getType(), 0)))
    return emitOpError(
               "expects 'bias' to have one value an output feature, got ")
           << getBias().getType() << " and " << getWeight().getType();
  return success();
}

LogicalResult MatmulOp::inferReturnTypes(MLIRContext*, std::optional<Location>,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type>& types) {
  RankedTensorType lhs = typeOf(adaptor.getLhs());
  types.push_back(matrix(
      getDim(lhs, adaptor.getTransposeLhs() ? 1 : 0),
      getDim(typeOf(adaptor.getRhs()), adaptor.getTransposeRhs() ? 0 : 1),
      lhs.getElementType()));
  return success();
}

bool MatmulOp::isCompatibleReturnTypes(TypeRange inferred, TypeRange actual) {
  return areSameOrF32(inferred, actual);
}

LogicalResult MatmulOp::verify() {
  // C1.
  Dim lhs = getDim(getLhs().getType(), getTransposeLhs() ? 0 : 1);
  Dim rhs = getDim(getRhs().getType(), getTransposeRhs() ? 1 : 0);
  if (lhs.isCompatible(rhs)) return success();
  return emitOpError("expects equal contracted dimensions, got ")
         << getLhs().getType() << " and " << getRhs().getType();
}

LogicalResult EmbeddingOp::inferReturnTypes(MLIRContext*,
                                            std::optional<Location>,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type>& types) {
  RankedTensorType table = typeOf(adaptor.getTable());
  types.push_back(matrix(getDim(typeOf(adaptor.getIds()), 0), getDim(table, 1),
                         table.getElementType()));
  return success();
}

LogicalResult PositionsOp::inferReturnTypes(MLIRContext* context,
                                            std::optional<Location>,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type>& types) {
  types.push_back(getTensorType({tokens(adaptor.getSegments())},
                                IntegerType::get(context, 32)));
  return success();
}

LogicalResult LayerNormOp::inferReturnTypes(MLIRContext*,
                                            std::optional<Location>,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type>& types) {
  types.push_back(adaptor.getInput().getType());
  return success();
}

LogicalResult LayerNormOp::verify() {
  // C1.
  Dim width = getDim(getInput().getType(), 1);
  if (!width.isCompatible(getDim(getScale().getType(), 0)) ||
      !width.isCompatible(getDim(getShift().getType(), 0)))
    return emitOpError(
               "expects 'scale' and 'shift' to have the row's width, got ")
           << getInput().getType() << ", " << getScale().getType() << " and "
           << getShift().getType();
  // C2.
  if (!(getEpsilon().convertToFloat() > 0))
    return emitOpError("expects a positive 'epsilon', got ")
           << getEpsilon().convertToFloat();
  return success();
}

LogicalResult AttentionOp::inferReturnTypes(MLIRContext*,
                                            std::optional<Location>,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type>& types) {
  types.push_back(adaptor.getQuery().getType());
  return success();
}

bool AttentionOp::isCompatibleReturnTypes(TypeRange inferred,
                                          TypeRange actual) {
  return areSameOrF32(inferred, actual);
}

LogicalResult AttentionOp::verify() {
  // C1.
  RankedTensorType query = getQuery().getType();
  if (query.isDynamicDim(1) ||
      query.getDimSize(1) % static_cast<int64_t>(getHeads()) != 0)
    return emitOpError("expects the width to be a multiple of 'heads', got ")
           << query << " and " << getHeads();
  // C2.
  if (failed(verifyTokenRows(*this, getQuery(), getSegments(), "query")))
    return failure();
  // C3.
  if (getDropout().convertToFloat() > 0 && !getRandomId())
    return emitOpError("expects 'id' where 'dropout' is above zero");
  return success();
}

LogicalResult DropoutOp::inferReturnTypes(MLIRContext*, std::optional<Location>,
                                          Adaptor adaptor,
                                          SmallVectorImpl<Type>& types) {
  types.push_back(adaptor.getInput().getType());
  return success();
}

// Rows are the tokens or the sequences of the segments.
static LogicalResult verifyRows(Operation* op, Type type,
                                SegmentsType segments) {
  Dim rows = getDim(cast<RankedTensorType>(type), 0);
  if (rows.isCompatible(getNamedDim(segments.getTokens())) ||
      rows.isCompatible(getNamedDim(segments.getSequences())))
    return success();
  return op->emitOpError(
             "expects rows that are the segments' tokens or sequences, "
             "got ")
         << type << " and " << segments;
}

// C1.
LogicalResult DropoutOp::verify() {
  return verifyRows(*this, getInput().getType(), getSegments().getType());
}

// C1.
LogicalResult UniformOp::verify() {
  auto segments = dyn_cast<SegmentsType>(getSegments().getType());
  // Those of a text are known when it is linked.
  if (!segments) return success();
  return verifyRows(*this, getOutput().getType(), segments);
}

OpFoldResult DropoutOp::fold(FoldAdaptor) {
  if (getRate().isZero()) return getInput();
  return {};
}

LogicalResult SoftmaxOp::inferReturnTypes(MLIRContext*, std::optional<Location>,
                                          Adaptor adaptor,
                                          SmallVectorImpl<Type>& types) {
  types.push_back(adaptor.getInput().getType());
  return success();
}

LogicalResult SoftmaxOp::verify() {
  // C1.
  if (getInput().getType().getRank() > 0) return success();
  return emitOpError("expects 'input' of at least one dimension, got ")
         << getInput().getType();
}

LogicalResult SegmentPoolOp::inferReturnTypes(MLIRContext*,
                                              std::optional<Location>,
                                              Adaptor adaptor,
                                              SmallVectorImpl<Type>& types) {
  RankedTensorType input = typeOf(adaptor.getInput());
  types.push_back(matrix(sequences(adaptor.getSegments()), getDim(input, 1),
                         input.getElementType()));
  return success();
}

LogicalResult SegmentPoolOp::verify() {
  return verifyTokenRows(*this, getInput(), getSegments(), "input");  // C1.
}

}  // namespace graft

#define GET_OP_CLASSES
#include "dialects/graft/graft_nn_ops.cc.inc"

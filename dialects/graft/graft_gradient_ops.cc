// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/graft_ops.h"

using namespace mlir;

namespace graft {
namespace {

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
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

LogicalResult LayerNormGradientOp::inferReturnTypes(
    MLIRContext*, std::optional<Location>, Adaptor adaptor,
    SmallVectorImpl<Type>& types) {
  types.assign({adaptor.getInput().getType(), adaptor.getScale().getType(),
                adaptor.getScale().getType()});
  return success();
}

LogicalResult AttentionGradientOp::inferReturnTypes(
    MLIRContext*, std::optional<Location>, Adaptor adaptor,
    SmallVectorImpl<Type>& types) {
  types.assign(3, adaptor.getQuery().getType());
  return success();
}

LogicalResult SegmentPoolGradientOp::inferReturnTypes(
    MLIRContext*, std::optional<Location>, Adaptor adaptor,
    SmallVectorImpl<Type>& types) {
  types.push_back(adaptor.getInput().getType());
  return success();
}

LogicalResult CrossEntropyGradientOp::inferReturnTypes(
    MLIRContext*, std::optional<Location>, Adaptor adaptor,
    SmallVectorImpl<Type>& types) {
  types.push_back(adaptor.getLogits().getType());
  return success();
}

}  // namespace graft

#define GET_OP_CLASSES
#include "dialects/graft/graft_gradient_ops.cc.inc"

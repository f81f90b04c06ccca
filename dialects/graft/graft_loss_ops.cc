// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/graft_ops.h"
#include "dialects/graft/sharding_rule.h"

using namespace mlir;

namespace graft {
namespace {

// One value a row of `matrix`.
RankedTensorType rowsOf(Value matrix) {
  auto type = cast<RankedTensorType>(matrix.getType());
  return getTensorType({getDim(type, 0)}, type.getElementType());
}

}  // namespace

LogicalResult CrossEntropyOp::inferReturnTypes(MLIRContext*,
                                               std::optional<Location>,
                                               Adaptor adaptor,
                                               SmallVectorImpl<Type>& types) {
  types.push_back(rowsOf(adaptor.getLogits()));
  return success();
}

LogicalResult CrossEntropyOp::verify() {
  // C1.
  if (getDim(getLogits().getType(), 0)
          .isCompatible(getDim(getLabels().getType(), 0)))
    return success();
  return emitOpError("expects 'logits' and 'labels' to have as many rows, got ")
         << getLogits().getType() << " and " << getLabels().getType();
}

LogicalResult MseOp::inferReturnTypes(MLIRContext*, std::optional<Location>,
                                      Adaptor adaptor,
                                      SmallVectorImpl<Type>& types) {
  types.push_back(rowsOf(adaptor.getPrediction()));
  return success();
}

LogicalResult BinaryCrossEntropyOp::inferReturnTypes(
    MLIRContext*, std::optional<Location>, Adaptor adaptor,
    SmallVectorImpl<Type>& types) {
  types.push_back(rowsOf(adaptor.getLogits()));
  return success();
}

LogicalResult KlDivergenceOp::inferReturnTypes(MLIRContext*,
                                               std::optional<Location>,
                                               Adaptor adaptor,
                                               SmallVectorImpl<Type>& types) {
  types.push_back(rowsOf(adaptor.getLogits()));
  return success();
}

LogicalResult KlDivergenceOp::verify() {
  // C1.
  if (getTemperature().convertToFloat() > 0) return success();
  return emitOpError("expects a positive 'temperature', got ")
         << getTemperature().convertToFloat();
}

}  // namespace graft

#define GET_OP_CLASSES
#include "dialects/graft/graft_loss_ops.cc.inc"

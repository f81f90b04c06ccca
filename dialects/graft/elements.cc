// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/elements.h"

#include "dialects/graft/graft_ops.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;

namespace graft {

static DenseI64ArrayAttr allDimensions(Builder& builder,
                                       RankedTensorType type) {
  return builder.getDenseI64ArrayAttr(
      llvm::to_vector(llvm::seq<int64_t>(type.getRank())));
}

Value sumElements(OpBuilder& builder, Location location, Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getRank() == 0) return value;
  return ReduceOp::create(
      builder, location, RankedTensorType::get({}, type.getElementType()),
      value, ReduceKindAttr::get(builder.getContext(), ReduceKind::sum),
      allDimensions(builder, type));
}

Value spreadScalar(OpBuilder& builder, Location location, Value scalar,
                   RankedTensorType type) {
  if (type.getRank() == 0) return scalar;
  return BroadcastOp::create(builder, location, type, scalar,
                             allDimensions(builder, type));
}

}  // namespace graft

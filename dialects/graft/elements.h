// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Ops on all elements of a tensor, whatever its rank.

#ifndef GRAFT_DIALECTS_GRAFT_ELEMENTS_H_
#define GRAFT_DIALECTS_GRAFT_ELEMENTS_H_

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace graft {

// Creates the sum of all elements of `value`, a scalar, which `value` may be.
mlir::Value sumElements(mlir::OpBuilder& builder, mlir::Location location,
                        mlir::Value value);

// Creates a tensor of `type` each element of which is `scalar`.
mlir::Value spreadScalar(mlir::OpBuilder& builder, mlir::Location location,
                         mlir::Value scalar, mlir::RankedTensorType type);

}  // namespace graft

#endif  // GRAFT_DIALECTS_GRAFT_ELEMENTS_H_

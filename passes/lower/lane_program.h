// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Elementwise ops over one shape as code of a kernel: each operand is loaded
// once, the ops are computed in registers, each result is stored once. One op
// by itself and the body of a graft.region are emitted by the same code
// (populateLaneEmitters).

#ifndef GRAFT_PASSES_LOWER_LANE_PROGRAM_H_
#define GRAFT_PASSES_LOWER_LANE_PROGRAM_H_

#include <functional>

#include "dialects/graft/graft_ops.h"
#include "passes/lower/vector_builder.h"

namespace graft {

// The registers of an op's operands at one place -> the register of its
// result.
using LaneFunction = std::function<mlir::Value(VectorBuilder&, mlir::Operation*,
                                               llvm::ArrayRef<mlir::Value>)>;

// Lane functions by op name, e.g. "graft.gelu".
using LaneFunctions = llvm::StringMap<LaneFunction>;
const LaneFunctions& getLaneFunctions();

// Whether the op computes each element of its one result from the elements of
// its operands at the same place, and can stand in a program.
bool isLaneOp(mlir::Operation* op);

// Whether all tensors of `values` have this shape, with these names of sizes.
bool hasShape(mlir::ValueRange values, mlir::RankedTensorType shape);

// The elementwise ops that have no state (populated into getLaneFunctions).
void populateElementwiseFunctions(LaneFunctions& functions);

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_LANE_PROGRAM_H_

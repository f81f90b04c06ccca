// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Which ops one kernel may compute together, as facts of the ops that hold for
// every target. The fuse stage groups ops by them, and each target emits what
// they allow; see also FusionOpInterface.

#ifndef GRAFT_DIALECTS_GRAFT_FUSION_H_
#define GRAFT_DIALECTS_GRAFT_FUSION_H_

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"

namespace graft {

// Returns whether all tensors of `values` have this shape, with these names of
// sizes. Values of other types, such as segments, do not count.
bool hasShape(mlir::ValueRange values, mlir::RankedTensorType shape);

// Returns whether the op computes each element of its one result from the
// elements at the same position of its operands, and can do so inside of
// another kernel: a pure op that is elementwise by its sharding rule, either
// of this dialect or with an ElementFunction (element_function.h). Operands
// that are no tensors, such as segments, are read by the row.
bool isElementwise(mlir::Operation* op);

// What the only user of a result adds to it: the kernel of the op may start its
// sum from this value instead of zero, and then replaces the addition.
struct Addend {
  mlir::Operation* sum = nullptr;  // the graft.add, null if there is none
  mlir::Value value;

  explicit operator bool() const { return sum != nullptr; }
};

// Returns the addend of the one result of `op`; none unless its
// FusionOpInterface takes one. The value is available at `op`, or a
// `graft.read` of the same block that can move before `op`.
Addend matchAddend(mlir::Operation* op);

}  // namespace graft

#endif  // GRAFT_DIALECTS_GRAFT_FUSION_H_

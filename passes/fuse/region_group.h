// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// A set of ops of one block on its way to become a graft.region.

#ifndef GRAFT_PASSES_FUSE_REGION_GROUP_H_
#define GRAFT_PASSES_FUSE_REGION_GROUP_H_

#include "dialects/graft/graft_ops.h"
#include "llvm/ADT/SetVector.h"

namespace graft {

// Returns whether the op, or each op of a region, is elementwise over tensors
// of this shape. An addition from which another op starts its sum does not
// count.
bool isElementwiseOver(mlir::Operation* op, mlir::RankedTensorType shape);

class RegionGroup {
 public:
  explicit RegionGroup(mlir::Operation* op) { ops.insert(op); }

  // Adds `op`, of the same block, if the group can still become a region.
  bool tryAdd(mlir::Operation* op);
  bool contains(mlir::Operation* op) const { return ops.contains(op); }
  llvm::ArrayRef<mlir::Operation*> getOps() const { return ops.getArrayRef(); }

  // Replaces the ops, and regions by their ops, by a region. The group is empty
  // afterwards.
  RegionOp create();

 private:
  // The op before which the region can stand: all operands are defined before
  // it and it is the first op that uses a result, or the one behind the last
  // op of the group. Null if there is none.
  mlir::Operation* findPlace() const;

  llvm::SetVector<mlir::Operation*> ops;
};

}  // namespace graft

#endif  // GRAFT_PASSES_FUSE_REGION_GROUP_H_

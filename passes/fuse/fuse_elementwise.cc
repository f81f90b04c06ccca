// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/phases.h"
#include "passes/fuse/passes.h"
#include "passes/fuse/region_group.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_FUSEELEMENTWISEPASS
#include "passes/fuse/passes.h.inc"

namespace {

bool canJoin(Operation* op, RankedTensorType shape) {
  return !isa<RegionOp>(op) && isElementwiseOver(op, shape);
}

// Adds ops that produce what the group uses and that use what it produces, as
// long as there are any.
void grow(RegionGroup& group, RankedTensorType shape) {
  Block* block = group.getOps().front()->getBlock();
  for (bool changed = true; changed;) {
    changed = false;
    llvm::SetVector<Operation*> neighbours;
    for (Operation* op : group.getOps()) {
      for (Value operand : op->getOperands())
        if (Operation* source = operand.getDefiningOp())
          neighbours.insert(source);
      neighbours.insert_range(op->getUsers());
    }
    for (Operation* op : neighbours)
      if (op->getBlock() == block && !group.contains(op) && canJoin(op, shape))
        changed |= group.tryAdd(op);
  }
}

struct FuseElementwisePass
    : public impl::FuseElementwisePassBase<FuseElementwisePass> {
  void runOnOperation() override {
    for (func::FuncOp phase : getPhases(getOperation()))
      fuse(phase.getBody().front());
  }

  static void fuse(Block& block) {
    // The region may stand before or behind the op, so the walk goes on at
    // what followed it and is not a part.
    for (Operation* op = &block.front(); op;) {
      Operation* next = op->getNextNode();
      auto shape = op->getNumResults() == 1
                       ? dyn_cast<RankedTensorType>(op->getResult(0).getType())
                       : RankedTensorType();
      if (shape && canJoin(op, shape)) {
        RegionGroup group(op);
        grow(group, shape);
        while (next && group.contains(next)) next = next->getNextNode();
        if (group.getOps().size() > 1) group.create();
      }
      op = next;
    }
  }
};

}  // namespace
}  // namespace graft

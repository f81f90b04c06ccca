// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/graft_ops.h"
#include "llvm/ADT/SetVector.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "passes/fuse/passes.h"
#include "passes/lower/kernel_emitter.h"
#include "passes/lower/lane_program.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_FUSEELEMENTWISEPASS
#include "passes/fuse/passes.h.inc"

namespace {

// Ops without operands that give the same value anywhere in a phase.
bool canMoveUp(Operation* op) { return isa<ReadOp, ConstantOp>(op); }

bool isBefore(Operation* a, Operation* b) { return a->isBeforeInBlock(b); }

// A set of ops of one block on its way to become a graft.region.
class RegionGroup {
 public:
  explicit RegionGroup(Operation* op) { ops.insert(op); }

  // Adds `op`, of the same block, if the group can still become a region.
  bool tryAdd(Operation* op);
  bool contains(Operation* op) const { return ops.contains(op); }
  ArrayRef<Operation*> getOps() const { return ops.getArrayRef(); }

  // Replaces the ops by a region. The group is empty afterwards.
  RegionOp create();

 private:
  // The op before which the region can stand: all operands are defined before
  // it and it is the first op that uses a result, or the one behind the last
  // op of the group. Null if there is none.
  Operation* findPlace() const;

  llvm::SetVector<Operation*> ops;
};

bool RegionGroup::tryAdd(Operation* op) {
  if (isa<DropoutOp>(op) &&
      llvm::any_of(ops, [](Operation* other) { return isa<DropoutOp>(other); }))
    return false;
  if (!ops.insert(op)) return false;
  if (findPlace()) return true;
  ops.remove(op);
  return false;
}

Operation* RegionGroup::findPlace() const {
  Operation* first = *llvm::min_element(ops, isBefore);
  Operation* last = *llvm::max_element(ops, isBefore);
  for (Operation* op = first; op != last; op = op->getNextNode())
    if (!isMemoryEffectFree(op)) return nullptr;
  Operation* place = last->getNextNode();
  Block* block = first->getBlock();
  for (Operation* op : ops)
    for (Operation* user : op->getUsers()) {
      Operation* outside = block->findAncestorOpInBlock(*user);
      if (!ops.contains(outside) && isBefore(outside, place)) place = outside;
    }
  for (Operation* op : ops)
    for (Value operand : op->getOperands()) {
      Operation* source = operand.getDefiningOp();
      if (source && !ops.contains(source) && !canMoveUp(source) &&
          !isBefore(source, place))
        return nullptr;
    }
  return place;
}

RegionOp RegionGroup::create() {
  Operation* place = findPlace();
  SmallVector<Operation*> sorted = ops.takeVector();
  llvm::sort(sorted, isBefore);
  llvm::SmallPtrSet<Operation*, 8> members(sorted.begin(), sorted.end());
  llvm::SetVector<Value> inputs;
  SmallVector<Value> outputs;
  SmallVector<Location> locations;
  auto isOutside = [&](Operation* user) { return !members.contains(user); };
  for (Operation* op : sorted) {
    locations.push_back(op->getLoc());
    for (Value operand : op->getOperands()) {
      Operation* source = operand.getDefiningOp();
      if (source && members.contains(source)) continue;
      inputs.insert(operand);
      if (source && !isBefore(source, place)) source->moveBefore(place);
    }
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(), isOutside)) outputs.push_back(result);
  }

  OpBuilder builder(place);
  auto region =
      RegionOp::create(builder, builder.getFusedLoc(locations),
                       TypeRange(ValueRange(outputs)), inputs.getArrayRef());
  Block& body = region.getBody().emplaceBlock();
  IRMapping mapping;
  for (Value input : inputs)
    mapping.map(input, body.addArgument(input.getType(), input.getLoc()));
  builder.setInsertionPointToEnd(&body);
  for (Operation* op : sorted) builder.clone(*op, mapping);
  SmallVector<Value> yielded;
  for (Value output : outputs) yielded.push_back(mapping.lookup(output));
  YieldOp::create(builder, region.getLoc(), yielded);
  for (auto [output, result] : llvm::zip_equal(outputs, region.getOutputs()))
    output.replaceUsesWithIf(result, [&](OpOperand& use) {
      return !members.contains(use.getOwner());
    });
  for (Operation* op : llvm::reverse(sorted)) op->erase();
  return region;
}

// Whether a kernel takes the addition over as the start of its own sum.
bool isTakenOver(Operation* op) {
  if (!isa<AddOp>(op)) return false;
  return llvm::any_of(op->getOperands(), [&](Value operand) {
    Operation* source = operand.getDefiningOp();
    return source && takesAddend(source) && matchAddend(source).sum == op;
  });
}

bool canJoin(Operation* op, RankedTensorType shape) {
  return isLaneOp(op) && hasShape(op->getResults(), shape) &&
         hasShape(op->getOperands(), shape) && !isTakenOver(op);
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
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (!function->hasAttr("graft.phase") || function.isDeclaration())
        continue;
      fuse(function.getBody().front());
    }
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

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/fuse/region_group.h"

#include "dialects/graft/fusion.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace graft {
namespace {

// Ops without operands that give the same value anywhere in a phase.
bool canMoveUp(Operation* op) { return isa<ReadOp, ConstantOp>(op); }

bool isBefore(Operation* a, Operation* b) { return a->isBeforeInBlock(b); }

// Whether the op, or one of its body, is a dropout.
bool hasDropout(Operation* op) {
  return op->walk([](DropoutOp) { return WalkResult::interrupt(); })
      .wasInterrupted();
}

// Clones the op, or the ops of its body if it is a region.
void cloneFlat(OpBuilder& builder, Operation* op, IRMapping& mapping) {
  auto region = dyn_cast<RegionOp>(op);
  if (!region) {
    builder.clone(*op, mapping);
    return;
  }
  Block& body = region.getBody().front();
  for (auto [argument, input] :
       llvm::zip_equal(body.getArguments(), region.getInputs()))
    mapping.map(argument, mapping.lookup(input));
  for (Operation& inner : body.without_terminator())
    builder.clone(inner, mapping);
  for (auto [result, yielded] : llvm::zip_equal(
           region.getOutputs(), body.getTerminator()->getOperands()))
    mapping.map(result, mapping.lookup(yielded));
}

// Whether a kernel takes the addition over as the start of its own sum.
bool isTakenOver(Operation* op) {
  if (!isa<AddOp>(op)) return false;
  return llvm::any_of(op->getOperands(), [&](Value operand) {
    Operation* source = operand.getDefiningOp();
    return source && matchAddend(source).sum == op;
  });
}

}  // namespace

bool isElementwiseOver(Operation* op, RankedTensorType shape) {
  if (!hasShape(op->getOperands(), shape) || !hasShape(op->getResults(), shape))
    return false;
  auto region = dyn_cast<RegionOp>(op);
  if (!region) return isElementwise(op) && !isTakenOver(op);
  return llvm::all_of(region.getBody().front().without_terminator(),
                      [](Operation& inner) { return isElementwise(&inner); });
}

bool RegionGroup::tryAdd(Operation* op) {
  if (hasDropout(op) && llvm::any_of(ops, hasDropout)) return false;
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
  for (Operation* op : sorted) cloneFlat(builder, op, mapping);
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

}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <map>

#include "dialects/graft/graft_ops.h"
#include "passes/plan/memory_plan.h"

using namespace mlir;

namespace graft {
namespace {

using exec::BufferAttr;
using exec::LaunchOp;

// The content of a buffer: a value of the function, a part of a segments value,
// or the initial value of a slot.
struct Content {
  const void* value = nullptr;
  int64_t part = 0;
  bool operator==(const Content&) const = default;
};

Content contentOf(Value value, int64_t part = 0) {
  if (auto read = value.getDefiningOp<ReadOp>())
    return {read.getSymbol().getAsOpaquePointer(), 0};
  return {value.getAsOpaquePointer(), part};
}

bool overlap(BufferAttr a, BufferAttr b) {
  if (a.getPlace() != b.getPlace()) return false;
  if (a.getPlace() != exec::Place::kArena) return a == b;
  return a.getOffset() < b.getOffset() + b.getBytes() &&
         b.getOffset() < a.getOffset() + a.getBytes();
}

class Checker {
 public:
  Checker(func::FuncOp function, const MemoryPlan& plan)
      : function(function), plan(plan) {}

  LogicalResult check();

 private:
  LogicalResult checkLaunch(const PlanStep& step);
  LogicalResult checkMove(const PlanStep& step);
  LogicalResult checkEnd();
  LogicalResult read(BufferAttr buffer, Content expected);
  void write(BufferAttr buffer, Content content);

  func::FuncOp function;
  const MemoryPlan& plan;
  LaunchOp current;
  // Contents of the arena by offset, and of all other buffers.
  std::map<int64_t, std::pair<BufferAttr, Content>> arena;
  llvm::DenseMap<Attribute, Content> others;
};

LogicalResult Checker::read(BufferAttr buffer, Content expected) {
  Content found;
  if (buffer.getPlace() == exec::Place::kArena) {
    auto entry = arena.find(buffer.getOffset());
    if (entry != arena.end() && entry->second.first == buffer)
      found = entry->second.second;
  } else if (auto entry = others.find(buffer); entry != others.end()) {
    found = entry->second;
  } else if (buffer.getPlace() == exec::Place::kSlot) {
    found = {buffer.getSlot().getAsOpaquePointer(), 0};
  } else if (buffer.getPlace() == exec::Place::kInput) {
    found =
        contentOf(function.getArgument(buffer.getIndex()), buffer.getPart());
  }
  if (found == expected) return success();
  Operation* place = current ? current.getOperation() : function;
  return place->emitError("memory plan is wrong: expects another value in ")
         << buffer;
}

void Checker::write(BufferAttr buffer, Content content) {
  if (buffer.getPlace() != exec::Place::kArena) {
    others[buffer] = content;
    return;
  }
  for (auto it = arena.begin(); it != arena.end();)
    it = overlap(it->second.first, buffer) ? arena.erase(it) : std::next(it);
  arena[buffer.getOffset()] = {buffer, content};
}

LogicalResult Checker::checkLaunch(const PlanStep& step) {
  LaunchOp launch = step.launch;
  SmallVector<unsigned> operandOf;
  for (auto [index, operand] : llvm::enumerate(launch.getInputs())) {
    int64_t parts = isa<SegmentsType>(operand.getType()) ? 3 : 1;
    for (int64_t part = 0; part < parts; ++part) {
      if (operandOf.size() == step.reads.size() ||
          failed(read(step.reads[operandOf.size()], contentOf(operand, part))))
        return failure();
      operandOf.push_back(index);
    }
  }
  auto tied = [&](unsigned result, unsigned operand) {
    ArrayRef<int64_t> ties = launch.getTies();
    for (size_t i = 0; i + 1 < ties.size(); i += 2)
      if (ties[i] == result && ties[i + 1] == operand) return true;
    return false;
  };
  for (auto [result, target] : llvm::enumerate(step.writes)) {
    for (auto [index, source] : llvm::enumerate(step.reads))
      if (overlap(source, target) &&
          (source != target || !tied(result, operandOf[index])))
        return launch.emitError("memory plan is wrong: result ")
               << result << " overwrites operand " << operandOf[index];
    for (BufferAttr other : ArrayRef(step.writes).take_front(result))
      if (overlap(other, target))
        return launch.emitError("memory plan is wrong: results overlap in ")
               << target;
  }
  for (auto [output, target] :
       llvm::zip_equal(launch.getOutputs(), step.writes))
    write(target, contentOf(output));
  return success();
}

LogicalResult Checker::checkMove(const PlanStep& step) {
  for (BufferAttr source : step.reads) {
    if (failed(read(source, contentOf(step.value)))) return failure();
    if (overlap(source, step.writes[0]))
      return function.emitError("memory plan is wrong: copy onto itself at ")
             << source;
  }
  write(step.writes[0], contentOf(step.value));
  return success();
}

LogicalResult Checker::checkEnd() {
  Operation* terminator = function.getBody().front().getTerminator();
  for (OpOperand& use : terminator->getOpOperands())
    if (failed(read(BufferAttr::getOutput(function.getContext(),
                                          use.getOperandNumber()),
                    contentOf(use.get()))))
      return failure();
  llvm::DenseSet<Attribute> written;
  for (WriteOp op : function.getOps<WriteOp>()) {
    BufferAttr slot = BufferAttr::getSlot(op.getSymbol());
    written.insert(slot);
    if (failed(read(slot, contentOf(op.getValue())))) return failure();
  }
  for (auto& [buffer, content] : others)
    if (cast<BufferAttr>(buffer).getPlace() == exec::Place::kSlot &&
        !written.contains(buffer))
      return function.emitError("memory plan is wrong: writes ") << buffer;
  return success();
}

LogicalResult Checker::check() {
  size_t launches = 0;
  for (bool again : {false, true}) {
    auto steps = ArrayRef(plan.steps).drop_front(again ? plan.prologue : 0);
    if (again && plan.prologue == 0) break;
    for (const PlanStep& step : steps) {
      current = step.launch;
      if (!again) launches += current != nullptr;
      if (failed(current ? checkLaunch(step) : checkMove(step)))
        return failure();
    }
    current = nullptr;
  }
  auto expected = function.getOps<LaunchOp>();
  if (launches !=
      static_cast<size_t>(std::distance(expected.begin(), expected.end())))
    return function.emitError("memory plan is wrong: a launch is missing");
  return checkEnd();
}

}  // namespace

LogicalResult checkMemoryPlan(func::FuncOp function, const MemoryPlan& plan) {
  return Checker(function, plan).check();
}

}  // namespace graft

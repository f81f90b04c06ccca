// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/plan/memory_plan.h"

#include <algorithm>
#include <map>

#include "dialects/graft/graft_ops.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/MathExtras.h"
#include "runtime/schema/kernel_abi.h"

using namespace mlir;

namespace graft {
namespace {

using exec::BufferAttr;
using exec::LaunchOp;

int64_t elementBytes(Type element) {
  return llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
}

// Returns the four bytes that a fill repeats.
int32_t fillPattern(ConstantOp op) {
  llvm::APFloat value = op.getValue();
  auto element = cast<FloatType>(op.getType().getElementType());
  bool inexact;
  value.convert(element.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven,
                &inexact);
  uint64_t bits = value.bitcastToAPInt().getZExtValue();
  if (element.getWidth() == 16) bits |= bits << 16;
  return static_cast<int32_t>(bits);
}

// Returns the grid of a copy or fill of `type`; its work items are bytes. A
// tensor with several named sizes is moved at capacity, because a grid has one
// size.
exec::GridAttr bytesGrid(RankedTensorType type, const SizeBounds& bounds) {
  MLIRContext* context = type.getContext();
  StringAttr size;
  int64_t bytes = elementBytes(type.getElementType());
  for (const Dim& dim : getDims(type)) {
    if (dim.isStatic()) {
      bytes *= dim.size;
    } else if (!size) {
      size = dim.name;
    } else {
      return exec::GridAttr::get(context, {}, 1, *getBoundBytes(type, bounds));
    }
  }
  return exec::GridAttr::get(context, size, 1, bytes);
}

// Lifetime and buffer of a value.
struct ValueInfo {
  int64_t define = 0;  // position of the launch
  int64_t last = -2;   // position of the last reader
  int block = -1;      // index of its arena block, or
  BufferAttr buffer;   // a fixed buffer
};

// Positions: launch i is at i, saves at the start are at -1, copies at the end
// are at the number of launches.
class Planner {
 public:
  Planner(func::FuncOp function, const SizeBounds& bounds)
      : function(function), bounds(bounds), context(function.getContext()) {}

  FailureOr<MemoryPlan> plan();

 private:
  LogicalResult collect();
  void findPrologue();
  LogicalResult checkType(Value value);
  void findDestinations();
  bool mayWriteSlot(LaunchOp launch, unsigned result, SymbolRefAttr slot);
  bool isTied(LaunchOp launch, unsigned result, unsigned operand);
  void assignBlocks();
  Value findTie(LaunchOp launch, unsigned result);
  int addBlock(Value value);
  void extend(Value value, int64_t position);
  int64_t position(LaunchOp launch) { return positions.lookup(launch); }
  SymbolRefAttr readSlot(Value value);
  BufferAttr place(Value value);
  void appendOperand(Value operand, std::vector<BufferAttr>& reads);
  void appendMove(Value value, BufferAttr from, BufferAttr to);
  void appendFill(ConstantOp constant, BufferAttr to);
  void finishMove(Value value, BufferAttr to);
  void emitSteps();

  func::FuncOp function;
  const SizeBounds& bounds;
  MLIRContext* context;
  int64_t end = 0;  // number of launches

  SmallVector<LaunchOp> launches;
  llvm::DenseMap<Operation*, int64_t> positions;
  llvm::MapVector<SymbolRefAttr, Value> writes;
  llvm::DenseMap<SymbolRefAttr, SmallVector<Value>> reads;
  llvm::DenseMap<Value, ValueInfo> infos;
  // Values moved at the end: to slots and outputs that no launch writes.
  std::vector<std::pair<Value, BufferAttr>> moves;
  // Old values of slots that are saved at the start, and their copies.
  std::vector<std::pair<Value, BufferAttr>> outputsAtStart;
  llvm::MapVector<SymbolRefAttr, std::pair<Value, int>> saved;
  std::vector<ArenaBlock> blocks;
  MemoryPlan result;
};

LogicalResult Planner::checkType(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || getBoundBytes(type, bounds)) return success();
  return emitError(value.getLoc())
         << "expects named dimensions that graft.size declares, got " << type;
}

// Checks C1 to C4; collects launches, reads, writes and lifetimes.
LogicalResult Planner::collect() {
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitError("expects one block in a phase");
  for (Value argument : function.getArguments())
    if (failed(checkType(argument))) return failure();
  for (Operation& op : function.getBody().front()) {
    for (Value value : op.getResults())
      if (failed(checkType(value))) return failure();
    if (auto launch = dyn_cast<LaunchOp>(op)) {
      positions[launch] = launches.size();
      launches.push_back(launch);
    } else if (auto read = dyn_cast<ReadOp>(op)) {
      reads[read.getSymbol()].push_back(read.getValue());
    } else if (auto write = dyn_cast<WriteOp>(op)) {
      if (!writes.insert({write.getSymbol(), write.getValue()}).second)
        return write.emitError("expects one write of ")
               << write.getSymbol() << " in a phase, got a second";
    } else if (!isa<ConstantOp, func::ReturnOp>(op)) {
      return op.emitError(
          "expects launches, reads, writes and constants in a phase");
    }
  }
  end = launches.size();
  findPrologue();
  for (LaunchOp launch : launches) {
    for (Value operand : launch.getInputs()) extend(operand, position(launch));
    for (Value output : launch.getOutputs())
      infos[output].define = position(launch);
  }
  Operation* terminator = function.getBody().front().getTerminator();
  for (Value value : terminator->getOperands())
    if (!isa<RankedTensorType>(value.getType()))
      return terminator->emitError("expects tensors as results, got ")
             << value.getType();
  return success();
}

// Moves launches that depend on parameters only, such as those that pack
// weights, to the front. Not in a phase that writes slots: it alternates with
// other phases, which overwrite the arena.
void Planner::findPrologue() {
  if (!writes.empty()) return;
  llvm::DenseSet<Operation*> found;
  for (LaunchOp launch : launches) {
    bool alone = launch.getRandom() == 0 && !launch.getGrid().getSize() &&
                 !launch.getInputs().empty();
    for (Value operand : launch.getInputs()) {
      Operation* source = operand.getDefiningOp();
      alone =
          alone && source && (isa<ReadOp>(source) || found.contains(source));
    }
    for (Operation* user : launch->getUsers())
      alone = alone && !isa<func::ReturnOp>(user);
    if (alone) found.insert(launch);
  }
  SmallVector<LaunchOp> sorted;
  for (bool first : {true, false})
    for (LaunchOp launch : launches)
      if (found.contains(launch) == first) sorted.push_back(launch);
  launches = std::move(sorted);
  for (auto [index, launch] : llvm::enumerate(launches))
    positions[launch] = static_cast<int64_t>(index);
  result.prologue = static_cast<int64_t>(found.size());
}

void Planner::extend(Value value, int64_t position) {
  // A constant that is needed at the end is filled again there.
  if (position == end && value.getDefiningOp<ConstantOp>()) return;
  ValueInfo& info = infos[value];
  info.last = std::max(info.last, position);
}

SymbolRefAttr Planner::readSlot(Value value) {
  auto read = value.getDefiningOp<ReadOp>();
  return read ? read.getSymbol() : SymbolRefAttr();
}

bool Planner::isTied(LaunchOp launch, unsigned result, unsigned operand) {
  ArrayRef<int64_t> ties = launch.getTies();
  for (size_t i = 0; i + 1 < ties.size(); i += 2)
    if (ties[i] == result && ties[i + 1] == operand) return true;
  return false;
}

// Returns whether the launch may overwrite the slot: each reader of the old
// value runs earlier, or is the launch itself with the operand tied to the
// result.
bool Planner::mayWriteSlot(LaunchOp launch, unsigned result,
                           SymbolRefAttr slot) {
  for (Value old : reads.lookup(slot)) {
    for (OpOperand& use : old.getUses()) {
      auto reader = dyn_cast<LaunchOp>(use.getOwner());
      if (!reader) continue;  // Saved at the start.
      if (position(reader) < position(launch)) continue;
      if (reader != launch || !isTied(launch, result, use.getOperandNumber()))
        return false;
    }
  }
  return true;
}

// Decides which results are written directly to slots and outputs, and which
// values are moved at the start and at the end.
void Planner::findDestinations() {
  // Whether `value` is the old value of a slot that the phase overwrites.
  auto isOverwritten = [&](Value value) {
    SymbolRefAttr slot = readSlot(value);
    return slot && writes.count(slot) && readSlot(writes[slot]) != slot;
  };
  for (auto& [slot, value] : writes) {
    if (readSlot(value) == slot) continue;
    BufferAttr target = BufferAttr::getSlot(slot);
    auto launch = value.getDefiningOp<LaunchOp>();
    if (launch && !infos[value].buffer &&
        mayWriteSlot(launch, cast<OpResult>(value).getResultNumber(), slot)) {
      infos[value].buffer = target;
      continue;
    }
    if (isOverwritten(value)) {
      if (!saved.count(readSlot(value)))
        saved.insert({readSlot(value), {value, -1}});
    } else {
      extend(value, end);
    }
    moves.emplace_back(value, target);
  }
  Operation* terminator = function.getBody().front().getTerminator();
  for (OpOperand& use : terminator->getOpOperands()) {
    Value value = use.get();
    BufferAttr target = BufferAttr::getOutput(context, use.getOperandNumber());
    if (value.getDefiningOp<LaunchOp>() && !infos[value].buffer) {
      infos[value].buffer = target;
    } else if (isOverwritten(value)) {
      outputsAtStart.emplace_back(value, target);
    } else {
      extend(value, end);
      moves.emplace_back(value, target);
    }
  }
}

int Planner::addBlock(Value value) {
  ArenaBlock block;
  block.bytes = *getBoundBytes(cast<RankedTensorType>(value.getType()), bounds);
  blocks.push_back(block);
  return blocks.size() - 1;
}

// Returns the operand whose block `result` takes, or null. The operand is in
// the arena, has no later reader, and all of its uses in the launch are tied to
// the result.
Value Planner::findTie(LaunchOp launch, unsigned result) {
  ArrayRef<int64_t> ties = launch.getTies();
  for (size_t i = 0; i + 1 < ties.size(); i += 2) {
    if (ties[i] != result) continue;
    Value operand = launch.getInputs()[ties[i + 1]];
    const ValueInfo& info = infos[operand];
    if (info.block < 0 || info.last != position(launch)) continue;
    bool legal = true;
    for (auto [index, other] : llvm::enumerate(launch.getInputs()))
      if (other == operand && !isTied(launch, result, index)) legal = false;
    // Another result may have taken the block.
    if (legal && blocks[info.block].end <= position(launch)) return operand;
  }
  return {};
}

void Planner::assignBlocks() {
  for (auto& [slot, entry] : saved) {
    entry.second = addBlock(entry.first);
    blocks.back().begin = -1;
    blocks.back().end = end;
  }
  llvm::DenseSet<std::pair<Operation*, int>> taken;
  for (LaunchOp launch : launches) {
    int64_t now = position(launch);
    for (Value operand : launch.getInputs()) {
      if (!operand.getDefiningOp<ConstantOp>()) continue;
      ValueInfo& info = infos[operand];
      if (info.block >= 0) continue;
      info.define = now;
      info.block = addBlock(operand);
      blocks.back().begin = now;
      blocks.back().end = info.last;
    }
    for (auto [index, output] : llvm::enumerate(launch.getOutputs())) {
      ValueInfo& info = infos[output];
      if (info.buffer) continue;
      if (now < result.prologue) {
        // Live from the begin of the program to its end.
        info.last = end;
        info.block = addBlock(output);
        blocks.back().begin = -1;
        blocks.back().end = end;
        continue;
      }
      Value operand = findTie(launch, index);
      if (operand && taken.insert({launch, infos[operand].block}).second) {
        info.block = infos[operand].block;
      } else {
        info.block = addBlock(output);
        blocks.back().begin = now;
      }
      ArenaBlock& block = blocks[info.block];
      block.end = std::max({block.end, now, info.last});
    }
  }
}

BufferAttr Planner::place(Value value) {
  if (SymbolRefAttr slot = readSlot(value)) return BufferAttr::getSlot(slot);
  if (auto argument = dyn_cast<BlockArgument>(value))
    return BufferAttr::getInput(context, argument.getArgNumber());
  const ValueInfo& info = infos[value];
  if (info.buffer) return info.buffer;
  int64_t bytes =
      *getBoundBytes(cast<RankedTensorType>(value.getType()), bounds);
  return BufferAttr::getArena(context, blocks[info.block].offset, bytes);
}

void Planner::appendOperand(Value operand, std::vector<BufferAttr>& buffers) {
  if (!isa<SegmentsType>(operand.getType())) {
    buffers.push_back(place(operand));
    return;
  }
  unsigned index = cast<BlockArgument>(operand).getArgNumber();
  for (int64_t part = 0; part < 3; ++part)
    buffers.push_back(BufferAttr::getInput(context, index, part));
}

void Planner::appendFill(ConstantOp constant, BufferAttr to) {
  PlanStep& step = result.steps.emplace_back();
  step.value = constant;
  step.fill = fillPattern(constant);
  step.writes = {to};
  step.grid = bytesGrid(constant.getType(), bounds);
}

void Planner::appendMove(Value value, BufferAttr from, BufferAttr to) {
  PlanStep& step = result.steps.emplace_back();
  step.value = value;
  step.reads = {from};
  step.writes = {to};
  step.grid = bytesGrid(cast<RankedTensorType>(value.getType()), bounds);
}

// Moves a value to its destination at the end of the phase.
void Planner::finishMove(Value value, BufferAttr to) {
  if (auto constant = value.getDefiningOp<ConstantOp>())
    return appendFill(constant, to);
  BufferAttr from = place(value);
  if (SymbolRefAttr slot = readSlot(value); slot && saved.count(slot))
    from = BufferAttr::getArena(
        context, blocks[saved[slot].second].offset,
        *getBoundBytes(cast<RankedTensorType>(value.getType()), bounds));
  appendMove(value, from, to);
}

void Planner::emitSteps() {
  for (auto& [value, output] : outputsAtStart)
    appendMove(value, place(value), output);
  for (auto& [slot, entry] : saved) {
    int64_t bytes =
        *getBoundBytes(cast<RankedTensorType>(entry.first.getType()), bounds);
    appendMove(
        entry.first, BufferAttr::getSlot(slot),
        BufferAttr::getArena(context, blocks[entry.second].offset, bytes));
  }
  llvm::DenseSet<Value> filled;
  for (LaunchOp launch : launches) {
    for (Value operand : launch.getInputs())
      if (auto constant = operand.getDefiningOp<ConstantOp>())
        if (filled.insert(operand).second) appendFill(constant, place(operand));
    PlanStep step;
    step.launch = launch;
    step.grid = launch.getGrid();
    for (Value operand : launch.getInputs()) appendOperand(operand, step.reads);
    for (Value output : launch.getOutputs())
      step.writes.push_back(place(output));
    result.steps.push_back(std::move(step));
  }
  for (auto& [value, target] : moves) finishMove(value, target);
}

FailureOr<MemoryPlan> Planner::plan() {
  if (failed(collect())) return failure();
  findDestinations();
  assignBlocks();
  result.arenaBytes = placeBlocks(blocks);
  for (int64_t now = -1; now <= end; ++now) {
    int64_t live = 0;
    for (const ArenaBlock& block : blocks)
      if (block.begin <= now && now <= block.end)
        live += llvm::alignTo(block.bytes, GRAFT_BUFFER_ALIGNMENT);
    if (live < result.liveBytes) continue;
    if (live > result.liveBytes) {
      result.liveBytes = live;
      result.peak = now >= 0 && now < end ? launches[now] : LaunchOp();
      result.peakLength = 0;
    }
    ++result.peakLength;
  }
  emitSteps();
  return std::move(result);
}

}  // namespace

SizeBounds collectSizeBounds(ModuleOp module) {
  SizeBounds bounds;
  for (SizeOp size : module.getOps<SizeOp>())
    bounds[size.getSymName()] = size.getBound();
  return bounds;
}

std::optional<int64_t> getBoundBytes(RankedTensorType type,
                                     const SizeBounds& bounds) {
  if (!type.getElementType().isIntOrFloat()) return std::nullopt;
  int64_t bytes = elementBytes(type.getElementType());
  for (const Dim& dim : getDims(type)) {
    int64_t extent = dim.size;
    if (!dim.isStatic()) {
      auto bound = dim.name ? bounds.find(dim.name.getValue()) : bounds.end();
      if (bound == bounds.end()) return std::nullopt;
      extent = bound->second;
    }
    if (llvm::MulOverflow(bytes, extent, bytes)) return std::nullopt;
  }
  return bytes;
}

FailureOr<MemoryPlan> planMemory(func::FuncOp function,
                                 const SizeBounds& bounds) {
  return Planner(function, bounds).plan();
}

}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/export/export_artifact.h"

#include "absl/strings/str_cat.h"
#include "dialects/exec/exec_dialect.h"
#include "dialects/graft/graft_ops.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/export/compare_interfaces.h"
#include "passes/export/export_host.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/safetensors.h"

using namespace mlir;

namespace graft {
namespace {

template <typename T>
std::string print(T value) {
  std::string text;
  llvm::raw_string_ostream(text) << value;
  return text;
}

absl::StatusOr<DType> elementType(Type type) {
  if (type.isF32()) return DType::kF32;
  if (type.isF16()) return DType::kF16;
  if (type.isBF16()) return DType::kBF16;
  if (type.isInteger(32)) return DType::kI32;
  if (type.isInteger(1)) return DType::kBool;
  return absl::InvalidArgumentError(
      absl::StrCat("expects f32, f16, bf16, i32 or i1, got ", print(type)));
}

// A slot with what parameters and states have alike.
template <typename OpTy>
SlotSpec startSlot(OpTy op) {
  SlotSpec slot;
  slot.initial = op.getInitial().value_or("").str();
  if (op.getDeviation()) slot.deviation = op.getDeviation()->convertToFloat();
  slot.group = op.getGroup().value_or("").str();
  return slot;
}

// Reads one module. Sizes, slots and entries of all modules must be equal.
class ModuleReader {
 public:
  ModuleReader(const ExportTarget& target, ArtifactSpec& spec)
      : target(target), module(target.module), spec(spec) {}

  absl::Status read() {
    for (SizeOp size : module.getOps<SizeOp>()) {
      sizes[size.getSymName()] = spec.sizes.size();
      spec.sizes.push_back(
          {size.getSymName().str(), static_cast<int64_t>(size.getBound())});
    }
    for (ModelOp model : module.getOps<ModelOp>())
      GRAFT_RETURN_IF_ERROR(readSlots(model));
    TargetSpec& to = spec.targets.emplace_back();
    to.kind = target.kind;
    to.format = target.format;
    to.level = target.level;
    to.triple = target.triple;
    to.code = absl::MakeConstSpan(
        reinterpret_cast<const uint8_t*>(target.library.data()),
        target.library.size());
    GRAFT_RETURN_IF_ERROR(readKernels());
    readChoices();
    for (exec::ProgramOp program : module.getOps<exec::ProgramOp>()) {
      GRAFT_RETURN_IF_ERROR(readEntry(program));
      GRAFT_RETURN_IF_ERROR(readProgram(program));
    }
    return exportHost(module, spec);
  }

 private:
  absl::Status readSlots(ModelOp model);
  absl::Status readKernels();
  void readChoices();
  absl::Status readEntry(exec::ProgramOp program);
  absl::Status readProgram(exec::ProgramOp program);
  absl::StatusOr<ValueSpec> readValue(StringRef name, Type type);
  absl::StatusOr<int32_t> findSize(StringAttr name);
  absl::StatusOr<GridSpec> readGrid(exec::GridAttr grid);
  absl::StatusOr<std::vector<CostTermSpec>> readCost(
      ArrayRef<exec::CostTermAttr> terms);
  absl::Status readCommand(Operation& op, ProgramSpec& program,
                           llvm::MapVector<Attribute, uint32_t>& buffers);
  // Returns `buffer` in the artifact's form.
  BufferSpec readBuffer(exec::BufferAttr buffer);

  const ExportTarget& target;
  ModuleOp module;
  ArtifactSpec& spec;
  llvm::StringMap<int32_t> sizes;
  llvm::DenseMap<Attribute, uint32_t> slots;  // by symbol reference
  llvm::DenseMap<Attribute, uint32_t> kernels;
};

absl::Status ModuleReader::readSlots(ModelOp model) {
  auto declare = [&](StringAttr symbol, Type type,
                     SlotSpec slot) -> absl::Status {
    auto tensor = cast<RankedTensorType>(type);
    GRAFT_ASSIGN_OR_RETURN(slot.dtype, elementType(tensor.getElementType()));
    slot.model = model.getSymName().str();
    slot.name = symbol.str();
    slot.shape.assign(tensor.getShape().begin(), tensor.getShape().end());
    GRAFT_RETURN_IF_ERROR(TensorBytes(slot.dtype, slot.shape).status());
    slots[SymbolRefAttr::get(model.getSymNameAttr(),
                             {FlatSymbolRefAttr::get(symbol)})] =
        spec.slots.size();
    spec.slots.push_back(std::move(slot));
    return absl::OkStatus();
  };
  for (ParameterOp parameter : model.getOps<ParameterOp>()) {
    SlotSpec slot = startSlot(parameter);
    slot.added = parameter.getAdded();
    GRAFT_RETURN_IF_ERROR(declare(parameter.getSymNameAttr(),
                                  parameter.getType(), std::move(slot)));
  }
  for (StateOp state : model.getOps<StateOp>()) {
    SlotSpec slot = startSlot(state);
    slot.state = state.getKind().str();
    // The verifier has found it.
    if (FlatSymbolRefAttr of = state.getParameterAttr())
      slot.parameter = static_cast<int32_t>(
          slots.at(SymbolRefAttr::get(model.getSymNameAttr(), {of})));
    GRAFT_RETURN_IF_ERROR(
        declare(state.getSymNameAttr(), state.getType(), std::move(slot)));
  }
  auto find = [&](FlatSymbolRefAttr name) {
    return slots.at(SymbolRefAttr::get(model.getSymNameAttr(), {name}));
  };
  for (MergeOp merge : model.getOps<MergeOp>()) {
    spec.merges.push_back({find(merge.getBaseAttr()), find(merge.getLeftAttr()),
                           find(merge.getRightAttr()),
                           merge.getScale().convertToFloat()});
    if (FlatSymbolRefAttr norms = merge.getNormsAttr())
      spec.merges.back().norms = static_cast<int32_t>(find(norms));
  }
  return absl::OkStatus();
}

absl::Status ModuleReader::readKernels() {
  TargetSpec& to = spec.targets.back();
  for (exec::KernelsOp table : module.getOps<exec::KernelsOp>()) {
    for (func::FuncOp kernel : table.getOps<func::FuncOp>()) {
      uint32_t index = to.kernels.size();
      if (index >= target.symbols.size()) break;
      kernels[SymbolRefAttr::get(table.getSymNameAttr(),
                                 {FlatSymbolRefAttr::get(kernel)})] = index;
      to.kernels.push_back({kernel.getSymName().str(), target.symbols[index]});
    }
  }
  return absl::OkStatus();
}

// Reads the arena choices that `plan-recompute` recorded.
void ModuleReader::readChoices() {
  auto bytes = module->getAttrOfType<DenseI64ArrayAttr>("graft.choice_bytes");
  auto times = module->getAttrOfType<DenseF64ArrayAttr>("graft.choice_times");
  if (!bytes || !times) return;
  for (auto [arena, time] : llvm::zip(bytes.asArrayRef(), times.asArrayRef()))
    spec.targets.back().choices.push_back({static_cast<uint64_t>(arena), time});
}

absl::StatusOr<int32_t> ModuleReader::findSize(StringAttr name) {
  if (name) {
    auto size = sizes.find(name.getValue());
    if (size != sizes.end()) return size->second;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("expects the name of a graft.size, got ",
                   name ? name.str() : std::string("none")));
}

absl::StatusOr<ValueSpec> ModuleReader::readValue(StringRef name, Type type) {
  ValueSpec value;
  value.name = name.str();
  if (auto segments = dyn_cast<SegmentsType>(type)) {
    value.kind = ValueKind::segments;
    GRAFT_ASSIGN_OR_RETURN(value.tokens, findSize(segments.getTokens()));
    GRAFT_ASSIGN_OR_RETURN(value.sequences, findSize(segments.getSequences()));
    return value;
  }
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return absl::InvalidArgumentError(
        absl::StrCat("expects a tensor or segments, got ", print(type)));
  GRAFT_ASSIGN_OR_RETURN(value.dtype, elementType(tensor.getElementType()));
  std::vector<int64_t> shape;  // at capacity
  for (const Dim& dim : getDims(tensor)) {
    DimSpec to;
    if (dim.isStatic()) {
      to.extent = dim.size;
    } else {
      GRAFT_ASSIGN_OR_RETURN(to.size, findSize(dim.name));
    }
    value.dims.push_back(to);
    shape.push_back(to.size < 0 ? to.extent : spec.sizes[to.size].bound);
  }
  GRAFT_RETURN_IF_ERROR(TensorBytes(value.dtype, shape).status());
  return value;
}

absl::Status ModuleReader::readEntry(exec::ProgramOp program) {
  EntrySpec entry;
  entry.name = program.getSymName().str();
  entry.phase = program.getPhase();
  FunctionType type = program.getFunctionType();
  for (auto [i, input] : llvm::enumerate(type.getInputs())) {
    StringRef name = cast<StringAttr>(program.getInputNames()[i]).getValue();
    GRAFT_ASSIGN_OR_RETURN(ValueSpec value, readValue(name, input));
    value.limit = program.getLimits()[i];
    value.exception = program.getExceptions()[i];
    entry.inputs.push_back(std::move(value));
  }
  for (auto [i, output] : llvm::enumerate(type.getResults())) {
    StringRef name = cast<StringAttr>(program.getOutputNames()[i]).getValue();
    GRAFT_ASSIGN_OR_RETURN(ValueSpec value, readValue(name, output));
    entry.outputs.push_back(std::move(value));
  }
  spec.entries.push_back(std::move(entry));
  return absl::OkStatus();
}

absl::StatusOr<GridSpec> ModuleReader::readGrid(exec::GridAttr grid) {
  GridSpec to;
  to.block = grid.getBlock();
  to.count = grid.getCount();
  if (grid.getSize()) {
    GRAFT_ASSIGN_OR_RETURN(to.size, findSize(grid.getSize()));
  }
  return to;
}

absl::StatusOr<std::vector<CostTermSpec>> ModuleReader::readCost(
    ArrayRef<exec::CostTermAttr> terms) {
  std::vector<CostTermSpec> result;
  for (exec::CostTermAttr term : terms) {
    CostTermSpec to;
    to.coefficient = term.getCoefficient();
    to.squares = term.getSquares();
    ArrayRef<StringAttr> sizes = term.getSizes();
    // A cost without a term of three sizes is still a lower bound.
    if (sizes.size() > 2) continue;
    if (!sizes.empty()) {
      GRAFT_ASSIGN_OR_RETURN(to.first, findSize(sizes[0]));
    }
    if (sizes.size() > 1) {
      GRAFT_ASSIGN_OR_RETURN(to.second, findSize(sizes[1]));
    }
    result.push_back(to);
  }
  return result;
}

BufferSpec ModuleReader::readBuffer(exec::BufferAttr buffer) {
  BufferSpec to;
  const EntrySpec& entry = spec.entries.back();
  switch (buffer.getPlace()) {
    case exec::Place::kArena:
      to.place = Place::arena;
      to.offset = buffer.getOffset();
      to.bytes = buffer.getBytes();
      break;
    case exec::Place::kSlot:
      to.place = Place::slot;
      to.index = slots.lookup(buffer.getSlot());
      to.bytes = SlotBytes(spec.slots[to.index]);
      break;
    case exec::Place::kInput:
      to.place = Place::input;
      to.index = buffer.getIndex();
      to.part = buffer.getPart();
      to.bytes = BoundBytes(entry.inputs[to.index], to.part, spec.sizes);
      break;
    case exec::Place::kOutput:
      to.place = Place::output;
      to.index = buffer.getIndex();
      to.bytes = BoundBytes(entry.outputs[to.index], 0, spec.sizes);
      break;
  }
  return to;
}

absl::Status ModuleReader::readCommand(
    Operation& op, ProgramSpec& program,
    llvm::MapVector<Attribute, uint32_t>& buffers) {
  CommandSpec command;
  auto add = [&](exec::BufferAttr buffer) {
    auto [entry, inserted] = buffers.insert({buffer, buffers.size()});
    if (inserted) program.buffers.push_back(readBuffer(buffer));
    command.buffers.push_back(entry->second);
  };
  auto write = [&](exec::BufferAttr buffer) {
    add(buffer);
    ++command.results;
    if (buffer.getPlace() == exec::Place::kSlot)
      spec.slots[slots.lookup(buffer.getSlot())].trainable = true;
  };
  exec::GridAttr grid;
  if (auto kernel = dyn_cast<exec::CommandOp>(op)) {
    auto index = kernels.find(kernel.getKernel());
    if (index == kernels.end())
      return absl::InvalidArgumentError(
          absl::StrCat(target.level, " program ", spec.entries.back().name,
                       ": expects code of kernel ", print(kernel.getKernel()),
                       ", got none"));
    command.kernel = index->second;
    for (auto buffer : kernel.getReads().getAsRange<exec::BufferAttr>())
      add(buffer);
    for (auto buffer : kernel.getWrites().getAsRange<exec::BufferAttr>())
      write(buffer);
    command.label = kernel.getLabel().value_or("").str();
    command.random = kernel.getRandom();
    grid = kernel.getGrid();
    if (exec::CostAttr cost = kernel.getCostAttr()) {
      GRAFT_ASSIGN_OR_RETURN(command.flops, readCost(cost.getFlops()));
      GRAFT_ASSIGN_OR_RETURN(command.bytes, readCost(cost.getBytes()));
      command.unit_count = static_cast<uint8_t>(cost.getUnitCount());
      if (cost.getUnit()) command.unit = cost.getUnit().str();
    }
  } else if (auto copy = dyn_cast<exec::CopyOp>(op)) {
    command.kind = CommandKind::copy;
    add(copy.getSource());
    write(copy.getTarget());
    grid = copy.getGrid();
  } else if (auto fill = dyn_cast<exec::FillOp>(op)) {
    command.kind = CommandKind::fill;
    command.pattern = fill.getPattern();
    write(fill.getTarget());
    grid = fill.getGrid();
  }
  GRAFT_ASSIGN_OR_RETURN(command.grid, readGrid(grid));
  program.commands.push_back(std::move(command));
  return absl::OkStatus();
}

absl::Status ModuleReader::readProgram(exec::ProgramOp op) {
  ProgramSpec program;
  program.arena_bytes = op.getArena();
  program.live_bytes = op.getLive();
  program.prologue = op.getPrologue();
  llvm::MapVector<Attribute, uint32_t> buffers;
  for (Operation& command : op.getBody().front())
    GRAFT_RETURN_IF_ERROR(readCommand(command, program, buffers));
  spec.targets.back().programs.push_back(std::move(program));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ArtifactSpec> makeArtifactSpec(
    const std::vector<ExportTarget>& targets) {
  ArtifactSpec spec;
  for (const ExportTarget& target : targets) {
    ArtifactSpec own;
    GRAFT_RETURN_IF_ERROR(ModuleReader(target, own).read());
    if (&target == &targets.front()) {
      spec = std::move(own);
      continue;
    }
    if (!haveEqualInterfaces(spec, own))
      return absl::InvalidArgumentError(
          absl::StrCat("expects the sizes, slots and entries of ",
                       targets.front().level, " in ", target.level, " too"));
    spec.targets.push_back(std::move(own.targets.front()));
  }
  GRAFT_RETURN_IF_ERROR(CheckSpec(spec, "artifact"));
  return spec;
}

}  // namespace graft

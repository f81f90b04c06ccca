// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/interpret/run_program.h"

#include <cstring>

#include "dialects/graft/graft_ops.h"
#include "llvm/ADT/StringSet.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;

namespace graft::interpret {
namespace {

using exec::BufferAttr;

class Runner {
 public:
  Runner(exec::ProgramOp program, const NativeKernels& kernels,
         RandomState random, const Interpreter::Observer& observer)
      : program(program),
        kernels(kernels),
        random(random),
        observer(observer) {}

  FailureOr<ProgramRun> run(ArrayRef<Value> arguments,
                            const llvm::StringMap<Value>& slots);

 private:
  LogicalResult runCommand(exec::CommandOp command);
  // Bytes are the work items of copies and fills.
  void runCopy(exec::CopyOp copy);
  void runFill(exec::FillOp fill);
  char* find(BufferAttr buffer);
  // What the command wrote, as its kernel's signature has it.
  SmallVector<Value> readWrites(exec::CommandOp command);
  // Whether all memory is as the program may leave it.
  LogicalResult check(Operation* op, ArrayRef<Value> arguments,
                      const llvm::StringMap<Value>& slots);
  void markWritten(Operation& op);

  exec::ProgramOp program;
  const NativeKernels& kernels;
  RandomState random;
  const Interpreter::Observer& observer;
  NamedSizes sizes;
  NativeBufferPtr arena;
  std::vector<SmallVector<NativeBufferPtr>> inputs;
  std::vector<NativeBufferPtr> outputs;
  llvm::StringMap<NativeBufferPtr> memory;  // of slots
  llvm::StringSet<> written;
};

std::string keyOf(SymbolRefAttr slot) {
  return Interpreter::slotKey(slot.getRootReference(), slot.getLeafReference());
}

char* Runner::find(BufferAttr buffer) {
  switch (buffer.getPlace()) {
    case exec::Place::kArena:
      return arena->data() + buffer.getOffset();
    case exec::Place::kSlot:
      return memory.lookup(keyOf(buffer.getSlot()))->data();
    case exec::Place::kInput:
      return inputs[buffer.getIndex()][buffer.getPart()]->data();
    case exec::Place::kOutput:
      return outputs[buffer.getIndex()]->data();
  }
  return nullptr;
}

SmallVector<Value> Runner::readWrites(exec::CommandOp command) {
  auto kernel = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      command, command.getKernel());
  SmallVector<Value> values;
  for (auto [i, write] :
       llvm::enumerate(command.getWrites().getAsRange<BufferAttr>())) {
    unsigned argument = command.getReads().size() + i;
    auto type = cast<MemRefType>(kernel.getArgument(argument).getType());
    FailureOr<ElementKind> kind = getElementKind(type.getElementType());
    if (failed(kind)) return {};
    auto names = kernel.getArgAttrOfType<ArrayAttr>(argument, "exec.dims");
    SmallVector<int64_t> shape(type.getShape());
    unsigned next = 0;
    for (int64_t& size : shape)
      if (ShapedType::isDynamic(size))
        size = sizes.lookup(cast<StringAttr>(names[next++]).getValue());
    values.push_back(readTensor(shape, *kind, find(write)));
  }
  return values;
}

LogicalResult Runner::runCommand(exec::CommandOp command) {
  SmallVector<void*> buffers;
  for (ArrayAttr list : {command.getReads(), command.getWrites()})
    for (auto buffer : list.getAsRange<BufferAttr>())
      buffers.push_back(find(buffer));
  StringRef name = command.getKernel().getLeafReference();
  if (!kernels.contains(name))
    return command.emitError("expects a kernel with code, got '")
           << name << "'";
  kernels.run(name, buffers, sizes, random, command.getRandom(), 0,
              countItems(command.getGrid(), sizes));
  if (observer) observer(command, readWrites(command));
  return success();
}

void Runner::runCopy(exec::CopyOp copy) {
  std::memcpy(find(copy.getTarget()), find(copy.getSource()),
              countItems(copy.getGrid(), sizes));
}

void Runner::runFill(exec::FillOp fill) {
  char* target = find(fill.getTarget());
  auto pattern = static_cast<int32_t>(fill.getPattern());
  int64_t bytes = countItems(fill.getGrid(), sizes);
  for (int64_t at = 0; at < bytes; at += 4)
    std::memcpy(target + at, &pattern, std::min<int64_t>(4, bytes - at));
}

void Runner::markWritten(Operation& op) {
  auto mark = [&](BufferAttr buffer) {
    if (buffer.getPlace() == exec::Place::kSlot)
      written.insert(keyOf(buffer.getSlot()));
  };
  if (auto command = dyn_cast<exec::CommandOp>(op))
    for (auto buffer : command.getWrites().getAsRange<BufferAttr>())
      mark(buffer);
  else if (auto copy = dyn_cast<exec::CopyOp>(op))
    mark(copy.getTarget());
  else if (auto fill = dyn_cast<exec::FillOp>(op))
    mark(fill.getTarget());
}

LogicalResult Runner::check(Operation* op, ArrayRef<Value> arguments,
                            const llvm::StringMap<Value>& slots) {
  auto equal = [](ArrayRef<NativeBufferPtr> now,
                  ArrayRef<NativeBufferPtr> before) {
    return llvm::all_of(llvm::zip_equal(now, before), [](const auto& pair) {
      const auto& [a, b] = pair;
      return std::memcmp(a->data(), b->data(), b->size()) == 0;
    });
  };
  bool intact = arena->isIntact();
  for (const NativeBufferPtr& output : outputs) intact &= output->isIntact();
  for (const auto& slot : memory) intact &= slot.getValue()->isIntact();
  for (const auto& parts : inputs)
    for (const NativeBufferPtr& part : parts) intact &= part->isIntact();
  if (!intact) return op->emitError("writes outside of its buffers");
  for (auto [parts, argument] : llvm::zip_equal(inputs, arguments))
    if (!equal(parts, makeBuffers(argument)))
      return op->emitError("writes into an input");
  for (const auto& slot : memory)
    if (!written.contains(slot.getKey()) &&
        !equal({slot.getValue()}, makeBuffers(slots.lookup(slot.getKey()))))
      return op->emitError("writes into '")
             << slot.getKey() << "', which it only reads";
  return success();
}

FailureOr<ProgramRun> Runner::run(ArrayRef<Value> arguments,
                                  const llvm::StringMap<Value>& slots) {
  FunctionType type = program.getFunctionType();
  sizes = bindSizes(type.getInputs(), arguments);
  arena = std::make_shared<NativeBuffer>(program.getArena());
  for (const Value& argument : arguments)
    inputs.push_back(makeBuffers(argument));
  for (Type output : type.getResults())
    outputs.push_back(makeBuffer(cast<RankedTensorType>(output), sizes));
  for (const auto& slot : slots)
    memory[slot.getKey()] = makeBuffers(slot.getValue()).front();
  for (Operation& op : program.getBody().front()) {
    markWritten(op);
    if (auto command = dyn_cast<exec::CommandOp>(op)) {
      if (failed(runCommand(command))) return failure();
    } else if (auto copy = dyn_cast<exec::CopyOp>(op)) {
      runCopy(copy);
    } else if (auto fill = dyn_cast<exec::FillOp>(op)) {
      runFill(fill);
    }
  }
  if (failed(check(program, arguments, slots))) return failure();
  ProgramRun result;
  for (auto [output, buffer] : llvm::zip_equal(type.getResults(), outputs)) {
    auto tensor = cast<RankedTensorType>(output);
    result.outputs.push_back(
        readTensor(shapeOf(tensor, sizes),
                   *getElementKind(tensor.getElementType()), buffer->data()));
  }
  for (const auto& slot : written) {
    const Tensor& before = slots.lookup(slot.getKey()).tensor();
    result.written[slot.getKey()] = readTensor(
        before.shape, before.kind, memory.lookup(slot.getKey())->data());
  }
  return result;
}

}  // namespace

FailureOr<ProgramRun> runProgram(exec::ProgramOp program,
                                 const NativeKernels& kernels,
                                 ArrayRef<Value> arguments,
                                 const llvm::StringMap<Value>& slots,
                                 RandomState random,
                                 const Interpreter::Observer& observer) {
  return Runner(program, kernels, random, observer).run(arguments, slots);
}

}  // namespace graft::interpret

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/graft_ops.h"
#include "llvm/ADT/StringExtras.h"
#include "mlir/IR/SymbolTable.h"
#include "passes/interpret/interpreter.h"
#include "passes/interpret/passes.h"
#include "passes/interpret/random_inputs.h"
#include "passes/interpret/tensor_files.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_INTERPRETPASS
#include "passes/interpret/passes.h.inc"

namespace {

using interpret::ElementKind;
using interpret::Interpreter;
using interpret::Segments;
using interpret::Tensor;
using Tensors = std::map<std::string, Tensor>;

std::vector<int32_t> toInts(const Tensor& tensor) {
  return std::vector<int32_t>(tensor.values.begin(), tensor.values.end());
}

// Replaces the arguments that the file has.
void takeArguments(func::FuncOp function, const Tensors& file,
                   SmallVectorImpl<interpret::Value>& arguments) {
  for (unsigned i = 0; i < arguments.size(); ++i) {
    std::string name = interpret::argumentName(function, i);
    if (arguments[i].isTensor()) {
      auto it = file.find(name);
      if (it != file.end()) arguments[i] = interpret::Value(it->second);
      continue;
    }
    auto offsets = file.find(name + ".offsets");
    if (offsets == file.end()) continue;
    Segments segments;
    segments.offsets = toInts(offsets->second);
    auto ordinals = file.find(name + ".ordinals");
    if (ordinals != file.end())
      segments.ordinals = toInts(ordinals->second);
    else
      for (size_t s = 0; s + 1 < segments.offsets.size(); ++s)
        segments.ordinals.push_back(static_cast<int32_t>(s));
    arguments[i] = interpret::Value(std::move(segments));
  }
}

// Sets the slots that the file has.
void takeSlots(ModuleOp module, const Tensors& file, Interpreter& interpreter) {
  for (auto model : module.getOps<ModelOp>()) {
    std::string prefix = Interpreter::slotKey(model.getSymName(), "");
    for (const auto& [name, tensor] : file)
      if (StringRef(name).starts_with(prefix))
        interpreter.setSlot(model.getSymName(), name.substr(prefix.size()),
                            tensor);
    auto take = [&](StringRef slot, const std::string& stored) {
      auto it = file.find(stored);
      if (it != file.end() && !interpreter.getSlot(model.getSymName(), slot))
        interpreter.setSlot(model.getSymName(), slot, it->second);
    };
    for (auto parameter : model.getOps<ParameterOp>())
      take(parameter.getSymName(),
           parameter.getSource().value_or(parameter.getSymName()).str());
    for (auto layers : model.getOps<LayersOp>())
      for (uint64_t i = 0; i < layers.getCount(); ++i)
        for (auto parameter : layers.getOps<ParameterOp>()) {
          std::string name = (layers.getSymName() + "." + std::to_string(i) +
                              "." + parameter.getSymName())
                                 .str();
          // A star in the source stands for the layer.
          SmallVector<StringRef> parts;
          parameter.getSource().value_or("").split(parts, '*');
          take(name, parameter.getSource()
                         ? llvm::join(parts, std::to_string(i))
                         : name);
        }
  }
}

struct InterpretPass : public impl::InterpretPassBase<InterpretPass> {
  using InterpretPassBase::InterpretPassBase;

  // `entry` as a function, or null after a diagnostic.
  func::FuncOp findEntry() {
    auto [first, second] = StringRef(entry).split("::");
    Operation* table = getOperation();
    if (!second.empty()) {
      table = SymbolTable::lookupSymbolIn(table, first);
      first = second;
    }
    func::FuncOp function;
    if (isa_and_nonnull<ModuleOp, ModelOp>(table))
      function = dyn_cast_or_null<func::FuncOp>(
          SymbolTable::lookupSymbolIn(table, first));
    if (!function)
      getOperation().emitError("expects 'entry' to name a function, got \"")
          << entry << '"';
    return function;
  }

  LogicalResult runEntry() {
    func::FuncOp function = findEntry();
    if (!function) return failure();
    Location location = function.getLoc();
    Interpreter interpreter(getOperation());
    interpreter.setRandomState({seed, step, phase});
    interpreter.setCheckFinite(checkFinite);
    interpret::RandomInputOptions options;
    options.seed = seed;
    options.lengths.assign(lengths.begin(), lengths.end());
    auto arguments = interpret::makeRandomInputs(function, options);
    if (failed(arguments)) return failure();
    if (!inputs.empty()) {
      FailureOr<Tensors> file = interpret::readTensors(location, inputs);
      if (failed(file)) return failure();
      takeArguments(function, *file, *arguments);
      takeSlots(getOperation(), *file, interpreter);
    }
    interpret::setRandomSlots(getOperation(), seed, interpreter);
    auto results = interpreter.run(function, *arguments);
    if (failed(results)) return failure();
    Tensors named;
    for (auto [index, result] : llvm::enumerate(*results)) {
      std::string name = interpret::resultName(function, index);
      llvm::outs() << name << ": ";
      interpret::print(llvm::outs(), result, limit);
      llvm::outs() << '\n';
      if (result.isTensor()) named[name] = result.tensor();
    }
    for (const auto& key : interpreter.getWritten()) {
      const interpret::Value& value = interpreter.getSlots().lookup(key);
      llvm::outs() << "write " << key << ": ";
      interpret::print(llvm::outs(), value, limit);
      llvm::outs() << '\n';
      named[key] = value.tensor();
    }
    if (output.empty()) return success();
    return interpret::writeTensors(location, output, named);
  }

  void runOnOperation() override {
    markAllAnalysesPreserved();
    if (failed(runEntry())) signalPassFailure();
  }
};

}  // namespace
}  // namespace graft

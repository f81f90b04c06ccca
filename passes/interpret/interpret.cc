// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/graft_ops.h"
#include "llvm/ADT/StringExtras.h"
#include "mlir/IR/SymbolTable.h"
#include "passes/interpret/interpreter.h"
#include "passes/interpret/passes.h"
#include "passes/interpret/random_inputs.h"
#include "passes/interpret/tensor_files.h"
#include "runtime/base/message.h"

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

// "layer.3.bias", and the tensor of a checkpoint that it is read from, where a
// star stands for the layer.
std::pair<std::string, std::string> namesInLayer(
    LayersOp layers, uint64_t layer, StringRef symbol,
    std::optional<StringRef> source) {
  const std::string number = std::to_string(layer);
  std::string name = (layers.getSymName() + "." + number + "." + symbol).str();
  if (!source) return {name, name};
  SmallVector<StringRef> parts;
  source->split(parts, '*');
  return {name, llvm::join(parts, number)};
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
          auto [name, stored] = namesInLayer(layers, i, parameter.getSymName(),
                                             parameter.getSource());
          take(name, stored);
        }
  }
}

// The names that a file of inputs may have.
std::vector<std::string> knownNames(func::FuncOp function, ModuleOp module) {
  std::vector<std::string> names;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    std::string name = interpret::argumentName(function, i);
    if (isa<SegmentsType>(function.getArgument(i).getType()))
      names.insert(names.end(), {name + ".offsets", name + ".ordinals"});
    else
      names.push_back(std::move(name));
  }
  for (auto model : module.getOps<ModelOp>()) {
    auto add = [&](StringRef slot, const std::string& stored) {
      names.push_back(Interpreter::slotKey(model.getSymName(), slot));
      names.push_back(stored);
    };
    for (auto parameter : model.getOps<ParameterOp>())
      add(parameter.getSymName(),
          parameter.getSource().value_or(parameter.getSymName()).str());
    for (auto state : model.getOps<StateOp>())
      names.push_back(
          Interpreter::slotKey(model.getSymName(), state.getSymName()));
    for (auto layers : model.getOps<LayersOp>())
      for (uint64_t i = 0; i < layers.getCount(); ++i) {
        for (auto parameter : layers.getOps<ParameterOp>()) {
          auto [name, stored] = namesInLayer(layers, i, parameter.getSymName(),
                                             parameter.getSource());
          add(name, stored);
        }
        for (auto state : layers.getOps<StateOp>())
          names.push_back(Interpreter::slotKey(
              model.getSymName(),
              namesInLayer(layers, i, state.getSymName(), {}).first));
      }
  }
  return names;
}

// Refuses tensors of a file of inputs that nothing takes.
LogicalResult checkNames(func::FuncOp function, ModuleOp module, StringRef path,
                         const Tensors& file) {
  const std::vector<std::string> known = knownNames(function, module);
  for (const auto& [name, tensor] : file)
    if (!llvm::is_contained(known, name))
      return function.emitError(
                 "expects names of arguments, parameters and "
                 "states in ")
             << path << ", got \"" << Shorten(name) << '"'
             << DidYouMean(name, known);
  return success();
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
      if (failed(file) ||
          failed(checkNames(function, getOperation(), inputs, *file)))
        return failure();
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

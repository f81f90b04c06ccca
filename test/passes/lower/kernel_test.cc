// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "test/passes/lower/kernel_test.h"

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <map>

#include "dialects/graft/graft_dialect.h"
#include "dialects/graft/graft_ops.h"
#include "gtest/gtest.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "passes/interpret/interpreter.h"
#include "passes/interpret/native_kernels.h"
#include "passes/lower/cpu/builder/isa_level.h"
#include "passes/lower/cpu/cpu_target.h"
#include "passes/lower/passes.h"
#include "passes/registration.h"

namespace graft {
namespace {

using interpret::ElementKind;
using interpret::NativeBufferPtr;
using interpret::Tensor;

// Sizes that test programs may name.
constexpr char kHeader[] =
    "graft.size @T bound 65536\n"
    "graft.size @S bound 4096\n"
    "graft.size @P bound 4096\n";
// Tests look targets up before they ask for a context.
[[maybe_unused]] const bool registered = (registerCpuTargets(), true);

// The best level of each kind of registers that this machine runs.
std::vector<const Target*> runnableTargets() {
  std::vector<const IsaLevel*> levels;
  const Target& host = getHostTarget();
  for (const IsaLevel& level : getIsaLevels()) {
    if (level.machine.triple == host.getTriple()) {
      if (!levels.empty() &&
          levels.back()->floatLanes() == level.floatLanes() &&
          levels.back()->hasAmx == level.hasAmx)
        levels.pop_back();
      levels.push_back(&level);
    }
    if (level.name == host.getName()) break;
  }
  std::vector<const Target*> targets;
  for (const IsaLevel* level : levels)
    targets.push_back(lookupTarget(level->name));
  return targets;
}

}  // namespace

mlir::MLIRContext& getTestContext() {
  static mlir::MLIRContext* const context = [] {
    mlir::DialectRegistry registry;
    mlir::registerAllDialects(registry);
    mlir::registerAllExtensions(registry);
    graft::registerAllDialects(registry);
    auto* made = new mlir::MLIRContext(registry);
    made->loadAllAvailableDialects();
    return made;
  }();
  return *context;
}

std::unique_ptr<KernelProgram> KernelProgram::create(llvm::StringRef text,
                                                     const Target& target,
                                                     bool generic) {
  std::unique_ptr<KernelProgram> program(new KernelProgram);
  program->context = &getTestContext();
  program->module = mlir::parseSourceString<mlir::ModuleOp>(
      kHeader + text.str(), program->context);
  if (!program->module) {
    ADD_FAILURE() << "cannot parse " << text.str();
    return nullptr;
  }
  mlir::PassManager manager(program->context);
  LowerOutlinePassOptions outline;
  outline.target = target.getName();
  outline.generic = generic;
  manager.addPass(createLowerOutlinePass(outline));
  manager.addPass(createLowerMergeKernelsPass());
  if (mlir::failed(manager.run(*program->module))) {
    ADD_FAILURE() << "cannot outline " << text.str();
    return nullptr;
  }
  const char* cache = std::getenv("GRAFT_CACHE");
  if (mlir::failed(program->kernels.load(*program->module, target,
                                         cache ? cache : ""))) {
    ADD_FAILURE() << "cannot compile " << text.str();
    return nullptr;
  }
  return program;
}

// One run of a program.
struct KernelProgram::Run {
  Run(const interpret::NativeKernels& kernels, const Options& options,
      mlir::func::FuncOp function, llvm::ArrayRef<interpret::Value> arguments)
      : kernels(kernels),
        options(options),
        generator(options.seed),
        sizes(interpret::bindSizes(function.getArgumentTypes(), arguments)) {
    for (auto [argument, value] :
         llvm::zip_equal(function.getArguments(), arguments))
      values[argument] = interpret::makeBuffers(value);
  }

  const interpret::NativeKernels& kernels;
  const Options& options;
  std::mt19937 generator;
  interpret::NamedSizes sizes;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<NativeBufferPtr>> values;

  void launch(exec::LaunchOp op) {
    llvm::SmallVector<NativeBufferPtr> buffers;
    for (mlir::Value input : op.getInputs())
      buffers.append(values[input].begin(), values[input].end());
    for (mlir::OpResult result : op->getResults()) {
      NativeBufferPtr buffer = tiedBuffer(op, result.getResultNumber());
      if (!buffer)
        buffer = interpret::makeBuffer(
            mlir::cast<mlir::RankedTensorType>(result.getType()), sizes);
      values[result] = {buffer};
      buffers.push_back(buffer);
    }
    std::vector<void*> pointers;
    for (const NativeBufferPtr& buffer : buffers)
      pointers.push_back(buffer->data());
    call(op, pointers);
    for (const NativeBufferPtr& buffer : buffers)
      EXPECT_TRUE(buffer->isIntact())
          << op.getKernel().getLeafReference().str() << " writes outside";
  }

  void fill(ConstantOp op) {
    auto type = mlir::cast<mlir::RankedTensorType>(op.getType());
    Tensor tensor(interpret::shapeOf(type, sizes),
                  *interpret::getElementKind(type.getElementType()));
    llvm::fill(tensor.values, op.getValue().convertToDouble());
    values[op] = interpret::makeBuffers(tensor);
  }

  // The buffer of an operand that the result may take, or null.
  NativeBufferPtr tiedBuffer(exec::LaunchOp op, int64_t result) {
    if (!options.tie) return nullptr;
    llvm::ArrayRef<int64_t> ties = op.getTies();
    for (size_t i = 0; i < ties.size(); i += 2) {
      mlir::Value operand = op.getOperand(ties[i + 1]);
      if (ties[i] == result && operand.hasOneUse())
        return values[operand].front();
    }
    return nullptr;
  }

  void call(exec::LaunchOp op, const std::vector<void*>& pointers) {
    std::string name = op.getKernel().getLeafReference().str();
    ASSERT_TRUE(kernels.contains(name)) << name;
    int64_t items = interpret::countItems(op.getGrid(), sizes);
    for (auto [begin, end] : ranges(items))
      kernels.run(name, pointers, sizes, options.random, op.getRandom(), begin,
                  end);
  }

  std::vector<std::pair<int64_t, int64_t>> ranges(int64_t items) {
    if (!options.split) return {{0, items}};
    std::vector<std::pair<int64_t, int64_t>> ranges;
    for (int64_t begin = 0; begin < items;) {
      int64_t length = 1 + static_cast<int64_t>(generator() % 4);
      if (generator() % 3 == 0) length = items;
      int64_t end = std::min(items, begin + length);
      ranges.emplace_back(begin, end);
      begin = end;
    }
    std::shuffle(ranges.begin(), ranges.end(), generator);
    return ranges;
  }
};

std::vector<KernelProgram::Bytes> KernelProgram::run(
    llvm::ArrayRef<interpret::Value> arguments, const Options& options) {
  auto function = module->lookupSymbol<mlir::func::FuncOp>("f");
  Run state(kernels, options, function, arguments);
  std::vector<Bytes> results;
  for (mlir::Operation& op : function.getBody().front()) {
    if (auto launch = mlir::dyn_cast<exec::LaunchOp>(op)) {
      state.launch(launch);
      continue;
    }
    if (auto constant = mlir::dyn_cast<ConstantOp>(op)) {
      state.fill(constant);
      continue;
    }
    if (mlir::isa<WriteOp>(op)) continue;  // no result
    for (mlir::Value operand : op.getOperands()) {
      NativeBufferPtr buffer = state.values[operand].front();
      results.emplace_back(buffer->data(), buffer->data() + buffer->size());
    }
  }
  return results;
}

double KernelProgram::measure(llvm::ArrayRef<interpret::Value> arguments,
                              const Options& options, int repeats) {
  auto function = module->lookupSymbol<mlir::func::FuncOp>("f");
  Run state(kernels, options, function, arguments);
  double best = 1e9;
  for (auto constant : function.getOps<ConstantOp>()) state.fill(constant);
  for (auto launch : function.getOps<exec::LaunchOp>()) state.launch(launch);
  for (int repeat = 0; repeat < repeats; ++repeat) {
    double seconds = 0;
    for (auto launch : function.getOps<exec::LaunchOp>()) {
      std::vector<void*> pointers;
      for (mlir::Value input : launch.getInputs())
        for (const NativeBufferPtr& buffer : state.values[input])
          pointers.push_back(buffer->data());
      for (mlir::Value result : launch.getOutputs())
        pointers.push_back(state.values[result].front()->data());
      auto start = std::chrono::steady_clock::now();
      state.call(launch, pointers);
      std::chrono::duration<double> taken =
          std::chrono::steady_clock::now() - start;
      seconds += taken.count();
    }
    best = std::min(best, seconds);
  }
  return best;
}

// The program of `text`, compiled once while tests ask for the same text.
static KernelProgram* getProgram(const std::string& text, const Target& target,
                                 bool generic) {
  static std::string current;
  static std::map<std::string, std::unique_ptr<KernelProgram>> programs;
  std::string key = text + (generic ? " generic" : "");
  if (current != key) programs.clear();
  current = key;
  std::unique_ptr<KernelProgram>& program = programs[target.getName()];
  if (!program) program = KernelProgram::create(text, target, generic);
  return program.get();
}

void expectKernelsMatch(const std::string& text,
                        llvm::ArrayRef<interpret::Value> arguments,
                        Tolerance tolerance, interpret::RandomState random,
                        bool generic) {
  SCOPED_TRACE(text);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(kHeader + text,
                                                        &getTestContext());
  ASSERT_TRUE(module);
  interpret::Interpreter interpreter(*module);
  interpreter.setRandomState(random);
  auto function = module->lookupSymbol<mlir::func::FuncOp>("f");
  auto wanted = interpreter.run(function, arguments);
  ASSERT_TRUE(mlir::succeeded(wanted));

  for (const Target* target : runnableTargets()) {
    SCOPED_TRACE(target->getName());
    KernelProgram* program = getProgram(text, *target, generic);
    ASSERT_NE(program, nullptr);
    KernelProgram::Options options;
    options.random = random;
    auto results = program->run(arguments, options);
    ASSERT_EQ(results.size(), wanted->size());
    for (size_t r = 0; r < results.size(); ++r) {
      const Tensor& want = (*wanted)[r].tensor();
      ASSERT_EQ(results[r].size(),
                want.values.size() * interpret::elementBytes(want.kind));
      Tensor native =
          interpret::readTensor(want.shape, want.kind, results[r].data());
      int reported = 0;
      for (size_t i = 0; i < want.values.size() && reported < 5; ++i) {
        double got = native.values[i];
        double expected = want.values[i];
        bool near = std::isnan(expected)
                        ? std::isnan(got)
                        : got == expected ||
                              std::abs(got - expected) <=
                                  tolerance.absolute +
                                      tolerance.relative * std::abs(expected);
        if (near) continue;
        ++reported;
        ADD_FAILURE() << "result " << r << " element " << i << ": expects "
                      << expected << ", got " << got;
      }
    }
    for (unsigned seed = 0; seed < 4; ++seed) {
      options.split = true;
      options.tie = seed % 2 == 1;
      options.seed = seed;
      EXPECT_EQ(program->run(arguments, options), results)
          << "bits depend on the split or on ties, seed " << seed;
    }
  }
}

std::string tokenMatrix(int64_t width) {
  return "tensor<?x" + std::to_string(width) + "xf32, #graft.dims<T>>";
}

std::string sequenceMatrix(int64_t width) {
  return "tensor<?x" + std::to_string(width) + "xf32, #graft.dims<S>>";
}

std::string program(const std::string& parameters, const std::string& op,
                    const std::string& opType,
                    const std::vector<std::string>& results) {
  std::string types, values;
  for (size_t i = 0; i < results.size(); ++i) {
    types += (i ? ", " : "") + results[i];
    values += (i ? ", %r#" : "%r#") + std::to_string(i);
  }
  return "func.func @f(" + parameters + ") -> (" + types +
         ") attributes {graft.phase = \"f\"} {\n  %r:" +
         std::to_string(results.size()) + " = " + op + " : " + opType +
         "\n  return " + values + " : " + types + "\n}\n";
}

interpret::Tensor randomTensor(llvm::ArrayRef<int64_t> shape, double deviation,
                               double mean, unsigned seed) {
  interpret::Tensor tensor(shape, ElementKind::f32);
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal(mean, deviation);
  for (double& value : tensor.values)
    value = static_cast<float>(normal(generator));
  return tensor;
}

interpret::Tensor randomIds(int64_t size, int64_t count, unsigned seed) {
  interpret::Tensor tensor({size}, ElementKind::i32);
  std::mt19937 generator(seed);
  for (double& value : tensor.values)
    value = static_cast<double>(generator() % count);
  return tensor;
}

}  // namespace graft

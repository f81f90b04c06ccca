// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "test/passes/lower/kernel_test.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <map>

#include "dialects/graft/graft_dialect.h"
#include "dialects/graft/graft_ops.h"
#include "gtest/gtest.h"
#include "llvm/ADT/bit.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "passes/interpret/interpreter.h"
#include "passes/lower/native.h"
#include "passes/lower/passes.h"
#include "passes/lower/targets.h"
#include "passes/registration.h"
#include "runtime/schema/kernel_abi.h"

namespace graft {
namespace {

using interpret::ElementKind;
using interpret::Segments;
using interpret::Tensor;

// Sizes that test programs may name.
constexpr char kHeader[] =
    "graft.size @T bound 65536\n"
    "graft.size @S bound 4096\n"
    "graft.size @P bound 4096\n";
constexpr const char* kSizes[] = {"T", "S", "P"};

// Memory of one tensor: aligned as the runtime aligns it, filled with NaN, and
// followed by bytes that must stay as they are.
class Buffer {
 public:
  explicit Buffer(size_t bytes) : bytes(bytes), memory(bytes + 3 * kGuard) {
    std::memset(memory.data(), 0xFF, memory.size());
  }
  char* data() {
    auto address = reinterpret_cast<uintptr_t>(memory.data()) + kGuard;
    return reinterpret_cast<char*>(address & ~(kGuard - 1));
  }
  bool isIntact() {
    for (char* at = memory.data(); at != memory.data() + memory.size(); ++at)
      if ((at < data() || at >= data() + bytes) && *at != char(0xFF))
        return false;
    return true;
  }
  size_t size() const { return bytes; }

 private:
  static constexpr uintptr_t kGuard = GRAFT_BUFFER_ALIGNMENT;
  size_t bytes;
  std::vector<char> memory;
};
using BufferPtr = std::shared_ptr<Buffer>;

size_t elementBytes(ElementKind kind) {
  return kind == ElementKind::f32 || kind == ElementKind::i32 ? 4 : 2;
}

void encode(double value, ElementKind kind, char* at) {
  auto number = static_cast<float>(value);
  if (kind == ElementKind::f32) {
    std::memcpy(at, &number, 4);
  } else if (kind == ElementKind::i32) {
    auto integer = static_cast<int32_t>(value);
    std::memcpy(at, &integer, 4);
  } else {
    llvm::APFloat rounded(number);
    bool lossy;
    rounded.convert(kind == ElementKind::f16 ? llvm::APFloat::IEEEhalf()
                                             : llvm::APFloat::BFloat(),
                    llvm::APFloat::rmNearestTiesToEven, &lossy);
    auto word = static_cast<uint16_t>(rounded.bitcastToAPInt().getZExtValue());
    std::memcpy(at, &word, 2);
  }
}

double decode(ElementKind kind, const char* at) {
  if (kind == ElementKind::f32) {
    float number;
    std::memcpy(&number, at, 4);
    return number;
  }
  if (kind == ElementKind::i32) {
    int32_t integer;
    std::memcpy(&integer, at, 4);
    return integer;
  }
  uint16_t word;
  std::memcpy(&word, at, 2);
  llvm::APFloat number(kind == ElementKind::f16 ? llvm::APFloat::IEEEhalf()
                                                : llvm::APFloat::BFloat(),
                       llvm::APInt(16, word));
  bool lossy;
  number.convert(llvm::APFloat::IEEEdouble(),
                 llvm::APFloat::rmNearestTiesToEven, &lossy);
  return number.convertToDouble();
}

BufferPtr makeBuffer(const Tensor& tensor) {
  size_t step = elementBytes(tensor.kind);
  auto buffer = std::make_shared<Buffer>(tensor.values.size() * step);
  for (size_t i = 0; i < tensor.values.size(); ++i)
    encode(tensor.values[i], tensor.kind, buffer->data() + i * step);
  return buffer;
}

BufferPtr makeBuffer(llvm::ArrayRef<int32_t> values) {
  auto buffer = std::make_shared<Buffer>(values.size() * 4);
  std::memcpy(buffer->data(), values.data(), values.size() * 4);
  return buffer;
}

llvm::SmallVector<BufferPtr> makeBuffers(const interpret::Value& value) {
  if (value.isTensor()) return {makeBuffer(value.tensor())};
  const Segments& segments = value.segments();
  std::vector<int32_t> rows;
  for (int64_t s = 0; s < segments.sequences(); ++s)
    rows.insert(rows.end(), segments.length(s), static_cast<int32_t>(s));
  return {makeBuffer(segments.offsets), makeBuffer(segments.ordinals),
          makeBuffer(rows)};
}

// Values of the named sizes, from the arguments.
std::map<std::string, int64_t> bindSizes(
    mlir::FunctionType type, llvm::ArrayRef<interpret::Value> arguments) {
  std::map<std::string, int64_t> sizes;
  for (auto [argument, value] : llvm::zip_equal(type.getInputs(), arguments)) {
    if (auto segments = mlir::dyn_cast<SegmentsType>(argument)) {
      sizes[segments.getTokens().str()] = value.segments().tokens();
      sizes[segments.getSequences().str()] = value.segments().sequences();
      continue;
    }
    auto tensor = mlir::cast<mlir::RankedTensorType>(argument);
    auto dims = mlir::dyn_cast_if_present<DimsAttr>(tensor.getEncoding());
    unsigned next = 0;
    for (auto [i, size] : llvm::enumerate(tensor.getShape()))
      if (mlir::ShapedType::isDynamic(size))
        sizes[dims.getNames()[next++].str()] = value.tensor().shape[i];
  }
  return sizes;
}

llvm::SmallVector<int64_t> shapeOf(
    mlir::RankedTensorType type, const std::map<std::string, int64_t>& sizes) {
  llvm::SmallVector<int64_t> shape(type.getShape());
  auto dims = mlir::dyn_cast_if_present<DimsAttr>(type.getEncoding());
  unsigned next = 0;
  for (int64_t& size : shape)
    if (mlir::ShapedType::isDynamic(size))
      size = sizes.at(dims.getNames()[next++].str());
  return shape;
}

size_t bytesOf(mlir::RankedTensorType type,
               const std::map<std::string, int64_t>& sizes) {
  size_t bytes = type.getElementTypeBitWidth() / 8;
  for (int64_t size : shapeOf(type, sizes)) bytes *= size;
  return bytes;
}

// The best level of each register width that this machine runs.
std::vector<const CpuTarget*> runnableTargets() {
  std::vector<const CpuTarget*> targets;
  const CpuTarget& host = getHostTarget();
  for (const CpuTarget& target : getCpuTargets()) {
    if (target.triple == host.triple) {
      if (!targets.empty() && targets.back()->vectorBits == target.vectorBits)
        targets.pop_back();
      targets.push_back(&target);
    }
    if (target.level == host.level) break;
  }
  return targets;
}

// Loads a shared object. The caller closes `file` after the library: while the
// library is loaded, the name of its descriptor must not name another one, for
// dlopen takes a known name to mean the library it knows.
void* loadLibrary(llvm::StringRef bytes, int& file) {
  file = memfd_create("graft-kernels", 0);
  if (file < 0 || write(file, bytes.data(), bytes.size()) !=
                      static_cast<ssize_t>(bytes.size()))
    return nullptr;
  std::string path = "/proc/self/fd/" + std::to_string(file);
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) ADD_FAILURE() << dlerror();
  return library;
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
                                                     const CpuTarget& target,
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
  outline.level = target.level;
  outline.generic = generic;
  manager.addPass(createLowerOutlinePass(outline));
  manager.addPass(createLowerMergeKernelsPass());
  if (mlir::failed(manager.run(*program->module))) {
    ADD_FAILURE() << "cannot outline " << text.str();
    return nullptr;
  }
  auto kernels = program->module->lookupSymbol<exec::KernelsOp>("kernels");
  auto code = compileKernels(kernels, target);
  if (mlir::failed(code)) {
    ADD_FAILURE() << "cannot compile " << text.str();
    return nullptr;
  }
  if (target.triple != getHostTarget().triple) return program;
  if (code->symbols.empty()) return program;
  program->library = loadLibrary(code->library, program->file);
  if (!program->library) return nullptr;
  return program;
}

KernelProgram::~KernelProgram() {
  if (library) dlclose(library);
  if (file >= 0) close(file);
}

// One run of a program.
struct KernelProgram::Run {
  Run(void* library, const Options& options)
      : library(library), options(options), generator(options.seed) {}

  void* library;
  const Options& options;
  std::mt19937 generator;
  std::map<std::string, int64_t> sizes;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<BufferPtr>> values;

  void launch(exec::LaunchOp op) {
    llvm::SmallVector<BufferPtr> buffers;
    for (mlir::Value input : op.getInputs())
      buffers.append(values[input].begin(), values[input].end());
    for (mlir::OpResult result : op->getResults()) {
      BufferPtr buffer = tiedBuffer(op, result.getResultNumber());
      if (!buffer)
        buffer = std::make_shared<Buffer>(bytesOf(
            mlir::cast<mlir::RankedTensorType>(result.getType()), sizes));
      values[result] = {buffer};
      buffers.push_back(buffer);
    }
    std::vector<void*> pointers;
    for (const BufferPtr& buffer : buffers) pointers.push_back(buffer->data());
    call(op, pointers);
    for (const BufferPtr& buffer : buffers)
      EXPECT_TRUE(buffer->isIntact())
          << op.getKernel().getLeafReference().str() << " writes outside";
  }

  // The buffer of an operand that the result may take, or null.
  BufferPtr tiedBuffer(exec::LaunchOp op, int64_t result) {
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
    auto kernel = reinterpret_cast<GraftKernel>(dlsym(library, name.c_str()));
    ASSERT_NE(kernel, nullptr) << name;
    std::vector<int64_t> table;
    for (const char* size : kSizes) table.push_back(sizes[size]);
    exec::GridAttr grid = op.getGrid();
    int64_t items = grid.getCount();
    if (grid.getSize())
      items *=
          llvm::divideCeil(sizes.at(grid.getSize().str()), grid.getBlock());
    GraftRandomState random = {options.random.seed, options.random.step,
                               options.random.phase};
    for (auto [begin, end] : ranges(items))
      kernel(pointers.data(), table.data(), &random, begin, end);
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
  Run state(library, options);
  state.sizes = bindSizes(function.getFunctionType(), arguments);
  for (auto [argument, value] :
       llvm::zip_equal(function.getArguments(), arguments))
    state.values[argument] = makeBuffers(value);
  std::vector<Bytes> results;
  for (mlir::Operation& op : function.getBody().front()) {
    if (auto launch = mlir::dyn_cast<exec::LaunchOp>(op)) {
      state.launch(launch);
      continue;
    }
    for (mlir::Value operand : op.getOperands()) {
      BufferPtr buffer = state.values[operand].front();
      results.emplace_back(buffer->data(), buffer->data() + buffer->size());
    }
  }
  return results;
}

double KernelProgram::measure(llvm::ArrayRef<interpret::Value> arguments,
                              const Options& options, int repeats) {
  auto function = module->lookupSymbol<mlir::func::FuncOp>("f");
  Run state(library, options);
  state.sizes = bindSizes(function.getFunctionType(), arguments);
  for (auto [argument, value] :
       llvm::zip_equal(function.getArguments(), arguments))
    state.values[argument] = makeBuffers(value);
  double best = 1e9;
  for (auto launch : function.getOps<exec::LaunchOp>()) state.launch(launch);
  for (int repeat = 0; repeat < repeats; ++repeat) {
    double seconds = 0;
    for (auto launch : function.getOps<exec::LaunchOp>()) {
      std::vector<void*> pointers;
      for (mlir::Value input : launch.getInputs())
        for (const BufferPtr& buffer : state.values[input])
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
static KernelProgram* getProgram(const std::string& text,
                                 const CpuTarget& target) {
  static std::string current;
  static std::map<std::string, std::unique_ptr<KernelProgram>> programs;
  if (current != text) programs.clear();
  current = text;
  std::unique_ptr<KernelProgram>& program = programs[target.level];
  if (!program) program = KernelProgram::create(text, target);
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

  for (const CpuTarget* target : runnableTargets()) {
    SCOPED_TRACE(target->level);
    KernelProgram* program = getProgram(text, *target);
    ASSERT_NE(program, nullptr);
    KernelProgram::Options options;
    options.random = random;
    auto results = program->run(arguments, options);
    ASSERT_EQ(results.size(), wanted->size());
    for (size_t r = 0; r < results.size(); ++r) {
      const Tensor& want = (*wanted)[r].tensor();
      size_t step = elementBytes(want.kind);
      ASSERT_EQ(results[r].size(), want.values.size() * step);
      int reported = 0;
      for (size_t i = 0; i < want.values.size() && reported < 5; ++i) {
        double got = decode(want.kind, results[r].data() + i * step);
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

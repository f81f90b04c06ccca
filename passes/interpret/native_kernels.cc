// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/interpret/native_kernels.h"

#include <cstring>

#include "dialects/graft/graft_ops.h"
#include "llvm/Support/MathExtras.h"
#include "runtime/formats/dtype.h"

using namespace mlir;

namespace graft::interpret {
namespace {

constexpr uintptr_t kGuard = GRAFT_BUFFER_ALIGNMENT;
constexpr char kUntouched = static_cast<char>(0xFF);

void writeElement(double value, ElementKind kind, char* at) {
  auto store = [&](auto element) {
    std::memcpy(at, &element, sizeof(element));
  };
  switch (kind) {
    case ElementKind::f32:
      return store(static_cast<float>(value));
    case ElementKind::i32:
      return store(static_cast<int32_t>(value));
    case ElementKind::f16:
      return store(FloatToHalf(static_cast<float>(value)));
    case ElementKind::bf16:
      return store(FloatToBFloat16(static_cast<float>(value)));
  }
}

double readElement(ElementKind kind, const char* at) {
  auto load = [&](auto element) {
    std::memcpy(&element, at, sizeof(element));
    return element;
  };
  switch (kind) {
    case ElementKind::f32:
      return load(float());
    case ElementKind::i32:
      return load(int32_t());
    case ElementKind::f16:
      return HalfToFloat(load(uint16_t()));
    case ElementKind::bf16:
      return BFloat16ToFloat(load(uint16_t()));
  }
  return 0;
}

NativeBufferPtr makeBuffer(const Tensor& tensor) {
  size_t step = elementBytes(tensor.kind);
  auto buffer = std::make_shared<NativeBuffer>(tensor.values.size() * step);
  for (size_t i = 0; i < tensor.values.size(); ++i)
    writeElement(tensor.values[i], tensor.kind, buffer->data() + i * step);
  return buffer;
}

NativeBufferPtr makeBuffer(ArrayRef<int32_t> values) {
  auto buffer = std::make_shared<NativeBuffer>(values.size() * 4);
  std::memcpy(buffer->data(), values.data(), values.size() * 4);
  return buffer;
}

}  // namespace

NativeBuffer::NativeBuffer(size_t bytes)
    : bytes(bytes), memory(bytes + 3 * kGuard, kUntouched) {}

char* NativeBuffer::data() {
  auto address = reinterpret_cast<uintptr_t>(memory.data()) + kGuard;
  return reinterpret_cast<char*>(address & ~(kGuard - 1));
}

bool NativeBuffer::isIntact() const {
  const char* const end = memory.data() + memory.size();
  auto untouched = [](char byte) { return byte == kUntouched; };
  return std::all_of(memory.data(), data(), untouched) &&
         std::all_of(data() + bytes, end, untouched);
}

size_t elementBytes(ElementKind kind) {
  return kind == ElementKind::f32 || kind == ElementKind::i32 ? 4 : 2;
}

SmallVector<NativeBufferPtr> makeBuffers(const Value& value) {
  if (value.isTensor()) return {makeBuffer(value.tensor())};
  const Segments& segments = value.segments();
  std::vector<int32_t> rows;
  for (int64_t s = 0; s < segments.sequences(); ++s)
    rows.insert(rows.end(), segments.length(s), static_cast<int32_t>(s));
  return {makeBuffer(segments.offsets), makeBuffer(segments.ordinals),
          makeBuffer(rows)};
}

Tensor readTensor(ArrayRef<int64_t> shape, ElementKind kind, const char* data) {
  Tensor tensor(shape, kind);
  size_t step = elementBytes(kind);
  for (size_t i = 0; i < tensor.values.size(); ++i)
    tensor.values[i] = readElement(kind, data + i * step);
  return tensor;
}

NamedSizes bindSizes(TypeRange types, ArrayRef<Value> values) {
  NamedSizes sizes;
  for (auto [type, value] : llvm::zip_equal(types, values)) {
    if (auto segments = dyn_cast<SegmentsType>(type)) {
      sizes[segments.getTokens()] = value.segments().tokens();
      sizes[segments.getSequences()] = value.segments().sequences();
      continue;
    }
    for (auto [dim, size] : llvm::zip_equal(
             getDims(cast<RankedTensorType>(type)), value.tensor().shape))
      if (!dim.isStatic()) sizes[dim.name] = size;
  }
  return sizes;
}

SmallVector<int64_t> shapeOf(RankedTensorType type, const NamedSizes& sizes) {
  SmallVector<int64_t> shape;
  for (const Dim& dim : getDims(type))
    shape.push_back(dim.isStatic() ? dim.size : sizes.lookup(dim.name));
  return shape;
}

NativeBufferPtr makeBuffer(RankedTensorType type, const NamedSizes& sizes) {
  size_t bytes = type.getElementTypeBitWidth() / 8;
  for (int64_t size : shapeOf(type, sizes)) bytes *= size;
  return std::make_shared<NativeBuffer>(bytes);
}

int64_t countItems(exec::GridAttr grid, const NamedSizes& sizes) {
  if (!grid.getSize()) return grid.getCount();
  int64_t size = sizes.lookup(grid.getSize().getValue());
  return llvm::divideCeil(size, grid.getBlock()) * grid.getCount();
}

LogicalResult NativeKernels::load(ModuleOp module, const Target& target,
                                  llvm::StringRef cacheDirectory) {
  if (target.getCodeKind() != "elf")
    return module.emitError("expects a target with code of kind elf, got ")
           << target.getCodeKind() << " of " << target.getName();
  std::vector<std::string> names;
  for (auto size : module.getOps<SizeOp>())
    names.push_back(size.getSymName().str());
  if (names != sizeNames) byText.clear();  // Kernels count on the order.
  sizeNames = std::move(names);

  // One kernel of each text that is new, alone in a copy.
  OwningOpRef<ModuleOp> copy = ModuleOp::create(module.getLoc());
  OpBuilder builder = OpBuilder::atBlockEnd(copy->getBody());
  for (Operation& op : *module.getBody())
    if (isa<SizeOp, exec::KernelsOp>(op)) builder.clone(op);
  auto tables = copy->getOps<exec::KernelsOp>();
  if (tables.empty()) return success();
  exec::KernelsOp table = *tables.begin();
  llvm::StringMap<std::string> texts;  // by name
  llvm::StringMap<std::string> made;   // text by the name to be compiled
  for (auto kernel :
       llvm::make_early_inc_range(table.getBody().getOps<func::FuncOp>())) {
    std::string name = kernel.getName().str();
    std::string& text = texts[name];
    kernel.setName("kernel");
    llvm::raw_string_ostream(text) << kernel;
    kernel.setName(name);
    if (byText.try_emplace(text).second)
      made[name] = text;
    else
      kernel.erase();
  }
  FailureOr<KernelCode> code = target.compile(table, cacheDirectory);
  if (failed(code)) return byText.clear(), failure();
  if (target.getTriple() != getHostTarget().getTriple()) return success();
  if (!code->symbols.empty()) {
    auto library = CodeLibrary::Load(
        absl::MakeConstSpan(
            reinterpret_cast<const uint8_t*>(code->bytes.data()),
            code->bytes.size()),
        "kernels");
    if (!library.ok())
      return module.emitError() << std::string(library.status().message());
    for (const std::string& symbol : code->symbols)
      byText[made[symbol]] = (*library)->Find(symbol);
    libraries.push_back(std::move(*library));
  }
  loaded.clear();
  for (const auto& [name, text] : texts) loaded[name] = byText.lookup(text);
  return success();
}

void NativeKernels::run(StringRef kernel, ArrayRef<void*> buffers,
                        const NamedSizes& sizes, RandomState random,
                        uint64_t draws, int64_t begin, int64_t end) const {
  std::vector<int64_t> table;
  for (const std::string& name : sizeNames) table.push_back(sizes.lookup(name));
  GraftRandomState state = {random.seed,
                            static_cast<uint64_t>(random.phase) << 48 | draws,
                            random.step};
  loaded.lookup(kernel)(buffers.data(), table.data(), &state, begin, end);
}

LogicalResult runLaunch(const NativeKernels& kernels, OpCall& call) {
  auto launch = call.as<exec::LaunchOp>();
  StringRef name = launch.getKernel().getLeafReference();
  if (!kernels.contains(name))
    return launch.emitError("expects a kernel with code, got '") << name << "'";
  SmallVector<NativeBufferPtr> buffers;
  for (unsigned i = 0; i < call.numOperands(); ++i)
    buffers.append(makeBuffers(call.operand(i)));
  size_t firstResult = buffers.size();
  for (unsigned i = 0; i < launch.getNumResults(); ++i)
    buffers.push_back(std::make_shared<NativeBuffer>(
        call.result(i).values.size() * elementBytes(call.result(i).kind)));
  SmallVector<void*> pointers;
  for (const NativeBufferPtr& buffer : buffers)
    pointers.push_back(buffer->data());
  kernels.run(name, pointers, call.getSizes(), call.getRandom().state,
              launch.getRandom(), 0,
              countItems(launch.getGrid(), call.getSizes()));
  for (const NativeBufferPtr& buffer : buffers)
    if (!buffer->isIntact())
      return launch.emitError("kernel '")
             << name << "' writes outside of its buffers";
  for (unsigned i = 0; i < launch.getNumResults(); ++i)
    call.result(i) = readTensor(call.result(i).shape, call.result(i).kind,
                                buffers[firstResult + i]->data());
  return success();
}

}  // namespace graft::interpret

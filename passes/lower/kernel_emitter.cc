// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/kernel_emitter.h"

#include <map>

#include "dialects/graft/graft_dialect.h"
#include "dialects/graft/graft_ops.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace graft {
namespace {

// A buffer of a kernel: its type, and the named size of each `?`.
struct Buffer {
  MemRefType type;
  SmallVector<StringRef> dims;
};

Buffer bufferOf(RankedTensorType type) {
  Buffer buffer{MemRefType::get(type.getShape(), type.getElementType()), {}};
  if (auto dims = dyn_cast_if_present<DimsAttr>(type.getEncoding()))
    for (StringAttr name : dims.getNames()) buffer.dims.push_back(name);
  return buffer;
}

// Appends the buffers of a tensor or of segments.
void appendBuffers(Type type, SmallVectorImpl<Buffer>& buffers) {
  if (auto tensor = dyn_cast<RankedTensorType>(type)) {
    buffers.push_back(bufferOf(tensor));
    return;
  }
  auto segments = cast<SegmentsType>(type);
  MLIRContext* context = type.getContext();
  auto ids =
      MemRefType::get({ShapedType::kDynamic}, IntegerType::get(context, 32));
  StringRef sequences = segments.getSequences();
  // Offsets have one element more than the size says; its "+1" is understood
  // where the C calling convention is lowered.
  buffers.push_back(
      {ids, {StringAttr::get(context, sequences + "+1").getValue()}});
  buffers.push_back({ids, {sequences}});
  buffers.push_back({ids, {segments.getTokens()}});
}

// What tells the draws of an op from those of others in its phase; of a region,
// those of the one op in it that draws.
int64_t randomOf(Operation* op) {
  uint64_t place = 0;
  op->walk([&](Operation* inner) {
    auto get = [&](StringRef name) -> uint64_t {
      auto value = inner->getAttrOfType<IntegerAttr>(name);
      return value ? value.getInt() : 0;
    };
    place |= (get("draw") & 0xFFFFu) << 32 | (get("random_id") & 0xFFFFFFFFu);
  });
  return static_cast<int64_t>(place);
}

// Terms of the same sizes as one, by the order in which sizes come.
class CostSum {
 public:
  explicit CostSum(MLIRContext* context) : context(context) {}

  void add(int64_t coefficient, ArrayRef<StringAttr> sizes) {
    coefficients[ArrayAttr::get(
        context, SmallVector<Attribute>(sizes.begin(), sizes.end()))] +=
        coefficient;
  }

  // The bytes of a tensor or of segments, `sign` times.
  void addBytes(Type type, int64_t sign = 1) {
    constexpr int64_t kIdBytes = 4;
    if (auto segments = dyn_cast<SegmentsType>(type)) {
      // Offsets and ordinals; the row of each token.
      add(sign * 2 * kIdBytes, segments.getSequences());
      add(sign * kIdBytes, segments.getTokens());
      return;
    }
    auto tensor = cast<RankedTensorType>(type);
    auto bytes = static_cast<int64_t>(
        llvm::divideCeil(tensor.getElementTypeBitWidth(), 8));
    for (int64_t extent : tensor.getShape())
      if (!ShapedType::isDynamic(extent)) bytes *= extent;
    auto dims = dyn_cast_if_present<DimsAttr>(tensor.getEncoding());
    add(sign * bytes, dims ? dims.getNames() : ArrayRef<StringAttr>());
  }

  SmallVector<exec::CostTermAttr> terms() const {
    SmallVector<exec::CostTermAttr> terms;
    for (auto [sizes, coefficient] : coefficients)
      if (coefficient != 0)
        terms.push_back(exec::CostTermAttr::get(
            context, coefficient,
            llvm::to_vector(sizes.getAsRange<StringAttr>()), false));
    return terms;
  }

 private:
  MLIRContext* context;
  llvm::MapVector<ArrayAttr, int64_t> coefficients;
};

exec::CostAttr costOf(ValueRange operands, TypeRange results,
                      MLIRContext* context) {
  CostSum bytes(context);
  // A tensor that is read twice is in the cache the second time.
  llvm::SetVector<Value> once(operands.begin(), operands.end());
  for (Value operand : once) bytes.addBytes(operand.getType());
  for (Type result : results) bytes.addBytes(result);
  return exec::CostAttr::get(context, {}, bytes.terms(), /*unit=*/StringAttr(),
                             /*unitCount=*/0);
}

}  // namespace

struct KernelContext::Kernel {
  StringAttr name;
  bool draws;  // whether its body uses the place
};

struct KernelContext::Shared {
  unsigned next = 0;  // number of the next kernel
  std::map<KernelKey, Kernel> kernels;
};

KernelContext::KernelContext(exec::KernelsOp kernels, Options options)
    : kernels(kernels), options(options), shared(std::make_shared<Shared>()) {}

KernelContext::Kernel KernelContext::emit(
    OpBuilder& builder, Location loc, StringRef stem, ValueRange operands,
    TypeRange results, exec::GridAttr grid,
    llvm::function_ref<void(OpBuilder&, Location, const KernelArguments&)>
        body) {
  SmallVector<Buffer> buffers;
  for (Value operand : operands) appendBuffers(operand.getType(), buffers);
  for (Type result : results) appendBuffers(result, buffers);

  llvm::SetVector<StringRef> sizes;
  for (const Buffer& buffer : buffers)
    for (StringRef name : buffer.dims) {
      name.consume_back("+1");
      sizes.insert(name);
    }
  if (grid.getSize()) sizes.insert(grid.getSize().getValue());

  SmallVector<Type> inputs;
  for (const Buffer& buffer : buffers) inputs.push_back(buffer.type);
  inputs.append(sizes.size(), builder.getIndexType());
  inputs.append({builder.getI64Type(), builder.getI32Type(),
                 builder.getI64Type(), builder.getIndexType(),
                 builder.getIndexType()});

  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(&kernels.getBody().front());
  auto kernel = func::FuncOp::create(builder, loc,
                                     (stem + "." + Twine(shared->next++)).str(),
                                     builder.getFunctionType(inputs, {}));
  kernel->setAttr("exec.sizes",
                  builder.getStrArrayAttr(llvm::to_vector(sizes)));
  Block* block = kernel.addEntryBlock();
  KernelArguments arguments;
  unsigned index = 0;
  for (const Buffer& buffer : buffers) {
    if (!buffer.dims.empty())
      kernel.setArgAttr(index, "exec.dims",
                        builder.getStrArrayAttr(buffer.dims));
    arguments.buffers.push_back(block->getArgument(index++));
  }
  for (StringRef name : sizes)
    arguments.sizes[name] = block->getArgument(index++);
  arguments.seed = block->getArgument(index++);
  arguments.step = block->getArgument(index++);
  arguments.place = block->getArgument(index++);
  arguments.begin = block->getArgument(index++);
  arguments.end = block->getArgument(index++);

  builder.setInsertionPointToStart(block);
  body(builder, loc, arguments);
  builder.setInsertionPointToEnd(block);
  func::ReturnOp::create(builder, loc);
  return {kernel.getSymNameAttr(), !arguments.place.use_empty()};
}

ValueRange KernelContext::launch(
    OpBuilder& builder, Operation* op, StringRef stem, ValueRange operands,
    TypeRange results, exec::GridAttr grid, ArrayRef<int64_t> ties,
    llvm::function_ref<void(OpBuilder&, Location, const KernelArguments&)> body,
    const KernelKey* key) {
  Location loc = op->getLoc();
  auto create = [&] {
    return emit(builder, loc, stem, operands, results, grid, body);
  };
  Kernel kernel;
  if (key && options.shares) {
    KernelKey all = *key;
    all.add(builder.getStringAttr(stem))
        .add(TypeRange(operands))
        .add(results)
        .add(grid);
    auto [found, isNew] = shared->kernels.try_emplace(std::move(all));
    if (isNew) found->second = create();
    kernel = found->second;
  } else {
    kernel = create();
  }
  // Other kernels of an op that draws, such as those that pack its operands,
  // are the same with and without.
  int64_t random = kernel.draws ? randomOf(op) : 0;
  builder.setInsertionPoint(op);
  auto symbol = SymbolRefAttr::get(kernels.getSymNameAttr(),
                                   {FlatSymbolRefAttr::get(kernel.name)});
  return exec::LaunchOp::create(builder, loc, results, symbol, operands, grid,
                                ties, random,
                                costOf(operands, results, builder.getContext()))
      .getResults();
}

void countFlops(ValueRange results, exec::CostTermAttr flops, FlopUnit unit) {
  auto launch = results.front().getDefiningOp<exec::LaunchOp>();
  MLIRContext* context = launch.getContext();
  launch.setCostAttr(exec::CostAttr::get(
      context, flops, launch.getCostAttr().getBytes(),
      unit.count > 0 ? StringAttr::get(context, unit.name) : StringAttr(),
      unit.count));
}

void countRows(ValueRange results, ValueRange tables, Value rows) {
  auto launch = results.front().getDefiningOp<exec::LaunchOp>();
  MLIRContext* context = launch.getContext();
  CostSum bytes(context);
  for (exec::CostTermAttr term : launch.getCostAttr().getBytes())
    bytes.add(term.getCoefficient(), term.getSizes());
  for (Value table : tables) {
    bytes.addBytes(table.getType(), -1);
    bytes.addBytes(rows.getType());
  }
  exec::CostAttr cost = launch.getCostAttr();
  launch.setCostAttr(exec::CostAttr::get(context, cost.getFlops(),
                                         bytes.terms(), cost.getUnit(),
                                         cost.getUnitCount()));
}

Addend findAddend(Operation* op) {
  Addend addend = matchAddend(op);
  if (!addend) return {};
  Operation* source = addend.value.getDefiningOp();
  if (source && !source->isBeforeInBlock(op)) source->moveBefore(op);
  return addend;
}

void replaceWithSum(Operation* op, const Addend& addend, Value value) {
  if (addend) addend.sum->getResult(0).replaceAllUsesWith(value);
  op->getResult(0).replaceAllUsesWith(value);
  op->erase();
}

}  // namespace graft

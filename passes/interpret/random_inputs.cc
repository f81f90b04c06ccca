// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/interpret/random_inputs.h"

#include <cmath>
#include <numbers>

#include "dialects/graft/graft_ops.h"
#include "llvm/Support/xxhash.h"
#include "mlir/IR/SymbolTable.h"
#include "runtime/formats/philox.h"

using namespace mlir;

namespace graft::interpret {
namespace {

constexpr int64_t kDefaultSize = 4;

// A stream of numbers keyed by a seed and a name; equal on every machine up to
// the rounding of log and cos.
class Random {
 public:
  Random(uint64_t seed, StringRef name)
      : state(SplitMix64(seed) ^ llvm::xxh3_64bits(name)) {}

  double uniform() {
    state += 0x9E3779B97F4A7C15u;
    return static_cast<double>(SplitMix64(state) >> 11) * 0x1p-53;
  }
  int64_t below(int64_t bound) {
    return static_cast<int64_t>(uniform() * static_cast<double>(bound));
  }
  double normal() {
    double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  uint64_t state;
};

std::string nameOf(Attribute attribute, StringRef stem, unsigned index) {
  if (auto name = dyn_cast_or_null<StringAttr>(attribute)) return name.str();
  return (stem + std::to_string(index)).str();
}

void lower(std::optional<int64_t>& bound, int64_t value) {
  bound = bound ? std::min(*bound, value) : value;
}

// The bound that one use puts on an id.
std::optional<int64_t> boundOfUse(OpOperand& use,
                                  const llvm::StringMap<int64_t>& sizes) {
  Operation* op = use.getOwner();
  auto rows = [&](mlir::Value tensor) -> std::optional<int64_t> {
    Dim dim = getDim(cast<RankedTensorType>(tensor.getType()), 0);
    if (dim.isStatic()) return dim.size;
    auto it = dim.name ? sizes.find(dim.name.getValue()) : sizes.end();
    if (it == sizes.end()) return std::nullopt;
    return it->second;
  };
  if (auto embedding = dyn_cast<EmbeddingOp>(op))
    return rows(embedding.getTable());
  if (auto gradient = dyn_cast<EmbeddingGradientOp>(op))
    return static_cast<int64_t>(gradient.getRows());
  if (auto gather = dyn_cast<GatherOp>(op)) return rows(gather.getInput());
  if (auto scatter = dyn_cast<ScatterAddOp>(op))
    return rows(scatter.getInput());
  if (auto loss = dyn_cast<CrossEntropyOp>(op))
    return loss.getLogits().getType().getDimSize(1);
  if (auto gradient = dyn_cast<CrossEntropyGradientOp>(op))
    return gradient.getLogits().getType().getDimSize(1);
  if (auto labels = dyn_cast<OneHotOp>(op))
    return labels.getOutput().getType().getDimSize(1);
  if (auto call = dyn_cast<CallOp>(op)) {
    auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
        op, call.getCallee());
    if (callee && !callee.isExternal())
      return idBound(callee.getArgument(use.getOperandNumber()), sizes);
  }
  if (auto repeat = dyn_cast<RepeatOp>(op))
    return idBound(repeat.getBody().getArgument(use.getOperandNumber()), sizes);
  return std::nullopt;
}

// The longest sequence whose positions index a table, and through calls.
std::optional<int64_t> longestSequence(mlir::Value segments) {
  std::optional<int64_t> longest;
  for (OpOperand& use : segments.getUses()) {
    std::optional<int64_t> bound;
    if (auto positions = dyn_cast<PositionsOp>(use.getOwner()))
      bound = idBound(positions.getPositions(), {});
    if (auto call = dyn_cast<CallOp>(use.getOwner())) {
      auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
          call, call.getCallee());
      if (callee && !callee.isExternal())
        bound = longestSequence(callee.getArgument(use.getOperandNumber()));
    }
    if (bound) lower(longest, *bound);
  }
  return longest;
}

Segments makeSegments(mlir::Value value, const RandomInputOptions& options,
                      Random& random) {
  SmallVector<int32_t> lengths = options.lengths;
  if (lengths.empty()) {
    int64_t limit = longestSequence(value).value_or(8);
    lengths.resize(3 + static_cast<size_t>(random.below(3)));
    for (int32_t& length : lengths)
      length =
          static_cast<int32_t>(1 + random.below(std::min<int64_t>(limit, 8)));
  }
  Segments segments = Segments::fromLengths(lengths);
  for (int32_t& ordinal : segments.ordinals) ordinal += 5;
  return segments;
}

bool isProbability(mlir::Value value) {
  return llvm::any_of(value.getUses(), [](OpOperand& use) {
    return isa<BinaryCrossEntropyOp>(use.getOwner()) &&
           use.getOperandNumber() == 1;
  });
}

// The value given by `graft.value`.
FailureOr<Value> fromAttribute(Location location, Attribute attribute,
                               Type type) {
  if (isa<SegmentsType>(type))
    if (auto offsets = dyn_cast<DenseI32ArrayAttr>(attribute)) {
      Segments segments;
      segments.offsets.assign(offsets.asArrayRef().begin(),
                              offsets.asArrayRef().end());
      for (int32_t s = 0; s + 1 < offsets.size(); ++s)
        segments.ordinals.push_back(s);
      return Value(std::move(segments));
    }
  auto elements = dyn_cast<DenseElementsAttr>(attribute);
  FailureOr<ElementKind> kind = failure();
  if (elements) kind = getElementKind(elements.getElementType());
  if (failed(kind))
    return emitError(location,
                     "expects 'graft.value' to be dense elements of floats or "
                     "i32, or array<i32> for segments, got ")
               << attribute,
           failure();
  Tensor tensor(elements.getType().getShape(), *kind);
  if (*kind == ElementKind::i32)
    llvm::copy(elements.getValues<int32_t>(), tensor.values.begin());
  else
    llvm::transform(elements.getValues<APFloat>(), tensor.values.begin(),
                    [](const APFloat& value) {
                      bool lost;
                      APFloat copy = value;
                      copy.convert(APFloat::IEEEdouble(),
                                   APFloat::rmNearestTiesToEven, &lost);
                      return copy.convertToDouble();
                    });
  return Value(std::move(tensor));
}

// Shape of a tensor argument; sizes seen for the first time are set.
SmallVector<int64_t> resolveShape(RankedTensorType type,
                                  llvm::StringMap<int64_t>& sizes) {
  SmallVector<int64_t> shape;
  for (const Dim& dim : getDims(type)) {
    if (dim.isStatic())
      shape.push_back(dim.size);
    else if (dim.name)
      shape.push_back(sizes.try_emplace(dim.name, kDefaultSize).first->second);
    else
      shape.push_back(kDefaultSize);
  }
  return shape;
}

FailureOr<Value> makeTensor(func::FuncOp function, unsigned index,
                            llvm::StringMap<int64_t>& sizes, Random& random) {
  mlir::Value argument = function.getArgument(index);
  auto type = dyn_cast<RankedTensorType>(argument.getType());
  FailureOr<ElementKind> kind = failure();
  if (type) kind = getElementKind(type.getElementType());
  if (failed(kind))
    return function.emitError(
               "expects arguments that are segments or tensors "
               "of floats or i32, got ")
               << argument.getType(),
           failure();
  Tensor tensor(resolveShape(type, sizes), *kind);
  std::string name = argumentName(function, index);
  std::optional<int64_t> bound = idBound(argument, sizes);
  bool probability = isProbability(argument);
  for (double& value : tensor.values) {
    if (*kind == ElementKind::i32)
      value = bound ? static_cast<double>(random.below(*bound)) : 1;
    else if (name == "rate")
      value = 1e-3;
    else
      value = probability ? random.uniform() : random.normal();
  }
  tensor.round();
  return Value(std::move(tensor));
}

// Whether a read of the parameter scales a normalisation.
bool isNormScale(ModelOp model, StringRef name) {
  bool found = false;
  model->getParentOfType<ModuleOp>()->walk([&](ReadOp read) {
    SymbolRefAttr symbol = read.getSymbol();
    if (symbol.getLeafReference().getValue() != name) return;
    for (OpOperand& use : read->getUses())
      found |= isa<LayerNormOp>(use.getOwner()) && use.getOperandNumber() == 1;
  });
  return found;
}

Tensor makeSlot(RankedTensorType type, uint64_t seed, StringRef name,
                StringRef stateKind, bool normScale) {
  Tensor tensor(type.getShape(), *getElementKind(type.getElementType()));
  Random random(seed, name);
  double mean = normScale ? 1 : 0, deviation = 0.1;
  if (!stateKind.empty())
    deviation = 0.01;
  else if (tensor.rank() == 2)
    deviation = 1 / std::sqrt(static_cast<double>(tensor.columns()));
  for (double& value : tensor.values)
    value = stateKind == "second_moment" ? random.uniform() * 1e-3
                                         : mean + deviation * random.normal();
  tensor.round();
  return tensor;
}

}  // namespace

std::string argumentName(func::FuncOp function, unsigned index) {
  return nameOf(function.getArgAttr(index, "graft.name"), "arg", index);
}

std::string resultName(func::FuncOp function, unsigned index) {
  return nameOf(function.getResultAttr(index, "graft.name"), "result", index);
}

std::optional<int64_t> idBound(mlir::Value value,
                               const llvm::StringMap<int64_t>& sizes) {
  std::optional<int64_t> bound;
  for (OpOperand& use : value.getUses())
    if (std::optional<int64_t> other = boundOfUse(use, sizes))
      lower(bound, *other);
  return bound;
}

FailureOr<SmallVector<Value>> makeRandomInputs(
    func::FuncOp function, const RandomInputOptions& options) {
  llvm::StringMap<int64_t> sizes = options.sizes;
  unsigned count = function.getNumArguments();
  SmallVector<Value> arguments(count);
  // What binds sizes comes first: given values, then segments.
  for (unsigned i = 0; i < count; ++i) {
    Type type = function.getArgument(i).getType();
    Random random(options.seed, argumentName(function, i));
    if (Attribute given = function.getArgAttr(i, "graft.value")) {
      FailureOr<Value> value = fromAttribute(function.getLoc(), given, type);
      if (failed(value)) return failure();
      arguments[i] = *value;
    } else if (auto segmentsType = dyn_cast<SegmentsType>(type)) {
      arguments[i] =
          Value(makeSegments(function.getArgument(i), options, random));
    }
    if (auto segmentsType = dyn_cast<SegmentsType>(type)) {
      if (arguments[i].isTensor()) continue;  // The interpreter speaks.
      sizes[segmentsType.getTokens()] = arguments[i].segments().tokens();
      sizes[segmentsType.getSequences()] = arguments[i].segments().sequences();
    } else if (auto tensorType = dyn_cast<RankedTensorType>(type)) {
      if (!function.getArgAttr(i, "graft.value")) continue;
      for (auto [dim, size] :
           llvm::zip(getDims(tensorType), arguments[i].tensor().shape))
        if (dim.name) sizes[dim.name] = size;
    }
  }
  SmallVector<unsigned> totals;
  double examples = 1;
  for (unsigned i = 0; i < count; ++i) {
    if (function.getArgAttr(i, "graft.value") ||
        isa<SegmentsType>(function.getArgument(i).getType()))
      continue;
    std::string name = argumentName(function, i);
    Random random(options.seed, name);
    FailureOr<Value> value = makeTensor(function, i, sizes, random);
    if (failed(value)) return failure();
    arguments[i] = *value;
    if (name == "total" || name == "labelled") totals.push_back(i);
    if (name == "labels" && !value->tensor().shape.empty())
      examples = static_cast<double>(value->tensor().shape[0]);
  }
  for (unsigned total : totals)
    arguments[total] = Value(Tensor::scalar(examples));
  return arguments;
}

void setRandomSlots(ModuleOp module, uint64_t seed, Interpreter& interpreter) {
  for (auto model : module.getOps<ModelOp>()) {
    auto set = [&](StringRef name, StringRef symbol, Type type,
                   StringRef stateKind) {
      StringRef modelName = model.getSymName();
      if (interpreter.getSlot(modelName, name)) return;
      bool normScale = stateKind.empty() && isNormScale(model, symbol);
      interpreter.setSlot(modelName, name,
                          makeSlot(cast<RankedTensorType>(type), seed,
                                   Interpreter::slotKey(modelName, name),
                                   stateKind, normScale));
    };
    for (auto parameter : model.getOps<ParameterOp>())
      set(parameter.getSymName(), parameter.getSymName(), parameter.getType(),
          "");
    for (auto state : model.getOps<StateOp>())
      set(state.getSymName(), state.getSymName(), state.getType(),
          state.getKind());
    for (auto layers : model.getOps<LayersOp>())
      for (int64_t i = 0; i < static_cast<int64_t>(layers.getCount()); ++i)
        for (auto parameter : layers.getOps<ParameterOp>())
          set((layers.getSymName() + "." + std::to_string(i) + "." +
               parameter.getSymName())
                  .str(),
              parameter.getSymName(), parameter.getType(), "");
  }
}

}  // namespace graft::interpret

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "frontend/graph_builder.h"

#include "llvm/Support/SaveAndRestore.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace graft {
namespace {

// "attention.self.query" and "weight" give "query.weight".
std::string shortName(StringRef parameter) {
  StringRef head = parameter.rsplit('.').first;
  return parameter.drop_front(head.rfind('.') + 1).str();
}

}  // namespace

GraphBuilder::GraphBuilder(MLIRContext* context, StringRef model,
                           StringRef weights)
    : builder_(context) {
  context->loadDialect<GraftDialect, func::FuncDialect>();
  module_ = ModuleOp::create(builder_.getUnknownLoc());
  builder_.setInsertionPointToEnd(module_->getBody());
  model_ = ModelOp::create(builder_, location(model), model, weights);
  scope_ = &model_.getBody().front();
  anchor_ = nullptr;
}

Location GraphBuilder::location(StringRef name) {
  return NameLoc::get(builder_.getStringAttr(name));
}

void GraphBuilder::declareSize(StringRef name, int64_t bound) {
  OpBuilder::InsertionGuard guard(builder_);
  builder_.setInsertionPoint(model_);
  SizeOp::create(builder_, location(name), name, bound);
}

void GraphBuilder::addFunction(StringRef name, ArrayRef<Argument> arguments,
                               StringRef resultName,
                               llvm::function_ref<Value(ValueRange)> body) {
  builder_.setInsertionPointToEnd(&model_.getBody().front());
  SmallVector<Type> types;
  for (const Argument& argument : arguments) types.push_back(argument.type);
  auto function = func::FuncOp::create(builder_, location(name), name,
                                       builder_.getFunctionType(types, {}));
  Block* block = function.addEntryBlock();
  for (auto [index, argument] : llvm::enumerate(arguments)) {
    block->getArgument(index).setLoc(location(argument.name));
    function.setArgAttr(index, "graft.name",
                        builder_.getStringAttr(argument.name));
  }
  builder_.setInsertionPointToEnd(block);
  Value result = body(block->getArguments());
  func::ReturnOp::create(builder_, location(resultName), result);
  function.setType(builder_.getFunctionType(types, result.getType()));
  function.setResultAttr(0, "graft.name", builder_.getStringAttr(resultName));
}

Value GraphBuilder::repeat(int64_t count, StringRef scope, Value input,
                           llvm::function_ref<Value(Value)> body) {
  assert(!inLayer_ && "layers do not nest");
  auto layers = [&] {
    OpBuilder::InsertionGuard guard(builder_);
    anchor_ ? builder_.setInsertionPointAfter(anchor_)
            : builder_.setInsertionPointToStart(&model_.getBody().front());
    return LayersOp::create(builder_, location(scope), scope, count,
                            /*origins=*/DenseI64ArrayAttr());
  }();
  anchor_ = layers;
  auto repeat = RepeatOp::create(builder_, location("hidden"), input.getType(),
                                 count, scope, input);
  OpBuilder::InsertionGuard guard(builder_);
  llvm::SaveAndRestore<Block*> restoreScope(scope_,
                                            &layers.getBody().emplaceBlock());
  llvm::SaveAndRestore<bool> restoreLayer(inLayer_, true);
  Block& block = repeat.getBody().emplaceBlock();
  Value argument = block.addArgument(input.getType(), location("x"));
  builder_.setInsertionPointToEnd(&block);
  Value result = body(argument);
  YieldOp::create(builder_, location("yield"), result);
  return repeat.getResult(0);
}

Value GraphBuilder::parameter(StringRef name, ArrayRef<int64_t> shape) {
  auto type = RankedTensorType::get(shape, builder_.getF32Type());
  bool declared = llvm::any_of(*scope_, [&](Operation& op) {
    auto parameter = dyn_cast<ParameterOp>(op);
    return parameter && parameter.getSymName() == name;
  });
  if (!declared) {
    OpBuilder::InsertionGuard guard(builder_);
    if (inLayer_)
      builder_.setInsertionPointToEnd(scope_);
    else if (anchor_)
      builder_.setInsertionPointAfter(anchor_);
    else
      builder_.setInsertionPointToStart(scope_);
    auto parameter =
        ParameterOp::create(builder_, location(name), name, type, StringAttr(),
                            StringAttr(), FloatAttr(), /*group=*/StringAttr(),
                            /*norms_of=*/FlatSymbolRefAttr(), /*added=*/false);
    if (!inLayer_) anchor_ = parameter;
  }
  return ReadOp::create(builder_, location(shortName(name)), type,
                        FlatSymbolRefAttr::get(builder_.getStringAttr(name)),
                        inLayer_);
}

Value GraphBuilder::linear(Value input, StringRef scope, int64_t width,
                           StringRef name) {
  int64_t in = cast<RankedTensorType>(input.getType()).getDimSize(1);
  Value weight = parameter((scope + ".weight").str(), {width, in});
  Value bias = parameter((scope + ".bias").str(), {width});
  return LinearOp::create(builder_, location(name), input, weight, bias);
}

Value GraphBuilder::layerNorm(Value input, StringRef scope, double epsilon,
                              StringRef name) {
  int64_t width = cast<RankedTensorType>(input.getType()).getDimSize(1);
  Value scale = parameter((scope + ".weight").str(), {width});
  Value shift = parameter((scope + ".bias").str(), {width});
  return LayerNormOp::create(builder_, location(name), input, scale, shift,
                             builder_.getF32FloatAttr(epsilon));
}

Value GraphBuilder::embedding(Value ids, StringRef scope, int64_t rows,
                              int64_t width, StringRef name) {
  Value table = parameter((scope + ".weight").str(), {rows, width});
  return EmbeddingOp::create(builder_, location(name), ids, table);
}

int64_t GraphBuilder::takeRandomId() {
  int64_t id = inLayer_ ? nextLayerId_++ : nextId_++;
  assert(nextId_ <= kRandomIdStride && nextLayerId_ <= 2 * kRandomIdStride &&
         "too many random ops");
  return id;
}

Value GraphBuilder::dropout(Value input, Value segments, double rate,
                            StringRef name) {
  return DropoutOp::create(builder_, location(name), input, segments,
                           builder_.getF32FloatAttr(rate),
                           builder_.getI64IntegerAttr(takeRandomId()));
}

Value GraphBuilder::attention(Value query, Value key, Value value,
                              Value segments, int64_t heads, double dropout,
                              StringRef name) {
  return AttentionOp::create(builder_, location(name), query, key, value,
                             segments, builder_.getI64IntegerAttr(heads),
                             FloatAttr(), builder_.getF32FloatAttr(dropout),
                             builder_.getI64IntegerAttr(takeRandomId()));
}

void GraphBuilder::tap(StringRef kind, Value value) {
  TapOp::create(builder_, location(kind), kind, value, /*layer=*/IntegerAttr());
}

Value GraphBuilder::call(StringRef function, ValueRange arguments,
                         StringRef name) {
  auto callee = model_.lookupSymbol<func::FuncOp>(function);
  assert(callee && "a function is built before its calls");
  auto op = CallOp::create(builder_, location(name),
                           callee.getFunctionType().getResults(),
                           FlatSymbolRefAttr::get(callee), arguments);
  return op.getResult(0);
}

RankedTensorType GraphBuilder::rows(StringRef size, ArrayRef<int64_t> trailing,
                                    Type element) {
  SmallVector<Dim> dims{getNamedDim(builder_.getStringAttr(size))};
  for (int64_t extent : trailing) dims.push_back({extent, nullptr});
  return getTensorType(dims, element);
}

OwningOpRef<ModuleOp> GraphBuilder::finish() { return std::move(module_); }

void printModel(ModuleOp module, llvm::raw_ostream& stream) {
  module.print(stream, OpPrintingFlags().printNameLocAsPrefix());
  stream << '\n';
}

}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "frontend/adapter_set.h"
#include "llvm/ADT/SetVector.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "runtime/base/status_macros.h"

using namespace mlir;

namespace graft {
namespace {

constexpr StringRef kAdapters = "adapters";  // the argument
constexpr StringRef kShare = "adapters.share";

class Chooser {
 public:
  Chooser(ModelOp model, const AdapterSet& adapters, const std::string& head)
      : model_(model),
        adapters_(adapters),
        head_(head),
        builder_(model.getContext()) {}

  absl::Status run() {
    findMaps();
    GRAFT_RETURN_IF_ERROR(checkMatrices());
    // At the front, where no function precedes it.
    builder_.setInsertionPointToStart(&model_.getBody().front());
    declare(kShare, {count(), adapters_.rank});
    addArguments();
    for (Map& map : maps_) GRAFT_RETURN_IF_ERROR(rewrite(map));
    for (const AdapterHead& head : adapters_.heads) addHead(head);
    return absl::OkStatus();
  }

 private:
  // A linear map with an adapted matrix.
  struct Map {
    LinearOp linear;
    ParameterOp matrix;
  };

  // A place by whose name values are printed.
  Location named(StringRef name) {
    return NameLoc::get(builder_.getStringAttr(name), model_.getLoc());
  }
  int64_t count() const { return static_cast<int64_t>(adapters_.heads.size()); }

  // The full name of a parameter; that of the first layer for those of all.
  static std::string nameOf(ParameterOp parameter) {
    std::string name = parameter.getSymName().str();
    if (auto layers = dyn_cast<LayersOp>(parameter->getParentOp()))
      return absl::StrCat(layers.getSymName().str(), ".", layers.getOrigin(0),
                          ".", name);
    return name;
  }

  // The declaration that `read` reads.
  ParameterOp declarationOf(ReadOp read) {
    StringAttr name = read.getSymbol().getLeafReference();
    if (!read.getLayer())
      return dyn_cast_or_null<ParameterOp>(
          SymbolTable::lookupSymbolIn(model_, name));
    auto repeat = read->getParentOfType<RepeatOp>();
    Operation* layers =
        SymbolTable::lookupSymbolIn(model_, repeat.getScopeAttr());
    return cast<ParameterOp>(SymbolTable::lookupSymbolIn(layers, name));
  }

  void findMaps() {
    model_.walk([&](LinearOp linear) {
      auto read = linear.getWeight().getDefiningOp<ReadOp>();
      ParameterOp matrix = read ? declarationOf(read) : ParameterOp();
      if (matrix && adapters_.matrices.contains(nameOf(matrix)))
        maps_.push_back({linear, matrix});
    });
  }

  // Each matrix is one of a linear map.
  absl::Status checkMatrices() {
    std::set<std::string> found;
    for (Map& map : maps_) {
      auto layers = dyn_cast<LayersOp>(map.matrix->getParentOp());
      if (!layers) {
        found.insert(nameOf(map.matrix));
        continue;
      }
      for (uint64_t i = 0; i < layers.getCount(); ++i)
        found.insert(absl::StrCat(layers.getSymName().str(), ".",
                                  layers.getOrigin(i), ".",
                                  map.matrix.getSymName().str()));
    }
    for (const std::string& name : adapters_.matrices)
      if (!found.contains(name))
        return absl::UnimplementedError(absl::StrCat(
            "several adapters expect to adapt linear maps of the layers, got ",
            name));
    return absl::OkStatus();
  }

  ParameterOp declare(StringRef name, ArrayRef<int64_t> shape) {
    return ParameterOp::create(
        builder_, model_.getLoc(), name,
        RankedTensorType::get(shape, builder_.getF32Type()),
        /*source=*/StringAttr(), /*initial=*/StringAttr(),
        /*deviation=*/FloatAttr(), /*group=*/StringAttr(),
        /*norms_of=*/FlatSymbolRefAttr(), /*added=*/true);
  }

  static Value read(ImplicitLocOpBuilder& builder, ParameterOp parameter) {
    return ReadOp::create(builder, parameter.getType(),
                          SymbolRefAttr::get(parameter.getSymNameAttr()),
                          isa<LayersOp>(parameter->getParentOp()));
  }

  // Gives the functions that need it the argument, and the shares of each
  // token.
  void addArguments() {
    llvm::SetVector<func::FuncOp> functions;
    for (Map& map : maps_)
      functions.insert(map.linear->getParentOfType<func::FuncOp>());
    for (size_t i = 0; i < functions.size(); ++i) {  // grows
      func::FuncOp callee = functions[i];
      model_.walk([&](CallOp call) {
        if (call.getCallee().getLeafReference() == callee.getSymNameAttr())
          functions.insert(call->getParentOfType<func::FuncOp>());
      });
    }
    for (func::FuncOp function : functions) {
      // Of as many tokens as the ids.
      Type type = function.getArgument(0).getType();
      NamedAttribute name = builder_.getNamedAttr(
          "graft.name", builder_.getStringAttr(kAdapters));
      (void)function.insertArgument(function.getNumArguments(), type,
                                    builder_.getDictionaryAttr(name),
                                    named(kAdapters));
    }
    for (func::FuncOp function : functions)
      function.walk([&](CallOp call) {
        auto* callee = llvm::find_if(functions, [&](func::FuncOp other) {
          return other.getSymNameAttr() == call.getCallee().getLeafReference();
        });
        if (callee != functions.end())
          call.getArgumentsMutable().append(indicesOf(function));
      });
  }

  static Value indicesOf(func::FuncOp function) {
    return function.getArguments().back();
  }
  // The first dimension of a tensor: that of its rows.
  static Dim rowsOf(Value tensor) {
    return getDim(cast<RankedTensorType>(tensor.getType()), 0);
  }

  // Rows of `table` [adapters, width], one a token.
  Value lookUp(ImplicitLocOpBuilder& builder, func::FuncOp function,
               Value table) {
    Value indices = indicesOf(function);
    int64_t width = cast<RankedTensorType>(table.getType()).getDimSize(1);
    return EmbeddingOp::create(
        builder,
        getTensorType({rowsOf(indices), Dim{width, nullptr}},
                      builder.getF32Type()),
        indices, table);
  }

  // The shares of the tokens of a function, which are the same for all maps.
  Value sharesOf(func::FuncOp function) {
    Value& shares = shares_[function];
    if (shares) return shares;
    auto builder = ImplicitLocOpBuilder::atBlockBegin(
        named("share"), &function.getBody().front());
    auto table = cast<ParameterOp>(SymbolTable::lookupSymbolIn(model_, kShare));
    return shares = lookUp(builder, function, read(builder, table));
  }

  absl::Status rewrite(Map& map) {
    LinearOp linear = map.linear;
    auto function = linear->getParentOfType<func::FuncOp>();
    if (rowsOf(linear.getInput()).name != rowsOf(indicesOf(function)).name)
      return absl::UnimplementedError(absl::StrCat(
          "several adapters expect to adapt linear maps of tokens, got ",
          nameOf(map.matrix), ", one of whole texts"));
    const int64_t out = map.matrix.getType().getDimSize(0);
    const int64_t in = map.matrix.getType().getDimSize(1);
    StringRef stem = map.matrix.getSymName();
    stem.consume_back(".weight");
    builder_.setInsertionPointAfter(map.matrix);
    ParameterOp a = declare((stem + ".lora_a").str(), {adapters_.rank, in});
    ParameterOp b = declare((stem + ".lora_b").str(), {out, adapters_.rank});
    ParameterOp factor;
    if (adapters_.scales_rows)
      factor = declare((stem + ".lora_factor").str(), {count(), out});

    Value shares = sharesOf(function);
    ImplicitLocOpBuilder builder(linear.getLoc(), linear->getContext());
    builder.setInsertionPointAfter(linear);
    Value low = LinearOp::create(builder, linear.getInput(), read(builder, a),
                                 /*bias=*/Value());
    Value own = MulOp::create(builder, low, shares);
    Value high =
        LinearOp::create(builder, own, read(builder, b), /*bias=*/Value());
    auto sum = AddOp::create(builder, linear.getOutput(), high);
    Value result = sum.getOutput();
    if (factor) {
      result = MulOp::create(builder, result,
                             lookUp(builder, function, read(builder, factor)));
      // The bias is not scaled.
      if (Value bias = linear.getBias()) {
        linear.getBiasMutable().clear();
        Value biases = BroadcastOp::create(builder, result.getType(), bias,
                                           builder.getDenseI64ArrayAttr({0}));
        result = AddOp::create(builder, result, biases);
      }
    }
    linear.getOutput().replaceAllUsesExcept(result, sum);
    return absl::OkStatus();
  }

  // @classify_<name>(pooled) -> logits.
  void addHead(const AdapterHead& head) {
    auto pooled = model_.lookupSymbol<func::FuncOp>("pooled");
    auto rows = cast<RankedTensorType>(pooled.getResultTypes()[0]);
    auto labels = static_cast<int64_t>(head.labels.size());
    const std::string own = absl::StrCat(head_, ".", head.name);
    builder_.setInsertionPoint(pooled);
    ParameterOp weight =
        declare(absl::StrCat(own, ".weight"), {labels, rows.getDimSize(1)});
    ParameterOp bias = declare(absl::StrCat(own, ".bias"), {labels});
    auto logits = getTensorType({getDim(rows, 0), Dim{labels, nullptr}},
                                builder_.getF32Type());
    builder_.setInsertionPointAfter(pooled);
    auto function = func::FuncOp::create(
        builder_, model_.getLoc(), absl::StrCat("classify_", head.name),
        builder_.getFunctionType({rows}, {logits}));
    auto name = [&](StringRef text) { return builder_.getStringAttr(text); };
    function.setArgAttr(0, "graft.name", name("pooled"));
    function.setResultAttr(0, "graft.name", name("logits"));
    auto builder = ImplicitLocOpBuilder::atBlockBegin(named(head.name),
                                                      function.addEntryBlock());
    Value result = LinearOp::create(builder, logits, function.getArgument(0),
                                    read(builder, weight), read(builder, bias));
    func::ReturnOp::create(builder, result);
  }

  ModelOp model_;
  const AdapterSet& adapters_;
  const std::string& head_;
  OpBuilder builder_;
  std::vector<Map> maps_;
  llvm::DenseMap<func::FuncOp, Value> shares_;
};

}  // namespace

absl::Status chooseAdapters(ModelOp model, const AdapterSet& adapters,
                            const std::string& head) {
  return Chooser(model, adapters, head).run();
}

}  // namespace graft

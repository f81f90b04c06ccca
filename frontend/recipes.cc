// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "frontend/recipes.h"

#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dialects/transfer/transfer_dialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "runtime/base/status_macros.h"

using namespace mlir;

namespace graft {
namespace {

absl::Status expects(absl::string_view what, absl::string_view expected,
                     double got) {
  return absl::InvalidArgumentError(
      absl::StrCat(what, " expects ", expected, ", got ", got));
}

// Settings that do not depend on the model. Written so that NaN is refused.
absl::Status checkNumbers(const FineTuneRecipe& recipe) {
  const auto fraction = [](double x) { return x >= 0 && x < 1; };
  const auto positive = [](double x) { return x > 0 && std::isfinite(x); };
  const auto notNegative = [](double x) { return x >= 0 && std::isfinite(x); };
  constexpr absl::string_view kFraction = "a number in [0, 1)";
  constexpr absl::string_view kPositive = "a positive number";
  constexpr absl::string_view kNotNegative = "a number of at least 0";
  if (recipe.epochs < 1) return expects("epochs", kPositive, recipe.epochs);
  if (!notNegative(recipe.learning_rate))
    return expects("learning rate", kNotNegative, recipe.learning_rate);
  if (!fraction(recipe.warmup))
    return expects("warmup", kFraction, recipe.warmup);
  if (!notNegative(recipe.decay))
    return expects("decay", kNotNegative, recipe.decay);
  if (!(recipe.layer_decay > 0 && recipe.layer_decay <= 1))
    return expects("layer decay", "a number in (0, 1]", recipe.layer_decay);
  if (recipe.clip && !positive(*recipe.clip))
    return expects("clip", kPositive, *recipe.clip);
  if (!fraction(recipe.label_smoothing))
    return expects("label smoothing", kFraction, recipe.label_smoothing);
  if (!fraction(recipe.beta1)) return expects("beta1", kFraction, recipe.beta1);
  if (!fraction(recipe.beta2)) return expects("beta2", kFraction, recipe.beta2);
  if (!positive(recipe.epsilon))
    return expects("epsilon", kPositive, recipe.epsilon);
  return absl::OkStatus();
}

// What the recipe needs to know of the model.
struct Target {
  ModelOp model;
  func::FuncOp logits;
  std::string tokens;  // names of the sizes
  std::string sequences;
  int64_t labels = 0;
  int64_t layers = 0;
  bool newPooler = false;
};

absl::StatusOr<Target> findTarget(ModuleOp module,
                                  const FineTuneRecipe& recipe) {
  Target target;
  target.model = module.lookupSymbol<ModelOp>(recipe.model);
  if (!target.model) {
    return absl::InvalidArgumentError(absl::StrCat(
        "model expects a graft.model of the module, got @", recipe.model));
  }
  target.logits = target.model.lookupSymbol<func::FuncOp>("logits");
  if (!target.logits) {
    return absl::InvalidArgumentError(absl::StrCat(
        "@", recipe.model,
        ": expects a function @logits, got none; import it with labels"));
  }
  FunctionType type = target.logits.getFunctionType();
  auto segments = type.getNumInputs() == 3
                      ? dyn_cast<SegmentsType>(type.getInput(2))
                      : SegmentsType();
  auto logits = type.getNumResults() == 1
                    ? dyn_cast<RankedTensorType>(type.getResult(0))
                    : RankedTensorType();
  if (!segments || !logits || logits.getRank() != 2 || logits.isDynamicDim(1)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "@", recipe.model,
        "::@logits: expects ids, types and segments to logits [S, labels]"));
  }
  target.tokens = segments.getTokens().str();
  target.sequences = segments.getSequences().str();
  target.labels = logits.getDimSize(1);
  for (auto layers : target.model.getOps<LayersOp>())
    target.layers += layers.getCount();
  auto pooler = target.model.lookupSymbol<ParameterOp>("pooler.dense.weight");
  target.newPooler = pooler && pooler.getInitial();
  return target;
}

// The regular expression of what is frozen; empty for nothing.
std::string frozenPattern(const Freeze& freeze, bool newPooler) {
  if (freeze.encoder)
    return newPooler ? "^(embeddings|encoder)\\."
                     : "^(embeddings|encoder|pooler)\\.";
  if (freeze.layers > 0) {
    std::vector<int64_t> numbers;
    for (int64_t i = 0; i < freeze.layers; ++i) numbers.push_back(i);
    return absl::StrCat("^(embeddings|encoder\\.layer\\.(",
                        absl::StrJoin(numbers, "|"), "))\\.");
  }
  return freeze.embeddings ? "^embeddings\\." : "";
}

// Writes the strategy; everything has been checked.
class StrategyBuilder {
 public:
  StrategyBuilder(ModuleOp module, const FineTuneRecipe& recipe, Target target)
      : builder_(module.getContext()), recipe_(recipe), target_(target) {
    builder_.setInsertionPointToEnd(module.getBody());
  }

  Operation* build() {
    auto strategy = transfer::StrategyOp::create(builder_, location("finetune"),
                                                 "finetune");
    builder_.setInsertionPointToEnd(&strategy.getBody().emplaceBlock());
    transfer::StreamOp stream = makeStream();
    ArrayAttr learning = makeGroups();
    auto callee = SymbolRefAttr::get(
        builder_.getStringAttr(recipe_.model),
        {FlatSymbolRefAttr::get(builder_.getContext(), "logits")});
    Value logits =
        transfer::CallOp::create(builder_, location("logits"),
                                 target_.logits.getFunctionType().getResults(),
                                 callee, stream.getValues().take_front(3))
            .getResult(0);
    const bool regression = target_.labels == 1;
    Value loss = transfer::LossOp::create(
        builder_, location("loss"),
        regression ? transfer::LossKind::mse
                   : transfer::LossKind::cross_entropy,
        logits, stream.getValues()[3], Value(), FloatAttr(),
        recipe_.label_smoothing > 0 ? number(recipe_.label_smoothing)
                                    : FloatAttr(),
        IntegerAttr(), transfer::Reduction::mean);
    transfer::PredictOp::create(builder_, location("predict"), logits,
                                /*softmax=*/!regression, Value());
    makePhase(loss, learning);
    return strategy;
  }

 private:
  Location location(StringRef name) {
    return NameLoc::get(builder_.getStringAttr(name));
  }
  FloatAttr number(double value) { return builder_.getF64FloatAttr(value); }

  transfer::StreamOp makeStream() {
    Dim sequences = getNamedDim(builder_.getStringAttr(target_.sequences));
    Type labels =
        target_.labels == 1
            ? getTensorType({sequences, {1, nullptr}}, builder_.getF32Type())
            : getTensorType({sequences}, builder_.getI32Type());
    SmallVector<Type> types(target_.logits.getFunctionType().getInputs());
    types.push_back(labels);
    // Without a name of its own, so that the fields print as %ids and so on.
    return transfer::StreamOp::create(
        builder_, builder_.getUnknownLoc(), types, "train",
        builder_.getStrArrayAttr({"ids", "types", "segments", "labels"}),
        builder_.getI64IntegerAttr(target_.labels), target_.tokens,
        target_.sequences);
  }

  // Returns the groups that learn.
  ArrayAttr makeGroups() {
    const std::string frozen = frozenPattern(recipe_.freeze, target_.newPooler);
    if (!frozen.empty()) {
      makeGroup("frozen", frozen, "", /*isFrozen=*/true, 0.0);
    }
    SmallVector<Attribute> learning;
    const auto add = [&](StringRef name, const std::string& select,
                         const std::string& except, double decay) {
      makeGroup(name, select, except, /*isFrozen=*/false, decay);
      learning.push_back(FlatSymbolRefAttr::get(builder_.getContext(), name));
    };
    if (recipe_.decay > 0 && !recipe_.decay_everything) {
      add("decayed", "\\.weight$",
          frozen.empty() ? "LayerNorm" : "LayerNorm|" + frozen, recipe_.decay);
      add("plain", "", "", 0.0);
    } else {
      add("all", "", "", recipe_.decay);
    }
    return builder_.getArrayAttr(learning);
  }

  // An empty `select` takes what no other group takes.
  void makeGroup(StringRef name, const std::string& select,
                 const std::string& except, bool isFrozen, double decay) {
    const auto text = [&](const std::string& value) {
      return value.empty() ? StringAttr() : builder_.getStringAttr(value);
    };
    transfer::GroupOp::create(
        builder_, location(name), name, recipe_.model, text(select),
        /*rest=*/select.empty(), text(except), isFrozen, llvm::APFloat(decay),
        llvm::APFloat(1.0),
        llvm::APFloat(isFrozen ? 1.0 : recipe_.layer_decay));
  }

  void makePhase(Value loss, ArrayAttr groups) {
    transfer::PhaseOp::create(
        builder_, location("step"), "step", loss, groups,
        recipe_.linear ? transfer::RateSchedule::linear
                       : transfer::RateSchedule::constant,
        llvm::APFloat(recipe_.learning_rate), llvm::APFloat(recipe_.warmup),
        llvm::APFloat(recipe_.beta1), llvm::APFloat(recipe_.beta2),
        llvm::APFloat(recipe_.epsilon),
        recipe_.clip ? number(*recipe_.clip) : FloatAttr());
    transfer::ScheduleOp::create(builder_, location("schedule"), recipe_.epochs,
                                 builder_.getArrayAttr({FlatSymbolRefAttr::get(
                                     builder_.getContext(), "step")}));
  }

  OpBuilder builder_;
  const FineTuneRecipe& recipe_;
  Target target_;
};

}  // namespace

absl::Status addFineTuneStrategy(ModuleOp module,
                                 const FineTuneRecipe& recipe) {
  GRAFT_RETURN_IF_ERROR(checkNumbers(recipe));
  GRAFT_ASSIGN_OR_RETURN(const Target target, findTarget(module, recipe));
  if (recipe.freeze.layers < 0 || recipe.freeze.layers > target.layers) {
    return absl::InvalidArgumentError(
        absl::StrCat("frozen layers expect a number in [0, ", target.layers,
                     "], got ", recipe.freeze.layers));
  }
  if (target.labels == 1 && recipe.label_smoothing > 0) {
    return expects("label smoothing of a regression", "0",
                   recipe.label_smoothing);
  }
  module.getContext()->loadDialect<transfer::TransferDialect>();
  Operation* strategy = StrategyBuilder(module, recipe, target).build();
  if (succeeded(verify(module))) return absl::OkStatus();
  strategy->erase();
  return absl::InternalError("the strategy of the recipe does not verify");
}

}  // namespace graft

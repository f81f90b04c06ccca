// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "models/strategies/fine_tune.h"

#include <string>

#include "llvm/ADT/StringExtras.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;

namespace graft {
namespace {

using namespace transfer;

class Builder {
 public:
  Builder(ModuleOp module, const FineTuneRecipe& recipe)
      : module(module),
        recipe(recipe),
        builder(module.getLoc(), module.getContext()) {}

  FailureOr<StrategyOp> build();
  void discard() {
    if (strategy) strategy.erase();
  }

 private:
  FailureOr<func::FuncOp> find(StringRef model, StringRef function);
  LogicalResult addFields(func::FuncOp function, SmallVector<Attribute>& names,
                          SmallVector<Type>& types);
  LogicalResult addStream(func::FuncOp function, func::FuncOp teacher);
  void addGroups();
  void addGroup(StringRef name, StringRef model, StringRef select,
                StringRef except, bool frozen, double decay);
  // Patterns of what stays as it is, joined; empty for nothing.
  std::string frozenPattern();
  FailureOr<Value> call(func::FuncOp function, StringRef model,
                        bool deterministic, StringRef name);
  FailureOr<Value> addLosses(Value logits, func::FuncOp teacher);
  Value addLoss(LossKind kind, Value prediction, Value target);
  FlatSymbolRefAttr symbol(StringRef name) {
    return FlatSymbolRefAttr::get(module.getContext(), name);
  }
  FloatAttr number(double value) { return builder.getF64FloatAttr(value); }
  // Null for the value that an op has without the attribute.
  Attribute numberUnless(double absent, double value) {
    return value == absent ? Attribute() : number(value);
  }
  // The names that values get when the strategy is printed.
  Location named(StringRef name) {
    return NameLoc::get(builder.getStringAttr(name));
  }

  ModuleOp module;
  const FineTuneRecipe& recipe;
  ImplicitLocOpBuilder builder;
  StrategyOp strategy;
  StreamOp stream;
  // The loss that needs no teacher, with one.
  Value hard;
};

FailureOr<func::FuncOp> Builder::find(StringRef model, StringRef function) {
  auto name = SymbolRefAttr::get(
      builder.getStringAttr(model),
      FlatSymbolRefAttr::get(builder.getContext(), function));
  auto op =
      dyn_cast_or_null<func::FuncOp>(SymbolTable::lookupSymbolIn(module, name));
  if (!op)
    return module.emitError("expects the function ") << name << ", got none";
  auto type = op.getNumResults() == 1
                  ? dyn_cast<RankedTensorType>(op.getResultTypes().front())
                  : RankedTensorType();
  if (!type || type.getRank() != 2 || type.isDynamicDim(1))
    return op.emitOpError("expects one result of a row of numbers a sequence")
               .append(", got ")
           << op.getFunctionType();
  return op;
}

// Adds the arguments of `function` that are not among the fields yet.
LogicalResult Builder::addFields(func::FuncOp function,
                                 SmallVector<Attribute>& names,
                                 SmallVector<Type>& types) {
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    auto name = function.getArgAttrOfType<StringAttr>(i, "graft.name");
    if (!name)
      return function.emitOpError(
                 "expects the attribute graft.name of argument ")
             << i;
    if (llvm::is_contained(names, name)) continue;
    names.push_back(name);
    types.push_back(function.getArgumentTypes()[i]);
  }
  return success();
}

// `teacher` is null without one.
LogicalResult Builder::addStream(func::FuncOp function, func::FuncOp teacher) {
  SmallVector<Attribute> fields;
  SmallVector<Type> types;
  if (failed(addFields(function, fields, types))) return failure();
  SegmentsType segments;
  for (Type type : types)
    if (auto found = dyn_cast<SegmentsType>(type)) segments = found;
  if (!segments)
    return function.emitOpError("expects an argument of segments, got none");
  if (teacher && failed(addFields(teacher, fields, types))) return failure();

  auto logits = cast<RankedTensorType>(function.getResultTypes().front());
  int64_t classes = logits.getDimSize(1);
  Dim rows = getNamedDim(segments.getSequences());
  fields.push_back(builder.getStringAttr("labels"));
  types.push_back(classes == 1 ? getTensorType({rows, Dim{1, nullptr}},
                                               builder.getF32Type())
                               : getTensorType({rows}, builder.getI32Type()));
  stream = StreamOp::create(
      builder, types, builder.getStringAttr("train"),
      builder.getArrayAttr(fields), builder.getI64IntegerAttr(classes),
      /*label_size=*/StringAttr(), FlatSymbolRefAttr::get(segments.getTokens()),
      FlatSymbolRefAttr::get(segments.getSequences()));
  return success();
}

std::string Builder::frozenPattern() {
  SmallVector<std::string> patterns;
  if (recipe.freeze_embeddings || recipe.freeze_layers > 0)
    patterns.push_back(recipe.embeddings);
  if (recipe.freeze_layers > 0) {
    SmallVector<std::string> layers;
    for (int64_t i = 0; i < recipe.freeze_layers; ++i)
      layers.push_back(std::to_string(i));
    // The number of the layer is the first part that is a number.
    patterns.push_back("^[^0-9]*[.](" + llvm::join(layers, "|") + ")[.]");
  }
  return llvm::join(patterns, "|");
}

void Builder::addGroup(StringRef name, StringRef model, StringRef select,
                       StringRef except, bool frozen, double decay) {
  auto text = [&](StringRef pattern) {
    return pattern.empty() ? StringAttr() : builder.getStringAttr(pattern);
  };
  bool rest = select == "rest";
  GroupOp::create(builder, builder.getStringAttr(name), symbol(model),
                  rest ? StringAttr() : text(select),
                  rest ? builder.getUnitAttr() : UnitAttr(), text(except),
                  frozen ? builder.getUnitAttr() : UnitAttr(),
                  /*optional=*/UnitAttr(), numberUnless(0, decay),
                  /*multiplier=*/Attribute(),
                  numberUnless(1, frozen ? 1 : recipe.layer_decay));
}

void Builder::addGroups() {
  StringRef model = recipe.model;
  if (!recipe.teacher.empty())
    addGroup("teacher", recipe.teacher, "", "", /*frozen=*/true, 0);
  if (recipe.linear_probe) {
    addGroup("frozen", model, "rest", "", /*frozen=*/true, 0);
    addGroup("learned", model, recipe.head, "", /*frozen=*/false,
             recipe.weight_decay);
    return;
  }
  std::string frozen = frozenPattern();
  if (!frozen.empty()) addGroup("frozen", model, frozen, "", true, 0);
  if (recipe.decay_everything || recipe.weight_decay == 0) {
    addGroup("all", model, "rest", "", /*frozen=*/false, recipe.weight_decay);
    return;
  }
  SmallVector<std::string> except;
  if (!recipe.not_decayed.empty()) except.push_back(recipe.not_decayed);
  if (!frozen.empty()) except.push_back(frozen);
  addGroup("decayed", model, recipe.decayed, llvm::join(except, "|"),
           /*frozen=*/false, recipe.weight_decay);
  addGroup("plain", model, "rest", "", /*frozen=*/false, 0);
}

FailureOr<Value> Builder::call(func::FuncOp function, StringRef model,
                               bool deterministic, StringRef name) {
  SmallVector<Value> operands;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    auto name = function.getArgAttrOfType<StringAttr>(i, "graft.name");
    Value field = name ? stream.getField(name) : Value();
    if (!field)
      return function.emitOpError("expects graft.name of argument ")
             << i << " to be a field of the stream, got " << name;
    operands.push_back(field);
  }
  auto callee = SymbolRefAttr::get(builder.getStringAttr(model),
                                   FlatSymbolRefAttr::get(function));
  return transfer::CallOp::create(builder, named(name),
                                  function.getResultTypes(), callee, operands,
                                  deterministic)
      .getResult(0);
}

Value Builder::addLoss(LossKind kind, Value prediction, Value target) {
  Attribute temperature, smoothing;
  IntegerAttr ignore;
  if (kind == LossKind::kl_divergence) temperature = number(recipe.temperature);
  if (kind == LossKind::cross_entropy && recipe.label_smoothing != 0)
    smoothing = number(recipe.label_smoothing);
  // With a teacher an example may go without a label.
  if (kind == LossKind::cross_entropy && !recipe.teacher.empty())
    ignore = builder.getI64IntegerAttr(kIgnoredLabel);
  MLIRContext* context = builder.getContext();
  return LossOp::create(builder, named("loss"),
                        RankedTensorType::get({}, builder.getF32Type()),
                        LossKindAttr::get(context, kind), prediction, target,
                        /*weight=*/Value(), temperature, smoothing, ignore,
                        ReductionAttr::get(context, Reduction::mean));
}

FailureOr<Value> Builder::addLosses(Value logits, func::FuncOp teacher) {
  bool regression = stream.getLabelCount() == 1;
  Value loss = addLoss(regression ? LossKind::mse : LossKind::cross_entropy,
                       logits, stream.getField("labels"));
  if (!teacher) return loss;

  FailureOr<Value> answer =
      call(teacher, recipe.teacher, /*deterministic=*/true, "teacher");
  if (failed(answer)) return failure();
  if (answer->getType() != logits.getType())
    return teacher.emitOpError("expects the result of the student, ")
           << logits.getType() << ", got " << answer->getType();
  Value target = *answer;
  if (recipe.cache_teacher)
    target =
        CacheOp::create(builder, target.getType(), "teacher_logits", target);
  // Of numbers there is nothing to soften.
  Value soft = addLoss(regression ? LossKind::mse : LossKind::kl_divergence,
                       logits, target);
  hard = loss;
  return CombineOp::create(builder, loss.getType(),
                           builder.getArrayAttr({number(1 - recipe.soft_share),
                                                 number(recipe.soft_share)}),
                           ValueRange{loss, soft})
      .getLoss();
}

FailureOr<StrategyOp> Builder::build() {
  FailureOr<func::FuncOp> function = find(recipe.model, recipe.function);
  if (failed(function)) return failure();
  func::FuncOp teacher;
  if (!recipe.teacher.empty()) {
    FailureOr<func::FuncOp> found =
        find(recipe.teacher, recipe.teacher_function);
    if (failed(found)) return failure();
    teacher = *found;
  }
  builder.setInsertionPointToEnd(module.getBody());
  strategy = StrategyOp::create(builder, "fine_tune",
                                /*sizes=*/ArrayAttr());
  builder.setInsertionPointToEnd(&strategy.getBody().emplaceBlock());
  if (failed(addStream(*function, teacher))) return failure();
  addGroups();
  FailureOr<Value> logits =
      call(*function, recipe.model, /*deterministic=*/false, "logits");
  if (failed(logits)) return failure();
  FailureOr<Value> loss = addLosses(*logits, teacher);
  if (failed(loss)) return failure();

  SmallVector<Attribute> learned;
  for (auto group : strategy.getOps<GroupOp>())
    if (!group.getFrozen()) learned.push_back(symbol(group.getSymName()));
  PredictOp::create(builder, *logits, stream.getLabelCount() != 1, hard);
  PhaseOp::create(builder, builder.getStringAttr("step"), *loss,
                  builder.getArrayAttr(learned),
                  builder.getStringAttr(stringifyRateSchedule(recipe.schedule)),
                  number(recipe.rate), numberUnless(0, recipe.warmup),
                  /*beta1=*/Attribute(), /*beta2=*/Attribute(),
                  /*epsilon=*/Attribute(), numberUnless(0, recipe.clip));
  ScheduleOp::create(builder, builder.getI64IntegerAttr(recipe.epochs),
                     builder.getArrayAttr({symbol("step")}));
  if (failed(verify(module))) return failure();
  return strategy;
}

}  // namespace

FailureOr<StrategyOp> addFineTuning(ModuleOp module,
                                    const FineTuneRecipe& recipe) {
  module.getContext()->loadDialect<TransferDialect>();
  Builder builder(module, recipe);
  FailureOr<StrategyOp> built = builder.build();
  // Half a strategy would be found by every later pass.
  if (failed(built)) builder.discard();
  return built;
}

}  // namespace graft

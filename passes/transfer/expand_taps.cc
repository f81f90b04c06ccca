// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <map>
#include <memory>
#include <optional>

#include "dialects/graft/size_renaming.h"
#include "dialects/transfer/number.h"
#include "dialects/transfer/transfer_analysis.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/transfer/expand_layers.h"
#include "passes/transfer/passes.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_TRANSFEREXPANDTAPSPASS
#include "passes/transfer/passes.h.inc"

namespace transfer {
namespace {

// A value that a function returns beside its own results.
struct Returned {
  StringAttr kind;
  int64_t layer;
  unsigned result;  // its number
  int64_t heads;    // of the attention that reads it; 0 if none does
};

int64_t getHeads(Value value) {
  for (Operation* user : value.getUsers())
    if (auto attention = dyn_cast<AttentionOp>(user))
      return static_cast<int64_t>(attention.getHeads());
  return 0;
}

// A value that is tapped, with the heads of its attention.
struct Tapped {
  Value value;
  int64_t heads;
};

// Makes the taps of some kinds results of the functions of a model.
class Returner {
 public:
  Returner(ModelOp model, const llvm::SetVector<StringAttr>& kinds)
      : model(model), kinds(kinds) {}

  LogicalResult run();
  // Gives `call`, of a function of the model, the results that this has got.
  template <typename CallType>
  LogicalResult extendCall(CallType& call, func::FuncOp callee);
  // What `function` returns beside its own results.
  ArrayRef<Returned> getReturned(func::FuncOp function) {
    return functions[function];
  }

 private:
  LogicalResult extend(func::FuncOp function);
  LogicalResult extendCallers();

  ModelOp model;
  const llvm::SetVector<StringAttr>& kinds;
  llvm::DenseMap<func::FuncOp, SmallVector<Returned>> functions;
};

LogicalResult Returner::run() {
  if (failed(checkLayersExpanded(model, "they are tapped"))) return failure();
  for (auto function : model.getOps<func::FuncOp>())
    if (failed(extend(function))) return failure();
  return extendCallers();
}

LogicalResult Returner::extend(func::FuncOp function) {
  if (!functions.try_emplace(function).second || function.isExternal())
    return success();
  llvm::MapVector<std::pair<StringAttr, int64_t>, Tapped> values;
  // C1.
  auto add = [&](StringAttr kind, int64_t layer, Tapped value,
                 Operation* op) -> LogicalResult {
    auto [other, added] = values.insert({{kind, layer}, value});
    if (added) return success();
    return op->emitOpError("expects one ")
           << kind << " of layer " << layer << " in @" << model.getSymName()
           << "::@" << function.getSymName() << ", got another";
  };
  Block& body = function.getBody().front();
  for (Operation& op : llvm::make_early_inc_range(body)) {
    if (auto tap = dyn_cast<graft::TapOp>(op);
        tap && kinds.contains(tap.getKindAttr()))
      if (failed(add(tap.getKindAttr(), tap.getLayer().value_or(0),
                     {tap.getValue(), getHeads(tap.getValue())}, tap)))
        return failure();
    auto call = dyn_cast<graft::CallOp>(op);
    if (!call) continue;
    auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
        call, call.getCallee());
    if (!callee || callee->getParentOp() != model) continue;
    if (failed(extend(callee)) || failed(extendCall(call, callee)))
      return failure();
    for (const Returned& value : getReturned(callee))
      if (failed(add(value.kind, value.layer,
                     {call.getResult(value.result), value.heads}, call)))
        return failure();
  }
  SmallVector<Type> types(function.getResultTypes());
  SmallVector<Returned> returned;
  Operation* terminator = body.getTerminator();
  for (const auto& [name, tapped] : values) {
    returned.push_back({name.first, name.second,
                        static_cast<unsigned>(types.size()), tapped.heads});
    types.push_back(tapped.value.getType());
    terminator->insertOperands(terminator->getNumOperands(), tapped.value);
  }
  Builder builder(model.getContext());
  function.setType(builder.getFunctionType(function.getArgumentTypes(), types));
  for (const Returned& value : returned)
    function.setResultAttr(value.result, "graft.name",
                           builder.getStringAttr(value.kind.getValue() + "." +
                                                 Twine(value.layer)));
  functions[function] = std::move(returned);
  return success();
}

// Calls outside of the model.
LogicalResult Returner::extendCallers() {
  WalkResult result = model->getParentOfType<ModuleOp>().walk(
      [&](graft::CallOp call) -> WalkResult {
        if (call->getParentOfType<ModelOp>() == model)
          return WalkResult::advance();
        auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
            call, call.getCallee());
        if (!functions.contains(callee)) return WalkResult::advance();
        return extendCall(call, callee);
      });
  return failure(result.wasInterrupted());
}

template <typename CallType>
LogicalResult Returner::extendCall(CallType& call, func::FuncOp callee) {
  size_t count = getReturned(callee).size();
  if (count == 0) return success();
  FunctionType after = callee.getFunctionType();
  auto before = FunctionType::get(call.getContext(), after.getInputs(),
                                  after.getResults().drop_back(count));
  auto type = FunctionType::get(
      call.getContext(), call.getArguments().getTypes(), call.getResultTypes());
  std::optional<SizeRenaming> names = matchSizes(before, type);
  if (!names)
    return call.emitOpError("expects ")
           << call.getCallee() << " of type " << type << ", got " << before;
  // Its results have the types of the callee until sizes are renamed.
  OpBuilder builder(call);
  auto longer = cast<CallType>(builder.insert(Operation::create(
      call.getLoc(), call->getName(), after.getResults(), call->getOperands(),
      NamedAttrList(call->getDiscardableAttrDictionary()),
      call->getPropertiesStorage(), BlockRange(), /*numRegions=*/0)));
  renameSizes(longer, *names);
  call.replaceAllUsesWith(longer.getResults().drop_back(count));
  call.erase();
  call = longer;
  return success();
}

bool readsLayers(Operation* op) {
  return llvm::any_of(op->getOperandTypes(), llvm::IsaPred<LayersType>);
}

// Which layers a tap reads.
struct Selection {
  SmallVector<int64_t> layers;
  int64_t count;  // of the model
  StringRef model;
};

// Replaces the layers of a strategy by single tensors.
class TapExpander {
 public:
  explicit TapExpander(StrategyOp strategy) : strategy(strategy) {}

  LogicalResult run();

 private:
  LogicalResult returnTaps();
  LogicalResult expand(Operation* op);
  LogicalResult expandTap(TapOp tap);
  LogicalResult extendCall(CallOp& call);
  FailureOr<Selection> select(TapOp tap, int64_t first, int64_t count,
                              StringRef model);
  FailureOr<Selection> match(TapOp tap, int64_t count, StringRef model);
  LogicalResult expandCall(CallOp call);
  LogicalResult expandFormula(FormulaOp formula);
  // The operands of `op`, of layers those of number `layer`.
  SmallVector<Value> operandsOf(ValueRange operands, size_t layer);
  LogicalResult expandCache(CacheOp cache);
  LogicalResult expandRelation(RelationDivergenceOp op);
  // The heads of the attention that reads all of these values.
  FailureOr<int64_t> findHeads(RelationDivergenceOp op, ArrayRef<Value> values);
  // How many layers the operands of `op` have.
  FailureOr<size_t> countLayers(Operation* op);
  void expandSum(SumOp sum);

  func::FuncOp getCallee(CallOp call) {
    return dyn_cast_or_null<func::FuncOp>(SymbolTable::lookupSymbolIn(
        strategy->getParentOfType<ModuleOp>(), call.getCallee()));
  }

  StrategyOp strategy;
  llvm::DenseMap<ModelOp, std::unique_ptr<Returner>> returners;
  llvm::DenseMap<Value, Selection> selections;       // of taps
  llvm::DenseMap<Value, SmallVector<Value>> layers;  // of each such value
  llvm::DenseMap<Value, int64_t> heads;              // of single tensors
};

LogicalResult TapExpander::run() {
  if (failed(returnTaps())) return failure();
  SmallVector<Operation*> done;
  for (Operation& op : llvm::make_early_inc_range(strategy.getBody().front())) {
    if (!readsLayers(&op) && !isa<TapOp, RelationDivergenceOp>(op)) continue;
    if (failed(expand(&op))) return failure();
    done.push_back(&op);
  }
  for (Operation* op : llvm::reverse(done)) op->erase();
  return success();
}

LogicalResult TapExpander::expand(Operation* op) {
  if (auto tap = dyn_cast<TapOp>(op)) return expandTap(tap);
  if (auto call = dyn_cast<CallOp>(op)) return expandCall(call);
  if (auto formula = dyn_cast<FormulaOp>(op)) return expandFormula(formula);
  if (auto cache = dyn_cast<CacheOp>(op)) return expandCache(cache);
  if (auto relation = dyn_cast<RelationDivergenceOp>(op))
    return expandRelation(relation);
  expandSum(cast<SumOp>(op));
  return success();
}

// Lets the models of the taps return what they read.
LogicalResult TapExpander::returnTaps() {
  llvm::MapVector<ModelOp, llvm::SetVector<StringAttr>> kinds;
  for (auto tap : strategy.getOps<TapOp>()) {
    auto call = tap.getSource().getDefiningOp<CallOp>();
    FailureOr<func::FuncOp> callee = findFunction(call, call.getCallee());
    if (failed(callee)) return failure();
    kinds[callee->getOperation()->getParentOfType<ModelOp>()].insert(
        tap.getKindAttr());
  }
  for (auto& [model, read] : kinds) {
    auto& returner = returners[model];
    returner = std::make_unique<Returner>(model, read);
    if (failed(returner->run())) return failure();
  }
  for (auto call : llvm::make_early_inc_range(strategy.getOps<CallOp>())) {
    // Calls of layers follow where they become single ones.
    if (!readsLayers(call) && failed(extendCall(call))) return failure();
  }
  return success();
}

LogicalResult TapExpander::extendCall(CallOp& call) {
  func::FuncOp callee = getCallee(call);
  auto found = callee ? returners.find(callee->getParentOfType<ModelOp>())
                      : returners.end();
  if (found == returners.end()) return success();
  return found->second->extendCall(call, callee);
}

LogicalResult TapExpander::expandTap(TapOp tap) {
  auto call = tap.getSource().getDefiningOp<CallOp>();
  func::FuncOp callee = getCallee(call);
  auto model = callee->getParentOfType<ModelOp>();
  std::map<int64_t, Value> values;  // by their layers
  for (const Returned& value : returners[model]->getReturned(callee)) {
    if (value.kind != tap.getKindAttr()) continue;
    values[value.layer] = call.getResult(value.result);
    heads[values[value.layer]] = value.heads;
  }
  if (values.empty())
    return tap.emitOpError("expects ")
           << call.getCallee() << " to have \"" << tap.getKind()
           << "\" of its layers, got none";
  FailureOr<Selection> selection = select(
      tap, values.begin()->first, values.rbegin()->first, model.getSymName());
  if (failed(selection)) return failure();
  SmallVector<Value> selected;
  for (int64_t layer : selection->layers) {
    auto found = values.find(layer);
    if (found == values.end())  // C2.
      return tap.emitOpError("expects layers of @")
             << model.getSymName() << " in [" << values.begin()->first << ", "
             << selection->count << "], got " << layer;
    selected.push_back(found->second);
  }
  auto several = dyn_cast<LayersType>(tap.getValues().getType());
  Type expected = several ? several.getTensor() : tap.getValues().getType();
  for (Value value : selected)
    if (value.getType() != expected)  // C4.
      return tap.emitOpError("expects ")
             << call.getCallee() << " to have " << expected
             << " in its layers, got " << value.getType();
  if (!several) tap.getValues().replaceAllUsesWith(selected.front());
  selections[tap.getValues()] = std::move(*selection);
  layers[tap.getValues()] = std::move(selected);
  return success();
}

// The layers that `tap` names, of those from `first` to `count`.
FailureOr<Selection> TapExpander::select(TapOp tap, int64_t first,
                                         int64_t count, StringRef model) {
  if (tap.getMatching()) return match(tap, count, model);
  auto number = [&](Attribute attribute, int64_t absent) {
    if (!attribute) return absent;
    auto layer = static_cast<int64_t>(getVerifiedNumber(tap, attribute));
    return layer < 0 ? layer + count + 1 : layer;
  };
  Attribute single = tap.getLayerAttr();
  int64_t begin = number(single ? single : tap.getFirstAttr(), first);
  int64_t end = number(single ? single : tap.getLastAttr(), count);
  if (begin > end) {  // C2.
    tap.emitOpError("expects a layer at least, got none from ")
        << begin << " to " << end << " of the " << count << " layers of @"
        << model;
    return failure();
  }
  return Selection{llvm::to_vector(llvm::seq_inclusive(begin, end)), count,
                   model};
}

// Those that the layers of another tap match.
FailureOr<Selection> TapExpander::match(TapOp tap, int64_t count,
                                        StringRef model) {
  Operation* op = tap.getMatching().getDefiningOp();
  const Selection& other = selections[tap.getMatching()];
  if (count % other.count != 0) {  // C3.
    InFlightDiagnostic diagnostic =
        tap.emitOpError("expects a multiple of the ")
        << other.count << " layers of @" << other.model
        << ", which it matches, got the " << count << " of @" << model;
    diagnostic.attachNote(op->getLoc()) << "tapped here";
    return diagnostic;
  }
  Selection selection = {{}, count, model};
  for (int64_t layer : other.layers)
    selection.layers.push_back(layer * (count / other.count));
  return selection;
}

// C5.
FailureOr<size_t> TapExpander::countLayers(Operation* op) {
  std::optional<size_t> count;
  for (Value operand : op->getOperands()) {
    if (!isa<LayersType>(operand.getType())) continue;
    size_t own = layers[operand].size();
    if (count && *count != own)
      return op->emitOpError("expects as many layers of each operand, got ")
             << *count << " and " << own;
    count = own;
  }
  return *count;
}

LogicalResult TapExpander::expandCall(CallOp call) {
  FailureOr<size_t> count = countLayers(call);
  if (failed(count)) return failure();
  SmallVector<Type> types;
  for (Type type : call.getResultTypes())
    types.push_back(cast<LayersType>(type).getTensor());
  OpBuilder builder(call);
  for (size_t i = 0; i < *count; ++i) {
    auto single =
        CallOp::create(builder, call.getLoc(), types, call.getCallee(),
                       operandsOf(call.getArguments(), i), call.getAt(),
                       call.getDeterministic());
    if (failed(extendCall(single))) return failure();
    for (auto [result, value] :
         llvm::zip_first(call.getResults(), single.getResults()))
      layers[result].push_back(value);
  }
  return success();
}

SmallVector<Value> TapExpander::operandsOf(ValueRange operands, size_t layer) {
  return llvm::map_to_vector(operands, [&](Value operand) {
    return isa<LayersType>(operand.getType()) ? layers[operand][layer]
                                              : operand;
  });
}

LogicalResult TapExpander::expandFormula(FormulaOp formula) {
  FailureOr<size_t> count = countLayers(formula);
  if (failed(count)) return failure();
  auto type = dyn_cast<LayersType>(formula.getOutput().getType());
  if (!type)  // C8.
    return formula.emitOpError(
               "expects layers as its result, as an operand is, got ")
           << formula.getOutput().getType();
  OpBuilder builder(formula);
  for (size_t i = 0; i < *count; ++i) {
    auto single = FormulaOp::create(builder, formula.getLoc(), type.getTensor(),
                                    formula.getFormula(),
                                    operandsOf(formula.getInputs(), i));
    single->setDiscardableAttrs(formula->getDiscardableAttrDictionary());
    layers[formula.getOutput()].push_back(single);
  }
  return success();
}

LogicalResult TapExpander::expandCache(CacheOp cache) {
  // C6.
  RankedTensorType type =
      cast<LayersType>(cache.getInput().getType()).getTensor();
  bool rows =
      type.getRank() == 2 &&
      llvm::any_of(strategy.getOps<StreamOp>(), [&](StreamOp stream) {
        return getDim(type, 0).name == stream.getSequencesAttr().getAttr();
      });
  if (!rows)
    return cache.emitOpError("expects layers with one row per sequence, got ")
           << type << "; rows of tokens are not kept";
  ImplicitLocOpBuilder builder(cache.getLoc(), cache);
  ArrayRef<Value> inputs = layers[cache.getInput()];
  Value joined = inputs.size() == 1
                     ? inputs.front()
                     : ConcatOp::create(builder, inputs).getOutput();
  Value kept = CacheOp::create(builder, joined.getType(),
                               cache.getSymNameAttr(), joined);
  int64_t width = type.getDimSize(1);
  SmallVector<Value>& outputs = layers[cache.getOutput()];
  for (size_t i = 0, e = inputs.size(); i < e; ++i)
    outputs.push_back(e == 1 ? kept
                             : SliceOp::create(builder, kept,
                                               static_cast<int64_t>(i) * width,
                                               width)
                                   .getOutput());
  return success();
}

LogicalResult TapExpander::expandRelation(RelationDivergenceOp op) {
  if (!isa<SegmentsType>(op.getText().getType()))
    return op.emitOpError(
        "expects to be linked by transfer-link before layers "
        "are expanded");
  auto several = dyn_cast<LayersType>(op.getDivergence().getType());
  FailureOr<size_t> count = size_t{1};
  if (several && failed(count = countLayers(op))) return failure();
  Type expected = several ? several.getTensor() : op.getDivergence().getType();
  OpBuilder builder(op);
  for (size_t i = 0; i < *count; ++i) {
    SmallVector<Value> values;
    for (Value operand : op->getOperands().take_front(4))
      values.push_back(several ? layers[operand][i] : operand);
    FailureOr<int64_t> number = findHeads(op, values);
    if (failed(number)) return failure();
    auto single = graft::RelationDivergenceOp::create(
        builder, op.getLoc(), op.getKind(), values[0], values[1], values[2],
        values[3], op.getText(), *number);
    if (single.getType() != expected)  // C7.
      return op.emitOpError("expects a result of ")
             << single.getType() << ", got " << expected;
    if (several)
      layers[op.getDivergence()].push_back(single);
    else
      op.getDivergence().replaceAllUsesWith(single);
  }
  return success();
}

// C7.
FailureOr<int64_t> TapExpander::findHeads(RelationDivergenceOp op,
                                          ArrayRef<Value> values) {
  auto given = static_cast<int64_t>(getVerifiedNumber(op, op.getHeadsAttr()));
  if (given > 0) return given;
  // Values of an attention are results of calls.
  auto getModelName = [](Value value) {
    return cast<CallOp>(value.getDefiningOp()).getCallee().getRootReference();
  };
  int64_t first = heads.lookup(values.front());
  for (Value value : values) {
    int64_t own = heads.lookup(value);
    if (own == 0)
      return op.emitOpError(
          "expects 'heads', or queries, keys and values of an attention, whose "
          "heads it takes, got another value");
    if (own != first)
      return op.emitOpError(
                 "expects attention of as many heads in both models, "
                 "or 'heads' that cut both anew, got ")
             << first << " heads of @"
             << getModelName(values.front()).getValue() << " and " << own
             << " of @" << getModelName(value).getValue();
  }
  return first;
}

void TapExpander::expandSum(SumOp sum) {
  OpBuilder builder(sum);
  ArrayRef<Value> terms = layers[sum.getLayers()];
  Value total = terms.front();
  for (Value term : terms.drop_front())
    total = AddOp::create(builder, sum.getLoc(), total, term);
  sum.getSum().replaceAllUsesWith(total);
}

}  // namespace
}  // namespace transfer

namespace {

struct TransferExpandTapsPass
    : impl::TransferExpandTapsPassBase<TransferExpandTapsPass> {
  void runOnOperation() override {
    for (auto strategy : getOperation().getOps<transfer::StrategyOp>())
      if (failed(transfer::TapExpander(strategy).run()))
        return signalPassFailure();
    getOperation().walk([](TapOp tap) { tap.erase(); });
  }
};

}  // namespace
}  // namespace graft

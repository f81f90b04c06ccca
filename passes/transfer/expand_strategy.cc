// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <string>

#include "dialects/transfer/number.h"
#include "dialects/transfer/optimizer.h"
#include "llvm/Support/Path.h"
#include "passes/transfer/entry.h"
#include "passes/transfer/host_program.h"
#include "passes/transfer/passes.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_TRANSFEREXPANDSTRATEGYPASS
#include "passes/transfer/passes.h.inc"

namespace transfer {
namespace {

constexpr EntryMode kPredict = {/*deterministic=*/true,
                                /*lossPerExample=*/true};
constexpr EntryMode kTrain = {/*deterministic=*/false,
                              /*lossPerExample=*/false};

// The symbol of the training state `kind` of `parameter`.
SymbolRefAttr stateOf(const Parameter& parameter, StringRef kind) {
  MLIRContext* context = parameter.symbol.getContext();
  return SymbolRefAttr::get(
      parameter.symbol.getRootReference(),
      FlatSymbolRefAttr::get(context, (parameter.name() + "." + kind).str()));
}

// The limits of the expansion.
template <typename OpTy>
LogicalResult checkSingle(StrategyOp strategy) {
  auto ops = strategy.getOps<OpTy>();
  if (llvm::hasSingleElement(ops)) return success();
  InFlightDiagnostic diagnostic =
      (*std::next(ops.begin())).emitOpError("expects a strategy of one ")
      << OpTy::getOperationName()
      << ", the only kind that can be compiled, got " << llvm::range_size(ops);
  diagnostic.attachNote((*ops.begin()).getLoc()) << "another is here";
  return diagnostic;
}

class Expander {
 public:
  // `strategy` has one phase.
  explicit Expander(StrategyOp strategy)
      : strategy(strategy),
        phase(*strategy.getOps<PhaseOp>().begin()),
        host(strategy) {}

  LogicalResult run();

 private:
  LogicalResult checkNames();
  LogicalResult collectTrained();
  void declareStates();
  LogicalResult buildPredict(PredictOp predict);
  LogicalResult buildEvaluate(PredictOp predict);
  LogicalResult buildCache(CacheOp cache);
  LogicalResult buildAccumulate(const LossPart& part);
  std::string whyWhole(const LossPart& part);
  void requireTwoExamples(const LossPart& part);
  // The name of the entry for a part of the loss.
  std::string nameOf(const LossPart& part) {
    if (parts.size() == 1) return "accumulate";
    StreamOp stream = part.streams.front();
    return ("accumulate_" + stream.getSymName()).str();
  }
  // A part of the keys of random numbers: no two entries of a step draw the
  // same.
  void setOrdinal(Entry& entry, int64_t ordinal) {
    entry.function->setAttr("graft.phase_ordinal",
                            entry.builder.getI64IntegerAttr(ordinal));
  }
  void buildUpdate();
  void buildUpdate(Entry& entry, const GroupedParameter& item, Value gradient,
                   Value rate, Value step, Value factor);

  StrategyOp strategy;
  PhaseOp phase;
  HostProgram host;
  SmallVector<LossPart> parts;
  // Parameters that are in a group of the phase and that its loss reaches.
  SmallVector<GroupedParameter> trained;
};

LogicalResult Expander::run() {
  parts = splitLoss(phase);
  if (failed(checkNames()) || failed(collectTrained()) ||
      failed(host.declare()))
    return failure();
  for (auto predict : strategy.getOps<PredictOp>())
    if (failed(buildPredict(predict)) || failed(buildEvaluate(predict)))
      return failure();
  for (auto cache : strategy.getOps<CacheOp>())
    if (failed(buildCache(cache))) return failure();
  declareStates();
  SmallVector<HostProgram::Accumulation> accumulations;
  for (const LossPart& part : parts) {
    if (failed(buildAccumulate(part))) return failure();
    accumulations.push_back({nameOf(part), part.streams, whyWhole(part)});
    requireTwoExamples(part);
  }
  buildUpdate();
  host.build(accumulations);
  strategy.erase();
  return success();
}

LogicalResult Expander::checkNames() {
  auto check = [&](Operation* op, StringRef name) -> LogicalResult {
    Operation* other = SymbolTable::lookupSymbolIn(
        strategy->getParentOfType<ModuleOp>(), name);
    if (!other || other == strategy) return success();
    InFlightDiagnostic diagnostic = op->emitOpError("expects the name @")
                                    << name << " to be free for what it makes";
    diagnostic.attachNote(other->getLoc()) << "taken here";
    return diagnostic;
  };
  SmallVector<std::string> entries;
  for (auto predict : strategy.getOps<PredictOp>()) {
    entries.push_back(predict.getPredictEntry());
    entries.push_back(predict.getEvaluateEntry());
  }
  entries.emplace_back("update");
  for (const LossPart& part : parts) entries.push_back(nameOf(part));
  for (StringRef name : entries)
    if (failed(check(strategy, name))) return failure();
  // The host program.
  if (failed(check(strategy, "train"))) return failure();
  for (auto cache : strategy.getOps<CacheOp>()) {
    StringRef name = cache.getSymName();
    if (llvm::is_contained(entries, name))
      return cache.emitOpError("expects a name that no phase has, got @")
             << name;
    if (failed(check(cache, name))) return failure();
  }
  return success();
}

LogicalResult Expander::collectTrained() {
  ParameterSet reached = getReachedParameters(phase.getLoss());
  for (auto model : strategy->getParentOfType<ModuleOp>().getOps<ModelOp>()) {
    bool grouped = llvm::any_of(strategy.getOps<GroupOp>(), [&](GroupOp group) {
      return group.getModel() == model.getSymName();
    });
    if (!grouped) continue;
    auto layers = model.getOps<LayersOp>();
    if (!layers.empty())
      return (*layers.begin())
          .emitOpError(
              "expects to be expanded by transfer-expand-layers before the "
              "strategy is");
    auto items = groupParameters(strategy, model, /*complete=*/false);
    if (failed(items)) return failure();
    for (GroupedParameter& item : *items)
      if (!item.group.getFrozen() && reached.contains(item.parameter.symbol))
        trained.push_back(item);
  }
  return success();
}

// Declares the states after the parameters of their model.
void Expander::declareStates() {
  SmallVector<StringRef> kinds = {"gradient"};
  kinds.append(getOptimizer(phase).getStates(phase));
  llvm::DenseMap<Operation*, Operation*> last;
  for (GroupedParameter& item : trained) {
    ParameterOp parameter = item.parameter.declaration;
    Operation*& place = last[parameter->getParentOp()];
    if (!place)
      for (auto other :
           parameter->getParentOfType<ModelOp>().getOps<ParameterOp>())
        place = other;
    OpBuilder builder(parameter.getContext());
    for (StringRef kind : kinds) {
      builder.setInsertionPointAfter(place);
      place = StateOp::create(
          builder, parameter.getLoc(),
          stateOf(item.parameter, kind).getLeafReference(),
          builder.getStringAttr(kind), FlatSymbolRefAttr::get(parameter),
          parameter.getTypeAttr(), /*initial=*/StringAttr(),
          /*deviation=*/FloatAttr(), item.group.getSymNameAttr());
    }
    parameter.setGroupAttr(item.group.getSymNameAttr());
  }
}

LogicalResult Expander::buildPredict(PredictOp predict) {
  Entry entry(strategy, predict.getPredictEntry(), kPredict);
  entry.addFields(getStreams({predict.getPrediction()}).front(),
                  {"labels", "weights"});
  FailureOr<Value> logits = entry.compute(predict.getPrediction());
  if (failed(logits)) return failure();
  if (!predict.getSoftmax()) {
    entry.finish({*logits}, {"logits"});
    return success();
  }
  entry.builder.setLoc(predict.getLoc());
  Value probabilities = SoftmaxOp::create(entry.builder, logits->getType(),
                                          *logits, /*log=*/false);
  entry.finish({*logits, probabilities}, {"logits", "probabilities"});
  return success();
}

LogicalResult Expander::buildEvaluate(PredictOp predict) {
  Value evaluated =
      predict.getEvaluate() ? predict.getEvaluate() : phase.getLoss();
  Entry entry(strategy, predict.getEvaluateEntry(), kPredict);
  entry.addFields(getStreams({predict.getPrediction()}).front(), {"weights"});
  FailureOr<Value> logits = entry.compute(predict.getPrediction());
  if (failed(logits)) return failure();
  FailureOr<Value> losses = entry.compute(evaluated);
  if (failed(losses)) return failure();
  entry.finish({*logits, *losses}, {"logits", "losses"});
  return success();
}

LogicalResult Expander::buildCache(CacheOp cache) {
  Entry entry(strategy, cache.getSymName(), kPredict);
  entry.function->setAttr("graft.cache", UnitAttr::get(cache.getContext()));
  entry.addFields(getStreams({cache.getInput()}).front(),
                  {"labels", "weights"});
  FailureOr<Value> kept = entry.compute(cache.getInput());
  if (failed(kept)) return failure();
  entry.finish({*kept}, {("cached." + cache.getSymName()).str()});
  return success();
}

// The place of the op that relates examples, for the error of a batch that does
// not fit; empty if a batch may be cut.
std::string Expander::whyWhole(const LossPart& part) {
  if (!part.isWhole()) return "";
  Operation* found = findExampleRelation(part.terms);
  if (!found) found = part.terms.front().getDefiningOp();
  std::string place = ("@" + strategy.getSymName()).str();
  if (auto line = found->getLoc()->findInstanceOf<FileLineColLoc>())
    // Without the folder, so that an artifact does not depend on it.
    place = (llvm::sys::path::filename(line.getFilename()) + ":" +
             Twine(line.getLine()) + ":" + Twine(line.getColumn()))
                .str();
  return place;
}

// Losses that one example alone makes no value of.
void Expander::requireTwoExamples(const LossPart& part) {
  for (Operation* op : getComputation(part.terms)) {
    auto penalty = dyn_cast<PenaltyOp>(op);
    auto loss = dyn_cast<LossOp>(op);
    StringRef why;
    if (penalty && penalty.getKind() == PenaltyKind::coral)
      why = "has no covariance";
    else if (loss && loss.getKind() == LossKind::contrastive)
      why = "has no negatives";
    else
      continue;
    for (StreamOp read : getStreams({op->getResult(0)}))
      host.requireTwoExamples(read, why);
  }
}

LogicalResult Expander::buildAccumulate(const LossPart& part) {
  Entry entry(strategy, nameOf(part), kTrain);
  entry.restrictTo(part);
  for (StreamOp read : part.streams) entry.addFields(read, {});
  entry.addCaches(phase.getLoss());
  setOrdinal(entry, &part - parts.data());
  if (failed(entry.addTotals(phase.getLoss(), host))) return failure();
  entry.addFactors(phase.getLoss(), host);
  FailureOr<Value> loss = entry.compute(phase.getLoss());
  if (failed(loss)) return failure();

  ImplicitLocOpBuilder& builder = entry.builder;
  builder.setLoc(phase.getLoc());
  ParameterSet reached;
  for (Value term : part.terms)
    for (SymbolRefAttr symbol : getReachedParameters(term))
      reached.insert(symbol);
  SmallVector<Value> parameters;
  SmallVector<SymbolRefAttr> states;
  for (GroupedParameter& item : trained) {
    if (!reached.contains(item.parameter.symbol)) continue;
    parameters.push_back(ReadOp::create(
        builder, item.parameter.declaration.getType(), item.parameter.symbol,
        /*layer=*/false));
    states.push_back(stateOf(item.parameter, "gradient"));
  }
  auto gradients = GradientsOp::create(
      builder, ValueRange(parameters).getTypes(), *loss, parameters);
  for (auto [symbol, gradient] : llvm::zip(states, gradients.getGradients())) {
    Value old = ReadOp::create(builder, gradient.getType(), symbol,
                               /*layer=*/false);
    Value sum = AddOp::create(builder, old, gradient);
    WriteOp::create(builder, symbol, sum);
  }
  entry.finish({*loss}, {"loss"});
  return success();
}

void Expander::buildUpdate() {
  Entry entry(strategy, "update", kTrain);
  ImplicitLocOpBuilder& builder = entry.builder;
  builder.setLoc(phase.getLoc());
  setOrdinal(entry, 0);
  Value rate =
      entry.addArgument("rate", RankedTensorType::get({}, builder.getF32Type()),
                        host.getSource("learning_rate"));
  Value step;
  if (getOptimizer(phase).counts)
    step = entry.addArgument("step",
                             RankedTensorType::get({}, builder.getI32Type()),
                             host.getSource("update"));
  SmallVector<Value> gradients;
  for (GroupedParameter& item : trained)
    gradients.push_back(
        ReadOp::create(builder, item.parameter.declaration.getType(),
                       stateOf(item.parameter, "gradient"), /*layer=*/false));
  Value norm, factor;
  if (double clip = getVerifiedNumber(phase, phase.getClipAttr()); clip > 0) {
    norm = GlobalNormOp::create(builder, gradients);
    factor =
        ClipFactorOp::create(builder, norm, APFloat(static_cast<float>(clip)));
  }
  for (auto [item, gradient] : llvm::zip(trained, gradients))
    buildUpdate(entry, item, gradient, rate, step, factor);
  if (norm)
    entry.finish({norm}, {"norm"});
  else
    entry.finish({}, {});
}

void Expander::buildUpdate(Entry& entry, const GroupedParameter& item,
                           Value gradient, Value rate, Value step,
                           Value factor) {
  ImplicitLocOpBuilder& builder = entry.builder;
  GroupOp group = item.group;
  const Optimizer& optimizer = getOptimizer(phase);
  auto read = [&](SymbolRefAttr symbol) -> Value {
    return ReadOp::create(builder, gradient.getType(), symbol, /*layer=*/false);
  };
  SmallVector<SymbolRefAttr> updated = {item.parameter.symbol};
  UpdateOperands operands;
  operands.parameter = read(item.parameter.symbol);
  operands.gradient = gradient;
  for (StringRef kind : optimizer.getStates(phase)) {
    updated.push_back(stateOf(item.parameter, kind));
    operands.states.push_back(read(updated.back()));
  }
  operands.rate = rate;
  operands.step = step;
  operands.factor = factor;
  operands.decay =
      builder.getF32FloatAttr(getVerifiedNumber(group, group.getDecayAttr()));
  operands.multiplier = builder.getF32FloatAttr(item.rateMultiplier);
  Operation* update = optimizer.build(builder, phase, operands);
  for (auto [symbol, value] : llvm::zip_equal(updated, update->getResults()))
    WriteOp::create(builder, symbol, value);
  // The next batch accumulates from zero.
  Value zero = ConstantOp::create(builder, gradient.getType(), APFloat(0.0f));
  WriteOp::create(builder, stateOf(item.parameter, "gradient"), zero);
}

}  // namespace
}  // namespace transfer

namespace {

struct TransferExpandStrategyPass
    : impl::TransferExpandStrategyPassBase<TransferExpandStrategyPass> {
  void runOnOperation() override {
    SmallVector<transfer::StrategyOp> strategies(
        getOperation().getOps<transfer::StrategyOp>());
    if (strategies.size() > 1) {
      strategies[1]
              .emitOpError("expects no other strategy in the module")
              .attachNote(strategies[0].getLoc())
          << "another is here";
      return signalPassFailure();
    }
    for (transfer::StrategyOp strategy : strategies)
      if (failed(transfer::checkSingle<transfer::PhaseOp>(strategy)) ||
          failed(transfer::Expander(strategy).run()))
        return signalPassFailure();
  }
};

}  // namespace
}  // namespace graft

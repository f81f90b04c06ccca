// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <string>

#include "dialects/graft/elements.h"
#include "dialects/transfer/number.h"
#include "dialects/transfer/optimizer.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Path.h"
#include "passes/transfer/entry.h"
#include "passes/transfer/expand_layers.h"
#include "passes/transfer/gradient_slots.h"
#include "passes/transfer/host_program.h"
#include "passes/transfer/kept_values.h"
#include "passes/transfer/passes.h"
#include "passes/transfer/related_loss.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_TRANSFEREXPANDSTRATEGYPASS
#include "passes/transfer/passes.h.inc"

namespace transfer {
namespace {

// A parameter that follows another one.
struct Tracker {
  GroupedParameter item;
  Parameter tracked;
};

constexpr StringRef kBegin = "begin";  // the entry
constexpr StringRef kStart = "start";  // a state: the value at the beginning

// A phase with what its entries are made of.
struct Work {
  PhaseOp phase;
  SmallVector<LossPart> parts;
  // Of each part that is computed in two passes, where it is cut.
  SmallVector<std::optional<LossCut>> cuts;
  // Parameters that are in a group of the phase and that its loss reaches.
  SmallVector<GroupedParameter> trained;
  GradientSlots gradients;
};

class Expander {
 public:
  explicit Expander(StrategyOp strategy) : strategy(strategy), host(strategy) {
    for (auto phase : strategy.getOps<PhaseOp>())
      works.push_back({phase, splitLoss(phase), {}, {}, GradientSlots(phase)});
  }

  LogicalResult run();

 private:
  LogicalResult cutParts(Work& work);
  LogicalResult checkNames();
  LogicalResult collectTrained();
  // Adds the parameters of `model` to what each of `works` trains, whose losses
  // reach the parameters `reached`, and to `trackers`.
  LogicalResult collectGrouped(ModelOp model, ArrayRef<ParameterSet> reached);
  void collectTracker(const GroupedParameter& item);
  void declareStates();
  // Tells the host program which phases train what predicts.
  void findTeaching();
  // The entry `begin`, which makes `copies`; its name, empty if there are none.
  StringRef buildBegin();
  // All predictions as one entry.
  LogicalResult buildPredictions();
  LogicalResult computePrediction(Entry& entry, PredictOp predict,
                                  SmallVectorImpl<Value>& values);
  LogicalResult buildPredict(PredictOp predict);
  LogicalResult buildEvaluate(PredictOp predict);
  LogicalResult buildEvaluate(Entry& entry, PredictOp predict, Value evaluated);
  LogicalResult buildCache(CacheOp cache);
  FailureOr<PhaseEntries> buildPhase(const Work& work);
  LogicalResult buildAccumulate(const Work& work, const LossPart& part);
  LogicalResult buildTwoPasses(const Work& work, const LossPart& part,
                               const LossCut& cut,
                               SmallVectorImpl<Accumulation>& calls);
  std::string whyWhole(const LossPart& part);
  void requireTwoExamples(const LossPart& part);
  // The names of the entries. With several phases each has its own.
  std::string nameOf(const Work& work, const LossPart& part) {
    return nameOf(work, part, "accumulate", {});
  }
  // Of the streams of a part, one each, or else (null) one.
  std::string nameOf(const Work& work, const LossPart& part, StringRef entry,
                     StreamOp stream) {
    std::string name = nameOf(work, entry);
    bool several = work.parts.size() > 1 || (stream && part.streams.size() > 1);
    if (!several) return name;
    if (!stream) stream = part.streams.front();
    return (name + "_" + stream.getSymName()).str();
  }
  // Of all entries of a part.
  SmallVector<std::string> namesOf(const Work& work, const LossPart& part,
                                   bool isCut);
  // Of its updates: where a step takes one stream, each has one.
  SmallVector<std::string> namesOfUpdates(const Work& work) {
    if (!host.takesOneStream(work.phase)) return {nameOf(work, "update")};
    SmallVector<std::string> names;
    for (const LossPart& part : work.parts)
      names.push_back(nameOf(work, part, "update", {}));
    return names;
  }
  std::string nameOf(const Work& work, StringRef entry) {
    if (works.size() == 1) return entry.str();
    PhaseOp phase = work.phase;
    return (entry + "_" + phase.getSymName()).str();
  }
  // The symbol of a training state. Phases share no state of an optimiser.
  SymbolRefAttr stateOf(const Work& work, const Parameter& parameter,
                        StringRef kind) {
    PhaseOp phase = work.phase;
    if (works.size() == 1) return getState(parameter, kind);
    return getState(parameter, phase.getSymName() + "." + kind);
  }
  // Where a step takes one stream, an entry for each of what it reaches.
  void buildUpdates(const Work& work, SmallVectorImpl<Update>& updates);
  Value addStep(Entry& entry, const Work& work, ArrayRef<ParameterSet> reached,
                const Parameter& parameter);
  // The entry `name`, which updates `updated`. `addStep` gives the number of
  // the update, for an optimiser that counts.
  void buildUpdate(const Work& work, StringRef name,
                   ArrayRef<GroupedParameter> updated,
                   llvm::function_ref<Value(Entry&, const Parameter&)> addStep);
  void buildUpdate(Entry& entry, const Work& work, const GroupedParameter& item,
                   Value gradient, Value rate, Value step, Value factor);
  void updateTrackers(Entry& entry, PhaseOp phase, const Parameter& parameter,
                      Value updated);

  StrategyOp strategy;
  HostProgram host;
  SmallVector<Work, 0> works;
  SmallVector<Tracker> trackers;
  // What takes its value from a parameter before the first step: trackers, and
  // the states that groups decay to.
  SmallVector<std::pair<SymbolRefAttr, Parameter>> copies;
  int64_t ordinals = 0;  // of entries so far
};

LogicalResult Expander::run() {
  for (Work& work : works)
    if (failed(cutParts(work))) return failure();
  if (failed(checkNames()) || failed(collectTrained()) ||
      failed(host.declare()))
    return failure();
  if (strategy.predictsAlone()) {
    if (failed(buildPredictions())) return failure();
    strategy.erase();
    return success();
  }
  for (auto predict : strategy.getOps<PredictOp>())
    if (failed(buildPredict(predict)) || failed(buildEvaluate(predict)))
      return failure();
  for (auto cache : strategy.getOps<CacheOp>())
    if (failed(buildCache(cache))) return failure();
  declareStates();
  SmallVector<PhaseEntries> entries;
  for (const Work& work : works) {
    FailureOr<PhaseEntries> built = buildPhase(work);
    if (failed(built)) return failure();
    entries.push_back(std::move(*built));
  }
  SmallVector<Accumulation> kept;
  for (const KeptStream& stream : findKept(strategy)) {
    FailureOr<Accumulation> built =
        buildKept(strategy, stream, ordinals++, host);
    if (failed(built)) return failure();
    kept.push_back(std::move(*built));
  }
  findTeaching();
  host.build({entries, kept}, buildBegin());
  strategy.erase();
  return success();
}

// Averages are trained by what trains the parameters that they track.
void Expander::findTeaching() {
  ParameterSet read;
  for (auto predict : strategy.getOps<PredictOp>())
    for (SymbolRefAttr symbol : getReadParameters(predict.getPrediction()))
      read.insert(symbol);
  for (Tracker& tracker : trackers)
    if (read.contains(tracker.item.parameter.symbol))
      read.insert(tracker.tracked.symbol);
  for (const Work& work : works)
    if (llvm::any_of(work.trained, [&](const GroupedParameter& item) {
          return read.contains(item.parameter.symbol);
        }))
      host.addTeaching(work.phase);
}

FailureOr<PhaseEntries> Expander::buildPhase(const Work& work) {
  PhaseEntries entries = {work.phase, {}, {}};
  for (auto [part, cut] : llvm::zip_equal(work.parts, work.cuts)) {
    requireTwoExamples(part);
    if (cut) {
      if (failed(buildTwoPasses(work, part, *cut, entries.accumulations)))
        return failure();
      continue;
    }
    if (failed(buildAccumulate(work, part))) return failure();
    entries.accumulations.push_back(
        {nameOf(work, part), part.streams, whyWhole(part)});
  }
  buildUpdates(work, entries.updates);
  return entries;
}

// Parts that relate examples, if the strategy says how many.
LogicalResult Expander::cutParts(Work& work) {
  for (const LossPart& part : work.parts) {
    std::optional<LossCut>& place = work.cuts.emplace_back();
    if (!strategy.getBatch() || !part.isWhole()) continue;
    if (work.phase.getWeighing())
      return work.phase.emitOpError(
          "expects a loss that relates no examples, for a batch to be cut "
          "whose gradients are weighed; a larger --max-tokens, and no 'batch' "
          "of the strategy, make it one launch");
    FailureOr<LossCut> cut = cutLoss(part);
    if (failed(cut)) return failure();
    place = std::move(*cut);
  }
  return success();
}

SmallVector<std::string> Expander::namesOf(const Work& work,
                                           const LossPart& part, bool isCut) {
  if (!isCut) return {nameOf(work, part)};
  SmallVector<std::string> names = {nameOf(work, part, "relate", {})};
  for (StreamOp stream : part.streams)
    for (StringRef entry : {"represent", "accumulate"})
      names.push_back(nameOf(work, part, entry, stream));
  return names;
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
  if (strategy.predictsAlone()) {
    entries.emplace_back("predict");
  } else {
    for (auto predict : strategy.getOps<PredictOp>()) {
      entries.push_back(predict.getPredictEntry());
      entries.push_back(predict.getEvaluateEntry());
      if (predict.getUnlabelled())
        entries.push_back(predict.getUnlabelledEntry());
    }
    entries.emplace_back(kBegin);
  }
  for (const KeptStream& kept : findKept(strategy))
    entries.push_back(kept.entry);
  for (const Work& work : works) {
    llvm::append_range(entries, namesOfUpdates(work));
    for (auto [part, cut] : llvm::zip_equal(work.parts, work.cuts))
      llvm::append_range(entries, namesOf(work, part, cut.has_value()));
  }
  llvm::StringSet<> own;
  for (StringRef name : entries) {
    if (failed(check(strategy, name))) return failure();
    // Phases @a and @a_b, of which @a reads a stream @b.
    if (!own.insert(name).second)
      return strategy.emitOpError(
                 "expects other names of its phases or streams, which make two "
                 "entries @")
             << name;
  }
  // The host program.
  if (failed(check(strategy, "train"))) return failure();
  for (Operation& op : strategy.getBody().front()) {
    if (!isa<CacheOp, KeepOp>(op)) continue;
    StringRef name = SymbolTable::getSymbolName(&op).getValue();
    if (llvm::is_contained(entries, name))
      return op.emitOpError("expects a name that no phase has, got @") << name;
    for (auto stream : strategy.getOps<StreamOp>())
      if (stream.getSymName() == name)
        return op.emitOpError("expects a name that no stream has, got @")
               << name;
    if (failed(check(&op, name))) return failure();
  }
  return success();
}

LogicalResult Expander::collectTrained() {
  SmallVector<ParameterSet> reached;
  for (Work& work : works)
    reached.push_back(getReachedParameters({work.phase.getLoss()}));
  for (auto model : strategy->getParentOfType<ModuleOp>().getOps<ModelOp>()) {
    bool grouped = llvm::any_of(strategy.getOps<GroupOp>(), [&](GroupOp group) {
      return group.getModel() == model.getSymName();
    });
    if (!grouped) continue;
    if (failed(checkLayersExpanded(model, "the strategy is"))) return failure();
    if (failed(collectGrouped(model, reached))) return failure();
  }
  for (const Work& work : works)
    if (failed(work.gradients.check(work.trained))) return failure();
  return success();
}

LogicalResult Expander::collectGrouped(ModelOp model,
                                       ArrayRef<ParameterSet> reached) {
  auto items = groupParameters(strategy, model, /*complete=*/false);
  if (failed(items)) return failure();
  for (const GroupedParameter& item : *items) {
    GroupOp group = item.group;
    for (auto [work, symbols] : llvm::zip_equal(works, reached))
      if (llvm::is_contained(work.phase.getGroups(),
                             FlatSymbolRefAttr::get(group)) &&
          symbols.contains(item.parameter.symbol))
        work.trained.push_back(item);
    if (group.getTracksAttr()) collectTracker(item);
  }
  return success();
}

void Expander::collectTracker(const GroupedParameter& item) {
  GroupOp group = item.group;
  ParameterOp parameter = item.parameter.declaration;
  parameter.setGroupAttr(group.getSymNameAttr());
  ModelOp other = getModel(strategy, group.getTracksAttr());
  if (std::optional<Parameter> same = findNamesake(item.parameter, other)) {
    trackers.push_back({item, *same});
    copies.emplace_back(item.parameter.symbol, *same);
  }
}

// Declares the states after the parameters of their model.
void Expander::declareStates() {
  llvm::DenseMap<Operation*, Operation*> last;
  llvm::DenseSet<Attribute> declared;
  // Returns whether the state is new.
  auto declare = [&](const GroupedParameter& item, SymbolRefAttr symbol,
                     StringRef kind) {
    if (!declared.insert(symbol).second) return false;
    ParameterOp parameter = item.parameter.declaration;
    GroupOp group = item.group;
    Operation*& place = last[parameter->getParentOp()];
    if (!place)
      for (auto other :
           parameter->getParentOfType<ModelOp>().getOps<ParameterOp>())
        place = other;
    OpBuilder builder(parameter.getContext());
    builder.setInsertionPointAfter(place);
    place = StateOp::create(
        builder, parameter.getLoc(), symbol.getLeafReference(),
        builder.getStringAttr(kind), FlatSymbolRefAttr::get(parameter),
        parameter.getTypeAttr(), /*initial=*/StringAttr(),
        /*deviation=*/FloatAttr(), group.getSymNameAttr());
    return true;
  };
  for (Work& work : works)
    for (GroupedParameter& item : work.trained) {
      for (SymbolRefAttr gradient : work.gradients.getSlots(item.parameter))
        declare(item, gradient, "gradient");
      for (StringRef kind : getOptimizer(work.phase).getStates(work.phase))
        declare(item, stateOf(work, item.parameter, kind), kind);
      SymbolRefAttr start = getState(item.parameter, kStart);
      if (item.group.getToStart() && declare(item, start, kStart))
        copies.emplace_back(start, item.parameter);
      item.parameter.declaration.setGroupAttr(item.group.getSymNameAttr());
    }
}

// Appends the logits of `predict` and, if they are asked for, probabilities.
LogicalResult Expander::computePrediction(Entry& entry, PredictOp predict,
                                          SmallVectorImpl<Value>& values) {
  FailureOr<Value> logits = entry.compute(predict.getPrediction());
  if (failed(logits)) return failure();
  values.push_back(*logits);
  entry.builder.setLoc(predict.getLoc());
  if (predict.getSigmoid())
    values.push_back(SigmoidOp::create(entry.builder, *logits));
  if (!predict.getSoftmax()) return success();
  values.push_back(SoftmaxOp::create(entry.builder, logits->getType(), *logits,
                                     /*log=*/false));
  return success();
}

LogicalResult Expander::buildPredict(PredictOp predict) {
  Entry entry(strategy, predict.getPredictEntry(), kPredict);
  entry.addInputs(getStreams({predict.getPrediction()}).front());
  SmallVector<Value> values;
  if (failed(computePrediction(entry, predict, values))) return failure();
  const StringRef names[] = {"logits", "probabilities"};
  entry.finish(values, ArrayRef(names).take_front(values.size()));
  return success();
}

LogicalResult Expander::buildPredictions() {
  SmallVector<PredictOp> predictions(strategy.getOps<PredictOp>());
  if (!predictions.front().getHead()) return buildPredict(predictions.front());
  Entry entry(strategy, predictions.front().getPredictEntry(), kPredict);
  for (auto stream : strategy.getOps<StreamOp>()) entry.addInputs(stream);
  SmallVector<Value> values;
  SmallVector<std::string> names;
  for (PredictOp predict : predictions) {
    if (failed(computePrediction(entry, predict, values))) return failure();
    std::string head = predict.getHead()->str();
    names.push_back("logits." + head);
    if (names.size() < values.size()) names.push_back("probabilities." + head);
  }
  entry.finish(values, SmallVector<StringRef>(names.begin(), names.end()));
  return success();
}

LogicalResult Expander::buildEvaluate(PredictOp predict) {
  StreamOp stream = getStreams({predict.getPrediction()}).front();
  // Of one phase, if the strategy does not say.
  Value evaluated = predict.getEvaluate() ? predict.getEvaluate()
                                          : works.front().phase.getLoss();
  Entry entry(strategy, predict.getEvaluateEntry(), kPredict);
  entry.addTruths(stream, evaluated);
  if (failed(buildEvaluate(entry, predict, evaluated))) return failure();
  if (!predict.getUnlabelled()) return success();
  Entry other(strategy, predict.getUnlabelledEntry(), kPredict);
  other.addInputs(stream);
  return buildEvaluate(other, predict, predict.getUnlabelled());
}

LogicalResult Expander::buildEvaluate(Entry& entry, PredictOp predict,
                                      Value evaluated) {
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
  entry.addInputs(getStreams({cache.getInput()}).front());
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

LogicalResult Expander::buildTwoPasses(const Work& work, const LossPart& part,
                                       const LossCut& cut,
                                       SmallVectorImpl<Accumulation>& calls) {
  RelatedLoss loss = {work.phase, part, cut, work.trained};
  return buildRelatedLoss(
      strategy, loss, host,
      [&](StringRef entry, StreamOp stream) {
        return nameOf(work, part, entry, stream);
      },
      ordinals, calls);
}

LogicalResult Expander::buildAccumulate(const Work& work,
                                        const LossPart& part) {
  PhaseOp phase = work.phase;
  Entry entry(strategy, nameOf(work, part), kTrain);
  entry.restrictTo(phase.getLoss(), part.terms);
  for (StreamOp read : part.streams) entry.addFields(read, {});
  entry.addCaches(phase.getLoss());
  entry.setOrdinal(ordinals++);
  if (failed(entry.addTotals(phase.getLoss(), host))) return failure();
  entry.addFactors(phase.getLoss(), phase, host);
  FailureOr<Value> loss = entry.compute(phase.getLoss());
  if (failed(loss)) return failure();

  entry.builder.setLoc(phase.getLoc());
  if (failed(work.gradients.add(entry, *loss, part, work.trained)))
    return failure();
  entry.finish({*loss}, {"loss"});
  return success();
}

void Expander::buildUpdates(const Work& work,
                            SmallVectorImpl<Update>& updates) {
  SmallVector<std::string> names = namesOfUpdates(work);
  PhaseOp phase = work.phase;
  if (!host.takesOneStream(phase)) {
    buildUpdate(work, names.front(), work.trained,
                [&](Entry& entry, const Parameter&) {
                  return entry.addStep("step", host.getSource(phase, "update"));
                });
    updates.push_back({names.front()});
    return;
  }
  SmallVector<ParameterSet> reached;
  for (const LossPart& part : work.parts)
    reached.push_back(getReachedParameters(part.terms));
  for (auto [part, own, name] : llvm::zip_equal(work.parts, reached, names)) {
    SmallVector<GroupedParameter> updated;
    for (const GroupedParameter& item : work.trained)
      if (own.contains(item.parameter.symbol)) updated.push_back(item);
    buildUpdate(work, name, updated,
                [&](Entry& entry, const Parameter& parameter) {
                  return addStep(entry, work, reached, parameter);
                });
    updates.push_back({name, part.streams.front()});
  }
}

// The number of the update of a parameter, which the parts of the loss that
// reach it count.
Value Expander::addStep(Entry& entry, const Work& work,
                        ArrayRef<ParameterSet> reached,
                        const Parameter& parameter) {
  SmallVector<StreamOp> streams;
  for (auto [part, own] : llvm::zip_equal(work.parts, reached))
    if (own.contains(parameter.symbol)) streams.push_back(part.streams.front());
  std::string name = "step";
  if (streams.size() < work.parts.size())
    for (StreamOp stream : streams) name += "." + stream.getSymName().str();
  return entry.addStep(name, host.addUpdateNumber(work.phase, streams));
}

void Expander::buildUpdate(
    const Work& work, StringRef name, ArrayRef<GroupedParameter> updated,
    llvm::function_ref<Value(Entry&, const Parameter&)> addStep) {
  PhaseOp phase = work.phase;
  Entry entry(strategy, name, kTrain);
  ImplicitLocOpBuilder& builder = entry.builder;
  builder.setLoc(phase.getLoc());
  entry.setOrdinal(0);
  Value rate =
      entry.addArgument("rate", RankedTensorType::get({}, builder.getF32Type()),
                        host.getSource(phase, "learning_rate"));
  SmallVector<Value> steps(updated.size());
  if (getOptimizer(phase).counts)
    for (auto [step, item] : llvm::zip_equal(steps, updated))
      step = addStep(entry, item.parameter);
  SmallVector<Value> gradients = work.gradients.build(entry, updated);
  Value norm, factor;
  if (double clip = getVerifiedNumber(phase, phase.getClipAttr()); clip > 0) {
    norm = GlobalNormOp::create(builder, gradients);
    factor =
        ClipFactorOp::create(builder, norm, APFloat(static_cast<float>(clip)));
  }
  for (auto [item, gradient, step] : llvm::zip_equal(updated, gradients, steps))
    buildUpdate(entry, work, item, gradient, rate, step, factor);
  if (norm)
    entry.finish({norm}, {"norm"});
  else
    entry.finish({}, {});
}

StringRef Expander::buildBegin() {
  if (copies.empty()) return "";
  Entry entry(strategy, kBegin, kTrain);
  for (auto& [to, from] : copies) {
    Value value =
        ReadOp::create(entry.builder, from.declaration.getType(), from.symbol,
                       /*layer=*/false);
    WriteOp::create(entry.builder, to, value);
  }
  entry.finish({}, {});
  return kBegin;
}

// t + (1 - keep) (w - t), which leaves t alone where w is equal.
void Expander::updateTrackers(Entry& entry, PhaseOp phase,
                              const Parameter& parameter, Value updated) {
  ImplicitLocOpBuilder& builder = entry.builder;
  for (Tracker& tracker : trackers) {
    if (tracker.tracked.symbol != parameter.symbol) continue;
    GroupOp group = tracker.item.group;
    entry.addFactor(group.getKeepAttr(), phase, host,
                    HostProgram::Range::share);
    Value keep = entry.scalarOf(group, group.getKeepAttr());
    Value one = ConstantOp::create(builder, keep.getType(), APFloat(1.0f));
    Value share = SubOp::create(builder, one, keep);
    SymbolRefAttr symbol = tracker.item.parameter.symbol;
    auto type = cast<RankedTensorType>(updated.getType());
    Value old = ReadOp::create(builder, type, symbol, /*layer=*/false);
    Value wide = spreadScalar(builder, builder.getLoc(), share, type);
    Value difference = SubOp::create(builder, updated, old);
    Value change = MulOp::create(builder, difference, wide);
    Value average = AddOp::create(builder, old, change);
    WriteOp::create(builder, symbol, average);
  }
}

void Expander::buildUpdate(Entry& entry, const Work& work,
                           const GroupedParameter& item, Value gradient,
                           Value rate, Value step, Value factor) {
  ImplicitLocOpBuilder& builder = entry.builder;
  GroupOp group = item.group;
  PhaseOp phase = work.phase;
  const Optimizer& optimizer = getOptimizer(phase);
  auto read = [&](SymbolRefAttr symbol) -> Value {
    return ReadOp::create(builder, gradient.getType(), symbol, /*layer=*/false);
  };
  SmallVector<SymbolRefAttr> updated = {item.parameter.symbol};
  UpdateOperands operands;
  operands.parameter = read(item.parameter.symbol);
  // An update depends on the parameter by its decay alone, so that it may be of
  // the distance from the start.
  Value start;
  if (group.getToStart()) {
    start = read(getState(item.parameter, kStart));
    operands.parameter = SubOp::create(builder, operands.parameter, start);
  }
  operands.gradient = gradient;
  for (StringRef kind : optimizer.getStates(phase)) {
    updated.push_back(stateOf(work, item.parameter, kind));
    operands.states.push_back(read(updated.back()));
  }
  operands.rate = rate;
  operands.step = step;
  operands.factor = factor;
  operands.decay =
      builder.getF32FloatAttr(getVerifiedNumber(group, group.getDecayAttr()));
  operands.multiplier = builder.getF32FloatAttr(item.rateMultiplier);
  Operation* update = optimizer.build(builder, phase, operands);
  SmallVector<Value> results(update->getResults());
  if (start) results[0] = AddOp::create(builder, results[0], start);
  for (auto [symbol, value] : llvm::zip_equal(updated, results))
    WriteOp::create(builder, symbol, value);
  updateTrackers(entry, phase, item.parameter, results[0]);
  // The next batch accumulates from zero.
  Value zero = ConstantOp::create(builder, gradient.getType(), APFloat(0.0f));
  for (SymbolRefAttr slot : work.gradients.getSlots(item.parameter))
    WriteOp::create(builder, slot, zero);
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
      if (failed(transfer::Expander(strategy).run()))
        return signalPassFailure();
  }
};

}  // namespace
}  // namespace graft

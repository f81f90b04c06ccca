// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Verifies C1 to C7 and C10 to C13 of transfer.strategy;
// transfer_verify_fields.cc C8, C9 and C17, transfer_drawing.cc C14,
// transfer_verify_rewards.cc C15 and C16.

#include "dialects/transfer/transfer_verify.h"

#include "dialects/graft/size_renaming.h"
#include "dialects/transfer/number.h"
#include "dialects/transfer/optimizer.h"
#include "dialects/transfer/transfer_analysis.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace graft::transfer {
namespace {

class Verifier {
 public:
  explicit Verifier(StrategyOp strategy) : strategy(strategy) {}

  LogicalResult run() {
    return success(succeeded(checkOps()) && succeeded(checkSymbols()) &&
                   succeeded(checkGroups()) && succeeded(checkNested()) &&
                   succeeded(checkPhases()) && succeeded(checkStreams()) &&
                   succeeded(checkCaches()) && succeeded(checkPredictions()) &&
                   succeeded(verifyLabels(strategy)) &&
                   succeeded(verifyWeights(strategy)) &&
                   succeeded(verifyDraws(strategy)));
  }

 private:
  LogicalResult checkOps();
  template <typename OpTy>
  LogicalResult checkAny();
  LogicalResult checkAlone();
  LogicalResult checkSymbols();
  LogicalResult checkSchedules();
  LogicalResult checkSchedule(ScheduleOp schedule);
  LogicalResult checkCall(CallOp call);
  LogicalResult checkStatic(StringAttr model);
  LogicalResult checkGroups();
  LogicalResult checkTracking(ModelOp model);
  LogicalResult checkNested();
  LogicalResult checkPhases();
  LogicalResult checkPhase(PhaseOp phase);
  LogicalResult checkIgnored();
  LogicalResult checkStreams();
  LogicalResult checkTerm(Value term, PhaseOp phase);
  LogicalResult checkLosses(PhaseOp phase);
  LogicalResult checkCaches();
  LogicalResult checkCache(CacheOp cache);
  LogicalResult checkHeads();
  LogicalResult checkPredictions();
  LogicalResult checkPrediction(PredictOp predict);
  LogicalResult checkPredicted(PredictOp predict);
  LogicalResult checkEvaluated(PredictOp predict, Value evaluated);

  ModuleOp module() { return strategy->getParentOfType<ModuleOp>(); }
  // Whether `op` reads a field of a stream that is no input of a prediction.
  bool usesTruth(Operation* op) {
    return llvm::any_of(strategy.getOps<StreamOp>(), [&](StreamOp stream) {
      return llvm::any_of(
          llvm::zip(stream.getFields().getAsValueRange<StringAttr>(),
                    stream.getValues()),
          [&](auto field) {
            return !StreamOp::isInput(std::get<0>(field)) &&
                   llvm::is_contained(op->getOperands(), std::get<1>(field));
          });
    });
  }

  StrategyOp strategy;
  // The group of each parameter, for all models with groups.
  llvm::DenseMap<SymbolRefAttr, GroupOp> groups;
  llvm::DenseSet<Operation*> updated;  // groups, by a phase
  // Where phases, rewards and registers have their turn.
  llvm::DenseMap<Operation*, ScheduleOp> scheduled;
};

template <typename OpTy>
LogicalResult Verifier::checkAny() {
  if (!strategy.getOps<OpTy>().empty()) return success();
  return strategy.emitOpError("expects at least one ")
         << OpTy::getOperationName() << ", got none";
}

// C1.
LogicalResult Verifier::checkOps() {
  for (Operation& op : strategy.getBody().front()) {
    bool computes = isa<GraftDialect>(op.getDialect()) &&
                    isa<PrecisionOpInterface>(op) && isPure(&op);
    if (!isa<TransferDialect>(op.getDialect()) && !computes)
      return op.emitOpError(
          "expects to be outside of transfer.strategy, which holds ops of "
          "transfer and computing ops of graft");
  }
  if (failed(checkAny<StreamOp>()) || failed(checkAny<PredictOp>()) ||
      failed(checkHeads()))
    return failure();
  if (strategy.predictsAlone()) return checkAlone();
  return success(succeeded(checkAny<PhaseOp>()) &&
                 succeeded(checkAny<ScheduleOp>()));
}

// C1. Nobody would read them.
LogicalResult Verifier::checkAlone() {
  for (Operation& op : strategy.getBody().front())
    if (isa<CacheOp, KeepOp, RewardOp, RegisterOp>(op))
      return op.emitOpError("expects a transfer.phase that has a use for it, ")
             << "got none";
  return success();
}

// C1.
LogicalResult Verifier::checkHeads() {
  SmallVector<PredictOp> predictions(strategy.getOps<PredictOp>());
  if (predictions.size() == 1) return success();
  for (auto [index, predict] : llvm::enumerate(predictions)) {
    StringAttr head = predict.getHeadAttr();
    if (!head)
      return predict.emitOpError(
                 "expects a head, as transfer.predict @NAME, beside "
                 "another transfer.predict, got ")
             << predictions.size() << " in all";
    for (PredictOp other : ArrayRef(predictions).take_front(index)) {
      if (other.getHeadAttr() != head) continue;
      InFlightDiagnostic diagnostic =
          predict.emitOpError("expects each head once, got @")
          << head.getValue() << " twice";
      diagnostic.attachNote(other.getLoc()) << "predicted here";
      return diagnostic;
    }
  }
  return success();
}

// C2.
LogicalResult Verifier::checkSymbols() {
  for (auto stream : strategy.getOps<StreamOp>())
    for (FlatSymbolRefAttr size :
         {stream.getTokensAttr(), stream.getSequencesAttr()})
      if (!isa_and_nonnull<SizeOp>(SymbolTable::lookupSymbolIn(module(), size)))
        return stream.emitOpError("expects a graft.size, got ") << size;
  for (auto group : strategy.getOps<GroupOp>())
    if (!getModel(strategy, group.getModelAttr()))
      return group.emitOpError("expects a graft.model, got ")
             << group.getModelAttr();
  for (auto call : strategy.getOps<CallOp>())
    if (failed(checkCall(call))) return failure();
  return checkSchedules();
}

LogicalResult Verifier::checkSchedules() {
  for (auto schedule : strategy.getOps<ScheduleOp>())
    if (failed(checkSchedule(schedule))) return failure();
  for (Operation& op : strategy.getBody().front()) {
    if (!isa<PhaseOp, RewardOp, RegisterOp>(op) || scheduled.contains(&op))
      continue;
    InFlightDiagnostic diagnostic =
        (*strategy.getOps<ScheduleOp>().begin()).emitOpError("expects all ")
        << (isa<PhaseOp>(op) ? "phases" : "rewards and registers")
        << ", got none of " << FlatSymbolRefAttr::get(&op);
    diagnostic.attachNote(op.getLoc()) << "declared here";
    return diagnostic;
  }
  return success();
}

LogicalResult Verifier::checkSchedule(ScheduleOp schedule) {
  bool learns = false;
  for (auto name : schedule.getPhases().getAsRange<FlatSymbolRefAttr>()) {
    Operation* op = SymbolTable::lookupSymbolIn(strategy, name);
    if (!isa_and_nonnull<PhaseOp, RewardOp, RegisterOp>(op))
      return schedule.emitOpError(
                 "expects a transfer.phase, transfer.reward or "
                 "transfer.register, got ")
             << name;
    if (!isa<PhaseOp>(op) && schedule.getTurns(op).first)
      return schedule.emitOpError("expects no 'times' of a ")
             << op->getName() << ", got that of " << name;
    learns |= isa<PhaseOp>(op);
    ScheduleOp& other = scheduled[op];
    bool again = isa<PhaseOp>(op) ? bool(other) : other == schedule;
    if (again) {
      InFlightDiagnostic diagnostic =
          schedule.emitOpError("expects each ")
          << (isa<PhaseOp>(op) ? "phase" : "reward and register")
          << " once, got " << name << " twice";
      diagnostic.attachNote(other.getLoc()) << "scheduled here";
      return diagnostic;
    }
    other = schedule;
  }
  if (learns) return success();
  return schedule.emitOpError("expects a transfer.phase, got none");
}

LogicalResult Verifier::checkCall(CallOp call) {
  SymbolRefAttr name = call.getCallee();
  FailureOr<func::FuncOp> callee = findFunction(call, name);
  if (failed(callee)) return failure();
  auto type = FunctionType::get(
      call.getContext(), call.getArguments().getTypes(), call.getResultTypes());
  if (matchSizes(callee->getFunctionType(), type)) return success();
  InFlightDiagnostic diagnostic = call.emitOpError("expects ")
                                  << name << " of type " << type << ", got "
                                  << callee->getFunctionType();
  diagnostic.attachNote(callee->getLoc()) << "declared here";
  return diagnostic;
}

// C11.
LogicalResult Verifier::checkStatic(StringAttr model) {
  WalkResult result =
      getModel(strategy, FlatSymbolRefAttr::get(model))
          ->walk([&](ParameterOp parameter) -> WalkResult {
            if (parameter.getType().hasStaticShape())
              return WalkResult::advance();
            InFlightDiagnostic diagnostic =
                parameter.emitOpError("expects a static shape, or sizes that @")
                << strategy.getSymName() << " declares, got "
                << parameter.getType();
            diagnostic.attachNote(strategy.getLoc()) << "declared here";
            return diagnostic;
          });
  return failure(result.wasInterrupted());
}

// C3.
LogicalResult Verifier::checkGroups() {
  llvm::SetVector<StringAttr> called, named;
  for (auto call : strategy.getOps<CallOp>())
    called.insert(call.getCallee().getRootReference());
  for (auto group : strategy.getOps<GroupOp>())
    named.insert(group.getModelAttr().getAttr());
  named.insert(called.begin(), called.end());
  for (StringAttr name : named) {
    if (failed(checkStatic(name))) return failure();
    ModelOp model = getModel(strategy, FlatSymbolRefAttr::get(name));
    auto grouped =
        groupParameters(strategy, model, /*complete=*/called.contains(name));
    if (failed(grouped)) return failure();
    for (const GroupedParameter& item : *grouped)
      groups[item.parameter.symbol] = item.group;
  }
  for (StringAttr name : named)
    if (failed(checkTracking(getModel(strategy, FlatSymbolRefAttr::get(name)))))
      return failure();
  return success();
}

LogicalResult Verifier::checkTracking(ModelOp model) {
  auto items = groupParameters(strategy, model, /*complete=*/false);
  if (failed(items)) return failure();
  for (GroupedParameter& item : *items) {
    FlatSymbolRefAttr tracked = item.group.getTracksAttr();
    if (!tracked) continue;
    ModelOp other = getModel(strategy, tracked);
    if (!other || other == model)
      return item.group.emitOpError(
                 "expects to track another graft.model, got ")
             << tracked;
    std::optional<Parameter> same = findNamesake(item.parameter, other);
    if (!same ||
        same->declaration.getType() != item.parameter.declaration.getType()) {
      InFlightDiagnostic diagnostic =
          item.group.emitOpError("expects a parameter of ")
          << tracked << " of the name and the type of each that tracks it, got "
          << (same ? "another type for " : "none for ")
          << item.parameter.symbol;
      diagnostic.attachNote(item.parameter.declaration.getLoc())
          << "declared here";
      return diagnostic;
    }
    GroupOp group = groups.lookup(same->symbol);
    if (!group || !group.getTracksAttr()) continue;
    InFlightDiagnostic diagnostic =
        item.group.emitOpError(
            "expects to track a model that tracks none, got ")
        << tracked;
    diagnostic.attachNote(group.getLoc()) << "which tracks another";
    return diagnostic;
  }
  return success();
}

// C12 to C14.
LogicalResult Verifier::checkNested() {
  for (auto inner : strategy.getOps<InnerOp>())
    if (failed(verifyInner(inner))) return failure();
  for (auto phase : strategy.getOps<PhaseOp>())
    if (failed(verifyWeighing(phase))) return failure();
  for (auto schedule : strategy.getOps<ScheduleOp>())
    if (failed(verifyDrawing(schedule))) return failure();
  return success();
}

LogicalResult Verifier::checkPhases() {
  for (auto phase : strategy.getOps<PhaseOp>())
    if (failed(checkPhase(phase))) return failure();
  for (auto group : strategy.getOps<GroupOp>())
    if (group.isLearned() && !updated.contains(group))
      return group.emitOpError("expects to be frozen, or updated by a phase");
  if (failed(checkIgnored())) return failure();
  for (auto phase : strategy.getOps<PhaseOp>())
    if (failed(checkLosses(phase))) return failure();
  return success();
}

// C4.
LogicalResult Verifier::checkPhase(PhaseOp phase) {
  FailureOr<SmallVector<GroupOp>> own = findGroups(phase, phase.getGroups());
  if (failed(own)) return failure();
  for (GroupOp group : *own) {
    auto name = FlatSymbolRefAttr::get(group);
    if (!group.isLearned()) {
      StringRef why = group.getFrozen() ? "frozen" : "which tracks a model";
      InFlightDiagnostic diagnostic =
          phase.emitOpError("expects groups that ")
          << (group.getFrozen() ? "are not frozen" : "track no model")
          << ", got " << name;
      diagnostic.attachNote(group.getLoc()) << why << " here";
      return diagnostic;
    }
    if (group.getToStart() && getOptimizer(phase).scales) {
      InFlightDiagnostic diagnostic =
          phase.emitOpError(
              "expects an optimiser whose steps do not depend on "
              "the size of a parameter, got ")
          << getOptimizer(phase).name << " for " << name;
      diagnostic.attachNote(group.getLoc()) << "decays to its start here";
      return diagnostic;
    }
  }
  updated.insert(own->begin(), own->end());
  return success();
}

// C5.
LogicalResult Verifier::checkIgnored() {
  LossOp ignoring;
  for (auto loss : strategy.getOps<LossOp>()) {
    if (!loss.getIgnore()) continue;
    if (ignoring && ignoring.getIgnore() != loss.getIgnore()) {
      InFlightDiagnostic diagnostic =
          loss.emitOpError("expects to ignore one label with all losses, got ")
          << static_cast<int64_t>(*loss.getIgnore()) << " and "
          << static_cast<int64_t>(*ignoring.getIgnore());
      diagnostic.attachNote(ignoring.getLoc()) << "ignored here";
      return diagnostic;
    }
    ignoring = loss;
  }
  return success();
}

// C5.
LogicalResult Verifier::checkLosses(PhaseOp phase) {
  auto learns = [&](Value value) {
    return llvm::any_of(getReachedParameters(value), [&](SymbolRefAttr symbol) {
      GroupOp group = groups.lookup(symbol);
      return group && llvm::is_contained(phase.getGroups(),
                                         FlatSymbolRefAttr::get(group));
    });
  };
  for (Operation* op : getComputation({phase.getLoss()})) {
    if (!isa<LossOp, MeanOp, TotalOp, PenaltyOp>(op) ||
        learns(op->getResult(0)))
      continue;
    InFlightDiagnostic diagnostic = op->emitOpError(
        "expects to depend on a parameter of the phase's groups, got none");
    diagnostic.attachNote(phase.getLoc()) << "minimised here";
    return diagnostic;
  }
  // The gradient may stop behind the combination of the losses.
  if (learns(phase.getLoss())) return success();
  return phase.emitOpError(
      "expects its loss to depend on a parameter of its groups, got none");
}

// C10.
LogicalResult Verifier::checkStreams() {
  llvm::DenseSet<Operation*> read;
  for (auto phase : strategy.getOps<PhaseOp>())
    for (const LossPart& part : splitLoss(phase)) {
      read.insert(part.streams.begin(), part.streams.end());
      for (Value term : part.terms)
        if (failed(checkTerm(term, phase))) return failure();
    }
  if (strategy.predictsAlone())
    for (auto predict : strategy.getOps<PredictOp>())
      for (StreamOp stream : getStreams({predict.getPrediction()}))
        read.insert(stream);
  for (auto reward : strategy.getOps<RewardOp>()) {
    if (failed(verifyReward(reward))) return failure();
    read.insert(reward.getData());
  }
  for (auto keep : strategy.getOps<KeepOp>())
    if (failed(verifyKeep(keep))) return failure();
  for (auto stream : strategy.getOps<StreamOp>())
    if (!read.contains(stream))
      return stream.emitOpError("expects ")
             << (strategy.predictsAlone() ? "a prediction"
                                          : "a loss of a phase")
             << " to read it, got none";
  return success();
}

// Streams that meet in a term are of batches of different sizes.
LogicalResult Verifier::checkTerm(Value term, PhaseOp phase) {
  SmallVector<StreamOp> streams = getStreams({term});
  if (streams.empty()) {
    InFlightDiagnostic diagnostic = term.getDefiningOp()->emitOpError(
        "expects to depend on a stream, as each loss does, got none");
    diagnostic.attachNote(phase.getLoc()) << "minimised here";
    return diagnostic;
  }
  for (auto [index, stream] : llvm::enumerate(streams))
    for (StreamOp other : ArrayRef(streams).take_front(index)) {
      if (stream.getTokens() != other.getTokens() &&
          stream.getSequences() != other.getSequences())
        continue;
      // A prediction and its target are of one text.
      Operation* op = term.getDefiningOp();
      InFlightDiagnostic diagnostic = op->emitOpError(
          isa<LossOp>(op) ? "expects prediction and target of one stream, got @"
                          : "expects streams with sizes of their own, got @");
      diagnostic << other.getSymName() << " and @" << stream.getSymName()
                 << " in " << stream.getTokensAttr() << ", "
                 << stream.getSequencesAttr();
      diagnostic.attachNote(stream.getLoc()) << "declared here";
      return diagnostic;
    }
  return success();
}

// C6.
LogicalResult Verifier::checkCaches() {
  for (auto cache : strategy.getOps<CacheOp>())
    if (failed(checkCache(cache))) return failure();
  return success();
}

LogicalResult Verifier::checkCache(CacheOp cache) {
  auto type = cast<RankedTensorType>(cache.getInput().getType());
  bool rows =
      type.getRank() > 0 &&
      llvm::any_of(strategy.getOps<StreamOp>(), [&](StreamOp stream) {
        return getDim(type, 0).name == stream.getSequencesAttr().getAttr();
      });
  if (!rows)
    return cache.emitOpError("expects one row per sequence, got ") << type;
  for (SymbolRefAttr symbol : getReadParameters(cache.getInput())) {
    GroupOp group = groups.lookup(symbol);
    if (group && group.getFrozen()) continue;
    InFlightDiagnostic diagnostic =
        cache.emitOpError("expects to depend on frozen parameters only, got ")
        << symbol;
    if (group) diagnostic.attachNote(group.getLoc()) << "not frozen here";
    return diagnostic;
  }
  for (Operation* op : getComputation({cache.getInput()})) {
    auto call = dyn_cast<CallOp>(op);
    if (call && !call.getDeterministic()) {
      InFlightDiagnostic diagnostic =
          cache.emitOpError("expects deterministic calls only, got ")
          << call.getCallee();
      diagnostic.attachNote(call.getLoc()) << "called here";
      return diagnostic;
    }
    if (isa<DropoutOp, UniformOp>(op))
      return cache.emitOpError("expects no random op, got ") << op->getName();
    if (isa<KeepOp>(op))
      return cache.emitOpError(
          "expects a value that is the same in each step, got a kept one");
    if (isa<CacheOp>(op))
      return cache.emitOpError(
          "expects a value that depends on no other cache");
    if (usesTruth(op))
      return cache.emitOpError(
          "expects a value that depends on no labels, weights or soft targets");
  }
  if (Operation* found = findExampleRelation({cache.getInput()})) {
    InFlightDiagnostic diagnostic = cache.emitOpError(
        "expects a value of each example by itself, got one of a batch");
    diagnostic.attachNote(found->getLoc()) << "examples meet here";
    return diagnostic;
  }
  if (size_t count = getStreams({cache.getInput()}).size(); count != 1)
    return cache.emitOpError("expects a value that depends on one stream, got ")
           << count;
  return success();
}

LogicalResult Verifier::checkPredictions() {
  for (auto predict : strategy.getOps<PredictOp>())
    if (failed(checkPrediction(predict))) return failure();
  return success();
}

// C7.
LogicalResult Verifier::checkPrediction(PredictOp predict) {
  if (failed(checkPredicted(predict))) return failure();
  auto phases = strategy.getOps<PhaseOp>();
  if (strategy.predictsAlone()) {
    if (!predict.getEvaluate()) return success();
    return predict.emitOpError(
        "expects no 'evaluate' in a strategy without phases, got one");
  }
  if (!predict.getEvaluate() && !llvm::hasSingleElement(phases))
    return predict.emitOpError(
               "expects 'evaluate' in a strategy of several phases, got ")
           << llvm::range_size(phases);
  Value evaluated = predict.getEvaluate() ? predict.getEvaluate()
                                          : (*phases.begin()).getLoss();
  if (failed(checkEvaluated(predict, evaluated))) return failure();
  Value other = predict.getUnlabelled();
  if (!other) return success();
  if (failed(checkEvaluated(predict, other))) return failure();
  for (Operation* op : getComputation({other}))
    if (usesTruth(op))
      return predict.emitOpError(
          "expects a second loss that does not depend on labels, weights or "
          "soft targets");
  return success();
}

// C7, of a loss that evaluates `predict`, whose streams are known to be one.
LogicalResult Verifier::checkEvaluated(PredictOp predict, Value evaluated) {
  for (Operation* op : getComputation({predict.getPrediction(), evaluated}))
    if (isa<CacheOp, KeepOp>(op))
      return predict.emitOpError("expects not to depend on a ")
             << (isa<KeepOp>(op) ? "kept value, got " : "cache, got ")
             << op->getAttr(SymbolTable::getSymbolAttrName())
             << "; 'evaluate' names a loss without one";
  SmallVector<Operation*> computed = getComputation({evaluated});
  // Only a derivative depends on the factor of a gradient.
  bool derives =
      llvm::any_of(computed, [](Operation* op) { return isa<GradientOp>(op); });
  for (Operation* op : computed) {
    auto combine = dyn_cast<CombineOp>(op);
    auto number = dyn_cast<NumberOp>(op);
    auto scaling = dyn_cast<ScaleGradientOp>(op);
    auto changes = [&](Attribute factor) {
      return changesInTraining(op, factor);
    };
    bool found = (combine && llvm::any_of(combine.getFactors(), changes)) ||
                 (number && changes(number.getNumber())) ||
                 (scaling && derives && changes(scaling.getFactor()));
    if (!found) continue;
    InFlightDiagnostic diagnostic = predict.emitOpError(
        "expects a loss to evaluate whose factors are the same in each step; "
        "'evaluate' names one");
    diagnostic.attachNote(op->getLoc()) << "this one's change";
    return diagnostic;
  }
  StreamOp stream = getStreams({predict.getPrediction()}).front();
  for (StreamOp other : getStreams({evaluated}))
    if (other != stream)
      return predict.emitOpError("expects a loss to evaluate that depends on @")
             << stream.getSymName() << " alone, as the prediction does, got @"
             << other.getSymName() << " as well; 'evaluate' names one";
  if (Operation* found = findExampleRelation({evaluated})) {
    InFlightDiagnostic diagnostic = predict.emitOpError(
        "expects a loss to evaluate of each example by itself; 'evaluate' "
        "names one");
    diagnostic.attachNote(found->getLoc()) << "examples meet here";
    return diagnostic;
  }
  return success();
}

// C7, of the prediction itself.
LogicalResult Verifier::checkPredicted(PredictOp predict) {
  for (Operation* op : getComputation({predict.getPrediction()})) {
    if (!isa<InnerOp>(op)) continue;  // C12.
    InFlightDiagnostic diagnostic = predict.emitOpError(
        "expects a prediction of the trained parameters, got one where an "
        "inner loop leads");
    diagnostic.attachNote(op->getLoc()) << "led here";
    return diagnostic;
  }
  // What predicts later has no step.
  for (Operation* op : getComputation({predict.getPrediction()})) {
    auto number = dyn_cast<NumberOp>(op);
    if (!number || !changesInTraining(op, number.getNumber())) continue;
    InFlightDiagnostic diagnostic = predict.emitOpError(
        "expects a prediction whose numbers are the same in each step");
    diagnostic.attachNote(op->getLoc()) << "this one changes";
    return diagnostic;
  }
  SmallVector<StreamOp> streams = getStreams({predict.getPrediction()});
  if (streams.size() != 1)
    return predict.emitOpError(
               "expects a prediction that depends on one stream, got ")
           << streams.size();
  for (Operation* op : getComputation({predict.getPrediction()}))
    if (usesTruth(op))
      return predict.emitOpError(
          "expects a prediction that does not depend on labels, weights or "
          "soft targets");
  StreamOp stream = streams.front();  // C3 of the prediction.
  const bool sets = stream.getField("multi_hot") != nullptr;
  if (sets != predict.getSigmoid() && (sets || stream.getField("labels"))) {
    InFlightDiagnostic diagnostic =
        sets ? predict.emitOpError("expects sigmoid, as each label of @")
                   << stream.getSymName() << " is there by itself, got "
                   << (predict.getSoftmax() ? "softmax" : "none")
             : predict.emitOpError("expects softmax, as @")
                   << stream.getSymName()
                   << " has one label of each example, got sigmoid";
    diagnostic.attachNote(stream.getLoc()) << "declared here";
    return diagnostic;
  }
  if (strategy.predictsAlone()) return success();
  for (SymbolRefAttr symbol : getReadParameters(predict.getPrediction()))
    if (GroupOp group = groups.lookup(symbol); group && !group.getFrozen())
      return success();
  return predict.emitOpError(
      "expects a prediction that depends on a trained parameter, got none");
}

}  // namespace

LogicalResult StrategyOp::verifySymbolUses(SymbolTableCollection&) {
  if (!isComplete()) return success();
  return Verifier(*this).run();
}

}  // namespace graft::transfer

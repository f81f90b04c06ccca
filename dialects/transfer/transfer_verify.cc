// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Verifies C1 to C7 of transfer.strategy.

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
                   succeeded(checkGroups()) && succeeded(checkPhases()) &&
                   succeeded(checkLosses()) && succeeded(checkCaches()) &&
                   succeeded(checkPrediction()));
  }

 private:
  LogicalResult checkOps();
  template <typename OpTy>
  LogicalResult checkSingle(StringRef name);
  LogicalResult checkSymbols();
  LogicalResult checkCall(CallOp call);
  LogicalResult checkGroups();
  LogicalResult checkPhases();
  LogicalResult checkLosses();
  LogicalResult checkCaches();
  LogicalResult checkCache(CacheOp cache);
  LogicalResult checkPrediction();

  ModuleOp module() { return strategy->getParentOfType<ModuleOp>(); }
  StreamOp stream() { return *strategy.getOps<StreamOp>().begin(); }
  PhaseOp phase() { return *strategy.getOps<PhaseOp>().begin(); }
  // Whether `op` reads the field `name` of the stream.
  bool usesField(Operation* op, StringRef name) {
    Value field = stream().getField(name);
    return field && llvm::is_contained(op->getOperands(), field);
  }

  StrategyOp strategy;
  // The group of each parameter, for all models with groups.
  llvm::DenseMap<SymbolRefAttr, GroupOp> groups;
};

template <typename OpTy>
LogicalResult Verifier::checkSingle(StringRef name) {
  auto ops = strategy.getOps<OpTy>();
  if (llvm::hasSingleElement(ops)) return success();
  return strategy.emitOpError("expects one ")
         << name << ", got " << llvm::range_size(ops);
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
  if (failed(checkSingle<StreamOp>("transfer.stream")) ||
      failed(checkSingle<PredictOp>("transfer.predict")) ||
      failed(checkSingle<PhaseOp>("transfer.phase")) ||
      failed(checkSingle<ScheduleOp>("transfer.schedule")))
    return failure();
  return success();
}

// C2.
LogicalResult Verifier::checkSymbols() {
  for (FlatSymbolRefAttr size :
       {stream().getTokensAttr(), stream().getSequencesAttr()})
    if (!isa_and_nonnull<SizeOp>(SymbolTable::lookupSymbolIn(module(), size)))
      return stream().emitOpError("expects a graft.size, got ") << size;
  for (auto group : strategy.getOps<GroupOp>())
    if (!getModel(strategy, group.getModelAttr()))
      return group.emitOpError("expects a graft.model, got ")
             << group.getModelAttr();
  for (auto call : strategy.getOps<CallOp>())
    if (failed(checkCall(call))) return failure();
  auto schedule = *strategy.getOps<ScheduleOp>().begin();
  auto names = schedule.getPhases().getAsRange<FlatSymbolRefAttr>();
  if (schedule.getPhases().size() == 1 &&
      (*names.begin()).getAttr() == phase().getSymNameAttr())
    return success();
  return schedule.emitOpError("expects the phase ")
         << phase().getSymNameAttr() << ", got " << schedule.getPhases();
}

LogicalResult Verifier::checkCall(CallOp call) {
  SymbolRefAttr name = call.getCallee();
  auto callee = dyn_cast_or_null<func::FuncOp>(
      SymbolTable::lookupSymbolIn(module(), name));
  if (!callee || !isa<ModelOp>(callee->getParentOp()))
    return call.emitOpError("expects a function of a model, got ") << name;
  auto type = FunctionType::get(call.getContext(), call.getOperandTypes(),
                                call.getResultTypes());
  if (type == callee.getFunctionType()) return success();
  InFlightDiagnostic diagnostic = call.emitOpError("expects ")
                                  << name << " of type " << type << ", got "
                                  << callee.getFunctionType();
  diagnostic.attachNote(callee.getLoc()) << "declared here";
  return diagnostic;
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
    ModelOp model = getModel(strategy, FlatSymbolRefAttr::get(name));
    auto grouped =
        groupParameters(strategy, model, /*complete=*/called.contains(name));
    if (failed(grouped)) return failure();
    for (const GroupedParameter& item : *grouped)
      groups[item.parameter.symbol] = item.group;
  }
  return success();
}

// C4.
LogicalResult Verifier::checkPhases() {
  llvm::DenseSet<Operation*> updated;
  for (auto name : phase().getGroups().getAsRange<FlatSymbolRefAttr>()) {
    auto group =
        dyn_cast_or_null<GroupOp>(SymbolTable::lookupSymbolIn(strategy, name));
    if (!group)
      return phase().emitOpError("expects a transfer.group, got ") << name;
    if (group.getFrozen()) {
      InFlightDiagnostic diagnostic =
          phase().emitOpError("expects groups that are not frozen, got ")
          << name;
      diagnostic.attachNote(group.getLoc()) << "frozen here";
      return diagnostic;
    }
    if (!updated.insert(group).second)
      return phase().emitOpError("expects each group once, got ")
             << name << " twice";
  }
  for (auto group : strategy.getOps<GroupOp>())
    if (!group.getFrozen() && !updated.contains(group))
      return group.emitOpError("expects to be frozen, or updated by a phase");
  return success();
}

// C5.
LogicalResult Verifier::checkLosses() {
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
  auto learns = [&](Value value) {
    return llvm::any_of(getReachedParameters(value), [&](SymbolRefAttr symbol) {
      GroupOp group = groups.lookup(symbol);
      return group && !group.getFrozen();
    });
  };
  for (Operation* op : getComputation({phase().getLoss()})) {
    auto loss = dyn_cast<LossOp>(op);
    if (!loss || learns(loss.getLoss())) continue;
    InFlightDiagnostic diagnostic = loss.emitOpError(
        "expects to depend on a parameter of the phase's groups, got none");
    diagnostic.attachNote(phase().getLoc()) << "minimised here";
    return diagnostic;
  }
  // The gradient may stop behind the combination of the losses.
  if (learns(phase().getLoss())) return success();
  return phase().emitOpError(
      "expects its loss to depend on a parameter of its groups, got none");
}

// C6.
LogicalResult Verifier::checkCaches() {
  for (auto cache : strategy.getOps<CacheOp>())
    if (failed(checkCache(cache))) return failure();
  return success();
}

LogicalResult Verifier::checkCache(CacheOp cache) {
  auto type = cast<RankedTensorType>(cache.getInput().getType());
  if (type.getRank() == 0 ||
      getDim(type, 0).name != stream().getSequencesAttr().getAttr())
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
    if (isa<DropoutOp>(op))
      return cache.emitOpError("expects no random op, got graft.dropout");
    if (isa<CacheOp>(op))
      return cache.emitOpError(
          "expects a value that depends on no other cache");
    if (usesField(op, "labels") || usesField(op, "weights"))
      return cache.emitOpError(
          "expects a value that depends on no labels or weights");
  }
  return success();
}

// C7.
LogicalResult Verifier::checkPrediction() {
  PredictOp predict = *strategy.getOps<PredictOp>().begin();
  Value evaluated =
      predict.getEvaluate() ? predict.getEvaluate() : phase().getLoss();
  for (Operation* op : getComputation({predict.getPrediction(), evaluated}))
    if (auto cache = dyn_cast<CacheOp>(op))
      return predict.emitOpError("expects not to depend on a cache, got ")
             << cache.getSymNameAttr()
             << "; 'evaluate' names a loss without one";
  for (Operation* op : getComputation({predict.getPrediction()}))
    if (usesField(op, "labels") || usesField(op, "weights"))
      return predict.emitOpError(
          "expects a prediction that does not depend on labels or weights");
  return success();
}

}  // namespace

LogicalResult StrategyOp::verifySymbolUses(SymbolTableCollection&) {
  if (!isLinked()) return success();
  return Verifier(*this).run();
}

}  // namespace graft::transfer

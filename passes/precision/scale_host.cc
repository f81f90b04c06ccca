// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/precision/scale_host.h"

#include "dialects/exec/host_builder.h"
#include "dialects/exec/host_expression.h"
#include "dialects/graft/graft_ops.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace graft::exec {
namespace {

// Dynamic loss scaling (Micikevicius et al. 2018). All are powers of two, so
// that scaling rounds nothing.
constexpr double kFirstScale = 65536;
constexpr double kLargestScale = 16777216;
// Losses that are still not finite have another reason.
constexpr double kSmallestScale = 1.0 / 16384;
constexpr StringRef kGrowthInterval = "2000";  // updates between two rises
constexpr StringRef kLossScale = "loss_scale";

// The parts of a step of an optimiser that change.
struct Step {
  SmallVector<StringAttr> scaled;  // the entries that add to its gradients
  func::FuncOp function;           // the update
  Operation* first = nullptr;      // the block that calls the first of them
  Operation* loop = nullptr;       // the block that calls the last of them
  SetOp update;      // sets what the updates are counted by, or null
  WhenOp check;      // ends the run where the loss is not finite
  CallOp call;       // of the update
  SetOp count;       // adds 1 to the updates that were made, or null
  SetOp sum;         // adds the loss, or null
  std::string loss;  // the register
};

// The register that counts the updates: the source of `step` of the optimiser.
FlatSymbolRefAttr findCounter(func::FuncOp update) {
  for (auto op : update.getOps<OptimizerOpInterface>()) {
    auto argument = dyn_cast_or_null<BlockArgument>(op.getStep());
    if (!argument) continue;
    auto source = update.getArgAttrOfType<SourceAttr>(argument.getArgNumber(),
                                                      kSourceAttr);
    if (source && source.getKind() == SourceKind::kRegister)
      return source.getSymbol();
  }
  return {};
}

// Whether an op gives calls the examples of a batch, in parts or at once.
bool givesExamples(Operation* op) {
  return isa_and_nonnull<ForEachMicroBatchOp, WithWholeBatchOp>(op);
}

// The outermost op around `call` that gives it examples: an entry may read
// several streams.
Operation* findLoop(CallOp call) {
  Operation* found = nullptr;
  for (Operation* loop = call->getParentOp(); givesExamples(loop);
       loop = loop->getParentOp())
    found = loop;
  return found;
}

// Whether `set` reads the register `name`.
bool reads(SetOp set, StringRef name) {
  ParsedExpression parsed = parseExpression(set.getExpression());
  return parsed && llvm::any_of(parsed.steps, [&](const ExpressionStep& step) {
           return step.op == ExpressionOp::kLoad && step.name == name;
         });
}

// Whether `set` counts the updates that `update` numbers. Else these are
// numbered by steps, of which some are skipped.
bool isCount(SetOp set, SetOp update) {
  return reads(set, set.getTarget()) && reads(update, set.getTarget());
}

// The register that a call adds a part of the loss to; empty if it has none.
std::string findLoss(CallOp call) {
  if (!call.getAssignments() || call.getAssignments()->empty()) return "";
  return cast<AssignmentAttr>((*call.getAssignments())[0])
      .getTarget()
      .getValue()
      .str();
}

// The step that `call`, of the last entry that adds to its gradients, is in;
// `loss` is its register.
FailureOr<Step> findStep(CallOp call, std::string loss,
                         ArrayRef<func::FuncOp> updates) {
  Step step;
  step.loop = findLoop(call);
  step.loss = std::move(loss);
  bool needsCounter = false;
  if (step.loop) {
    Operation* next = step.loop->getNextNode();
    step.check = dyn_cast_or_null<WhenOp>(next);
    if (next) next = next->getNextNode();
    step.call = dyn_cast_or_null<CallOp>(next);
    if (next) next = next->getNextNode();
    step.sum = dyn_cast_or_null<SetOp>(next);
    if (step.sum && !reads(step.sum, step.loss))
      step.count = std::exchange(step.sum, {});
  }
  for (func::FuncOp update : updates)
    if (step.call && step.call.getEntry() == update.getSymName())
      step.function = update;
  if (step.function) {
    FlatSymbolRefAttr counter = findCounter(step.function);
    for (auto set : step.loop->getBlock()->getOps<SetOp>())
      if (set.getTargetAttr() == counter && set->isBeforeInBlock(step.loop))
        step.update = set;
    if (!step.update || !step.count || !isCount(step.count, step.update))
      step.count = {};
    needsCounter = llvm::any_of(
        step.function.getOps<OptimizerOpInterface>(),
        [](OptimizerOpInterface op) { return op.getStep() != nullptr; });
  }
  bool fails = step.check && step.check.getOtherwise().empty() &&
               !step.check.getBody().getOps<FailOp>().empty();
  if (fails && step.function && (!needsCounter || step.update) &&
      !step.loss.empty())
    return step;
  InFlightDiagnostic diagnostic = call.emitOpError(
      "expects a loop over micro-batches around it and, for loss scaling, "
      "behind that an exec.when that fails and an exec.call of ");
  llvm::interleave(
      updates, diagnostic,
      [&](func::FuncOp update) {
        diagnostic << FlatSymbolRefAttr::get(update);
      },
      " or ");
  diagnostic << ", and before it an exec.set of the register that counts the "
                "updates";
  return diagnostic;
}

// The steps of all optimisers of `host`.
FailureOr<SmallVector<Step>> findSteps(HostOp host, ArrayRef<StringRef> scaled,
                                       ArrayRef<func::FuncOp> updates) {
  SmallVector<CallOp> calls;
  host.walk([&](CallOp call) {
    if (llvm::is_contained(scaled, call.getEntry())) calls.push_back(call);
  });
  SmallVector<Step> steps;
  SmallVector<StringAttr> entries;
  Operation* first = nullptr;
  std::string loss;
  for (CallOp call : calls) {
    entries.push_back(call.getEntryAttr().getAttr());
    // An entry of another stream, or another part of the loss, may follow.
    Operation* loop = findLoop(call);
    if (!first) first = loop;
    if (loss.empty()) loss = findLoss(call);
    if (loop && givesExamples(loop->getNextNode())) continue;
    FailureOr<Step> step = findStep(call, std::exchange(loss, ""), updates);
    if (failed(step)) return failure();
    step->scaled = std::exchange(entries, {});
    step->first = std::exchange(first, nullptr);
    steps.push_back(std::move(*step));
  }
  return steps;
}

Operation* findLastDeclaration(HostOp host) {
  Operation* last = nullptr;
  for (Operation& op : host.getBody().front())
    if (isa<StreamOp, CacheOp, RegisterOp, SettingOp>(op)) last = &op;
  return last;
}

// Scales steps that have one register of the loss: those of an optimiser, of
// which there are several where it takes one of several streams in turn.
class HostScaler {
 public:
  // `only`: the host program has no other steps.
  HostScaler(HostOp host, ArrayRef<Step> steps, bool only)
      : host(host),
        steps(steps),
        only(only),
        to(host, this->steps.front().check.getLoc()) {}

  void run();
  ScaleSources sources() {
    return {SourceAttr::getRegister(to.symbol("$scale").getAttr()),
            SourceAttr::getRegister(to.symbol("$unscale").getAttr())};
  }

 private:
  void declare();
  void scale(Step& step);
  void countUpdates(Step& step);
  void addUpdate(Step& step);
  void addSkip(Step& step);
  void addToLog();

  HostOp host;
  SmallVector<Step> steps;
  bool only;
  HostBuilder to;
};

// The parameter that all steps share.
LogicalResult declareLossScale(HostOp host) {
  if (Operation* other = SymbolTable::lookupSymbolIn(host, kLossScale)) {
    other->emitOpError("expects another name than @")
        << kLossScale << ", which loss scaling declares";
    return failure();
  }
  HostBuilder to(host, host.getLoc());
  to.builder.setInsertionPointAfter(findLastDeclaration(host));
  to.declareRegister(RegisterKind::parameter, kLossScale, kFirstScale,
                     kSmallestScale, kLargestScale,
                     "first factor of the loss, a power of two");
  return success();
}

void HostScaler::run() {
  declare();
  for (Step& step : steps) scale(step);
  addToLog();
}

void HostScaler::scale(Step& step) {
  to.builder.setInsertionPoint(step.first);
  to.set("$unscale", "1 / $scale");
  countUpdates(step);
  to.builder.setInsertionPointAfter(step.loop);
  TestFiniteOp::create(to.builder, to.builder.getStringAttr("gradient"),
                       to.symbol("$finite"));
  if (step.sum)
    to.when("finite(" + step.loss + ")", [&] {
      step.sum->moveBefore(to.builder.getInsertionBlock(),
                           to.builder.getInsertionPoint());
    });
  to.when(
      "finite(" + step.loss + ") and $finite", [&] { addUpdate(step); },
      [&] { addSkip(step); });
  step.check.erase();
}

void HostScaler::declare() {
  to.builder.setInsertionPointAfter(findLastDeclaration(host));
  for (StringRef name :
       {"scale", "unscale", "scale_steps", "skipped", "finite"})
    to.declareVariable(name);
  to.set("$scale", kLossScale);
}

// Moments are corrected for the updates that were made.
void HostScaler::countUpdates(Step& step) {
  if (!step.update || step.count) return;
  std::string old = step.update.getExpression().str();
  ParsedExpression parsed = parseExpression(old);
  bool closed = parsed && parsed.steps.back().op <= ExpressionOp::kModulo;
  if (!closed) old = "(" + old + ")";
  step.update.setExpressionAttr(to.expression(old + " - $skipped"));
}

void HostScaler::addUpdate(Step& step) {
  step.call->moveBefore(to.builder.getInsertionBlock(),
                        to.builder.getInsertionPoint());
  if (step.count)
    step.count->moveBefore(to.builder.getInsertionBlock(),
                           to.builder.getInsertionPoint());
  to.set("$scale_steps", "$scale_steps + 1");
  to.when("$scale_steps >= " + kGrowthInterval +
              " and $scale * 2 <= " + numberText(kLargestScale),
          [&] {
            to.set("$scale", "$scale * 2");
            to.set("$scale_steps", "0");
          });
}

// The parameters stay those of the last good step.
void HostScaler::addSkip(Step& step) {
  to.set("$skipped", "$skipped + 1");
  to.set("$scale_steps", "0");
  to.when("$scale / 2 < " + numberText(kSmallestScale), [&] {
    for (Operation& op :
         llvm::make_early_inc_range(step.check.getBody().front())) {
      op.moveBefore(to.builder.getInsertionBlock(),
                    to.builder.getInsertionPoint());
      if (auto fail = dyn_cast<FailOp>(op))
        fail.setMessage("expects a finite loss and gradients");
    }
  });
  to.set("$scale", "$scale / 2");
  ResetOp::create(to.builder, "gradient");
}

// Of several steps, each has the records that show its loss.
void HostScaler::addToLog() {
  auto isLoss = [&](AssignmentAttr shown) {
    return shown.getTarget().getValue() == steps.front().loss;
  };
  host.walk([&](LogOp log) {
    auto shows = log.getAssignments().getAsRange<AssignmentAttr>();
    if (only ? log.getGroup().has_value() : !llvm::any_of(shows, isLoss))
      return;
    SmallVector<Attribute> shown(log.getAssignments().getValue());
    llvm::append_range(shown, to.shown({{"loss_scale", "$scale"},
                                        {"skipped_steps", "$skipped"}}));
    log.setAssignmentsAttr(to.builder.getArrayAttr(shown));
  });
}

}  // namespace
}  // namespace graft::exec

namespace graft {

FailureOr<ScaledEntries> scaleHost(ModuleOp module, ArrayRef<StringRef> scaled,
                                   ArrayRef<func::FuncOp> updates) {
  ScaledEntries sources;
  for (auto host : module.getOps<exec::HostOp>()) {
    FailureOr<SmallVector<exec::Step>> steps =
        exec::findSteps(host, scaled, updates);
    if (failed(steps)) return failure();
    if (steps->empty()) continue;
    if (failed(exec::declareLossScale(host))) return failure();
    llvm::MapVector<StringRef, SmallVector<exec::Step>> optimisers;
    for (exec::Step& step : *steps) optimisers[step.loss].push_back(step);
    for (auto& [loss, own] : optimisers) {
      exec::HostScaler scaler(host, own, optimisers.size() == 1);
      scaler.run();
      for (exec::Step& step : own) {
        for (StringAttr entry : step.scaled)
          sources[entry.getValue()] = scaler.sources();
        sources[step.function.getSymName()] = scaler.sources();
      }
    }
  }
  return sources;
}

}  // namespace graft

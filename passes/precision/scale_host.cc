// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/precision/scale_host.h"

#include "dialects/exec/host_builder.h"
#include "dialects/exec/host_expression.h"
#include "dialects/graft/graft_ops.h"

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

// The parts of a step that change.
struct Step {
  ForEachMicroBatchOp loop;  // calls the last scaled phase
  SetOp update;              // sets what the updates are counted by, or null
  WhenOp check;              // ends the run where the loss is not finite
  CallOp call;               // of the update
  SetOp sum;                 // adds the loss
  std::string loss;          // the register
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

// The step around `call`, which is in a loop over micro-batches.
FailureOr<Step> findStep(CallOp call, func::FuncOp update) {
  Step step;
  // The outermost: an entry may read several streams.
  for (Operation* loop = call->getParentOp(); isa<ForEachMicroBatchOp>(loop);
       loop = loop->getParentOp())
    step.loop = cast<ForEachMicroBatchOp>(loop);
  if (call.getAssignments() && !call.getAssignments()->empty())
    step.loss = cast<AssignmentAttr>((*call.getAssignments())[0])
                    .getTarget()
                    .getValue();
  FlatSymbolRefAttr counter = findCounter(update);
  if (step.loop) {
    Operation* next = step.loop->getNextNode();
    step.check = dyn_cast_or_null<WhenOp>(next);
    if (next) next = next->getNextNode();
    step.call = dyn_cast_or_null<CallOp>(next);
    if (next) next = next->getNextNode();
    step.sum = dyn_cast_or_null<SetOp>(next);
    for (auto set : step.loop->getBlock()->getOps<SetOp>())
      if (set.getTargetAttr() == counter && set->isBeforeInBlock(step.loop))
        step.update = set;
  }
  bool fails = step.check && step.check.getOtherwise().empty() &&
               !step.check.getBody().getOps<FailOp>().empty();
  bool needsCounter = llvm::any_of(
      update.getOps<OptimizerOpInterface>(),
      [](OptimizerOpInterface op) { return op.getStep() != nullptr; });
  if (!fails || !step.call || !step.sum || (needsCounter && !step.update) ||
      step.loss.empty() || step.call.getEntry() != update.getSymName()) {
    InFlightDiagnostic diagnostic = call.emitOpError(
        "expects a loop over micro-batches around it and, for loss scaling, "
        "behind that an exec.when that fails, an exec.call of ");
    diagnostic << FlatSymbolRefAttr::get(update)
               << " and an exec.set, and before it an exec.set of the register "
                  "that counts the updates";
    return diagnostic;
  }
  return step;
}

class HostScaler {
 public:
  HostScaler(HostOp host, Step step)
      : host(host), step(step), to(host, step.check.getLoc()) {}

  LogicalResult run();
  ScaleSources sources() {
    return {SourceAttr::getRegister(to.symbol("$scale").getAttr()),
            SourceAttr::getRegister(to.symbol("$unscale").getAttr())};
  }

 private:
  void declare();
  void countUpdates();
  void addUpdate();
  void addSkip();
  void addToLog();

  HostOp host;
  Step step;
  HostBuilder to;
};

LogicalResult HostScaler::run() {
  if (Operation* other = SymbolTable::lookupSymbolIn(host, kLossScale)) {
    other->emitOpError("expects another name than @")
        << kLossScale << ", which loss scaling declares";
    return failure();
  }
  declare();
  to.builder.setInsertionPoint(step.loop);
  to.set("$unscale", "1 / $scale");
  countUpdates();
  to.builder.setInsertionPointAfter(step.loop);
  TestFiniteOp::create(to.builder, to.builder.getStringAttr("gradient"),
                       to.symbol("$finite"));
  to.when("finite(" + step.loss + ")", [&] {
    step.sum->moveBefore(to.builder.getInsertionBlock(),
                         to.builder.getInsertionPoint());
  });
  to.when(
      "finite(" + step.loss + ") and $finite", [&] { addUpdate(); },
      [&] { addSkip(); });
  step.check.erase();
  addToLog();
  return success();
}

void HostScaler::declare() {
  Operation* last = nullptr;
  for (Operation& op : host.getBody().front())
    if (isa<StreamOp, CacheOp, RegisterOp, SettingOp>(op)) last = &op;
  to.builder.setInsertionPointAfter(last);
  to.declareRegister(RegisterKind::parameter, kLossScale, kFirstScale,
                     kSmallestScale, kLargestScale,
                     "first factor of the loss, a power of two");
  for (StringRef name :
       {"scale", "unscale", "scale_steps", "skipped", "finite"})
    to.declareVariable(name);
  to.set("$scale", kLossScale);
}

// Moments are corrected for the updates that were made.
void HostScaler::countUpdates() {
  if (!step.update) return;
  std::string old = step.update.getExpression().str();
  ParsedExpression parsed = parseExpression(old);
  bool closed = parsed && parsed.steps.back().op <= ExpressionOp::kModulo;
  if (!closed) old = "(" + old + ")";
  step.update.setExpressionAttr(to.expression(old + " - $skipped"));
}

void HostScaler::addUpdate() {
  step.call->moveBefore(to.builder.getInsertionBlock(),
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
void HostScaler::addSkip() {
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

void HostScaler::addToLog() {
  host.walk([&](LogOp log) {
    if (log.getGroup()) return;
    SmallVector<Attribute> shown(log.getAssignments().getValue());
    llvm::append_range(shown, to.shown({{"loss_scale", "$scale"},
                                        {"skipped_steps", "$skipped"}}));
    log.setAssignmentsAttr(to.builder.getArrayAttr(shown));
  });
}

}  // namespace
}  // namespace graft::exec

namespace graft {

FailureOr<ScaleSources> scaleHost(ModuleOp module, ArrayRef<StringRef> scaled,
                                  func::FuncOp update) {
  for (auto host : module.getOps<exec::HostOp>()) {
    // The last: the update follows it.
    exec::CallOp found;
    host.walk([&](exec::CallOp call) {
      if (llvm::is_contained(scaled, call.getEntry())) found = call;
    });
    if (!found) continue;
    FailureOr<exec::Step> step = exec::findStep(found, update);
    if (failed(step)) return failure();
    exec::HostScaler scaler(host, *step);
    if (failed(scaler.run())) return failure();
    return scaler.sources();
  }
  return ScaleSources();
}

}  // namespace graft

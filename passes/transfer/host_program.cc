// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/transfer/host_program.h"

#include "dialects/exec/host_expression.h"
#include "dialects/transfer/number.h"
#include "dialects/transfer/optimizer.h"
#include "llvm/ADT/StringSet.h"
#include "passes/transfer/host_evaluation.h"
#include "passes/transfer/kept_values.h"

using namespace mlir;

namespace graft::transfer {
namespace {

using exec::RegisterKind;

constexpr StringRef kHost = "train";

// What the caller of a run may set besides the parameters of the strategy.
struct Option {
  StringRef name;
  double initial, minimum;
  StringRef meaning;
};
constexpr double kMostSteps = 1e15;
constexpr Option kOptions[] = {
    {"max_steps", 0, 0, "optimiser steps at most; 0: no limit"},
    {"evaluate_every", 0, 0, "steps between evaluations; 0: none"},
    {"patience", 0, 0,
     "evaluations without a better score before the run stops; 0: no limit"},
    {"log_every", 10, 1, "steps between records of the loss"},
    {"checkpoint_every", 0, 0, "steps between checkpoints; 0: none"},
};

// In the order of their declaration.
constexpr StringRef kVariables[] = {
    "epoch",         "step",      "total_steps", "warmup_steps",
    "last_step",     "update",    "loss",        "loss_sum",
    "learning_rate", "dev_loss",  "dev_score",   "best_score",
    "best_loss",     "best_step", "stale",       "stopped_early"};
// With several phases: of each.
constexpr StringRef kOfPhases[] = {"warmup_steps", "update", "loss",
                                   "learning_rate"};
// With several stages: the steps of those before, and of the current one.
constexpr StringRef kOfStages[] = {"stage_begin", "stage_steps"};

// The text of a declared value, as a user would write it.
std::string valueText(Attribute value) {
  if (auto text = dyn_cast<StringAttr>(value)) return text.str();
  return exec::numberText(*getLiteralNumber(value));
}

}  // namespace

HostProgram::HostProgram(StrategyOp strategy)
    : strategy(strategy),
      streams(strategy.getOps<StreamOp>()),
      predictions(strategy.getOps<PredictOp>()),
      phases(strategy.getOps<PhaseOp>()) {
  for (auto schedule : strategy.getOps<ScheduleOp>()) {
    Stage& stage = stages.emplace_back(Stage{schedule, {}, {}, {}});
    SmallVector<Value> losses;
    for (auto name : schedule.getPhases().getAsRange<FlatSymbolRefAttr>()) {
      stage.turns.push_back(SymbolTable::lookupSymbolIn(strategy, name));
      auto phase = dyn_cast<PhaseOp>(stage.turns.back());
      if (!phase) continue;
      stage.phases.push_back(phase);
      losses.push_back(phase.getLoss());
    }
    stage.streams = getStreams(losses);
  }
}

std::string HostProgram::variableOf(PhaseOp phase, StringRef kind) const {
  if (phases.size() == 1) return kind.str();
  return (phase.getSymName() + "_" + kind).str();
}

HostProgram::Stage& HostProgram::stageOf(PhaseOp phase) {
  return *llvm::find_if(stages, [&](Stage& stage) {
    return llvm::is_contained(stage.phases, phase);
  });
}

HostProgram::Turns HostProgram::turnsOf(ScheduleOp schedule, Operation* op) {
  auto [times, every] = schedule.getTurns(op);
  return {times ? term(times) : "1", every ? term(every) : "1"};
}

LogicalResult HostProgram::declare() {
  for (Operation& op : strategy.getBody().front()) {
    auto name = op.getAttrOfType<StringAttr>(SymbolTable::getSymbolAttrName());
    if (!name || isa<GroupOp>(op)) continue;
    bool option = llvm::any_of(kOptions, [&](const Option& option) {
      return option.name == name.getValue();
    });
    bool batch = name == kBatchSize && !isa<HyperparameterOp>(op);
    bool evaluation = llvm::any_of(predictions, [&](PredictOp predict) {
      return name == getEvaluationStream(predict) ||
             (predict.getUnlabelled() && name == getUnlabelledStream(predict));
    });
    // Phases name records alone, as evaluations do, and only where there are
    // several.
    bool taken = isa<PhaseOp>(op) ? evaluation && phases.size() > 1
                                  : evaluation || option || batch;
    if (taken)
      return op.emitOpError("expects another name than @")
             << name.getValue() << ", which each host program declares";
  }
  OpBuilder builder(strategy);
  auto op = exec::HostOp::create(builder, strategy.getLoc(), kHost);
  op.getBody().emplaceBlock();
  host.emplace(op, strategy.getLoc());
  auto addStream = [&](StringRef name, StreamOp like) {
    exec::StreamOp::create(host->builder, name, like.getTokensAttr().getAttr(),
                           like.getSequencesAttr().getAttr(),
                           /*batch=*/FlatSymbolRefAttr());
  };
  for (StreamOp stream : streams) addStream(stream.getSymName(), stream);
  if (strategy.predictsAlone()) return success();
  for (PredictOp predict : predictions) {
    StreamOp like = getStreams({predict.getPrediction()}).front();
    addStream(getEvaluationStream(predict), like);
    if (predict.getUnlabelled()) addStream(getUnlabelledStream(predict), like);
  }
  for (auto cache : strategy.getOps<CacheOp>())
    exec::CacheOp::create(host->builder, cache.getSymName(),
                          getStreams({cache.getInput()}).front().getSymName(),
                          cache.getSymName(), /*output=*/0, /*batch=*/false,
                          /*key=*/StringAttr());
  for (const KeptStream& kept : findKept(strategy))
    for (auto [output, value] : llvm::enumerate(kept.values)) {
      StreamOp stream = kept.stream;
      KeepOp keep = value;
      exec::CacheOp::create(host->builder, keep.getSymName(),
                            stream.getSymName(), kept.entry, output,
                            /*batch=*/true, /*key=*/StringAttr());
    }
  declareParameters();
  declareOptions();
  return success();
}

// Parameters that nothing but the rate, the warm-up, the epochs and registers
// use. Others are compiled into the entries, so that a run cannot change them.
void HostProgram::findRunParameters() {
  auto evaluatedByHost = [&](Operation& op, StringAttr name) {
    if (auto phase = dyn_cast<PhaseOp>(op))
      return name == phase.getRateAttrName() ||
             name == phase.getWarmupAttrName();
    if (auto reg = dyn_cast<RegisterOp>(op))
      return name == reg.getNextAttrName();
    auto schedule = dyn_cast<ScheduleOp>(op);
    return schedule && (name == schedule.getEpochsAttrName() ||
                        name == schedule.getPowerAttrName() ||
                        name == schedule.getBatchesAttrName() ||
                        name == schedule.getTimesAttrName() ||
                        name == schedule.getEveryAttrName());
  };
  llvm::StringSet<> compiled;
  for (Operation& op : strategy.getBody().front())
    for (NamedAttribute attribute : op.getAttrs())
      collectParameterNames(
          attribute.getValue(),
          evaluatedByHost(op, attribute.getName()) ? runParameters : compiled);
  for (const auto& name : compiled) runParameters.erase(name.getKey());
  for (Operation& op : strategy.getBody().front())
    if (isa<RewardOp, RegisterOp>(op))
      runParameters.erase(SymbolTable::getSymbolName(&op).getValue());
  runParameters.insert(kBatchSize);
}

void HostProgram::declareParameters() {
  findRunParameters();
  bool batch = false;
  for (auto parameter : strategy.getOps<HyperparameterOp>()) {
    StringRef name = parameter.getSymName();
    host->builder.setLoc(parameter.getLoc());
    exec::SettingOp::create(host->builder, name,
                            valueText(parameter.getValue()),
                            parameter.getMeaningAttr());
    std::optional<double> value = getLiteralNumber(parameter.getValue());
    if (!value || !runParameters.contains(name)) continue;
    batch |= name == kBatchSize;
    auto bound = [](std::optional<Attribute> literal, double absent) {
      return literal ? *getLiteralNumber(*literal) : absent;
    };
    constexpr double infinity = std::numeric_limits<double>::infinity();
    host->declareRegister(RegisterKind::parameter, name, *value,
                          bound(parameter.getMinimum(), -infinity),
                          bound(parameter.getMaximum(), infinity),
                          parameter.getMeaning());
  }
  host->builder.setLoc(strategy.getLoc());
  if (!batch)
    host->declareRegister(RegisterKind::parameter, kBatchSize, 32, 1, 1e9,
                          "examples of an optimiser step");
}

void HostProgram::declareOptions() {
  for (const Option& option : kOptions)
    host->declareRegister(RegisterKind::option, option.name, option.initial,
                          option.minimum, kMostSteps, option.meaning);
  for (StringRef name : kVariables) host->declareVariable(name);
  if (phases.size() > 1)
    for (PhaseOp phase : phases)
      for (StringRef name : kOfPhases)
        host->declareVariable(variableOf(phase, name));
  if (stages.size() > 1)
    for (StringRef name : kOfStages) host->declareVariable(name);
  for (PhaseOp phase : phases)
    if (stageOf(phase).schedule.getTurns(phase).first)
      host->declareVariable(variableOf(phase, "turn"));
  declareDrawing();
  for (auto reward : strategy.getOps<RewardOp>())
    host->declareVariable(variableOfRegister(reward.getSymName()),
                          reward.getSymName());
  for (auto reg : strategy.getOps<RegisterOp>())
    host->declareVariable(variableOfRegister(reg.getSymName()),
                          reg.getSymName(),
                          getVerifiedNumber(reg, reg.getInitialAttr()));
  declareEvaluationVariables(*host, predictions);
}

exec::SourceAttr HostProgram::getSource(PhaseOp phase, StringRef variable) {
  return sourceOf(variableOf(phase, variable));
}

exec::SourceAttr HostProgram::sourceOf(const std::string& variable) {
  return exec::SourceAttr::getRegister(host->symbol("$" + variable).getAttr());
}

exec::SourceAttr HostProgram::addRows(StringRef name, StreamOp stream,
                                      StringRef entry, int64_t output) {
  auto rows = exec::CacheOp::create(host->builder, host->unusedName(name),
                                    stream.getSymName(), entry, output,
                                    /*batch=*/true, /*key=*/StringAttr());
  return exec::SourceAttr::getCache(rows.getSymNameAttr());
}

StringAttr HostProgram::addBatchSize(StreamOp stream, int64_t bound) {
  auto declared = cast<exec::StreamOp>(
      SymbolTable::lookupSymbolIn(host->op(), stream.getSymNameAttr()));
  if (FlatSymbolRefAttr size = declared.getBatchAttr()) return size.getAttr();
  auto module = strategy->getParentOfType<ModuleOp>();
  std::string name = (stream.getSequencesAttr().getValue() + "_batch").str();
  while (SymbolTable::lookupSymbolIn(module, name)) name += '_';
  OpBuilder builder(host->op());
  auto size = SizeOp::create(builder, strategy.getLoc(), name, bound);
  declared.setBatchAttr(FlatSymbolRefAttr::get(size.getSymNameAttr()));
  return size.getSymNameAttr();
}

void HostProgram::requireTwoExamples(StreamOp stream, StringRef why) {
  ofTwoExamples.insert({stream, why.str()});
}

std::string HostProgram::stepsDone() const {
  return stages.size() == 1 ? "$step" : "($step - $stage_begin)";
}

std::string HostProgram::stageSteps() const {
  return stages.size() == 1 ? "$total_steps" : "$stage_steps";
}

std::string HostProgram::countBatches(ArrayRef<StreamOp> streams) {
  std::string sum;
  for (StreamOp stream : streams)
    sum += (sum.empty() ? "ceil(rows(@" : " + ceil(rows(@") +
           stream.getSymName().str() + ") / batch_size)";
  return streams.size() == 1 ? sum : "(" + sum + ")";
}

std::string HostProgram::countSteps(Stage& stage) {
  ArrayRef<StreamOp> streams = stage.streams;
  if (!stage.schedule.takesOneStream()) streams = streams.take_front(1);
  return term(stage.schedule.getEpochsAttr()) + " * " + countBatches(streams);
}

void HostProgram::addTotals(Stage& stage) {
  auto add = [&](StringRef variable, MutableArrayRef<Stage> counted) {
    std::string sum;
    for (Stage& other : counted)
      sum += (sum.empty() ? "" : " + ") + countSteps(other);
    host->set(variable, sum.empty() ? "0" : sum);
  };
  add("$total_steps", stages);
  if (stages.size() > 1) {
    add("$stage_begin",
        MutableArrayRef(stages).take_front(&stage - stages.data()));
    add("$stage_steps", stage);
  }
  for (PhaseOp phase : stage.phases)
    host->set(
        "$" + variableOf(phase, "warmup_steps"),
        "round(" + term(phase.getWarmupAttr()) + " * " + stageSteps() + ")");
}

// Also at the end of a step: a run that resumes may have another limit.
static void setLastStep(exec::HostBuilder& host) {
  host.set("$last_step",
           "select(max_steps > 0, min($total_steps, max_steps), $total_steps)");
}

void HostProgram::failWhen(const std::string& condition,
                           const std::string& message, StringRef variable) {
  host->when(condition, [&] {
    host->set("$step", "$step + 1");
    exec::FailOp::create(host->builder, message,
                         host->shown({{"step", "$step"}, {"got", variable}}));
  });
}

void HostProgram::addUpdate(PhaseOp phase, const Update& update) {
  std::string loss = "$" + variableOf(phase, "loss");
  std::string of;
  if (phases.size() > 1) of = " of @" + phase.getSymName().str();
  failWhen("not finite(" + loss + ")", "expects a finite loss" + of, loss);
  exec::CallOp::create(host->builder, host->symbol(update.entry),
                       host->expression("$step"), ArrayAttr());
  if (!update.stream || !getOptimizer(phase).counts) return;
  std::string updates = "$" + updatesOf(phase, update.stream);
  host->set(updates, updates + " + 1");
}

void HostProgram::addLog(StringRef group, StringRef loss, StringRef rate) {
  exec::LogOp::create(
      host->builder,
      group.empty() ? StringAttr() : host->builder.getStringAttr(group),
      host->shown(
          {{"step", "$step"}, {"loss", loss}, {"learning_rate", rate}}));
}

// A run shows the loss and the rate of the last phase as its own.
void HostProgram::finishStep(Stage& stage) {
  PhaseOp last = stage.phases.back();
  bool several = phases.size() > 1, drawn = stage.schedule.takesOneStream();
  if (several)
    for (StringRef name : {"loss", "learning_rate"})
      host->set("$" + name.str(), "$" + variableOf(last, name));
  // A step that loss scaling skips may have none.
  host->set("$loss_sum", several || drawn
                             ? "$loss_sum + select(finite($loss), $loss, 0)"
                             : "$loss_sum + $loss");
  host->set("$step", "$step + 1");
  host->when("$step % log_every == 0 or $step == $last_step", [&] {
    addLog("", "$loss", "$learning_rate");
    addRegisterLog(stage);
    if (drawn) logTaken(stage);
    if (!several) return;
    for (PhaseOp phase : stage.phases)
      addLog(phase.getSymName(), "$" + variableOf(phase, "loss"),
             "$" + variableOf(phase, "learning_rate"));
  });
}

void HostProgram::addRegisterLog(Stage& stage) {
  std::vector<std::pair<std::string, std::string>> names;
  for (Operation* op : stage.turns) {
    if (isa<PhaseOp>(op)) continue;
    StringRef name = SymbolTable::getSymbolName(op).getValue();
    names.emplace_back(name, "$" + variableOfRegister(name));
  }
  if (names.empty()) return;
  SmallVector<std::pair<StringRef, StringRef>> shown = {{"step", "$step"}};
  shown.append(names.begin(), names.end());
  exec::LogOp::create(host->builder, host->builder.getStringAttr("reward"),
                      host->shown(shown));
}

// One turn in each step has no loop and no condition around it.
void HostProgram::inTurn(const Turns& turns, llvm::function_ref<void()> body) {
  if (turns.every == "1") return body();
  host->when(stepsDone() + " % " + turns.every + " == 0", body);
}

void HostProgram::addPhase(const PhaseEntries& entries, const Turns& turns,
                           StreamOp taken) {
  if (turns.times == "1") return addTurn(entries, turns, taken);
  host->repeat("$" + variableOf(entries.phase, "turn"), turns.times,
               [&] { addTurn(entries, turns, taken); });
}

void HostProgram::addReward(RewardOp reward) {
  exec::HostBuilder& to = *host;
  std::string variable = "$" + variableOfRegister(reward.getSymName());
  StringRef measure =
      getVerifiedText(reward, reward.getMeasureAttr()).getValue();
  exec::EvaluateOp::create(
      to.builder, to.symbol(reward.getMeasured().getEvaluateEntry()),
      reward.getStreamAttr(),
      to.builder.getArrayAttr(to.result(variable, measure)));
  if (measure == "loss") to.set(variable, "0 - " + variable);
}

void HostProgram::addRegister(RegisterOp reg) {
  std::string variable = variableOfRegister(reg.getSymName());
  host->set("$" + variable, term(reg.getNextAttr()));
  checkNumber(variable, reg.getNextAttr(), Range::finite);
}

void HostProgram::addKept(Stage& stage, ArrayRef<Accumulation> kept,
                          StreamOp taken) {
  SmallVector<Value> losses;
  for (PhaseOp phase : stage.phases) losses.push_back(phase.getLoss());
  SmallVector<StreamOp> read;
  for (Operation* op : getComputation(losses))
    if (isa<KeepOp>(op))
      llvm::append_range(read, getStreams({op->getResult(0)}));
  if (read.empty()) return;
  setNumbers({});
  for (const Accumulation& each : kept)
    if (llvm::is_contained(read, each.streams.front()) &&
        (!taken || taken == each.streams.front()))
      accumulate({}, each, each.streams, "$step");
}

void HostProgram::addTurn(const PhaseEntries& entries, const Turns& turns,
                          StreamOp taken) {
  exec::HostBuilder& to = *host;
  PhaseOp phase = entries.phase;
  std::string rate = variableOf(phase, "learning_rate");
  to.set("$" + rate, rateExpression(phase));
  // Updates are numbered from 1 on; nothing but the step counts them, so that a
  // run may stop between any two instructions.
  std::string done = stepsDone(), call = "$step";
  if (turns.every != "1") done = "floor(" + done + " / " + turns.every + ")";
  if (turns.times != "1") {
    std::string turn = "$" + variableOf(phase, "turn");
    done += " * " + turns.times + " + " + turn;
    call = "$step * " + turns.times + " + " + turn;
  }
  if (taken)
    addUpdateNumbers(phase, taken);
  else
    to.set("$" + variableOf(phase, "update"), done + " + 1");
  checkNumber(rate, phase.getRateAttr(),
              mayHaveNegativeRate(phase) ? Range::finite : Range::rate);
  setNumbers(phase);
  to.set("$" + variableOf(phase, "loss"), "0");
  for (const Accumulation& accumulation : entries.accumulations)
    if (!taken || llvm::is_contained(accumulation.streams, taken))
      accumulate(phase, accumulation, accumulation.streams, call);
  for (const Update& update : entries.updates)
    if (update.stream == taken) addUpdate(phase, update);
}

bool HostProgram::addsUp(const Stage& stage) {
  return llvm::any_of(stage.phases, [](PhaseOp phase) {
    return llvm::any_of(getComputation({phase.getLoss()}),
                        [](Operation* op) { return isa<TotalOp>(op); });
  });
}

void HostProgram::evaluate(const Stage& stage) {
  if (!teaching.empty() && llvm::none_of(stage.phases, [&](PhaseOp phase) {
        return teaching.contains(phase);
      }))
    return;
  const Stage* complete = nullptr;
  for (const Stage& each : stages)
    if (addsUp(each)) complete = &each;
  if (!complete || &stage > complete)
    return addEvaluation(*host, predictions, /*mayStop=*/isLast(stage));
  if (&stage != complete || !isLast(stage)) return;
  host->when("$step == $total_steps",
             [&] { addEvaluation(*host, predictions, /*mayStop=*/false); });
}

void HostProgram::beginStep(Stage& stage) {
  addTotals(stage);
  setLastStep(*host);
}

void HostProgram::addTurns(Stage& stage, const StepEntries& entries,
                           StreamOp taken) {
  addSums(taken ? ArrayRef(taken) : ArrayRef(stage.streams));
  addKept(stage, entries.kept, taken);
  for (Operation* op : stage.turns) {
    Turns turns = turnsOf(stage.schedule, op);
    inTurn(turns, [&] {
      if (auto reward = dyn_cast<RewardOp>(op)) return addReward(reward);
      if (auto reg = dyn_cast<RegisterOp>(op)) return addRegister(reg);
      addPhase(*llvm::find_if(
                   entries.phases,
                   [&](const PhaseEntries& each) { return each.phase == op; }),
               turns, taken);
    });
  }
}

void HostProgram::addStep(Stage& stage, const StepEntries& entries) {
  beginStep(stage);
  addTurns(stage, entries, /*taken=*/{});
  endStep(stage);
}

void HostProgram::endStep(Stage& stage) {
  exec::HostBuilder& to = *host;
  finishStep(stage);
  evaluate(stage);
  exec::MarkOp::create(
      to.builder,
      to.expression("checkpoint_every > 0 and $step % checkpoint_every == 0"),
      to.shown({{"step", "$step"},
                {"last_step", "$last_step"},
                {"loss", "$loss"},
                {"rate", "$learning_rate"},
                {"loss_sum", "$loss_sum"},
                {"best_step", "$best_step"},
                {"best_score", "$best_score"},
                {"stopped_early", "$stopped_early"}}));
  setLastStep(to);
  to.when("$step >= $last_step or $stopped_early",
          [&] { exec::LeaveOp::create(to.builder); });
}

void HostProgram::accumulate(PhaseOp phase, const Accumulation& accumulation,
                             ArrayRef<StreamOp> streams,
                             const std::string& call) {
  exec::HostBuilder& to = *host;
  if (!streams.empty()) {
    StreamOp first = streams.front();
    StringRef stream = first.getSymName();
    auto inside = [&] {
      accumulate(phase, accumulation, streams.drop_front(), call);
    };
    if (accumulation.atOnce) return to.withWholeBatch(stream, inside);
    return to.forEachMicroBatch(stream, accumulation.whole, inside);
  }
  ArrayAttr results;
  if (accumulation.hasLoss)
    results = to.builder.getArrayAttr(
        to.result("$" + variableOf(phase, "loss"), "loss", /*add=*/true));
  exec::CallOp::create(to.builder, to.symbol(accumulation.entry),
                       to.expression(call), results);
}

void HostProgram::withBatches(ArrayRef<StreamOp> streams,
                              llvm::function_ref<void()> body) {
  if (streams.empty()) return body();
  StreamOp stream = streams.front();
  host->withBatch(stream.getSymName(), kBatchSize,
                  [&] { withBatches(streams.drop_front(), body); });
}

void HostProgram::checkTwoExamples(StreamOp stream, const std::string& why) {
  exec::HostBuilder& to = *host;
  std::string name = "@" + stream.getSymName().str();
  to.when("rows(" + name + ") < 2", [&] {
    exec::FailOp::create(to.builder,
                         "expects two examples of " + name +
                             " at least, because one alone " + why,
                         to.shown({}));
  });
  to.when("task_rows(" + name + ") == 1", [&] {
    exec::FailOp::create(to.builder,
                         "expects two examples of " + name +
                             " at least of each task, because one alone " + why,
                         to.shown({}));
  });
  // The last batch of a task is filled up.
  to.when(
      "batch_size == 1 or task_rows(" + name + ") == 0 and rows(" + name +
          ") % batch_size == 1",
      [&] {
        exec::FailOp::create(
            to.builder,
            "expects a --batch-size that leaves no batch of one example of " +
                name + ", which " + why,
            to.shown({{"got", "batch_size"}}));
      });
}

void HostProgram::addStage(Stage& stage, const StepEntries& entries) {
  exec::HostBuilder& to = *host;
  to.builder.setLoc(stage.schedule.getLoc());
  auto epochs = [&] {
    to.repeat("$epoch", term(stage.schedule.getEpochsAttr()), [&] {
      if (stage.schedule.takesOneStream()) return addDrawnEpoch(stage, entries);
      to.forEachBatch(stage.streams.front().getSymName(), kBatchSize, [&] {
        withBatches(ArrayRef(stage.streams).drop_front(),
                    [&] { addStep(stage, entries); });
      });
    });
  };
  if (&stage == &stages.front()) return epochs();
  to.when("$step < $last_step", [&] {
    if (isLast(stage)) to.set("$stale", "0");
    epochs();
  });
}

void HostProgram::build(const StepEntries& entries, StringRef begin) {
  exec::HostBuilder& to = *host;
  to.builder.setLoc(stages.front().schedule.getLoc());
  for (const auto& [stream, why] : ofTwoExamples) checkTwoExamples(stream, why);
  if (!begin.empty())
    exec::CallOp::create(to.builder, to.symbol(begin), StringAttr(),
                         ArrayAttr());
  for (auto cache : strategy.getOps<CacheOp>())
    exec::FillCacheOp::create(to.builder, cache.getSymName());
  for (Stage& stage : stages) addStage(stage, entries);
  to.when("$best_step > 0 and $best_step != $step",
          [&] { exec::RestoreOp::create(to.builder, "best"); });
}

}  // namespace graft::transfer

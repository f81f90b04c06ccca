// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/transfer/host_program.h"

#include "dialects/exec/host_expression.h"
#include "dialects/transfer/expression.h"
#include "dialects/transfer/number.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace graft::transfer {
namespace {

using exec::RegisterKind;

constexpr StringRef kDev = "dev";  // the stream of evaluation data
constexpr StringRef kEvaluated = "dev_evaluated";  // heads with data
constexpr StringRef kHost = "train";
constexpr StringRef kBatchSize = "batch_size";

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

constexpr StringRef kVariables[] = {
    "epoch",     "step",       "total_steps", "warmup_steps",  "last_step",
    "update",    "loss",       "loss_sum",    "learning_rate", "dev_loss",
    "dev_score", "best_score", "best_step",   "stale",         "stopped_early"};

// A number as a term of an expression.
std::string literal(double value) {
  std::string text = exec::numberText(value);
  return value < 0 ? "(" + text + ")" : text;
}

// The stream of the data that a prediction is evaluated on.
std::string evaluationStream(PredictOp predict) {
  if (std::optional<StringRef> head = predict.getHead())
    return (kDev + "_" + *head).str();
  return kDev.str();
}

// The text of a declared value, as a user would write it.
std::string valueText(Attribute value) {
  if (auto text = dyn_cast<StringAttr>(value)) return text.str();
  return exec::numberText(*getLiteralNumber(value));
}

}  // namespace

StringRef BatchSum::getInput() const {
  if (weighted) return ignored ? "labelled_weight_total" : "weight_total";
  return ignored ? "labelled" : "total";
}

HostProgram::HostProgram(StrategyOp strategy)
    : strategy(strategy),
      streams(strategy.getOps<StreamOp>()),
      predictions(strategy.getOps<PredictOp>()),
      phase(*strategy.getOps<PhaseOp>().begin()),
      schedule(*strategy.getOps<ScheduleOp>().begin()) {}

// A sum is not called as its input is where that says too little.
std::string HostProgram::variableOf(StreamOp stream, const BatchSum& sum) {
  StringRef name = sum == BatchSum() ? "examples" : sum.getInput();
  if (stream == streams.front()) return name.str();
  return (stream.getSymName() + "_" + name).str();
}

LogicalResult HostProgram::declare() {
  for (Operation& op : strategy.getBody().front()) {
    auto name = op.getAttrOfType<StringAttr>(SymbolTable::getSymbolAttrName());
    if (!name || isa<GroupOp, PhaseOp>(op)) continue;
    bool option = llvm::any_of(kOptions, [&](const Option& option) {
      return option.name == name.getValue();
    });
    bool batch = name == kBatchSize && !isa<HyperparameterOp>(op);
    bool evaluation = llvm::any_of(predictions, [&](PredictOp predict) {
      return name == evaluationStream(predict);
    });
    if (option || batch || evaluation)
      return op.emitOpError("expects another name than @")
             << name.getValue() << ", which each host program declares";
  }
  OpBuilder builder(strategy);
  auto op = exec::HostOp::create(builder, strategy.getLoc(), kHost);
  op.getBody().emplaceBlock();
  host.emplace(op, strategy.getLoc());
  auto addStream = [&](StringRef name, StreamOp like) {
    exec::StreamOp::create(host->builder, name, like.getTokensAttr().getAttr(),
                           like.getSequencesAttr().getAttr());
  };
  for (StreamOp stream : streams) addStream(stream.getSymName(), stream);
  for (PredictOp predict : predictions)
    addStream(evaluationStream(predict),
              getStreams({predict.getPrediction()}).front());
  for (auto cache : strategy.getOps<CacheOp>())
    exec::CacheOp::create(host->builder, cache.getSymName(),
                          getStreams({cache.getInput()}).front().getSymName(),
                          cache.getSymName(), /*output=*/0);
  declareParameters();
  declareOptions();
  return success();
}

// Parameters that nothing but the rate, the warm-up and the epochs use. Others
// are compiled into the entries, so that a run cannot change them.
void HostProgram::findRunParameters() {
  auto evaluatedByHost = [&](Operation& op, StringAttr name) {
    if (auto phase = dyn_cast<PhaseOp>(op))
      return name == phase.getRateAttrName() ||
             name == phase.getWarmupAttrName();
    auto schedule = dyn_cast<ScheduleOp>(op);
    return schedule && name == schedule.getEpochsAttrName();
  };
  llvm::StringSet<> compiled;
  for (Operation& op : strategy.getBody().front())
    for (NamedAttribute attribute : op.getAttrs())
      collectParameterNames(
          attribute.getValue(),
          evaluatedByHost(op, attribute.getName()) ? runParameters : compiled);
  for (const auto& name : compiled) runParameters.erase(name.getKey());
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
  if (!predictions.front().getHead()) return;
  host->declareVariable(kEvaluated);
  for (PredictOp predict : predictions)
    for (StringRef kind : {"_loss", "_score"})
      host->declareVariable(evaluationStream(predict) + kind.str());
}

exec::SourceAttr HostProgram::getSource(StringRef variable) {
  return exec::SourceAttr::getRegister(
      host->symbol(("$" + variable).str()).getAttr());
}

exec::SourceAttr HostProgram::addSum(StreamOp stream, const BatchSum& sum) {
  std::string variable = variableOf(stream, sum);
  std::pair<StreamOp, BatchSum> added = {stream, sum};
  if (!llvm::is_contained(sums, added)) {
    sums.push_back(added);
    host->declareVariable(variable);
  }
  return getSource(variable);
}

std::pair<std::string, exec::SourceAttr> HostProgram::addNumber(
    Attribute number) {
  auto* found = llvm::find_if(
      numbers, [&](const auto& known) { return known.second == number; });
  if (found == numbers.end()) {
    std::string name = "factor" + std::to_string(numbers.size());
    host->declareVariable(name);
    numbers.emplace_back(name, number);
    found = &numbers.back();
  }
  return {found->first, getSource(found->first)};
}

void HostProgram::requireTwoExamples(StreamOp stream, StringRef why) {
  ofTwoExamples.insert({stream, why.str()});
}

std::string HostProgram::term(Attribute number) {
  if (!number) return "0";
  if (std::optional<double> value = getLiteralNumber(number))
    return literal(*value);
  StringRef text = cast<ExpressionAttr>(number).getText();
  std::string term = replaceNames(
      text,
      [&](StringRef name) {
        // Registers have the names of the parameters.
        if (runParameters.contains(name)) return name.str();
        auto parameter =
            cast<HyperparameterOp>(SymbolTable::lookupSymbolIn(strategy, name));
        return literal(*getLiteralNumber(parameter.getValue()));
      },
      [](StringRef variable) -> std::string {
        if (variable == "progress") return "($step / $total_steps)";
        return "$" + variable.str();
      });
  return isName(text) ? term : "(" + term + ")";
}

// None of them is 0: a batch may have no labels.
void HostProgram::addSums() {
  for (auto [stream, sum] : sums) {
    std::string text = "sum(@" + stream.getSymName().str();
    if (sum.weighted) text += " weights";
    if (sum.ignored) text += " where labels != " + std::to_string(*sum.ignored);
    text += ")";
    if (sum.weighted)
      text = "select(" + text + " == 0, 1, " + text + ")";
    else if (sum.ignored)
      text = "max(" + text + ", 1)";
    host->set("$" + variableOf(stream, sum), text);
  }
}

// Warm-up from 0 to the peak, then as the schedule says: constant, or linear or
// half a cosine down to 0 at the last step.
std::string HostProgram::rateExpression() {
  std::string peak = term(phase.getRateAttr());
  std::string warm =
      "select($step < $warmup_steps, " + peak + " * $step / $warmup_steps, ";
  StringRef schedule =
      getVerifiedText(phase, phase.getScheduleAttr()).getValue();
  if (schedule == "constant") return warm + peak + ")";
  std::string left =
      "max(0, ($total_steps - $step) / max(1, $total_steps - $warmup_steps))";
  if (schedule == "linear") return warm + peak + " * " + left + ")";
  return warm + peak + " * 0.5 * (1 + cos(3.141592653589793 * (1 - " + left +
         "))))";
}

void HostProgram::addTotals() {
  std::string epochs = term(schedule.getEpochsAttr());
  host->set("$total_steps", epochs + " * ceil(rows(@" +
                                streams.front().getSymName() +
                                ") / batch_size)");
  host->set("$warmup_steps",
            "round(" + term(phase.getWarmupAttr()) + " * $total_steps)");
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

void HostProgram::addUpdate() {
  failWhen("not finite($loss)", "expects a finite loss", "$loss");
  exec::CallOp::create(host->builder, host->symbol("update"),
                       host->expression("$step"), ArrayAttr());
  host->set("$loss_sum", "$loss_sum + $loss");
  host->set("$step", "$step + 1");
  host->when("$step % log_every == 0 or $step == $last_step", [&] {
    exec::LogOp::create(host->builder, StringAttr(),
                        host->shown({{"step", "$step"},
                                     {"loss", "$loss"},
                                     {"learning_rate", "$learning_rate"}}));
  });
}

std::string HostProgram::evaluatesNow(const std::string& present) {
  return present +
         " and evaluate_every > 0 and "
         "($step % evaluate_every == 0 or $step == $last_step)";
}

void HostProgram::keepBest() {
  exec::HostBuilder& to = *host;
  to.when(
      "$best_step == 0 or $dev_score > $best_score",
      [&] {
        to.set("$best_score", "$dev_score");
        to.set("$best_step", "$step");
        to.set("$stale", "0");
        exec::KeepOp::create(to.builder, "best");
      },
      [&] { to.set("$stale", "$stale + 1"); });
}

void HostProgram::addEvaluation() {
  exec::HostBuilder& to = *host;
  to.when(evaluatesNow("present(@dev)"), [&] {
    exec::EvaluateOp::create(
        to.builder, to.symbol("evaluate"), to.symbol(kDev),
        to.builder.getArrayAttr({to.result("$dev_loss", "loss"),
                                 to.result("$dev_score", "score")}));
    keepBest();
    exec::LogOp::create(to.builder, to.builder.getStringAttr(kDev),
                        to.shown({{"step", "$step"},
                                  {"loss", "$dev_loss"},
                                  {"score", "$dev_score"}}));
    to.set("$stopped_early", "patience > 0 and $stale >= patience");
  });
}

// The score is the mean of those of the heads that there are data for.
void HostProgram::addEvaluations() {
  exec::HostBuilder& to = *host;
  std::string present;
  for (PredictOp predict : predictions)
    present += (present.empty() ? "(" : " or ") +
               ("present(@" + evaluationStream(predict) + ")");
  to.when(evaluatesNow(present + ")"), [&] {
    std::string evaluated = ("$" + kEvaluated).str();
    to.set("$dev_score", "0");
    to.set(evaluated, "0");
    for (PredictOp predict : predictions) {
      std::string stream = evaluationStream(predict);
      std::string loss = "$" + stream + "_loss";
      std::string score = "$" + stream + "_score";
      to.when("present(@" + stream + ")", [&] {
        exec::EvaluateOp::create(
            to.builder, to.symbol(predict.getEvaluateEntry()),
            to.symbol(stream),
            to.builder.getArrayAttr(
                {to.result(loss, "loss"), to.result(score, "score")}));
        exec::LogOp::create(
            to.builder, to.builder.getStringAttr(stream),
            to.shown({{"step", "$step"}, {"loss", loss}, {"score", score}}));
        to.set("$dev_score", "$dev_score + " + score);
        to.set(evaluated, evaluated + " + 1");
      });
    }
    to.set("$dev_score", "$dev_score / " + evaluated);
    keepBest();
    to.set("$stopped_early", "patience > 0 and $stale >= patience");
  });
}

void HostProgram::checkNumber(StringRef variable, Attribute number,
                              bool isRate) {
  if (!changesInTraining(number)) return;
  std::string name = "$" + variable.str();
  std::string wrong = "not finite(" + name + ")";
  if (isRate) wrong += " or " + name + " < 0";
  std::string text = cast<ExpressionAttr>(number).getText().str();
  failWhen(wrong,
           "expects \"" + text + "\" to be " +
               (isRate ? "a rate that is not negative" : "a finite factor"),
           name);
}

void HostProgram::addStep(ArrayRef<Accumulation> accumulations) {
  exec::HostBuilder& to = *host;
  addTotals();
  setLastStep(to);
  addSums();
  to.set("$learning_rate", rateExpression());
  to.set("$update", "$step + 1");
  checkNumber("learning_rate", phase.getRateAttr(), /*isRate=*/true);
  for (const auto& [name, number] : numbers) {
    to.set("$" + name, term(number));
    checkNumber(name, number, /*isRate=*/false);
  }
  to.set("$loss", "0");
  for (const Accumulation& accumulation : accumulations)
    accumulate(accumulation, accumulation.streams);
  addUpdate();
  predictions.front().getHead() ? addEvaluations() : addEvaluation();
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

void HostProgram::accumulate(const Accumulation& accumulation,
                             ArrayRef<StreamOp> streams) {
  exec::HostBuilder& to = *host;
  if (!streams.empty()) {
    StreamOp stream = streams.front();
    return to.forEachMicroBatch(stream.getSymName(), accumulation.whole, [&] {
      accumulate(accumulation, streams.drop_front());
    });
  }
  exec::CallOp::create(
      to.builder, to.symbol(accumulation.entry), to.expression("$step"),
      to.builder.getArrayAttr(to.result("$loss", "loss", /*add=*/true)));
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
  to.when("batch_size == 1 or rows(" + name + ") % batch_size == 1", [&] {
    exec::FailOp::create(
        to.builder,
        "expects a --batch-size that leaves no batch of one example of " +
            name + ", which " + why,
        to.shown({{"got", "batch_size"}}));
  });
}

void HostProgram::build(ArrayRef<Accumulation> accumulations) {
  exec::HostBuilder& to = *host;
  to.builder.setLoc(schedule.getLoc());
  for (const auto& [stream, why] : ofTwoExamples) checkTwoExamples(stream, why);
  for (auto cache : strategy.getOps<CacheOp>())
    exec::FillCacheOp::create(to.builder, cache.getSymName());
  to.repeat("$epoch", term(schedule.getEpochsAttr()), [&] {
    to.forEachBatch(streams.front().getSymName(), kBatchSize, [&] {
      withBatches(ArrayRef(streams).drop_front(),
                  [&] { addStep(accumulations); });
    });
  });
  to.when("$best_step > 0 and $best_step != $step",
          [&] { exec::RestoreOp::create(to.builder, "best"); });
}

}  // namespace graft::transfer

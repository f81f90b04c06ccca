// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The stages of a host program whose steps take a batch of one stream each.

#include "dialects/exec/host_expression.h"
#include "dialects/transfer/number.h"
#include "dialects/transfer/optimizer.h"
#include "passes/transfer/host_program.h"

using namespace mlir;

namespace graft::transfer {
namespace {

std::string shareOf(StreamOp stream) {
  return (stream.getSymName() + "_share").str();
}

std::string rowsOf(StreamOp stream) {
  return ("rows(@" + stream.getSymName() + ")").str();
}

}  // namespace

std::string HostProgram::updatesOf(PhaseOp phase, StreamOp stream) const {
  return variableOf(phase, (stream.getSymName() + "_updates").str());
}

void HostProgram::declareDrawing() {
  auto isDrawn = [](Stage& stage) { return stage.schedule.takesOneStream(); };
  if (llvm::none_of(stages, isDrawn)) return;
  for (StringRef name : {"batch", "stream", "drawn"})
    host->declareVariable(name);
  llvm::DenseSet<Operation*> shared;
  for (Stage& stage : stages) {
    if (!isDrawn(stage)) continue;
    for (PhaseOp phase : stage.phases)
      if (getOptimizer(phase).counts)
        for (StreamOp stream : stage.streams)
          host->declareVariable(updatesOf(phase, stream));
    if (!stage.schedule.getPowerAttr()) continue;
    if (shared.empty())
      for (StringRef name : {"power", "most_rows"}) host->declareVariable(name);
    for (StreamOp stream : stage.streams)
      if (shared.insert(stream).second) host->declareVariable(shareOf(stream));
  }
}

exec::SourceAttr HostProgram::addUpdateNumber(PhaseOp phase,
                                              ArrayRef<StreamOp> reaching) {
  auto* found = llvm::find_if(updateNumbers, [&](const UpdateNumber& number) {
    return number.phase == phase && ArrayRef(number.streams) == reaching;
  });
  if (found != updateNumbers.end()) return sourceOf(found->variable);
  std::string variable = variableOf(phase, "update");
  if (reaching != ArrayRef(stageOf(phase).streams)) {
    std::string name;
    for (StreamOp stream : reaching) name += stream.getSymName().str() + "_";
    variable = variableOf(phase, name + "update_number");
    host->declareVariable(variable);
  }
  updateNumbers.push_back({phase, llvm::to_vector(reaching), variable});
  return sourceOf(variable);
}

// Parameters that other streams alone reach are not updated.
void HostProgram::addUpdateNumbers(PhaseOp phase, StreamOp taken) {
  for (const UpdateNumber& number : updateNumbers) {
    if (number.phase != phase || !llvm::is_contained(number.streams, taken))
      continue;
    std::string sum;
    for (StreamOp stream : number.streams)
      sum += "$" + updatesOf(phase, stream) + " + ";
    host->set("$" + number.variable, sum + "1");
  }
}

SmallVector<StreamOp> HostProgram::choicesOf(Stage& stage) {
  std::optional<ArrayAttr> listed = stage.schedule.getStreams();
  if (!listed) return stage.streams;
  SmallVector<StreamOp> choices;
  for (auto name : listed->getAsRange<FlatSymbolRefAttr>())
    choices.push_back(*llvm::find_if(stage.streams, [&](StreamOp stream) {
      return stream.getSymName() == name.getValue();
    }));
  return choices;
}

// Each stream has the share rows^power of all. Rows are divided by those of the
// largest stream, so that no power overflows.
void HostProgram::drawStream(Stage& stage) {
  exec::HostBuilder& to = *host;
  Attribute power = stage.schedule.getPowerAttr();
  to.set("$power", term(power));
  if (changesInTraining(stage.schedule, power))
    failWhen("not finite($power) or $power < 0",
             "expects \"" + cast<ExpressionAttr>(power).getText().str() +
                 "\" to be a power that is not negative",
             "$power");
  std::string most, sum, chosen;
  for (StreamOp stream : stage.streams)
    most = most.empty() ? rowsOf(stream)
                        : "max(" + most + ", " + rowsOf(stream) + ")";
  to.set("$most_rows", most);
  for (StreamOp stream : stage.streams) {
    std::string share = "$" + shareOf(stream);
    to.set(share,
           sum + "exp($power * log(" + rowsOf(stream) + " / $most_rows))");
    sum = share + " + ";
    // The last one takes what is left.
    if (stream == stage.streams.back()) break;
    chosen += (chosen.empty() ? "(" : " + (") + share + " <= $drawn)";
  }
  to.set("$drawn", "random($step) * $" + shareOf(stage.streams.back()));
  to.set("$stream", chosen);
}

// Streams in the order of the list, which begins again.
void HostProgram::takeStream(Stage& stage) {
  exec::HostBuilder& to = *host;
  ScheduleOp schedule = stage.schedule;
  std::string sum, chosen;
  ArrayRef<Attribute> batches = schedule.getBatches()->getValue();
  for (auto [index, number] : llvm::enumerate(batches)) {
    sum += (sum.empty() ? "" : " + ") + term(number);
    if (index + 1 < batches.size())
      chosen += (chosen.empty() ? "(" : " + (") + sum + " <= $drawn)";
  }
  to.set("$drawn", stepsDone() + " % (" + sum + ")");
  to.set("$stream", chosen);
}

void HostProgram::logTaken(Stage& stage) {
  for (auto [index, stream] : llvm::enumerate(choicesOf(stage)))
    host->when("$stream == " + Twine(index), [&] {
      exec::LogOp::create(host->builder, stream.getSymNameAttr(),
                          host->shown({{"step", "$step"}, {"loss", "$loss"}}));
    });
}

void HostProgram::addDrawnEpoch(Stage& stage, const StepEntries& entries) {
  exec::HostBuilder& to = *host;
  to.repeat("$batch", countBatches(stage.streams), [&] {
    beginStep(stage);
    if (stage.schedule.getPowerAttr())
      drawStream(stage);
    else
      takeStream(stage);
    for (auto [index, stream] : llvm::enumerate(choicesOf(stage)))
      to.when("$stream == " + Twine(index), [&] {
        to.withBatch(stream.getSymName(), kBatchSize,
                     [&] { addTurns(stage, entries, stream); });
      });
    endStep(stage);
  });
}

}  // namespace graft::transfer

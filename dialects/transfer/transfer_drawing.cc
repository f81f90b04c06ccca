// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Verifies C14 of transfer.strategy: schedules that take a batch of one stream
// in each step.

#include "dialects/transfer/transfer_analysis.h"
#include "dialects/transfer/transfer_verify.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace graft::transfer {
namespace {

using Streams = llvm::SmallSetVector<StreamOp, 4>;

StringRef wayOf(ScheduleOp schedule) {
  return schedule.getPowerAttr() ? "drawn" : "taken";
}

// What `phase`, of a schedule that takes one stream in a step, reads.
FailureOr<Streams> findStreams(ScheduleOp schedule, PhaseOp phase) {
  auto inTurn = [&](InFlightDiagnostic& diagnostic) -> LogicalResult {
    diagnostic.attachNote(schedule.getLoc())
        << "one stream is " << wayOf(schedule) << " in each step here";
    return diagnostic;
  };
  if (phase.getWeighing()) {
    InFlightDiagnostic diagnostic = phase.emitOpError(
        "expects no gradients to weigh, which are of several streams");
    return inTurn(diagnostic);
  }
  Streams read;
  for (const LossPart& part : splitLoss(phase)) {
    for (Value term : part.terms) {
      SmallVector<StreamOp> streams = getStreams({term});
      if (streams.size() < 2) continue;
      InFlightDiagnostic diagnostic = term.getDefiningOp()->emitOpError(
                                          "expects to read one stream, of "
                                          "which a step takes a batch, got @")
                                      << streams[0].getSymName() << " and @"
                                      << streams[1].getSymName();
      return inTurn(diagnostic);
    }
    read.insert(part.streams.begin(), part.streams.end());
  }
  if (read.size() > 1) return read;
  InFlightDiagnostic diagnostic =
      phase.emitOpError("expects a loss of two streams or more, got ")
      << read.size();
  return inTurn(diagnostic);
}

// The streams that `taking` lists are those that the phases read.
LogicalResult checkTaken(ScheduleOp schedule, const Streams& read) {
  llvm::DenseSet<Attribute> seen;
  for (auto name : schedule.getStreams()->getAsRange<FlatSymbolRefAttr>()) {
    bool known = llvm::any_of(read, [&](StreamOp stream) {
      return stream.getSymName() == name.getValue();
    });
    if (!known)
      return schedule.emitOpError(
                 "expects to take streams that its phases read, got ")
             << name;
    if (!seen.insert(name).second)
      return schedule.emitOpError("expects each stream once, got ")
             << name << " twice";
  }
  for (StreamOp stream : read) {
    auto name = FlatSymbolRefAttr::get(stream.getSymNameAttr());
    if (seen.contains(name)) continue;
    InFlightDiagnostic diagnostic =
        schedule.emitOpError(
            "expects to take all streams that its phases read, got none of ")
        << name;
    diagnostic.attachNote(stream.getLoc()) << "declared here";
    return diagnostic;
  }
  return success();
}

}  // namespace

LogicalResult verifyDrawing(ScheduleOp schedule) {
  if (!schedule.takesOneStream()) return success();
  auto strategy = schedule->getParentOfType<StrategyOp>();
  PhaseOp first;
  Streams read;
  for (auto name : schedule.getPhases().getAsRange<FlatSymbolRefAttr>()) {
    auto phase = dyn_cast<PhaseOp>(SymbolTable::lookupSymbolIn(strategy, name));
    if (!phase) continue;  // a reward or a register
    FailureOr<Streams> streams = findStreams(schedule, phase);
    if (failed(streams)) return failure();
    if (!first) {
      first = phase;
      read = *streams;
      continue;
    }
    auto* other = llvm::find_if(
        read, [&](StreamOp stream) { return !streams->contains(stream); });
    if (other == read.end() && read.size() == streams->size()) continue;
    InFlightDiagnostic diagnostic =
        phase.emitOpError("expects to read the streams that ")
        << FlatSymbolRefAttr::get(first) << " reads, of which a step takes one";
    diagnostic.attachNote(first.getLoc()) << "declared here";
    return diagnostic;
  }
  return schedule.getStreams() ? checkTaken(schedule, read) : success();
}

}  // namespace graft::transfer

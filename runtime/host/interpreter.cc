// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/host/interpreter.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"

namespace graft {

double HostInterpreter::seconds_waited() const {
  double seconds = 0;
  for (const Stream& stream : streams_)
    seconds += stream.seconds_waited +
               (stream.batches ? stream.batches->seconds_waited() : 0);
  return seconds;
}

double HostInterpreter::Value(const Expression& expression) const {
  return EvaluateExpression(expression, state_.registers, facts_, seed_);
}

void HostInterpreter::Assign(const AssignmentSpec& assignment, double value) {
  double& target = state_.registers[assignment.target];
  target = assignment.add ? target + value : value;
}

absl::StatusOr<bool> HostInterpreter::Run() {
  const absl::Status entered = Enter();
  if (absl::IsCancelled(entered)) return false;
  GRAFT_RETURN_IF_ERROR(entered);
  while (state_.at < program_.instructions.size()) {
    if (services_.Stop(state_.at)) return false;
    const absl::Status status = Execute(program_.instructions[state_.at]);
    if (absl::IsCancelled(status)) return false;
    GRAFT_RETURN_IF_ERROR(status);
  }
  for (Stream& stream : streams_) {
    if (!stream.batches) continue;
    stream.seconds_waited += stream.batches->seconds_waited();
    stream.batches.reset();
  }
  return true;
}

absl::Status HostInterpreter::Enter() {
  for (size_t i = 0; i < spec_.caches.size(); ++i)
    if (state_.filled[i]) GRAFT_RETURN_IF_ERROR(FillCache(i));
  if (state_.at >= steps_.size()) return absl::OkStatus();
  for (size_t i = 0; i < program_.instructions.size(); ++i) {
    const HostInstruction& loop = program_.instructions[i];
    if (i >= state_.at || state_.at > steps_[i].end) continue;
    if (loop.op == HostOp::with_whole_batch)
      GRAFT_RETURN_IF_ERROR(PackWhole(loop.index));
    if (!DrawsBatch(loop.op)) continue;
    StreamPosition& position = state_.streams[loop.index];
    GRAFT_RETURN_IF_ERROR(BeginBatches(i, position.batches - 1));
    --position.batches;
    GRAFT_RETURN_IF_ERROR(Draw(loop.index));
    const size_t count = streams_[loop.index].batch->micro_batches.size();
    if (position.micro_batch >= static_cast<int64_t>(count))
      return absl::InvalidArgumentError(
          absl::StrCat("stream ", spec_.streams[loop.index].name,
                       ": expects a micro-batch below ", count, ", got ",
                       position.micro_batch));
    if (position.micro_batch >= 0) Pack(loop.index);
    // Behind the mark, an earlier run has counted it.
    if (IsMarkedFrom(state_.at, StepEnd(i))) Count(loop.index);
  }
  return absl::OkStatus();
}

size_t HostInterpreter::StepEnd(size_t at) const {
  for (size_t i = at + 1; i > 0; --i)
    if (IsLoop(program_.instructions[i - 1].op) && steps_[i - 1].end > at)
      return steps_[i - 1].end;
  return steps_[at].end;
}

bool HostInterpreter::IsMarkedFrom(size_t at, size_t end) const {
  for (; at < end; ++at)
    if (program_.instructions[at].op == HostOp::mark) return true;
  return false;
}

absl::Status HostInterpreter::Execute(const HostInstruction& instruction) {
  const Step& step = steps_[state_.at];
  switch (instruction.op) {
    case HostOp::set:
      state_.registers[instruction.target] = Value(instruction.expression);
      break;
    case HostOp::when:
      if (Value(instruction.expression) == 0) state_.at = step.end;
      break;
    case HostOp::otherwise:
      state_.at = step.end;
      break;
    case HostOp::repeat:
    case HostOp::for_each_batch:
    case HostOp::with_batch:
    case HostOp::for_each_micro_batch:
    case HostOp::with_whole_batch:
      return ExecuteLoop(instruction);
    case HostOp::end:
      return ExecuteEnd();
    case HostOp::leave:
      Leave();
      return absl::OkStatus();
    case HostOp::call:
      GRAFT_RETURN_IF_ERROR(Call(instruction));
      break;
    case HostOp::fill_cache:
      GRAFT_RETURN_IF_ERROR(FillCache(instruction.index));
      break;
    case HostOp::evaluate:
      GRAFT_RETURN_IF_ERROR(Evaluate(instruction));
      break;
    case HostOp::test_finite: {
      GRAFT_ASSIGN_OR_RETURN(const bool finite,
                             services_.TestFinite(instruction.text));
      state_.registers[instruction.target] = finite ? 1 : 0;
      break;
    }
    case HostOp::reset:
      GRAFT_RETURN_IF_ERROR(services_.Reset(instruction.text));
      break;
    case HostOp::log:
      GRAFT_RETURN_IF_ERROR(services_.Log(instruction));
      break;
    case HostOp::keep:
      GRAFT_RETURN_IF_ERROR(services_.Keep(instruction.text));
      break;
    case HostOp::restore:
      GRAFT_RETURN_IF_ERROR(services_.Restore(instruction.text));
      break;
    case HostOp::mark: {
      // A run that resumes here is behind the mark.
      ++state_.at;
      ++state_.marks;
      ClearRows();
      return services_.Mark(instruction, Value(instruction.expression) != 0);
    }
    case HostOp::fail:
      return services_.Fail(instruction);
  }
  ++state_.at;
  return absl::OkStatus();
}

absl::Status HostInterpreter::ExecuteLoop(const HostInstruction& instruction) {
  const size_t end = steps_[state_.at].end;
  switch (instruction.op) {
    case HostOp::repeat: {
      state_.registers[instruction.target] = 0;
      const bool enters = 0 < Value(instruction.expression);
      state_.at = enters ? state_.at + 1 : end + 1;
      return absl::OkStatus();
    }
    case HostOp::for_each_batch:
    case HostOp::with_batch:
      GRAFT_RETURN_IF_ERROR(
          SetBatchSize(instruction.index, Value(instruction.expression)));
      if (instruction.op == HostOp::for_each_batch)
        BeginEpoch(instruction.index);
      GRAFT_RETURN_IF_ERROR(
          BeginBatches(state_.at, state_.streams[instruction.index].batches));
      GRAFT_RETURN_IF_ERROR(Draw(instruction.index));
      Count(instruction.index);
      break;
    case HostOp::with_whole_batch:
      GRAFT_RETURN_IF_ERROR(PackWhole(instruction.index));
      break;
    default:
      GRAFT_RETURN_IF_ERROR(CheckWhole(instruction));
      state_.streams[instruction.index].micro_batch = 0;
      Pack(instruction.index);
  }
  ++state_.at;
  return absl::OkStatus();
}

absl::Status HostInterpreter::ExecuteEnd() {
  const size_t begin = steps_[state_.at].begin;
  const HostInstruction& opened = program_.instructions[begin];
  bool again = false;
  switch (opened.op) {
    case HostOp::repeat:
      state_.registers[opened.target] += 1;
      again = state_.registers[opened.target] < Value(opened.expression);
      break;
    case HostOp::for_each_batch: {
      Stream& stream = streams_[opened.index];
      again = state_.streams[opened.index].batches % stream.per_epoch != 0;
      if (again) {
        GRAFT_RETURN_IF_ERROR(Draw(opened.index));
        Count(opened.index);
      } else {
        CloseBatch(opened.index);
      }
      break;
    }
    case HostOp::with_batch:
      CloseBatch(opened.index);
      break;
    case HostOp::with_whole_batch:
      packed_[opened.index] = nullptr;
      break;
    case HostOp::for_each_micro_batch: {
      StreamPosition& position = state_.streams[opened.index];
      ++position.micro_batch;
      again = position.micro_batch <
              static_cast<int64_t>(
                  streams_[opened.index].batch->micro_batches.size());
      if (again) {
        Pack(opened.index);
      } else {
        position.micro_batch = -1;
        packed_[opened.index] = nullptr;
      }
      break;
    }
    default:
      break;
  }
  state_.at = again ? begin + 1 : state_.at + 1;
  return absl::OkStatus();
}

void HostInterpreter::Count(uint32_t stream) {
  examples_ += streams_[stream].batch->examples.size();
  tokens_ += streams_[stream].batch->examples.tokens();
}

void HostInterpreter::CloseBatch(uint32_t stream) {
  streams_[stream].batch = nullptr;
  facts_[stream].examples = nullptr;
}

void HostInterpreter::Leave() {
  const Step& step = steps_[state_.at];
  for (const uint32_t stream : step.micro_loops) {
    state_.streams[stream].micro_batch = -1;
    packed_[stream] = nullptr;
  }
  for (const uint32_t stream : step.batches) {
    packed_[stream] = nullptr;
    CloseBatch(stream);
  }
  state_.at = step.behind;
}

absl::Status HostInterpreter::Call(const HostInstruction& instruction) {
  EntryCaller& entry = *steps_[state_.at].entry;
  const double step =
      instruction.expression.empty() ? 0 : Value(instruction.expression);
  // A number that is none has no step.
  const bool counts = step >= 0 && step < 4294967296.0;
  instance_.SetRandom(seed_, counts ? static_cast<uint32_t>(step) : 0);
  GRAFT_RETURN_IF_ERROR(entry.Call(packed_, state_.registers));
  for (const size_t cache : steps_[state_.at].rows)
    GRAFT_RETURN_IF_ERROR(KeepRows(cache, entry));
  for (const AssignmentSpec& assignment : instruction.assignments)
    Assign(assignment, entry.Output(assignment.name)[0]);
  return absl::OkStatus();
}

absl::Status HostInterpreter::FillCache(size_t cache) {
  const uint32_t index = spec_.caches[cache].stream;
  if (!facts_[index].present)
    return absl::InvalidArgumentError(
        absl::StrCat("expects data for the stream ", spec_.streams[index].name,
                     ", got none"));
  GRAFT_ASSIGN_OR_RETURN(CachedRows rows, services_.FillCache(cache));
  std::vector<CachedRows>& caches = streams_[index].caches;
  std::erase_if(
      caches, [&](const CachedRows& other) { return other.name == rows.name; });
  caches.push_back(std::move(rows));
  state_.filled[cache] = true;
  if (streams_[index].batches) ReservePacked(index);
  return absl::OkStatus();
}

absl::Status HostInterpreter::Evaluate(const HostInstruction& instruction) {
  GRAFT_ASSIGN_OR_RETURN(
      const HostServices::Score result,
      services_.Evaluate(instruction.index, instruction.stream));
  for (const AssignmentSpec& assignment : instruction.assignments)
    Assign(assignment, assignment.name == "loss" ? result.loss : result.score);
  return absl::OkStatus();
}

}  // namespace graft

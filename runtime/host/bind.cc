// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Prepares an interpreter: blocks, entries, columns.

#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/host/interpreter.h"

namespace graft {

HostInterpreter::HostInterpreter(Instance& instance,
                                 const HostProgramSpec& program, uint64_t seed,
                                 HostServices& services)
    : instance_(instance),
      spec_(instance.artifact().spec()),
      program_(program),
      seed_(seed),
      services_(services) {}

absl::StatusOr<std::unique_ptr<HostInterpreter>> HostInterpreter::Create(
    Instance& instance, const HostProgramSpec& program,
    std::vector<StreamData> streams, uint64_t seed, HostServices& services) {
  std::unique_ptr<HostInterpreter> interpreter(
      new HostInterpreter(instance, program, seed, services));
  GRAFT_RETURN_IF_ERROR(interpreter->Bind(std::move(streams)));
  return interpreter;
}

absl::Status HostInterpreter::Bind(std::vector<StreamData> streams) {
  streams.resize(spec_.streams.size());
  streams_.resize(streams.size());
  facts_.resize(streams.size());
  packed_.resize(streams.size());
  for (size_t i = 0; i < streams.size(); ++i) {
    streams_[i].data = streams[i];
    streams_[i].capacity = StreamCapacity(spec_, spec_.streams[i]);
    facts_[i].present = streams[i].source != nullptr;
    if (facts_[i].present) facts_[i].rows = streams[i].source->size();
    if (const StreamTasks* tasks = streams[i].tasks)
      facts_[i].task_rows = FewestTaskRows(*tasks);
  }
  state_.streams.resize(streams.size());
  state_.filled.resize(spec_.caches.size());
  for (const CacheSpec& cache : spec_.caches) {
    if (!cache.batch) continue;
    const int64_t width = CacheWidth(spec_, cache);
    const int32_t size = spec_.streams[cache.stream].batch;
    const int64_t most = size < 0 ? 0 : spec_.sizes[size].bound;
    streams_[cache.stream].caches.push_back(
        {cache.name, width, std::vector<float>(most * width), true});
  }
  for (const RegisterSpec& reg : spec_.registers)
    state_.registers.push_back(reg.initial);
  GRAFT_RETURN_IF_ERROR(BindFields());
  GRAFT_RETURN_IF_ERROR(CheckTasks());
  steps_.resize(program_.instructions.size());
  std::vector<size_t> open;
  for (size_t i = 0; i < steps_.size(); ++i) {
    const HostOp op = program_.instructions[i].op;
    if (op == HostOp::end || op == HostOp::otherwise) {
      steps_[i].begin = open.back();
      if (op == HostOp::end) open.pop_back();
    }
    const auto outermost = absl::c_find_if(
        open, [&](size_t at) { return IsLoop(program_.instructions[at].op); });
    if (outermost != open.end())
      steps_[i].behind = BlockEnd(program_, *outermost) + 1;
    for (auto at = outermost; at != open.end(); ++at) {
      const HostInstruction& around = program_.instructions[*at];
      if (DrawsBatch(around.op)) steps_[i].batches.push_back(around.index);
      if (around.op == HostOp::for_each_micro_batch)
        steps_[i].micro_loops.push_back(around.index);
    }
    if (DrawsBatch(op)) steps_[i].leader = FindLeader(i, open);
    if (OpensBlock(op) || op == HostOp::otherwise)
      steps_[i].end = BlockEnd(program_, i);
    if (OpensBlock(op)) open.push_back(i);
    GRAFT_RETURN_IF_ERROR(BindInstruction(i));
  }
  return absl::OkStatus();
}

absl::Status HostInterpreter::CheckTasks() const {
  const Stream* first = nullptr;
  for (size_t i = 0; i < streams_.size(); ++i) {
    const StreamTasks* tasks = streams_[i].data.tasks;
    if (tasks == nullptr) continue;
    const absl::Status status = CheckParts(*tasks);
    if (!status.ok())
      return absl::Status(status.code(), absl::StrCat(spec_.streams[i].name,
                                                      ": ", status.message()));
    if (first == nullptr) first = &streams_[i];
    const int64_t expected = first->data.tasks->rows.size();
    if (tasks->rows.size() != expected)
      return absl::InvalidArgumentError(absl::StrCat(
          "expects ", expected, " tasks of the stream ", spec_.streams[i].name,
          ", as ", spec_.streams[first - streams_.data()].name, " has, got ",
          tasks->rows.size()));
  }
  return absl::OkStatus();
}

uint32_t HostInterpreter::FindLeader(size_t at,
                                     const std::vector<size_t>& open) const {
  const HostInstruction& loop = program_.instructions[at];
  // A loop over all batches goes through tasks by itself.
  if (loop.op != HostOp::with_batch || !streams_[loop.index].data.tasks)
    return loop.index;
  for (const size_t other : open) {
    const HostInstruction& around = program_.instructions[other];
    if (DrawsBatch(around.op) && streams_[around.index].data.tasks)
      return around.index;
  }
  return loop.index;
}

// Finds the columns of the fields that expressions sum.
absl::Status HostInterpreter::BindFields() {
  for (StreamFacts& facts : facts_)
    facts.columns.resize(program_.fields.size());
  for (const HostInstruction& instruction : program_.instructions) {
    for (const ExpressionStep& step : instruction.expression) {
      if (step.op != ExpressionOp::sum || !facts_[step.index].present) continue;
      const Schema& schema = streams_[step.index].data.source->schema();
      for (const int32_t field : {step.field, step.mask}) {
        if (field < 0) continue;
        const std::string& name = program_.fields[field];
        const std::optional<size_t> column = schema.Find(name);
        if (!column ||
            schema.columns()[*column].per != ColumnSpec::Per::kExample ||
            schema.columns()[*column].width != 1)
          return absl::InvalidArgumentError(absl::StrCat(
              "expects the stream ", spec_.streams[step.index].name,
              " with one number of ", name, " per example, got ",
              schema.Names()));
        facts_[step.index].columns[field] = column;
      }
    }
  }
  return absl::OkStatus();
}

absl::Status HostInterpreter::BindInstruction(size_t at) {
  const HostInstruction& instruction = program_.instructions[at];
  if (instruction.op != HostOp::call) return absl::OkStatus();
  const EntrySpec& entry = spec_.entries[instruction.index];
  GRAFT_ASSIGN_OR_RETURN(EntryCaller caller,
                         EntryCaller::Create(instance_, entry.name));
  for (const uint32_t stream : StreamsOf(spec_, entry))
    if (facts_[stream].present)
      GRAFT_RETURN_IF_ERROR(
          caller.CheckSchema(stream, streams_[stream].data.source->schema()));
  steps_[at].entry.emplace(std::move(caller));
  for (size_t i = 0; i < spec_.caches.size(); ++i)
    if (spec_.caches[i].batch && spec_.caches[i].entry == instruction.index)
      steps_[at].rows.push_back(i);
  return absl::OkStatus();
}

}  // namespace graft

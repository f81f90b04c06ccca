// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/host/interpreter.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/data/sampler.h"

namespace graft {
namespace {

constexpr double kMostExamples = 1e9;  // of a batch
constexpr int64_t kMostBatches = int64_t{1} << 62;

// Rounded up; 0 for nothing.
int64_t Quotient(int64_t count, int64_t size) {
  return size == 0 ? 0 : count / size + (count % size != 0);
}

}  // namespace

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
  }
  state_.streams.resize(streams.size());
  state_.filled.resize(spec_.caches.size());
  for (const RegisterSpec& reg : spec_.registers)
    state_.registers.push_back(reg.initial);
  GRAFT_RETURN_IF_ERROR(BindFields());
  steps_.resize(program_.instructions.size());
  std::vector<size_t> open;
  for (size_t i = 0; i < steps_.size(); ++i) {
    const HostOp op = program_.instructions[i].op;
    if (op == HostOp::end || op == HostOp::otherwise) {
      steps_[i].begin = open.back();
      if (op == HostOp::end) open.pop_back();
    }
    for (const size_t at : open) {
      const HostInstruction& around = program_.instructions[at];
      if (around.op == HostOp::for_each_batch)
        steps_[i].loops.push_back(around.index);
      if (around.op == HostOp::for_each_micro_batch)
        steps_[i].micro_loops.push_back(around.index);
    }
    const auto loop = absl::c_find_if(
        open, [&](size_t at) { return IsLoop(program_.instructions[at].op); });
    if (loop != open.end()) steps_[i].behind = BlockEnd(program_, *loop) + 1;
    if (OpensBlock(op) || op == HostOp::otherwise)
      steps_[i].end = BlockEnd(program_, i);
    if (OpensBlock(op)) open.push_back(i);
    GRAFT_RETURN_IF_ERROR(BindInstruction(i));
  }
  return absl::OkStatus();
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
  return absl::OkStatus();
}

double HostInterpreter::seconds_waited() const {
  double seconds = 0;
  for (const Stream& stream : streams_)
    seconds += stream.seconds_waited +
               (stream.batches ? stream.batches->seconds_waited() : 0);
  return seconds;
}

double HostInterpreter::Value(const Expression& expression) const {
  return EvaluateExpression(expression, state_.registers, facts_);
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
    if (loop.op != HostOp::for_each_batch || i >= state_.at ||
        state_.at > steps_[i].end)
      continue;
    StreamPosition& position = state_.streams[loop.index];
    GRAFT_RETURN_IF_ERROR(BeginBatches(loop.index, position.batches - 1));
    --position.batches;
    GRAFT_RETURN_IF_ERROR(Draw(loop.index));
    const size_t count = streams_[loop.index].batch->micro_batches.size();
    if (position.micro_batch >= static_cast<int64_t>(count))
      return absl::InvalidArgumentError(
          absl::StrCat("stream ", spec_.streams[loop.index].name,
                       ": expects a micro-batch below ", count, ", got ",
                       position.micro_batch));
    if (position.micro_batch >= 0) Pack(loop.index);
  }
  return absl::OkStatus();
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
    case HostOp::for_each_micro_batch:
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
      GRAFT_RETURN_IF_ERROR(
          SetBatchSize(instruction.index, Value(instruction.expression)));
      GRAFT_RETURN_IF_ERROR(BeginBatches(
          instruction.index, state_.streams[instruction.index].batches));
      GRAFT_RETURN_IF_ERROR(Draw(instruction.index));
      examples_ += facts_[instruction.index].examples->size();
      break;
    default:
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
        examples_ += stream.batch->examples.size();
      } else {
        stream.batch = nullptr;
        facts_[opened.index].examples = nullptr;
      }
      break;
    }
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

void HostInterpreter::Leave() {
  const Step& step = steps_[state_.at];
  for (const uint32_t stream : step.micro_loops) {
    state_.streams[stream].micro_batch = -1;
    packed_[stream] = nullptr;
  }
  for (const uint32_t stream : step.loops) {
    streams_[stream].batch = nullptr;
    facts_[stream].examples = nullptr;
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

void HostInterpreter::ReservePacked(uint32_t index) {
  Stream& stream = streams_[index];
  stream.packed.Reserve(stream.data.source->schema(), stream.caches,
                        stream.capacity);
}

absl::Status HostInterpreter::SetBatchSize(uint32_t index, double size) {
  if (!(size >= 1) || size != std::floor(size) || size > kMostExamples)
    return absl::InvalidArgumentError(absl::StrCat(
        "expects a batch of 1 to 1000000000 examples of the stream ",
        spec_.streams[index].name, ", got ", size));
  StreamPosition& position = state_.streams[index];
  const auto examples = static_cast<int64_t>(size);
  if (position.size != 0 && position.size != examples) {
    const int64_t rows = facts_[index].rows;
    const int64_t epochs =
        Quotient(position.batches, Quotient(rows, position.size));
    const int64_t per_epoch = Quotient(rows, examples);
    // A state of strangers may count more than 63 bits hold.
    position.batches =
        std::min(epochs, kMostBatches / std::max<int64_t>(per_epoch, 1)) *
        per_epoch;
  }
  position.size = examples;
  return absl::OkStatus();
}

absl::Status HostInterpreter::BeginBatches(uint32_t index, int64_t first) {
  Stream& stream = streams_[index];
  if (!facts_[index].present || facts_[index].rows == 0)
    return absl::InvalidArgumentError(
        absl::StrCat("expects examples of the stream ",
                     spec_.streams[index].name, ", got none"));
  const int64_t examples = state_.streams[index].size;
  if (stream.batches && stream.next == first && stream.size == examples)
    return absl::OkStatus();
  if (stream.batches) stream.seconds_waited += stream.batches->seconds_waited();
  stream.batches.reset();
  stream.size = examples;
  stream.next = first;
  stream.per_epoch = Quotient(facts_[index].rows, examples);
  TrainingOrder order;
  order.batch_size = examples;
  order.first_step = first;
  order.steps = std::numeric_limits<int64_t>::max();
  order.shuffle = stream.data.shuffle;
  order.seed = seed_;
  ExampleSource& source = *stream.data.source;
  const int64_t most = std::min(examples, facts_[index].rows);
  ReservePacked(index);
  GRAFT_ASSIGN_OR_RETURN(
      stream.batches,
      BatchStream::Start(TrainingBatches(source, order, stream.capacity),
                         source.schema(), most, most * source.longest()));
  return absl::OkStatus();
}

absl::Status HostInterpreter::Draw(uint32_t index) {
  Stream& stream = streams_[index];
  GRAFT_ASSIGN_OR_RETURN(stream.batch, stream.batches->Next());
  ++stream.next;
  ++state_.streams[index].batches;
  facts_[index].examples = &stream.batch->examples;
  return absl::OkStatus();
}

void HostInterpreter::Pack(uint32_t index) {
  Stream& stream = streams_[index];
  PackBatch(stream.batch->examples,
            stream.batch->micro_batches[state_.streams[index].micro_batch],
            stream.caches, stream.packed);
  packed_[index] = &stream.packed;
  tokens_ += stream.packed.tokens();
}

}  // namespace graft

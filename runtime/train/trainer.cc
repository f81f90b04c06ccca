// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/trainer.h"

#include <algorithm>
#include <cmath>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/status_macros.h"
#include "runtime/binding/run_batches.h"
#include "runtime/data/sampler.h"
#include "runtime/predict/evaluate.h"
#include "runtime/train/cache.h"
#include "runtime/train/parameters.h"

namespace graft {
namespace {

// More than any step.
constexpr double kMostSteps = 1e15;

// Of which the results of a trained model are looked at.
constexpr int64_t kCheckedExamples = 8;

int64_t ToCount(double value) {
  return value > 0 && value < kMostSteps ? static_cast<int64_t>(value) : 0;
}

template <typename Range>
std::string Names(const Range& range) {
  std::string names;
  for (const auto& item : range)
    absl::StrAppend(&names, names.empty() ? "" : ", ", item.name);
  return names.empty() ? "none" : names;
}

}  // namespace

Trainer::Trainer(FileSystem& files, Instance& instance,
                 std::vector<TrainStream> streams, TrainOptions options)
    : files_(files),
      instance_(instance),
      spec_(instance.artifact().spec()),
      streams_(std::move(streams)),
      options_(std::move(options)) {}

absl::StatusOr<const HostProgramSpec*> Trainer::FindProgram() const {
  if (spec_.host_programs.size() == 1) return &spec_.host_programs.front();
  if (spec_.host_programs.empty())
    return absl::InvalidArgumentError(absl::StrCat(
        instance_.artifact().path(),
        ": expects a program that trains, got one of a strategy without "
        "transfer.phase, which predicts alone; graft-compile writes it"));
  return absl::InvalidArgumentError(absl::StrCat(
      instance_.artifact().path(),
      ": expects an artifact with one host program, to train by, got ",
      Names(spec_.host_programs)));
}

absl::Status Trainer::Prepare() {
  GRAFT_ASSIGN_OR_RETURN(const HostProgramSpec* program, FindProgram());
  for (const HostInstruction& instruction : program->instructions)
    if (instruction.op == HostOp::mark) marks_.push_back(&instruction);
  summary_.stages = marks_.size();
  by_index_.resize(spec_.streams.size());
  std::vector<StreamData> data(spec_.streams.size());
  for (const TrainStream& stream : streams_) {
    const auto found = absl::c_find_if(
        spec_.streams,
        [&](const StreamSpec& spec) { return spec.name == stream.name; });
    if (found == spec_.streams.end())
      return absl::InvalidArgumentError(
          absl::StrCat("expects data for the streams ", Names(spec_.streams),
                       ", got ", stream.name));
    const auto index = static_cast<size_t>(found - spec_.streams.begin());
    by_index_[index] = &stream;
    data[index] = {stream.source, stream.shuffle, stream.tasks};
  }
  GRAFT_ASSIGN_OR_RETURN(interpreter_, HostInterpreter::Create(
                                           instance_, *program, std::move(data),
                                           options_.seed, *this));
  if (options_.resume) GRAFT_RETURN_IF_ERROR(Resume());
  GRAFT_RETURN_IF_ERROR(SetRegisters());
  if (options_.begin) GRAFT_RETURN_IF_ERROR(options_.begin(resumed_));
  if (options_.directory.empty()) return absl::OkStatus();
  GRAFT_ASSIGN_OR_RETURN(
      log_, RunLog::Open(files_, options_.directory, *program, log_start_));
  return absl::OkStatus();
}

absl::Status Trainer::SetRegisters() {
  for (const auto& [name, value] : options_.registers) {
    const auto found =
        absl::c_find_if(spec_.registers, [&](const RegisterSpec& reg) {
          return reg.name == name && reg.kind != RegisterKind::variable;
        });
    if (found == spec_.registers.end())
      return absl::InvalidArgumentError(absl::StrCat(
          "expects a program with the parameter ", name, ", got none"));
    if (!(value >= found->minimum && value <= found->maximum))
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": expects a number from ", found->minimum, " to ",
                       found->maximum, ", got ", value));
    interpreter_->state().registers[found - spec_.registers.begin()] = value;
  }
  return absl::OkStatus();
}

double Trainer::Shown(absl::string_view name) const {
  if (!marks_.empty())
    for (const AssignmentSpec& value : marks_.front()->assignments)
      if (value.name == name)
        return interpreter_->state().registers[value.target];
  return 0;
}

bool Trainer::Stop(size_t at) {
  if (progress_->stop_at && progress_->stop_at(at)) return true;
  return stop_->load(std::memory_order_relaxed);
}

absl::StatusOr<CachedRows> Trainer::FillCache(size_t cache) {
  const CacheSpec& spec = spec_.caches[cache];
  const TrainStream& stream = *by_index_[spec.stream];
  GRAFT_ASSIGN_OR_RETURN(
      CacheReport report,
      graft::FillCache(
          files_, instance_, cache,
          options_.cached.empty() ? CacheFolder{options_.directory, false}
                                  : CacheFolder{options_.cached, true},
          *stream.source, stream.fingerprint,
          [&](int64_t done, int64_t all) {
            if (progress_->cache) progress_->cache(spec.name, done, all);
          },
          [&] { return stop_->load(std::memory_order_relaxed); }));
  if (!report.warning.empty()) summary_.warnings.push_back(report.warning);
  if (progress_->cache_filled)
    progress_->cache_filled(spec.name, report.computed);
  return std::move(report.rows);
}

absl::StatusOr<HostServices::Score> Trainer::Evaluate(size_t entry,
                                                      size_t stream) {
  if (by_index_[stream] == nullptr)
    return absl::InvalidArgumentError(
        absl::StrCat("expects data for the stream ", spec_.streams[stream].name,
                     ", got none"));
  GRAFT_ASSIGN_OR_RETURN(
      EntryCaller caller,
      EntryCaller::Create(instance_, spec_.entries[entry].name));
  GRAFT_ASSIGN_OR_RETURN(
      const EvaluationResult result,
      EvaluateAll(caller, StreamCapacity(spec_, spec_.streams[stream]),
                  InOrder(*by_index_[stream]->source)));
  if (stop_->load(std::memory_order_relaxed))
    return absl::CancelledError("stopped by a signal");
  if (!std::isfinite(result.loss) || !std::isfinite(result.score)) {
    finite_ = false;
    GRAFT_ASSIGN_OR_RETURN(const std::string first,
                           FirstNonFiniteParameter(instance_));
    return absl::DataLossError(absl::StrCat(
        "step ", ToCount(Shown("step")), ": evaluation on ",
        spec_.streams[stream].name, ": expects a finite loss and score, got ",
        result.loss, " and ", result.score,
        first.empty() ? "" : "; first non-finite tensor: ", first, KeptNote()));
  }
  return Score{result.loss, result.score};
}

absl::StatusOr<bool> Trainer::TestFinite(const std::string& state) {
  GRAFT_ASSIGN_OR_RETURN(const std::string first,
                         FirstNonFinite(instance_, state));
  return first.empty();
}

absl::Status Trainer::Reset(const std::string& state) {
  return ResetStates(instance_, state, options_.seed);
}

absl::Status Trainer::Log(const HostInstruction& instruction) {
  if (!log_) return absl::OkStatus();
  Measure();
  const double seconds = std::max(summary_.seconds, 1e-9);
  const RunSpeed speed = {static_cast<double>(summary_.examples) / seconds,
                          summary_.seconds_waited / seconds};
  return log_->Write(instruction, interpreter_->state().registers, speed);
}

absl::Status Trainer::Mark(const HostInstruction& instruction, bool save) {
  summary_.stage = absl::c_find(marks_, &instruction) - marks_.begin() + 1;
  if (progress_->step) {
    Measure();
    progress_->step(Report());
  }
  if (!save || options_.directory.empty()) return absl::OkStatus();
  // Behind an update, so that even gradients of fp16 have no infinities.
  GRAFT_RETURN_IF_ERROR(CheckFinite(/*with_states=*/true));
  return Save();
}

absl::Status Trainer::CheckFinite(bool with_states) {
  GRAFT_ASSIGN_OR_RETURN(const std::string first,
                         with_states ? FirstNonFinite(instance_, /*state=*/"")
                                     : FirstNonFiniteParameter(instance_));
  if (first.empty()) return absl::OkStatus();
  finite_ = false;
  return absl::DataLossError(
      absl::StrCat("step ", ToCount(Shown("step")),
                   ": expects finite parameters after the update; first "
                   "non-finite tensor: ",
                   first, KeptNote()));
}

absl::Status Trainer::CheckResults() {
  for (const size_t entry : PredictionEntries(spec_))
    GRAFT_RETURN_IF_ERROR(CheckResults(entry));
  return absl::OkStatus();
}

absl::Status Trainer::CheckResults(size_t entry) {
  GRAFT_ASSIGN_OR_RETURN(const uint32_t stream,
                         OnlyStream(instance_.artifact(), entry));
  const TrainStream* const data = by_index_[stream];
  if (data == nullptr) return absl::OkStatus();
  GRAFT_ASSIGN_OR_RETURN(
      EntryCaller caller,
      EntryCaller::Create(instance_, spec_.entries[entry].name));
  ExampleFeed feed = InOrder(*data->source);
  feed.next = [all = std::move(feed.next), left = kCheckedExamples](
                  Examples& examples) mutable -> absl::StatusOr<bool> {
    if (left == 0) return false;
    --left;
    return all(examples);
  };
  return RunBatches(
      caller, StreamCapacity(spec_, spec_.streams[stream]), std::move(feed),
      [&](const Examples&) -> absl::Status {
        for (const float value : caller.Output("logits"))
          if (!std::isfinite(value))
            return absl::DataLossError(absl::StrCat(
                "step ", ToCount(Shown("step")),
                ": expects finite results of the trained model, got ", value,
                " for the first examples of ", data->name, KeptNote()));
        return absl::OkStatus();
      });
}

absl::Status Trainer::Fail(const HostInstruction& instruction) {
  finite_ = false;
  GRAFT_ASSIGN_OR_RETURN(const std::string first,
                         FirstNonFinite(instance_, /*state=*/""));
  std::string where, found;
  for (const AssignmentSpec& value : instruction.assignments) {
    const double number = interpreter_->state().registers[value.target];
    if (value.name == "step")
      absl::StrAppend(&where, "step ", ToCount(number), ": ");
    else
      absl::StrAppend(&found, ", ", value.name, " ", number);
  }
  return absl::DataLossError(absl::StrCat(
      where, instruction.text, found,
      first.empty() ? "" : "; first non-finite tensor: ", first, KeptNote()));
}

void Trainer::Measure() {
  summary_.seconds = absl::ToDoubleSeconds(absl::Now() - start_);
  summary_.examples = interpreter_->examples();
  summary_.tokens = interpreter_->tokens();
  summary_.seconds_waited = interpreter_->seconds_waited();
}

StepReport Trainer::Report() const {
  StepReport report;
  report.step = ToCount(Shown("step"));
  report.total_steps = ToCount(Shown("last_step"));
  report.stage = summary_.stage;
  report.stages = summary_.stages;
  report.loss = Shown("loss");
  report.rate = Shown("rate");
  const double seconds = std::max(summary_.seconds, 1e-9);
  report.examples_per_second = static_cast<double>(summary_.examples) / seconds;
  report.tokens_per_second = static_cast<double>(summary_.tokens) / seconds;
  const int64_t done = report.step - summary_.first_step;
  report.seconds_left = seconds *
                        static_cast<double>(report.total_steps - report.step) /
                        static_cast<double>(std::max<int64_t>(done, 1));
  return report;
}

void Trainer::Summarise() {
  Measure();
  summary_.steps = ToCount(Shown("step"));
  summary_.last_loss = Shown("loss");
  summary_.best_step = ToCount(Shown("best_step"));
  summary_.best_score = Shown("best_score");
  summary_.stopped_early = Shown("stopped_early") != 0;
  if (summary_.steps > 0)
    summary_.mean_loss =
        Shown("loss_sum") / static_cast<double>(summary_.steps);
}

// Draws and lists of a schedule may leave a stream out for a whole run.
void Trainer::WarnOfUntakenStreams() {
  if (summary_.stage < summary_.stages) return;
  std::vector<uint32_t> untaken;
  for (const HostInstruction& loop : interpreter_->program().instructions) {
    if (!DrawsBatch(loop.op) ||
        interpreter_->state().streams[loop.index].batches > 0 ||
        absl::c_linear_search(untaken, loop.index))
      continue;
    untaken.push_back(loop.index);
    summary_.warnings.push_back(absl::StrCat(
        "no step took a batch of the stream ", spec_.streams[loop.index].name,
        ": what it alone trains has not changed"));
  }
}

absl::StatusOr<TrainSummary> Trainer::Run(const TrainProgress& progress,
                                          const std::atomic<bool>& stop) {
  progress_ = &progress;
  stop_ = &stop;
  GRAFT_RETURN_IF_ERROR(Prepare());
  summary_.first_step = ToCount(Shown("step"));
  start_ = absl::Now();
  const absl::StatusOr<bool> ran = interpreter_->Run();
  if (!ran.ok()) return FailedWith(ran.status());
  const bool finished = *ran;
  Summarise();
  summary_.interrupted = !finished;
  GRAFT_RETURN_IF_ERROR(CheckFinite(/*with_states=*/false));
  if (finished) {
    GRAFT_RETURN_IF_ERROR(CheckResults());
    WarnOfUntakenStreams();
  }
  if (!finished && !options_.directory.empty()) GRAFT_RETURN_IF_ERROR(Save());
  return summary_;
}

}  // namespace graft

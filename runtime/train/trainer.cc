// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/trainer.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runtime/base/status_macros.h"
#include "runtime/data/sampler.h"
#include "runtime/predict/evaluate.h"
#include "runtime/train/parameters.h"

namespace graft {
namespace {

// More than any line of metrics.jsonl.
constexpr size_t kLineRoom = 256;

// Of the host program of an optimiser step.
constexpr absl::string_view kProgram = "train";

double Now() { return absl::ToUnixMicros(absl::Now()) * 1e-6; }

// Examples with a label, at least 1: without any their loss is zero, and so is
// zero divided by one.
int64_t CountLabelled(const Examples& examples) {
  const Schema& schema = examples.schema();
  const std::optional<size_t> column = schema.Find(kLabelsColumn);
  if (!column || schema.columns()[*column].dtype != DType::kI32)
    return examples.size();
  int64_t labelled = 0;
  for (const int32_t label : examples.columns().ints(*column))
    labelled += label != kNoLabel;
  return std::max<int64_t>(labelled, 1);
}

std::string BestPath(const std::string& directory) {
  return JoinPath(directory, "best.safetensors");
}

}  // namespace

Trainer::Trainer(FileSystem& files, Instance& instance, ExampleSource& train,
                 absl::Span<const CachedRows> caches, ExampleSource* dev,
                 TrainOptions options)
    : files_(files),
      instance_(instance),
      train_(train),
      caches_(caches),
      dev_(dev),
      options_(std::move(options)) {}

absl::Status Trainer::Prepare() {
  if (train_.size() == 0)
    return absl::InvalidArgumentError("expects examples to train on, got none");
  GRAFT_RETURN_IF_ERROR(BindHostProgram());
  if (dev_ && options_.evaluate_every > 0) {
    GRAFT_ASSIGN_OR_RETURN(evaluate_,
                           EntryCaller::Create(instance_, "evaluate"));
  }
  GRAFT_ASSIGN_OR_RETURN(capacity_, ProgramCapacity(instance_.artifact()));
  total_steps_ = (train_.size() + options_.batch_size - 1) /
                 options_.batch_size * options_.epochs;
  schedule_ = {options_.schedule, options_.learning_rate,
               static_cast<int64_t>(std::llround(
                   options_.warmup_ratio * static_cast<double>(total_steps_))),
               total_steps_};
  if (options_.max_steps > 0)
    total_steps_ = std::min(total_steps_, options_.max_steps);
  packed_.Reserve(train_.schema(), caches_, capacity_);
  line_.reserve(kLineRoom);
  state_.seed = options_.seed;
  state_.run = options_.run;
  if (scales_) state_.loss_scale.scale = options_.loss_scale;
  if (options_.resume) GRAFT_RETURN_IF_ERROR(Resume());
  if (!options_.directory.empty()) {
    GRAFT_ASSIGN_OR_RETURN(
        events_, EventFile::Create(files_, options_.directory, Now()));
    GRAFT_ASSIGN_OR_RETURN(metrics_, files_.OpenAppend(JoinPath(
                                         options_.directory, "metrics.jsonl")));
  }
  TrainingOrder order;
  order.batch_size = options_.batch_size;
  order.first_step = state_.step;
  order.steps = total_steps_;
  order.shuffle = options_.shuffle;
  order.seed = options_.seed;
  const int64_t examples = std::min(options_.batch_size, train_.size());
  GRAFT_ASSIGN_OR_RETURN(
      batches_, BatchStream::Start(TrainingBatches(train_, order, capacity_),
                                   train_.schema(), examples,
                                   examples * train_.longest()));
  return absl::OkStatus();
}

absl::Status Trainer::BindHostProgram() {
  const ArtifactSpec& spec = instance_.artifact().spec();
  const auto found = std::find_if(
      spec.host_programs.begin(), spec.host_programs.end(),
      [](const HostProgramSpec& program) { return program.name == kProgram; });
  if (found == spec.host_programs.end())
    return absl::InvalidArgumentError(
        absl::StrCat("expects an artifact with the host program \"", kProgram,
                     "\", got none"));
  program_.clear();
  int64_t marks = 0;
  for (const HostInstruction& instruction : found->instructions) {
    HostStep& step = program_.emplace_back(HostStep{instruction.op, {}});
    marks += step.op == HostOp::mark;
    if (step.op != HostOp::call) continue;
    GRAFT_ASSIGN_OR_RETURN(
        step.entry,
        EntryCaller::Create(instance_, spec.entries[instruction.entry].name));
    scales_ |= step.entry->TakesScale();
  }
  // In the middle of a step there is more to save than slots.
  if (marks != 1 || program_.back().op != HostOp::mark)
    return absl::InvalidArgumentError(
        absl::StrCat("host program \"", kProgram,
                     "\": expects one mark, at its end, got ", marks));
  return absl::OkStatus();
}

absl::Status Trainer::Resume() {
  GRAFT_ASSIGN_OR_RETURN(std::vector<std::string> paths,
                         ListCheckpoints(files_, options_.directory));
  GRAFT_ASSIGN_OR_RETURN(const std::vector<StateTensor> tensors,
                         TrainableTensors(instance_, /*with_moments=*/true));
  for (const std::string& path : paths) {
    absl::StatusOr<TrainingState> state = LoadCheckpoint(files_, path, tensors);
    if (!state.ok()) {
      summary_.warnings.push_back(absl::StrCat(
          "skipped a checkpoint: ", std::string(state.status().message())));
      continue;
    }
    if (state->run != options_.run)
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": expects a checkpoint of this program, data and options (",
          options_.run, "), got one of ", state->run));
    state_ = *std::move(state);
    return absl::OkStatus();
  }
  if (!summary_.warnings.empty())
    return absl::DataLossError(
        absl::StrCat("no valid checkpoint in ", options_.directory,
                     "; the newest: ", summary_.warnings.front()));
  return absl::OkStatus();
}

absl::Status Trainer::Step() {
  GRAFT_ASSIGN_OR_RETURN(const Batch* batch, batches_->Next());
  const Examples& examples = batch->examples;
  EntryScalars scalars;
  scalars.total = static_cast<float>(examples.size());
  scalars.labelled = static_cast<float>(CountLabelled(examples));
  scalars.rate = static_cast<float>(schedule_.Rate(state_.step));
  // Moments are corrected for the updates that were made.
  LossScale& scale = state_.loss_scale;
  scalars.step = static_cast<int32_t>(state_.step + 1 - scale.skipped);
  if (scales_) {
    scalars.scale = static_cast<float>(scale.scale);
    scalars.unscale = static_cast<float>(1 / scale.scale);
  }
  instance_.SetRandom(options_.seed, static_cast<uint32_t>(state_.step));
  GRAFT_RETURN_IF_ERROR(RunHostProgram(*batch, scalars));
  summary_.examples += examples.size();
  summary_.seconds_waited = batches_->seconds_waited();
  if (std::isfinite(loss_)) state_.loss_sum += loss_;
  if (scales_ && !skipped_) scale.Succeed();
  ++state_.step;
  return absl::OkStatus();
}

absl::Status Trainer::RunHostProgram(const Batch& batch,
                                     const EntryScalars& scalars) {
  size_t loop = 0, micro_batch = 0;
  const PackedBatch* packed = nullptr;  // in a loop over micro-batches
  auto pack = [&] {
    PackBatch(batch.examples, batch.micro_batches[micro_batch], caches_,
              packed_);
    summary_.tokens += packed_.tokens();
    packed = &packed_;
  };
  loss_ = 0;
  skipped_ = false;
  for (size_t at = 0; at < program_.size(); ++at) {
    switch (program_[at].op) {
      case HostOp::for_each_micro_batch:
        loop = at;
        micro_batch = 0;
        pack();
        break;
      case HostOp::call: {
        if (skipped_) break;
        EntryCaller& entry = *program_[at].entry;
        GRAFT_RETURN_IF_ERROR(entry.Call(packed, scalars));
        if (!entry.Output("loss").empty()) loss_ += entry.Output("loss")[0];
        break;
      }
      case HostOp::end:
        if (++micro_batch < batch.micro_batches.size()) {
          pack();
          at = loop;
          break;
        }
        packed = nullptr;
        // Before an update, so that the parameters stay those of the last good
        // step.
        GRAFT_RETURN_IF_ERROR(CheckFinite());
        break;
      case HostOp::mark:
        break;
    }
  }
  return absl::OkStatus();
}

absl::Status Trainer::CheckFinite() {
  if (!scales_ && std::isfinite(loss_)) return absl::OkStatus();
  GRAFT_ASSIGN_OR_RETURN(const std::string first, FirstNonFinite(instance_));
  if (std::isfinite(loss_) && first.empty()) return absl::OkStatus();
  if (scales_ && state_.loss_scale.BackOff()) {
    skipped_ = true;
    return instance_.ZeroSlots(SlotKind::gradient);
  }
  return absl::DataLossError(
      absl::StrCat("step ", state_.step + 1, ": expects a finite loss",
                   scales_ ? " and gradients" : "", ", got ", loss_,
                   first.empty() ? "" : "; first non-finite tensor: ", first,
                   "; checkpoints already written are kept"));
}

absl::Status Trainer::Evaluate() {
  GRAFT_ASSIGN_OR_RETURN(EvaluationResult result,
                         EvaluateAll(*evaluate_, capacity_, InOrder(*dev_)));
  bool better = state_.best_step == 0 || result.score > state_.best;
  if (better) {
    state_.best = result.score;
    state_.best_step = state_.step;
    state_.evaluations_since_best = 0;
    if (!options_.directory.empty()) {
      GRAFT_ASSIGN_OR_RETURN(
          const std::vector<StateTensor> parameters,
          TrainableTensors(instance_, /*with_moments=*/false));
      GRAFT_RETURN_IF_ERROR(SaveCheckpoint(files_, BestPath(options_.directory),
                                           state_, parameters));
    }
  } else if (++state_.evaluations_since_best >= options_.patience &&
             options_.patience > 0) {
    summary_.stopped_early = true;
  }
  if (!metrics_) return absl::OkStatus();
  GRAFT_RETURN_IF_ERROR(
      events_->Write(Now(), state_.step,
                     {{"dev/loss", static_cast<float>(result.loss)},
                      {"dev/score", static_cast<float>(result.score)}}));
  GRAFT_RETURN_IF_ERROR(metrics_->Append(
      absl::StrFormat("{\"step\":%d,\"dev_loss\":%.9g,\"dev_score\":%.9g}\n",
                      state_.step, result.loss, result.score)));
  return metrics_->Flush();
}

absl::Status Trainer::RestoreBest() {
  if (state_.best_step == 0 || state_.best_step == state_.step ||
      options_.directory.empty())
    return absl::OkStatus();
  GRAFT_ASSIGN_OR_RETURN(const std::vector<StateTensor> parameters,
                         TrainableTensors(instance_, /*with_moments=*/false));
  return LoadCheckpoint(files_, BestPath(options_.directory), parameters)
      .status();
}

absl::Status Trainer::Save() {
  GRAFT_ASSIGN_OR_RETURN(const std::vector<StateTensor> tensors,
                         TrainableTensors(instance_, /*with_moments=*/true));
  GRAFT_RETURN_IF_ERROR(
      SaveCheckpoint(files_, CheckpointPath(options_.directory, state_.step),
                     state_, tensors));
  return PruneCheckpoints(files_, options_.directory,
                          options_.keep_checkpoints);
}

absl::Status Trainer::Log(double rate, double examples_per_second) {
  GRAFT_RETURN_IF_ERROR(
      events_->Write(Now(), state_.step,
                     {{"train/loss", static_cast<float>(loss_)},
                      {"train/learning_rate", static_cast<float>(rate)},
                      {"train/examples_per_second",
                       static_cast<float>(examples_per_second)}}));
  line_.clear();
  absl::StrAppendFormat(&line_, "{\"step\":%d,\"loss\":", state_.step);
  // JSON has no other numbers.
  if (std::isfinite(loss_))
    absl::StrAppendFormat(&line_, "%.9g", loss_);
  else
    absl::StrAppend(&line_, "null");
  absl::StrAppendFormat(
      &line_,
      ",\"learning_rate\":%.9g,\"examples_per_second\":%.4g,"
      "\"share_waited\":%.3g",
      rate, examples_per_second,
      summary_.seconds_waited / std::max(summary_.seconds, 1e-9));
  if (const LossScale& scale = state_.loss_scale; scales_)
    absl::StrAppendFormat(&line_, ",\"loss_scale\":%.9g,\"skipped_steps\":%d",
                          scale.scale, scale.skipped);
  absl::StrAppend(&line_, "}\n");
  GRAFT_RETURN_IF_ERROR(metrics_->Append(line_));
  return metrics_->Flush();
}

StepReport Trainer::Report(double rate) const {
  StepReport report;
  report.step = state_.step;
  report.total_steps = total_steps_;
  report.loss = loss_;
  report.rate = rate;
  const double seconds = std::max(summary_.seconds, 1e-9);
  report.examples_per_second = static_cast<double>(summary_.examples) / seconds;
  report.tokens_per_second = static_cast<double>(summary_.tokens) / seconds;
  report.seconds_left = seconds *
                        static_cast<double>(total_steps_ - state_.step) /
                        static_cast<double>(state_.step - summary_.first_step);
  return report;
}

absl::StatusOr<TrainSummary> Trainer::Run(
    const std::function<void(const StepReport&)>& progress,
    const std::atomic<bool>& stop) {
  const absl::Status status = RunSteps(progress, stop);
  batches_.reset();
  GRAFT_RETURN_IF_ERROR(status);
  return summary_;
}

absl::Status Trainer::RunSteps(
    const std::function<void(const StepReport&)>& progress,
    const std::atomic<bool>& stop) {
  GRAFT_RETURN_IF_ERROR(Prepare());
  summary_.first_step = state_.step;
  const absl::Time start = absl::Now();
  while (state_.step < total_steps_ && !summary_.stopped_early) {
    if (stop.load(std::memory_order_relaxed)) {
      summary_.interrupted = true;
      if (!options_.directory.empty()) GRAFT_RETURN_IF_ERROR(Save());
      break;
    }
    const double rate = schedule_.Rate(state_.step);
    GRAFT_RETURN_IF_ERROR(Step());
    summary_.seconds = absl::ToDoubleSeconds(absl::Now() - start);
    const StepReport report = Report(rate);
    if (progress) progress(report);
    const bool last = state_.step == total_steps_;
    if (metrics_ && (state_.step % options_.log_every == 0 || last))
      GRAFT_RETURN_IF_ERROR(Log(rate, report.examples_per_second));
    if (evaluate_ && (state_.step % options_.evaluate_every == 0 || last))
      GRAFT_RETURN_IF_ERROR(Evaluate());
    if (options_.checkpoint_every > 0 && !options_.directory.empty() &&
        state_.step % options_.checkpoint_every == 0)
      GRAFT_RETURN_IF_ERROR(Save());
  }
  if (!summary_.interrupted) GRAFT_RETURN_IF_ERROR(RestoreBest());
  summary_.steps = state_.step;
  summary_.last_loss = loss_;
  summary_.best_step = state_.best_step;
  summary_.best_score = state_.best;
  if (state_.step > 0)
    summary_.mean_loss = state_.loss_sum / static_cast<double>(state_.step);
  return absl::OkStatus();
}

}  // namespace graft

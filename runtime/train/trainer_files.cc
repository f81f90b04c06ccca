// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Checkpoints of a trainer, and the parameters that it keeps.

#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/train/parameters.h"
#include "runtime/train/trainer.h"

namespace graft {

absl::Status Trainer::CheckRun(const std::string& path,
                               const RunState& state) const {
  const std::string difference = DescribeDifference(options_.run, state.run);
  if (!difference.empty())
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": expects a checkpoint of this run, got one of another: ",
        difference));
  if (state.seed == options_.seed) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": expects a checkpoint of the seed ", options_.seed,
                   ", got one of ", state.seed));
}

absl::StatusOr<std::vector<StateTensor>> Trainer::RunTensors() {
  GRAFT_ASSIGN_OR_RETURN(std::vector<StateTensor> tensors,
                         TrainableTensors(instance_, /*with_states=*/true));
  for (CachedRows* rows : interpreter_->batch_rows()) {
    StateTensor& tensor = tensors.emplace_back();
    tensor.name = absl::StrCat("$rows.", rows->name);
    tensor.shape = {static_cast<int64_t>(rows->values.size())};
    tensor.bytes =
        absl::MakeSpan(reinterpret_cast<uint8_t*>(rows->values.data()),
                       rows->values.size() * sizeof(float));
    tensor.from_zero = true;
  }
  return tensors;
}

absl::Status Trainer::Resume() {
  GRAFT_ASSIGN_OR_RETURN(std::vector<std::string> paths,
                         ListCheckpoints(files_, options_.directory));
  GRAFT_ASSIGN_OR_RETURN(const std::vector<StateTensor> tensors, RunTensors());
  std::vector<std::string> skipped;
  for (const std::string& path : paths) {
    absl::StatusOr<RunState> state =
        LoadCheckpoint(files_, path, spec_, interpreter_->program(), tensors);
    if (!state.ok()) {
      // One of another run may not even have the tensors of this one.
      if (const absl::StatusOr<RunRecord> run = ReadRunOf(files_, path);
          run.ok() && !DescribeDifference(options_.run, *run).empty())
        return CheckRun(path, {.host = {}, .seed = options_.seed, .run = *run});
      skipped.emplace_back(state.status().message());
      continue;
    }
    GRAFT_RETURN_IF_ERROR(CheckRun(path, *state));
    for (const std::string& message : skipped)
      summary_.warnings.push_back(
          absl::StrCat("skipped a checkpoint: ", message));
    interpreter_->state() = std::move(state->host);
    kept_ = std::move(state->kept);
    resumed_ = static_cast<int64_t>(Shown("step"));
    log_start_.bytes = state->logged;
    log_start_.step = *resumed_;
    return CheckKept();
  }
  if (!skipped.empty())
    return absl::DataLossError(absl::StrCat("no valid checkpoint in ",
                                            options_.directory,
                                            "; the newest: ", skipped.front()));
  return absl::OkStatus();
}

// The end of the run reads what an evaluation has kept: better to know now.
absl::Status Trainer::CheckKept() {
  GRAFT_ASSIGN_OR_RETURN(const std::vector<StateTensor> parameters,
                         TrainableTensors(instance_, /*with_states=*/false));
  for (const std::string& name : kept_) {
    const absl::Status status =
        CheckTensors(files_, KeptPath(name), parameters);
    if (!status.ok())
      return absl::Status(
          status.code(),
          absl::StrCat(status.message(),
                       "; the run cannot be resumed without the parameters "
                       "that it kept there"));
  }
  return absl::OkStatus();
}

std::string Trainer::KeptPath(const std::string& name) const {
  return JoinPath(options_.directory, absl::StrCat(name, ".safetensors"));
}

absl::Status Trainer::Keep(const std::string& name) {
  if (options_.directory.empty()) return absl::OkStatus();
  GRAFT_ASSIGN_OR_RETURN(const std::vector<StateTensor> parameters,
                         TrainableTensors(instance_, /*with_states=*/false));
  GRAFT_RETURN_IF_ERROR(SaveTensors(files_, KeptPath(name), parameters));
  if (!absl::c_binary_search(kept_, name))
    kept_.insert(absl::c_lower_bound(kept_, name), name);
  return absl::OkStatus();
}

absl::Status Trainer::Restore(const std::string& name) {
  if (options_.directory.empty()) return absl::OkStatus();
  GRAFT_ASSIGN_OR_RETURN(const std::vector<StateTensor> parameters,
                         TrainableTensors(instance_, /*with_states=*/false));
  return LoadTensors(files_, KeptPath(name), parameters);
}

std::string Trainer::KeptNote() const {
  if (options_.directory.empty()) return "";
  const absl::StatusOr<std::vector<std::string>> paths =
      ListCheckpoints(files_, options_.directory);
  if (!paths.ok() || paths->empty()) return "";
  return "; checkpoints already written are kept";
}

absl::Status Trainer::FailedWith(const absl::Status& status) {
  if (!finite_ || options_.directory.empty() ||
      Shown("step") <= static_cast<double>(summary_.first_step) ||
      !CheckFinite(/*with_states=*/false).ok() || !Save().ok())
    return status;
  return absl::Status(
      status.code(),
      absl::StrCat(status.message(), "; the run is saved at step ",
                   static_cast<int64_t>(Shown("step")),
                   ": --resume continues it"));
}

absl::Status Trainer::Save() {
  GRAFT_ASSIGN_OR_RETURN(const std::vector<StateTensor> tensors, RunTensors());
  const HostState& state = interpreter_->state();
  GRAFT_RETURN_IF_ERROR(
      SaveCheckpoint(files_, CheckpointPath(options_.directory, state.marks),
                     {.host = state,
                      .seed = options_.seed,
                      .run = options_.run,
                      .logged = log_ ? log_->size() : 0,
                      .kept = kept_},
                     spec_, tensors));
  return PruneCheckpoints(files_, options_.directory, state.marks,
                          options_.keep_checkpoints);
}

}  // namespace graft

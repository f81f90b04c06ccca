// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The training loop: optimiser steps, evaluation, checkpoints, metrics.

#ifndef GRAFT_RUNTIME_TRAIN_TRAINER_H_
#define GRAFT_RUNTIME_TRAIN_TRAINER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/file.h"
#include "runtime/binding/entry.h"
#include "runtime/data/batch_stream.h"
#include "runtime/data/examples.h"
#include "runtime/executor/instance.h"
#include "runtime/train/checkpoint.h"
#include "runtime/train/event_file.h"
#include "runtime/train/schedule.h"

namespace graft {

struct TrainOptions {
  int64_t batch_size = 32;  // examples of one optimiser step
  int64_t epochs = 1;
  int64_t max_steps = 0;  // stop after as many steps; 0: all epochs
  bool shuffle = false;   // a new order each epoch, keyed by seed and epoch
  uint64_t seed = 0;
  ScheduleKind schedule = ScheduleKind::kLinear;
  double learning_rate = 5e-5;
  double warmup_ratio = 0;  // of all steps
  // First loss scale of a program that scales its loss: a power of two.
  double loss_scale = kFirstLossScale;
  // Directory for checkpoints, metrics.jsonl and event files; must exist.
  // Empty: none of them.
  std::string directory;
  int64_t checkpoint_every = 0;  // steps; 0: only when stopped by a signal
  int keep_checkpoints = 2;
  bool resume = false;  // from the newest valid checkpoint, if any
  std::string run;      // identity that a resumed checkpoint must have
  // Steps between evaluations on the dev set; 0: never. The run ends with the
  // parameters of the best one, which needs a directory.
  int64_t evaluate_every = 0;
  int64_t patience = 0;  // stop after as many evaluations without a better one
  int64_t log_every = 10;  // steps between metrics
};

// Progress of one step, for the terminal.
struct StepReport {
  int64_t step = 0;  // updates made, from 1
  int64_t total_steps = 0;
  double loss = 0;
  double rate = 0;
  double examples_per_second = 0;  // since the start of this process
  double tokens_per_second = 0;
  double seconds_left = 0;
};

struct TrainSummary {
  int64_t steps = 0;       // updates made in all
  int64_t first_step = 0;  // where this process began
  int64_t examples = 0;    // seen by this process
  int64_t tokens = 0;
  double seconds = 0;
  double seconds_waited = 0;  // for examples; part of `seconds`
  double mean_loss = 0;       // over all steps of the run
  double last_loss = 0;
  bool interrupted = false;
  bool stopped_early = false;
  int64_t best_step = 0;  // 0 without evaluations
  double best_score = 0;
  std::vector<std::string> warnings;
};

// Trains an instance. Each optimiser step runs the artifact's host program
// `train` once, which ends with its only mark. From the second step on, only
// evaluations and checkpoints allocate memory. If the program scales its loss
// and the loss or gradients of a step are not finite, the step skips the calls
// behind the micro-batches and clears the gradients. A thread reads examples
// ahead while Run runs. Thread-compatible. Everything passed in is borrowed and
// must outlive the trainer.
class Trainer {
 public:
  // `caches` are rows of `train`, if the program takes any. `dev` may be null,
  // and must not be the same object as `train`.
  Trainer(FileSystem& files, Instance& instance, ExampleSource& train,
          absl::Span<const CachedRows> caches, ExampleSource* dev,
          TrainOptions options);

  // Trains to the end, or until `stop` becomes true, which saves a checkpoint
  // first. `progress` is called after each step. DATA_LOSS: the loss became
  // infinite or NaN, at the smallest scale if there is one (step and first such
  // tensor are named, checkpoints are kept). INVALID_ARGUMENT: the checkpoint
  // belongs to another run, or the artifact has no host program for training.
  // Errors of the sources come as they are.
  absl::StatusOr<TrainSummary> Run(
      const std::function<void(const StepReport&)>& progress,
      const std::atomic<bool>& stop);

 private:
  absl::Status RunSteps(const std::function<void(const StepReport&)>& progress,
                        const std::atomic<bool>& stop);
  absl::Status Prepare();
  absl::Status BindHostProgram();
  absl::Status Resume();
  absl::Status Step();
  absl::Status RunHostProgram(const Batch& batch, const EntryScalars& scalars);
  absl::Status Evaluate();
  absl::Status RestoreBest();
  absl::Status Save();
  absl::Status Log(double rate, double examples_per_second);
  absl::Status CheckFinite();
  StepReport Report(double rate) const;

  FileSystem& files_;
  Instance& instance_;
  ExampleSource& train_;
  const absl::Span<const CachedRows> caches_;
  ExampleSource* const dev_;
  const TrainOptions options_;

  struct HostStep {
    HostOp op;
    std::optional<EntryCaller> entry;  // of a call
  };
  std::vector<HostStep> program_;  // an optimiser step
  std::optional<EntryCaller> evaluate_;
  BatchCapacity capacity_;
  int64_t total_steps_ = 0;
  Schedule schedule_;
  TrainingState state_;
  TrainSummary summary_;
  double loss_ = 0;
  bool scales_ = false;   // whether the program takes a scale of the loss
  bool skipped_ = false;  // the current step
  PackedBatch packed_;
  std::unique_ptr<EventFile> events_;
  std::unique_ptr<WritableFile> metrics_;
  std::string line_;  // of metrics_, kept for its memory
  std::unique_ptr<BatchStream> batches_;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_TRAIN_TRAINER_H_

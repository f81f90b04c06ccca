// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Runs a program's host program: a whole training, with checkpoints, metrics
// and messages.

#ifndef GRAFT_RUNTIME_TRAIN_TRAINER_H_
#define GRAFT_RUNTIME_TRAIN_TRAINER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/base/file.h"
#include "runtime/executor/instance.h"
#include "runtime/host/interpreter.h"
#include "runtime/train/checkpoint.h"
#include "runtime/train/run_log.h"

namespace graft {

// Data for a stream of the program.
struct TrainStream {
  std::string name;
  ExampleSource* source = nullptr;  // borrowed
  bool shuffle = false;             // a new order each epoch
  uint64_t fingerprint = 0;         // of its examples; a cache is kept for it
  const StreamTasks* tasks = nullptr;  // borrowed; null: batches of any rows
};

struct TrainOptions {
  uint64_t seed = 0;  // of random draws and of shuffled orders
  // Values of registers that the program declares as parameters or options.
  std::vector<std::pair<std::string, double>> registers;
  // Directory for checkpoints, caches, metrics.jsonl and event files; must
  // exist. Empty: none of them.
  std::string directory;
  // Directory for caches that runs share; must exist. Empty: `directory`, which
  // keeps those of this run.
  std::string cached;
  int keep_checkpoints = 2;
  bool resume = false;  // from the newest valid checkpoint, if any
  RunRecord run;        // that of a resumed checkpoint must be equal
  // Called once, when the run is known to begin and before it writes a file;
  // with the step of the checkpoint if it continues from one. An error of it
  // ends the run.
  std::function<absl::Status(std::optional<int64_t> resumed)> begin;
};

// Progress of one step, for the terminal.
struct StepReport {
  int64_t step = 0;  // updates made, from 1
  int64_t total_steps = 0;
  size_t stage = 0;  // which it belongs to, from 1
  size_t stages = 0;
  double loss = 0;
  double rate = 0;
  double examples_per_second = 0;  // since the start of this process
  double tokens_per_second = 0;
  double seconds_left = 0;
};

// What a run tells while it goes on; each may be empty.
struct TrainProgress {
  std::function<void(const StepReport&)> step;  // after each
  // Of a cache that is filled: its name, the examples that are done, and all.
  std::function<void(const std::string& cache, int64_t done, int64_t all)>
      cache;
  // A cache is full: whether it was computed, or read from an earlier run.
  std::function<void(const std::string& cache, bool computed)> cache_filled;
  // Before each instruction; true stops the run there. For tests.
  std::function<bool(size_t at)> stop_at;
};

struct TrainSummary {
  int64_t steps = 0;       // updates made in all
  int64_t first_step = 0;  // where this process began
  size_t stage = 0;        // of the last step, from 1; 0 without a step
  size_t stages = 0;
  int64_t examples = 0;  // seen by this process
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

// Trains an instance by the only host program of its artifact. The marks of the
// program say how far it is: StepReport and TrainSummary are the values that
// they show under the names `step`, `last_step`, `loss`, `rate`, `loss_sum`,
// `best_step`, `best_score` and `stopped_early`, those that there are. Each
// stage of a program has a mark of its own, in their order. From the second
// step on, only evaluations and checkpoints allocate memory. A thread reads
// examples ahead while Run runs. Thread-compatible. Everything passed in is
// borrowed and must outlive the trainer.
class Trainer : private HostServices {
 public:
  Trainer(FileSystem& files, Instance& instance,
          std::vector<TrainStream> streams, TrainOptions options);

  // Trains to the end, or until `stop` becomes true, which saves a checkpoint
  // of the place where the program stands. So does an error that later steps do
  // not inherit, such as of a source or of a full disk, as far as it can, and
  // says so. DATA_LOSS: the program failed, such
  // as at a loss that is infinite or NaN; so is an evaluation, or a parameter
  // when a checkpoint is due or the run ends (step and first such tensor are
  // named, checkpoints are kept). INVALID_ARGUMENT: the checkpoint belongs to
  // another run, whose differences are named, the artifact has no host program
  // or several, or a stream or register is unknown or out of range. NOT_FOUND
  // and DATA_LOSS: the best parameters of a resumed run are not there or
  // damaged. Errors of the sources come as they are.
  absl::StatusOr<TrainSummary> Run(const TrainProgress& progress,
                                   const std::atomic<bool>& stop);

 private:
  bool Stop(size_t at) override;
  absl::StatusOr<CachedRows> FillCache(size_t cache) override;
  absl::StatusOr<Score> Evaluate(size_t entry, size_t stream) override;
  absl::StatusOr<bool> TestFinite(const std::string& state) override;
  absl::Status Reset(const std::string& state) override;
  absl::Status Keep(const std::string& name) override;
  absl::Status Restore(const std::string& name) override;
  absl::Status Log(const HostInstruction& instruction) override;
  absl::Status Mark(const HostInstruction& instruction, bool save) override;
  absl::Status Fail(const HostInstruction& instruction) override;

  absl::Status Prepare();
  absl::StatusOr<const HostProgramSpec*> FindProgram() const;
  absl::Status SetRegisters();
  // What a checkpoint holds: trained parameters, states, rows of the batch.
  absl::StatusOr<std::vector<StateTensor>> RunTensors();
  absl::Status Resume();
  absl::Status CheckRun(const std::string& path, const RunState& state) const;
  absl::Status CheckKept();
  absl::Status Save();
  // DATA_LOSS if a trained parameter, or with `with_states` a state, is
  // infinite or NaN.
  absl::Status CheckFinite(bool with_states);
  // DATA_LOSS if the trained model's results for the first examples are: finite
  // parameters may still overflow what they compute.
  absl::Status CheckResults();
  absl::Status CheckResults(size_t entry);
  // The error of a run that fails. Saves a checkpoint where the program stands,
  // unless numbers that are not finite are why.
  absl::Status FailedWith(const absl::Status& status);
  // Ends the message of a run that fails, if it has written checkpoints.
  std::string KeptNote() const;
  std::string KeptPath(const std::string& name) const;
  // The register that the program's marks show as `name`; 0 without one.
  double Shown(absl::string_view name) const;
  void Measure();
  StepReport Report() const;
  void Summarise();
  // Of a run that went through all stages.
  void WarnOfUntakenStreams();

  FileSystem& files_;
  Instance& instance_;
  const ArtifactSpec& spec_;
  const std::vector<TrainStream> streams_;
  const TrainOptions options_;
  std::vector<const TrainStream*> by_index_;  // of the artifact; null: none
  std::unique_ptr<HostInterpreter> interpreter_;
  std::vector<const HostInstruction*> marks_;  // of the program
  std::optional<int64_t> resumed_;             // the step of the checkpoint
  bool finite_ = true;  // no number was found that is not
  LogStart log_start_;
  std::vector<std::string> kept_;  // names of parameters, sorted
  std::unique_ptr<RunLog> log_;
  const TrainProgress* progress_ = nullptr;
  const std::atomic<bool>* stop_ = nullptr;
  absl::Time start_;
  TrainSummary summary_;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_TRAIN_TRAINER_H_

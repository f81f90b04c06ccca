// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/training_run.h"

#include <cstdio>
#include <fstream>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "nlohmann/json.hpp"
#include "runtime/artifact/artifact.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/executor/instance.h"
#include "runtime/executor/trace.h"
#include "runtime/train/cache.h"
#include "runtime/train/parameters.h"
#include "runtime/train/trainer.h"
#include "tools/graft/device_options.h"
#include "tools/graft/plan.h"
#include "tools/graft/terminal.h"
#include "tools/open_device.h"

namespace graft {
namespace {

// Lines of --profile.
constexpr size_t kProfiledKernels = 30;

// Hash of everything that must be equal to resume a run with the same bits.
std::string RunIdentity(const FinetuneOptions& options,
                        const PreparedRun& run) {
  const TableScan& train = run.train->scan();
  uint64_t state = Fnv1a64(absl::StrJoin(run.compiler_arguments, "\n"));
  state = Fnv1a64(
      absl::StrCat(options.training.batch_size, ",", options.training.epochs,
                   ",", options.training.shuffle, ",", options.training.seed,
                   ",", options.schedule, ",", options.training.learning_rate,
                   ",", options.training.warmup_ratio),
      state);
  if (options.precision == "fp16")
    state = Fnv1a64(absl::StrCat(options.training.loss_scale), state);
  state = Fnv1a64(absl::StrCat(train.token_hash, ",", train.label_hash, ",",
                               absl::StrJoin(run.labels->labels(), "\n")),
                  state);
  return absl::StrFormat("%016x", state);
}

// Fails if the tables have weights that no entry takes: they would be ignored.
absl::Status CheckWeights(const FinetuneOptions& options,
                          const Artifact& artifact) {
  if (options.table.weight_column.empty() || TakesWeights(artifact.spec()))
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--weight-column: expects a program with the input ",
                   kWeightsColumn, ", got ", artifact.path(), " without"));
}

void PrintSummary(const FinetuneOptions& options, const TrainSummary& summary,
                  const std::string& artifact,
                  const std::vector<std::string>& initialised) {
  for (const std::string& warning : summary.warnings)
    std::fprintf(stderr, "graft: %s\n", warning.c_str());
  const double seconds = std::max(summary.seconds, 1e-9);
  const double examples_per_second =
      static_cast<double>(summary.examples) / seconds;
  if (options.json) {
    nlohmann::json record = {
        {"artifact", artifact},
        {"steps", summary.steps},
        {"first_step", summary.first_step},
        {"examples", summary.examples},
        {"tokens", summary.tokens},
        {"seconds", summary.seconds},
        {"seconds_waited", summary.seconds_waited},
        {"examples_per_second", examples_per_second},
        {"mean_loss", summary.mean_loss},
        {"last_loss", summary.last_loss},
        {"interrupted", summary.interrupted},
        {"stopped_early", summary.stopped_early},
        {"best_step", summary.best_step},
        {"best_score", summary.best_score},
        {"initialised", initialised},
    };
    std::printf("%s\n", record.dump().c_str());
    return;
  }
  std::string line = absl::StrFormat(
      "nothing left to train: the checkpoint is at step %d", summary.steps);
  if (summary.steps > summary.first_step)
    line = absl::StrFormat(
        "%d steps, %d examples and %d tokens in %s: %.1f examples/s, "
        "%.0f tokens/s\nmean loss %.4f, last %.4f",
        summary.steps - summary.first_step, summary.examples, summary.tokens,
        FormatDuration(summary.seconds), examples_per_second,
        static_cast<double>(summary.tokens) / seconds, summary.mean_loss,
        summary.last_loss);
  std::printf("%s\n", line.c_str());
  if (summary.best_step > 0)
    std::printf("best evaluation %.4f at step %lld\n", summary.best_score,
                static_cast<long long>(summary.best_step));
  if (summary.interrupted)
    std::printf("stopped by a signal; continue with --resume\n");
  else
    std::printf("wrote %s\n", artifact.c_str());
}

// Computes the caches of the program, or reads those of an earlier run.
absl::StatusOr<std::vector<CachedRows>> AskTeacher(
    const FinetuneOptions& options, Instance& instance, ExampleTable& train,
    const CommandContext& context) {
  ProgressLine line(options.quiet);
  const absl::Time start = absl::Now();
  auto progress = [&](int64_t done, int64_t all) {
    line.Update(absl::StrFormat("teacher %d/%d", done, all), done == all);
  };
  absl::StatusOr<CacheReport> report =
      FillCaches(FileSystem::Posix(), instance, options.output, train,
                 train.scan().token_hash, progress, *context.stop);
  line.Finish();
  GRAFT_RETURN_IF_ERROR(report.status());
  for (const std::string& warning : report->warnings)
    std::fprintf(stderr, "graft: %s\n", warning.c_str());
  if (options.quiet || report->caches.empty()) return std::move(report->caches);
  if (report->computed.empty())
    std::fprintf(stderr, "teacher: read from an earlier run\n");
  else
    std::fprintf(
        stderr, "teacher: %lld examples in %s\n",
        static_cast<long long>(train.size()),
        FormatDuration(absl::ToDoubleSeconds(absl::Now() - start)).c_str());
  return std::move(report->caches);
}

}  // namespace

absl::Status Train(FinetuneOptions options, PreparedRun run,
                   const CommandContext& context) {
  FileSystem& files = FileSystem::Posix();
  GRAFT_ASSIGN_OR_RETURN(options.training.schedule,
                         ParseScheduleKind(options.schedule));
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<Device> device,
                         OpenDevice(options.device));
  LoadOptions load;
  load.device = device.get();
  GRAFT_ASSIGN_OR_RETURN(std::shared_ptr<const Artifact> artifact,
                         Artifact::Load(files, run.program, load));
  GRAFT_RETURN_IF_ERROR(CheckWeights(options, *artifact));
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<Instance> instance,
                         Instance::Create(artifact, {.training = true}));
  GRAFT_ASSIGN_OR_RETURN(
      std::vector<std::string> initialised,
      InitialiseNewParameters(*instance, options.training.seed));
  if (!options.initial.empty())
    GRAFT_RETURN_IF_ERROR(
        LoadInitialParameters(files, options.initial, *instance));
  if (!options.quiet && !initialised.empty())
    std::fprintf(stderr, "initialised: %s\n",
                 absl::StrJoin(initialised, ", ").c_str());

  GRAFT_ASSIGN_OR_RETURN(std::vector<CachedRows> caches,
                         AskTeacher(options, *instance, *run.train, context));
  options.training.directory = options.output;
  options.training.run = RunIdentity(options, run);
  Trainer trainer(files, *instance, *run.train, caches, run.dev.get(),
                  options.training);
  ProgressLine line(options.quiet);
  std::string text;  // kept for its memory
  auto progress = [&](const StepReport& report) {
    text.clear();
    absl::StrAppendFormat(
        &text, "step %d/%d  loss %.4f  %.1f examples/s  %.0f tokens/s  %s left",
        report.step, report.total_steps, report.loss,
        report.examples_per_second, report.tokens_per_second,
        FormatDuration(report.seconds_left));
    line.Update(text, report.step == report.total_steps);
  };
  KernelProfile profile;
  if (options.profile)
    instance->SetProfiler(
        [&](const CommandTiming& timing) { profile.Add(timing); });
  absl::StatusOr<TrainSummary> summary = trainer.Run(progress, *context.stop);
  line.Finish();
  instance->SetProfiler({});
  GRAFT_RETURN_IF_ERROR(summary.status());
  if (options.profile)
    std::fprintf(stderr, "%s", profile.Summary(kProfiledKernels).c_str());

  const std::string model = JoinPath(options.output, "model.graft");
  if (!summary->interrupted)
    GRAFT_RETURN_IF_ERROR(
        WriteTrainedArtifact(files, model, *instance, run.labels->labels()));
  PrintSummary(options, *summary, model, initialised);
  return absl::OkStatus();
}

void AddRunOptions(CLI::App& command, FinetuneOptions& options) {
  command
      .add_option("--output", options.output,
                  "directory for model.graft, checkpoints and metrics")
      ->required();
  TrainOptions& training = options.training;
  command
      .add_option("--evaluate-every", training.evaluate_every,
                  "steps between evaluations on --dev; the best is kept")
      ->check(CLI::NonNegativeNumber);
  command
      .add_option("--patience", training.patience,
                  "stop after this many evaluations without improvement")
      ->check(CLI::NonNegativeNumber);
  command
      .add_option("--checkpoint-every", training.checkpoint_every,
                  "steps between checkpoints")
      ->check(CLI::NonNegativeNumber);
  command.add_flag("--resume", training.resume,
                   "continue from the newest checkpoint in --output");
  AddDeviceOptions(command, options.device);
  command.add_option("--dump-stages", options.dump_stages,
                     "directory for the program after each stage");
  command
      .add_option("--log-every", training.log_every,
                  "steps between lines of metrics.jsonl")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_flag("--json", options.json, "print the summary as JSON");
  command.add_flag("--quiet", options.quiet, "no progress");
  command.add_flag("--profile", options.profile,
                   "print the kernels that took the most time");
}

}  // namespace graft

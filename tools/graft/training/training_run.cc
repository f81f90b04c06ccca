// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/training/training_run.h"

#include <algorithm>
#include <cstdio>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "nlohmann/json.hpp"
#include "runtime/artifact/artifact.h"
#include "runtime/base/status_macros.h"
#include "runtime/executor/instance.h"
#include "runtime/executor/trace.h"
#include "runtime/metrics/metric.h"
#include "runtime/train/parameters.h"
#include "runtime/train/trained_artifact.h"
#include "runtime/train/trainer.h"
#include "tools/graft/device_options.h"
#include "tools/graft/plan.h"
#include "tools/graft/terminal.h"
#include "tools/graft/training/kill_point.h"
#include "tools/graft/training/option_effects.h"
#include "tools/graft/training/run_identity.h"
#include "tools/open_device.h"
#include "tools/option_checks.h"
#include "tools/standard_output.h"

namespace graft {
namespace {

// Lines of --profile.
constexpr size_t kProfiledKernels = 30;

// What chooses the best evaluation: "accuracy of dev", "loss without labels of
// dev", or those of several heads. Empty without a table to evaluate on.
std::string DescribeChoice(const FinetuneOptions& options,
                           const PreparedRun& run) {
  std::vector<std::string> criteria;
  for (size_t i = 0; i < run.evaluations.size(); ++i) {
    const EvaluationInput& evaluation = options.evaluations[i];
    if (!run.evaluations[i]) continue;
    const TargetKind target =
        options.streams[evaluation.stream].sets ? TargetKind::kSet
        : options.task == "regression"          ? TargetKind::kNumber
                                                : TargetKind::kClass;
    const bool labelled = options.streams[evaluation.stream].labelled;
    criteria.push_back(absl::StrCat(!labelled ? "loss"
                                    : run.unlabelled[i]
                                        ? "loss without labels"
                                        : MetricsOf(target).front()->title,
                                    " of ", evaluation.name));
  }
  return absl::StrJoin(criteria, " and ");
}

absl::Status PrintSummary(const FinetuneOptions& options,
                          const TrainSummary& summary,
                          const std::string& artifact,
                          const std::string& choice,
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
        {"stage", nullptr},
        {"stages", summary.stages},
        {"examples", summary.examples},
        {"tokens", summary.tokens},
        {"seconds", summary.seconds},
        {"seconds_waited", summary.seconds_waited},
        {"examples_per_second", examples_per_second},
        {"mean_loss", summary.mean_loss},
        {"last_loss", summary.last_loss},
        {"interrupted", summary.interrupted},
        {"stopped_early", summary.stopped_early},
        {"best_step", nullptr},
        {"best_score", nullptr},
        {"chosen_by", nullptr},
        {"initialised", initialised},
    };
    if (summary.stage > 0) record["stage"] = summary.stage;
    if (summary.best_step > 0) {
      record["best_step"] = summary.best_step;
      record["best_score"] = summary.best_score;
      record["chosen_by"] = choice;
    }
    return Print(absl::StrCat(record.dump(), "\n"));
  }
  std::string text = absl::StrCat(
      summary.interrupted ? "stopped at step "
                          : "nothing left to train: the checkpoint is at step ",
      summary.steps);
  if (summary.steps > summary.first_step)
    text = absl::StrFormat(
        "%s%s %s%s in %s: %.1f examples/s%s\nmean loss %.4f, last %.4f",
        CountOf(summary.steps - summary.first_step, "step"),
        summary.tokens == 0 ? " and" : ",",
        CountOf(summary.examples, "example"),
        summary.tokens == 0
            ? ""
            : absl::StrCat(" and ", CountOf(summary.tokens, "token")),
        FormatDuration(summary.seconds), examples_per_second,
        summary.tokens == 0
            ? ""
            : absl::StrFormat(", %.0f tokens/s",
                              static_cast<double>(summary.tokens) / seconds),
        summary.mean_loss, summary.last_loss);
  absl::StrAppend(&text, "\n");
  if (summary.stopped_early)
    absl::StrAppend(&text, "stopped early: no later evaluation was better\n");
  if (!summary.interrupted && summary.stage > 0 &&
      summary.stage < summary.stages)
    absl::StrAppendFormat(&text,
                          "ended in stage %d of %d: the model has not been "
                          "trained by later ones\n",
                          summary.stage, summary.stages);
  if (summary.best_step > 0)
    absl::StrAppendFormat(&text,
                          "best evaluation %.4f at step %d, chosen by %s\n",
                          summary.best_score, summary.best_step, choice);
  if (!summary.interrupted) absl::StrAppend(&text, "wrote ", artifact, "\n");
  return Print(text);
}

// Says that --resume has nothing to do: `artifact` is there. What only the run
// itself knew is null.
absl::Status PrintFinished(const FinetuneOptions& options,
                           const std::string& artifact) {
  if (!options.json)
    return Print(
        absl::StrCat("nothing left to train: ", artifact, " is there\n"));
  nlohmann::json record = {{"artifact", artifact},
                           {"examples", 0},
                           {"tokens", 0},
                           {"seconds", 0},
                           {"interrupted", false},
                           {"seconds_waited", 0},
                           {"examples_per_second", 0}};
  for (const char* name :
       {"steps", "first_step", "stage", "stages", "mean_loss", "last_loss",
        "stopped_early", "best_step", "best_score", "chosen_by"})
    record[name] = nullptr;
  record["initialised"] = nlohmann::json::array();
  return Print(absl::StrCat(record.dump(), "\n"));
}

constexpr size_t kShownParameters = 8;

// Says what is trained, and which parameters begin with new values.
void DescribeTrained(const Artifact& artifact,
                     const std::vector<std::string>& initialised) {
  const int64_t tensors = absl::c_count_if(
      artifact.spec().slots,
      [](const SlotSpec& slot) { return slot.is_parameter(); });
  const int64_t trained = absl::c_count(TrainedSlots(artifact.spec()), true);
  // Adapters are many.
  const auto shown = absl::MakeConstSpan(initialised)
                         .first(std::min(initialised.size(), kShownParameters));
  std::fprintf(
      stderr, "trains %lld of %lld tensors%s%s%s\n",
      static_cast<long long>(trained), static_cast<long long>(tensors),
      initialised.empty() ? "" : "; initialised: ",
      absl::StrJoin(shown, ", ").c_str(),
      shown.size() == initialised.size()
          ? ""
          : absl::StrCat(" and ", initialised.size() - shown.size(), " more")
                .c_str());
}

// Values of the program's registers that the command line gives.
std::vector<std::pair<std::string, double>> Registers(
    const RunSettings& settings, int64_t evaluate_every) {
  const auto number = [](int64_t value) { return static_cast<double>(value); };
  std::vector<std::pair<std::string, double>> registers = {
      {"batch_size", number(settings.batch_size)},
      {"max_steps", number(settings.max_steps)},
      {"evaluate_every", number(evaluate_every)},
      {"patience", number(settings.patience)},
      {"log_every", number(settings.log_every)},
      {"checkpoint_every", number(settings.checkpoint_every)}};
  if (settings.loss_scale)
    registers.emplace_back("loss_scale", *settings.loss_scale);
  return registers;
}

// How later examples are to be read.
DataSettingsSpec DataSettings(const FinetuneOptions& options,
                              const PreparedRun& run) {
  DataSettingsSpec data;
  if (ReadsTexts(options)) {
    data.text_column = options.table.text_column;
    data.pair_column = options.table.pair_column;
  }
  data.feature_columns = run.feature_columns;
  data.label_column = options.table.label_column;
  data.weight_column = options.table.weight_column;
  data.format = std::string(run.tables[LabelStream(options)]->format());
  data.max_length = run.max_length;
  return data;
}

// The data of the program's streams.
std::vector<TrainStream> Streams(const FinetuneOptions& options,
                                 const PreparedRun& run) {
  std::vector<TrainStream> streams;
  for (size_t i = 0; i < options.streams.size(); ++i)
    streams.push_back({options.streams[i].name, run.tables[i].get(),
                       options.training.shuffle,
                       run.tables[i]->scan().token_hash, run.tasks[i].get()});
  for (size_t i = 0; i < options.evaluations.size(); ++i)
    if (run.evaluations[i])
      streams.push_back(
          {.name = absl::StrCat(options.evaluations[i].name,
                                run.unlabelled[i] ? "_unlabelled" : ""),
           .source = run.evaluations[i].get()});
  return streams;
}

// Tells the terminal how far a run is.
class TerminalProgress {
 public:
  explicit TerminalProgress(bool quiet) : quiet_(quiet), line_(quiet) {}

  TrainProgress Callbacks() {
    TrainProgress progress;
    progress.step = [this](const StepReport& report) { Step(report); };
    progress.cache = [this](const std::string& cache, int64_t done,
                            int64_t all) {
      rows_ = all;
      line_.Update(absl::StrFormat("%s %d/%d", cache, done, all), done == all);
    };
    progress.cache_filled = [this](const std::string& cache, bool computed) {
      Filled(cache, computed);
    };
    progress.stop_at = KillPoint();
    return progress;
  }
  void Finish() { line_.Finish(); }

 private:
  void Step(const StepReport& report) {
    text_.clear();
    absl::StrAppendFormat(&text_, "step %d/%d  ", report.step,
                          report.total_steps);
    if (report.stages > 1)
      absl::StrAppendFormat(&text_, "stage %d of %d  ", report.stage,
                            report.stages);
    absl::StrAppendFormat(&text_, "loss %.4f  %.1f examples/s  ", report.loss,
                          report.examples_per_second);
    if (report.tokens_per_second > 0)
      absl::StrAppendFormat(&text_, "%.0f tokens/s  ",
                            report.tokens_per_second);
    absl::StrAppend(&text_, FormatDuration(report.seconds_left), " left");
    line_.Update(text_, report.step == report.total_steps);
  }

  void Filled(const std::string& cache, bool computed) {
    line_.Finish();
    if (quiet_) return;
    if (computed)
      std::fprintf(
          stderr, "%s: %lld examples in %s\n", cache.c_str(),
          static_cast<long long>(rows_),
          FormatDuration(absl::ToDoubleSeconds(absl::Now() - start_)).c_str());
    else
      std::fprintf(stderr, "%s: read from an earlier run\n", cache.c_str());
  }

  const bool quiet_;
  ProgressLine line_;
  const absl::Time start_ = absl::Now();
  int64_t rows_ = 0;  // of the cache that is filled
  std::string text_;  // kept for its memory
};

}  // namespace

absl::StatusOr<std::unique_ptr<RunFolder>> OpenRunFolder(
    FinetuneOptions& options, const RunInputs& inputs) {
  GRAFT_RETURN_IF_ERROR(CheckTargets(options));
  GRAFT_RETURN_IF_ERROR(CheckInputPlaces(options, inputs));
  if (!options.cached.empty())
    if (absl::Status made =
            FileSystem::Posix().CreateDirectories(options.cached);
        !made.ok())
      return absl::Status(made.code(),
                          absl::StrCat("--cached: ", made.message()));
  GRAFT_ASSIGN_OR_RETURN(
      std::unique_ptr<RunFolder> folder,
      RunFolder::Open(FileSystem::Posix(), options.output,
                      options.training.resume ? FolderUse::kResume
                      : options.overwrite     ? FolderUse::kOverwrite
                                              : FolderUse::kNew));
  options.scratch = folder->scratch();
  options.program = folder->KeptProgram();
  return folder;
}

std::string TeacherIn(const FinetuneOptions& options) {
  return JoinPath(options.scratch, "teacher");
}

absl::Status NameAsGiven(const absl::Status& status,
                         const FinetuneOptions& options,
                         const std::string& teacher) {
  if (status.ok()) return status;
  std::string message(status.message());
  if (!teacher.empty())
    absl::StrReplaceAll({{TeacherIn(options), teacher}}, &message);
  absl::StrReplaceAll(
      {{JoinPath(options.scratch, ""), JoinPath(options.output, "")}},
      &message);
  absl::Status named(status.code(), message);
  status.ForEachPayload([&](absl::string_view type, const absl::Cord& payload) {
    named.SetPayload(type, payload);
  });
  return named;
}

absl::Status Train(FinetuneOptions options, PreparedRun run, RunFolder& folder,
                   const CommandContext& context) {
  FileSystem& files = FileSystem::Posix();
  GRAFT_ASSIGN_OR_RETURN(const RunRecord record, DescribeRun(options, run));
  const std::string model = JoinPath(options.output, "model.graft");
  GRAFT_ASSIGN_OR_RETURN(const bool finished,
                         folder.IsFinished(record, options.training.max_steps));
  if (finished) return PrintFinished(options, model);
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<Device> device,
                         OpenDevice(options.device));
  LoadOptions load;
  load.device = device.get();
  // Little beside a training, and what is damaged would go into its result.
  load.verify_weights = true;
  GRAFT_ASSIGN_OR_RETURN(std::shared_ptr<const Artifact> artifact,
                         Artifact::Load(files, run.program, load));
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<Instance> instance,
                         Instance::Create(artifact, {.training = true}));
  GRAFT_ASSIGN_OR_RETURN(std::vector<std::string> initialised,
                         InitialiseSlots(*instance, options.training.seed));
  if (!options.initial.empty())
    GRAFT_RETURN_IF_ERROR(
        LoadInitialParameters(files, options.initial, *instance));
  if (!options.quiet) DescribeTrained(*artifact, initialised);

  TrainOptions training;
  training.seed = options.training.seed;
  training.registers = Registers(options.training, run.evaluate_every);
  training.directory = options.output;
  training.cached = options.cached;
  training.resume = options.training.resume;
  training.run = record;
  const int64_t limit = options.training.max_steps;
  training.begin = [&](std::optional<int64_t> resumed) -> absl::Status {
    if (resumed && limit > 0 && *resumed > limit)
      return absl::FailedPreconditionError(
          absl::StrCat(options.output, ": --resume expects at least the ",
                       *resumed, " steps of its checkpoint, got --max-steps ",
                       limit, "; --overwrite trains from the beginning"));
    return folder.Begin(record, limit, resumed.has_value());
  };
  Trainer trainer(files, *instance, Streams(options, run), std::move(training));
  KernelProfile profile;
  if (options.profile)
    instance->SetProfiler(
        [&](const CommandTiming& timing) { profile.Add(timing); });
  TerminalProgress progress(options.quiet);
  absl::StatusOr<TrainSummary> summary =
      trainer.Run(progress.Callbacks(), *context.stop);
  progress.Finish();
  instance->SetProfiler({});
  GRAFT_RETURN_IF_ERROR(summary.status());
  if (options.profile)
    std::fprintf(stderr, "%s", profile.Summary(kProfiledKernels).c_str());

  if (!summary->interrupted) {
    GRAFT_RETURN_IF_ERROR(WriteTrainedArtifact(files, model, *instance,
                                               DataSettings(options, run)));
    GRAFT_RETURN_IF_ERROR(folder.Finish(limit, summary->steps));
  }
  const absl::Status printed = PrintSummary(
      options, *summary, model, DescribeChoice(options, run), initialised);
  if (!summary->interrupted) return printed;
  const bool once =
      summary->steps == 0 &&
      absl::c_any_of(artifact->spec().caches,
                     [](const CacheSpec& cache) { return !cache.batch; });
  return absl::CancelledError(absl::StrCat(
      "stopped by a signal at step ", summary->steps, ", before there is a ",
      model, "; continue with --resume",
      once ? "; unless it was over, the pass of the teacher over all rows "
             "begins again"
           : ""));
}

void AddRunOptions(CLI::App& command, FinetuneOptions& options) {
  command
      .add_option("--output", options.output,
                  "directory for model.graft, checkpoints and metrics")
      ->type_name("DIRECTORY")
      ->required();
  RunSettings& training = options.training;
  command
      .add_option("--evaluate-every", training.evaluate_every,
                  "steps between evaluations on --dev; the best is kept "
                  "(default, and 0: the steps of an epoch)")
      ->check(WholeNumber(0));
  command
      .add_option("--patience", training.patience,
                  "stop after this many evaluations without improvement; 0: "
                  "never")
      ->check(WholeNumber(0));
  command
      .add_option("--checkpoint-every", training.checkpoint_every,
                  "steps between checkpoints; 0: only when a signal ends the "
                  "run")
      ->check(WholeNumber(0));
  command.add_flag("--resume", training.resume,
                   "continue from the newest checkpoint in --output");
  command.add_flag("--overwrite", options.overwrite,
                   "replace what an earlier run left in --output, once the new "
                   "one begins");
  command
      .add_option("--cached", options.cached,
                  "directory that runs share for what is computed once per "
                  "example, such as a teacher's logits (default: --output, for "
                  "this run)")
      ->type_name("DIRECTORY");
  AddDeviceOptions(command, options.device);
  command
      .add_option("--dump-stages", options.dump_stages,
                  "directory for the program after each stage")
      ->type_name("DIRECTORY");
  command
      .add_option("--log-every", training.log_every,
                  "steps between lines of metrics.jsonl")
      ->check(WholeNumber(1))
      ->capture_default_str();
  command.add_flag("--json", options.json, "print the summary as JSON");
  command.add_flag("--quiet", options.quiet, "no progress");
  command.add_flag("--profile", options.profile,
                   "print the kernels that took the most time");
}

}  // namespace graft

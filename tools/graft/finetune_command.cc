// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <cstdio>
#include <fstream>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"
#include "runtime/artifact/artifact.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/thread_pool.h"
#include "runtime/executor/instance.h"
#include "runtime/executor/trace.h"
#include "runtime/formats/config.h"
#include "runtime/train/parameters.h"
#include "runtime/train/trainer.h"
#include "tools/graft/commands.h"
#include "tools/graft/compiler_process.h"
#include "tools/graft/table_data.h"
#include "tools/graft/terminal.h"

namespace graft {
namespace {

// Lines of --profile.
constexpr size_t kProfiledKernels = 30;

struct FinetuneOptions {
  std::string model, train, dev, output;
  TableOptions table;
  std::string task = "classification";
  std::string schedule = "linear";
  TrainOptions training;
  double weight_decay = 0.01;
  double clip = 0;
  double dropout = -1;  // the model's
  double layer_decay = 1;
  bool freeze_embeddings = false;
  int64_t freeze_layers = 0;
  bool linear_probe = false;
  int64_t max_length = 0;  // the model's
  int64_t max_tokens = 0;  // of the largest batch
  std::string initial;
  std::string cpu_levels = "host";
  std::string dump_stages;
  std::vector<std::string> plugins;
  std::string graph_passes;
  int threads = 0;
  bool json = false;
  bool quiet = false;
  bool profile = false;
};

// Options that shape the compiled program, as graft-compile takes them.
std::vector<std::string> CompilerArguments(const FinetuneOptions& options,
                                           const BatchBounds& bounds,
                                           const std::string& labels_path,
                                           const std::string& program) {
  std::vector<std::string> arguments = {
      options.model,
      "-o",
      program,
      absl::StrCat("--max-tokens=", bounds.tokens),
      absl::StrCat("--max-sequences=", bounds.sequences),
      absl::StrCat("--weight-decay=", options.weight_decay),
      absl::StrCat("--clip=", options.clip),
      absl::StrCat("--layer-decay=", options.layer_decay),
      absl::StrCat("--cpu-levels=", options.cpu_levels),
  };
  if (options.task == "regression")
    arguments.push_back("--regression");
  else
    arguments.push_back(absl::StrCat("--labels=", labels_path));
  if (options.dropout >= 0)
    arguments.push_back(absl::StrCat("--dropout=", options.dropout));
  if (options.freeze_embeddings) arguments.push_back("--freeze-embeddings");
  if (options.freeze_layers > 0)
    arguments.push_back(
        absl::StrCat("--freeze-layers=", options.freeze_layers));
  if (options.linear_probe) arguments.push_back("--linear-probe");
  if (!options.dump_stages.empty())
    arguments.push_back(absl::StrCat("--dump-stages=", options.dump_stages));
  for (const std::string& plugin : options.plugins)
    arguments.push_back(absl::StrCat("--plugin=", plugin));
  if (!options.graph_passes.empty())
    arguments.push_back(absl::StrCat("--graph-passes=", options.graph_passes));
  return arguments;
}

// What must be equal for a checkpoint to continue a run to the same bits.
std::string RunIdentity(const Dataset& train, const FinetuneOptions& options,
                        const std::vector<std::string>& compiler_arguments) {
  uint64_t state = Fnv1a64(absl::StrJoin(compiler_arguments, "\n"));
  state = Fnv1a64(
      absl::StrCat(options.training.batch_size, ",", options.training.epochs,
                   ",", options.training.shuffle, ",", options.training.seed,
                   ",", options.schedule, ",", options.training.learning_rate,
                   ",", options.training.warmup_ratio),
      state);
  for (int64_t i = 0; i < train.size(); ++i) {
    absl::Span<const int32_t> ids = train.ids(i);
    state = Fnv1a64(
        absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(ids.data()),
                            ids.size() * sizeof(int32_t)),
        state);
    state = Fnv1a64(absl::StrCat(train.label(i), ",", train.score(i)), state);
  }
  return absl::StrFormat("%016x", state);
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

// The bounds that --max-tokens or else the data set.
BatchBounds ChooseBounds(const FinetuneOptions& options, const Dataset& train,
                         const Dataset* dev) {
  BatchBounds bounds = MeasureBounds(train, options.training.batch_size);
  if (dev) {
    BatchBounds other = MeasureBounds(*dev, options.training.batch_size);
    bounds.tokens = std::max(bounds.tokens, other.tokens);
    bounds.sequences = std::max(bounds.sequences, other.sequences);
  }
  if (options.max_tokens > 0) bounds.tokens = options.max_tokens;
  return bounds;
}

absl::Status Finetune(FinetuneOptions options, const CommandContext& context) {
  FileSystem& files = FileSystem::Posix();
  GRAFT_ASSIGN_OR_RETURN(options.training.schedule,
                         ParseScheduleKind(options.schedule));
  GRAFT_ASSIGN_OR_RETURN(
      BertConfig config,
      ReadBertConfig(files, JoinPath(options.model, "config.json")));
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<WordPieceTokenizer> tokenizer,
                         WordPieceTokenizer::Load(files, options.model));
  GRAFT_RETURN_IF_ERROR(files.CreateDirectories(options.output));
  const int64_t limit = config.max_position_embeddings;
  if (options.max_length > limit)
    return absl::InvalidArgumentError(absl::StrCat(
        "--max-length: expects at most ", limit,
        ", the model's max_position_embeddings, got ", options.max_length));
  const int64_t max_length =
      options.max_length > 0 ? options.max_length : limit;

  // Data. Classes are the training labels, sorted.
  const bool regression = options.task == "regression";
  GRAFT_ASSIGN_OR_RETURN(TableData table,
                         ReadTable(files, options.train, options.table, true));
  LabelMap labels;
  if (!regression) {
    for (const std::string& label : table.labels) labels.Add(label);
    labels.Sort();
  }
  const LabelMap* map = regression ? nullptr : &labels;
  GRAFT_ASSIGN_OR_RETURN(
      TokenizedTable train,
      Tokenize(table, *tokenizer, map, max_length, options.table.strict));
  TokenizedTable dev;
  if (!options.dev.empty()) {
    GRAFT_ASSIGN_OR_RETURN(TableData dev_table,
                           ReadTable(files, options.dev, options.table, true));
    GRAFT_ASSIGN_OR_RETURN(dev, Tokenize(dev_table, *tokenizer, map, max_length,
                                         options.table.strict));
  }
  const Dataset* dev_data = options.dev.empty() ? nullptr : &dev.dataset;
  if (!options.quiet)
    std::fprintf(
        stderr, "%s\n",
        absl::StrFormat(
            "%s: %d examples, %d tokens (%.1f each), %s%s", options.train,
            train.dataset.size(), train.dataset.tokens(),
            static_cast<double>(train.dataset.tokens()) /
                static_cast<double>(train.dataset.size()),
            regression ? "regression" : absl::StrCat(labels.size(), " labels"),
            train.truncated == 0
                ? ""
                : absl::StrFormat(", %d texts cut to %d tokens",
                                  train.truncated, max_length))
            .c_str());

  // Program. A resumed run keeps the one it began with.
  const BatchBounds bounds = ChooseBounds(options, train.dataset, dev_data);
  const std::string program = JoinPath(options.output, "program.graft");
  const std::string labels_path = JoinPath(options.output, "labels.txt");
  if (!regression)
    GRAFT_RETURN_IF_ERROR(
        WriteFile(files, labels_path,
                  absl::StrCat(absl::StrJoin(labels.labels(), "\n"), "\n")));
  const std::vector<std::string> arguments =
      CompilerArguments(options, bounds, labels_path, program);
  if (!options.training.resume || !files.Exists(program)) {
    const absl::Time start = absl::Now();
    GRAFT_RETURN_IF_ERROR(RunCompiler(arguments));
    if (!options.quiet)
      std::fprintf(stderr,
                   "compiled in %.1f s: at most %lld tokens in %lld "
                   "sequences a launch\n",
                   absl::ToDoubleSeconds(absl::Now() - start),
                   static_cast<long long>(bounds.tokens),
                   static_cast<long long>(bounds.sequences));
  }

  // Training.
  GRAFT_ASSIGN_OR_RETURN(std::shared_ptr<const Artifact> artifact,
                         Artifact::Load(files, program));
  GRAFT_ASSIGN_OR_RETURN(
      std::unique_ptr<ThreadPool> pool,
      ThreadPool::Create(options.threads > 0 ? options.threads
                                             : DefaultThreadCount()));
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<Instance> instance,
                         Instance::Create(artifact, {pool.get(), true}));
  GRAFT_ASSIGN_OR_RETURN(
      std::vector<std::string> initialised,
      InitialiseNewParameters(*instance, options.training.seed));
  if (!options.initial.empty())
    GRAFT_RETURN_IF_ERROR(
        LoadInitialParameters(files, options.initial, *instance));
  if (!options.quiet && !initialised.empty())
    std::fprintf(stderr, "initialised: %s\n",
                 absl::StrJoin(initialised, ", ").c_str());

  options.training.directory = options.output;
  options.training.run = RunIdentity(train.dataset, options, arguments);
  Trainer trainer(files, *instance, train.dataset, dev_data, options.training);
  ProgressLine line(options.quiet);
  auto progress = [&](const StepReport& report) {
    line.Update(
        absl::StrFormat("step %d/%d  loss %.4f  %.1f examples/s  %.0f tokens/s"
                        "  %s left",
                        report.step, report.total_steps, report.loss,
                        report.examples_per_second, report.tokens_per_second,
                        FormatDuration(report.seconds_left)),
        report.step == report.total_steps);
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
        WriteTrainedArtifact(files, model, *instance, labels.labels()));
  PrintSummary(options, *summary, model, initialised);
  return absl::OkStatus();
}

void AddModelOptions(CLI::App& command, FinetuneOptions& options) {
  command
      .add_option("--model", options.model,
                  "directory with config.json, model.safetensors and the "
                  "tokenizer")
      ->required();
  command
      .add_option("--train", options.train, "table to train on (.tsv, .jsonl)")
      ->required();
  command.add_option("--dev", options.dev, "table to evaluate on");
  command
      .add_option("--output", options.output,
                  "directory for model.graft, checkpoints and metrics")
      ->required();
  AddTableOptions(command, options.table);
  command.add_option("--task", options.task, "classification or regression")
      ->check(CLI::IsMember({"classification", "regression"}))
      ->capture_default_str();
  command
      .add_option("--max-length", options.max_length,
                  "most tokens of a text (default: the model's)")
      ->check(CLI::PositiveNumber);
  command
      .add_option("--max-tokens", options.max_tokens,
                  "most tokens of one launch; larger batches are split "
                  "(default: the largest batch)")
      ->check(CLI::PositiveNumber);
}

void AddTrainingOptions(CLI::App& command, FinetuneOptions& options) {
  TrainOptions& training = options.training;
  command.add_option("--epochs", training.epochs)
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--max-steps", training.max_steps,
                     "stop after as many steps; the schedule stays that of all "
                     "epochs");
  command.add_option("--batch-size", training.batch_size, "examples a step")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--learning-rate", training.learning_rate)
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      .add_option("--schedule", options.schedule, "constant, linear or cosine")
      ->capture_default_str();
  command
      .add_option("--warmup-ratio", training.warmup_ratio,
                  "share of the steps that warm up")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command.add_option("--weight-decay", options.weight_decay)
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      .add_option("--clip", options.clip,
                  "largest norm of the gradient; 0: no clipping")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command
      .add_option("--dropout", options.dropout,
                  "rate of all dropouts (default: the model's)")
      ->check(CLI::Range(0.0, 0.999));
  command
      .add_option("--layer-decay", options.layer_decay,
                  "factor of the learning rate from each layer to the one "
                  "below")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command.add_flag("--freeze-embeddings", options.freeze_embeddings);
  command.add_option("--freeze-layers", options.freeze_layers,
                     "leave the first layers as they are");
  command.add_flag("--linear-probe", options.linear_probe,
                   "train the head only");
  command.add_flag("--shuffle", training.shuffle, "a new order each epoch");
  command
      .add_option("--seed", training.seed, "of new heads, dropout and order")
      ->capture_default_str();
  command.add_option("--initial", options.initial,
                     "safetensors whose tensors replace parameters first");
}

void AddRunOptions(CLI::App& command, FinetuneOptions& options) {
  TrainOptions& training = options.training;
  command.add_option("--evaluate-every", training.evaluate_every,
                     "steps between evaluations on --dev; the best is kept");
  command.add_option("--patience", training.patience,
                     "stop after as many evaluations without a better one");
  command.add_option("--checkpoint-every", training.checkpoint_every,
                     "steps between checkpoints");
  command.add_flag("--resume", training.resume,
                   "continue from the newest checkpoint in --output");
  command
      .add_option("--threads", options.threads,
                  "threads (default: all processors)")
      ->check(CLI::Range(1, 1024));
  command
      .add_option("--cpu-levels", options.cpu_levels,
                  "processors to compile for: host, all, or a list of avx2, "
                  "avx512, avx512_bf16, aarch64")
      ->capture_default_str();
  command.add_option("--dump-stages", options.dump_stages,
                     "directory for the program after each stage");
  command
      .add_option("--plugin", options.plugins,
                  "shared library with ops and passes, for the compiler; may "
                  "be repeated")
      ->allow_extra_args(false);
  command.add_option("--graph-passes", options.graph_passes,
                     "pipeline, builtin.module(...), that the compiler runs "
                     "before gradients are taken");
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

}  // namespace

void AddFinetuneCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "finetune", "Train a pretrained encoder with a head on labelled texts");
  auto options = std::make_shared<FinetuneOptions>();
  AddModelOptions(*command, *options);
  AddTrainingOptions(*command, *options);
  AddRunOptions(*command, *options);
  command->footer(
      "Example:\n"
      "  graft finetune --model minilm/ --train train.tsv --dev dev.tsv \\\n"
      "      --max-length 128 --evaluate-every 200 --output out/");
  command->callback([options, &context] {
    context.run = [options, &context] { return Finetune(*options, context); };
  });
}

}  // namespace graft

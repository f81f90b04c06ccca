// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// graft plan: the cost of a training, before it runs.

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "runtime/base/file.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/temporary_directory.h"
#include "tools/graft/commands.h"
#include "tools/graft/plan.h"
#include "tools/graft/training/finetune_options.h"
#include "tools/graft/training/option_effects.h"
#include "tools/graft/training/strategy_options.h"
#include "tools/graft/training/stream_tasks.h"
#include "tools/graft/training/train_strategy.h"
#include "tools/graft/training/training_run.h"
#include "tools/graft/usage_error.h"
#include "tools/option_checks.h"
#include "tools/standard_output.h"
#include "tools/strategy_flags.h"

namespace graft {
namespace {

struct PlanOptions {
  std::string input;  // an artifact, a strategy, or empty: of finetune
  std::string level, method;
  double length = 0;  // that of the data, or the longest
  std::vector<std::string> models;
  TrainCommandOptions train;
};

bool IsStrategy(const std::string& input) {
  return absl::EndsWith(input, ".mlir") || IsPage(input);
}

absl::Status Measure(const PlanOptions& options, const std::string& path,
                     double data_length) {
  GRAFT_ASSIGN_OR_RETURN(std::shared_ptr<const Artifact> artifact,
                         Artifact::Load(FileSystem::Posix(), path));
  const double length = options.length > 0 ? options.length : data_length;
  GRAFT_ASSIGN_OR_RETURN(ProgramCost cost,
                         MeasureProgram(*artifact, options.level, length));
  const std::string text =
      options.train.run.json ? CostJson(cost) + "\n" : CostText(cost);
  return Print(text);
}

// Tokens per text of the first table with texts, or 0 without any.
double MeanLength(const FinetuneOptions& options, const PreparedRun& run) {
  for (size_t i = 0; i < options.streams.size(); ++i) {
    if (!options.streams[i].texts) continue;
    const TableScan& scan = run.tables[i]->scan();
    return static_cast<double>(scan.tokens) /
           static_cast<double>(scan.examples);
  }
  return 0;
}

absl::StatusOr<PreparedRun> Prepare(TrainCommandOptions& options,
                                    const std::atomic<bool>& stop) {
  if (!options.run.strategy.file.empty()) return PrepareStrategy(options, stop);
  GRAFT_RETURN_IF_ERROR(TakeTaskColumns(options.run));
  GRAFT_RETURN_IF_ERROR(CheckEffects(options.run, HasEvaluation(options.run)));
  return PrepareRun(options.run, stop);
}

// Prepares a run as its own command does, but in a temporary directory.
absl::Status MeasureNew(PlanOptions options, const std::atomic<bool>& stop) {
  FinetuneOptions& run = options.train.run;
  GRAFT_ASSIGN_OR_RETURN(const TemporaryDirectory directory,
                         TemporaryDirectory::Create());
  run.output = run.scratch = directory.path();
  run.memory_choices = true;
  const absl::StatusOr<PreparedRun> prepared = Prepare(options.train, stop);
  if (absl::IsCancelled(prepared.status()))
    return absl::CancelledError("stopped by a signal");
  if (!prepared.ok()) return NameAsGiven(prepared.status(), run);
  const absl::Status measured =
      Measure(options, prepared->program, MeanLength(run, *prepared));
  // The program is gone when its name is read.
  return absl::Status(
      measured.code(),
      absl::StrReplaceAll(measured.message(),
                          {{prepared->program, "the program"}}));
}

// A new run by the options of finetune.
absl::Status MeasureFinetune(const CLI::App& command, PlanOptions options,
                             const std::atomic<bool>& stop) {
  FinetuneOptions& run = options.train.run;
  if (options.models.size() != 1)
    return UsageError(absl::StrCat("--model: expects one directory, got ",
                                   absl::StrJoin(options.models, " and ")));
  run.model = options.models.front();
  GRAFT_RETURN_IF_ERROR(CheckWithout(
      command, {"--data", "--features", "--soft-column", "--student-layers"},
      "--train; it is one of strategies, *.mlir or page:NAME"));
  if (!options.method.empty()) {
    TrainCommandOptions page = InstantiatePage(run, options.method);
    page.batch_size_given = options.train.batch_size_given;
    if (command.count("--task") > 0) page.task = run.task;
    options.train = std::move(page);
  }
  return MeasureNew(std::move(options), stop);
}

// A new run by the options of train.
absl::Status MeasureStrategy(const CLI::App& command, PlanOptions options,
                             const std::atomic<bool>& stop) {
  std::vector<std::string> useless = {"--train", "--dev", "--task", "--method"};
  for (const StrategyFlag& flag : kStrategyFlags)
    useless.emplace_back(flag.option);
  GRAFT_RETURN_IF_ERROR(CheckWithout(
      command, useless,
      absl::StrCat(options.input,
                   ", a strategy, which takes the options of train")));
  options.train.run.strategy.file = options.input;
  options.train.run.strategy.models = options.models;
  return MeasureNew(std::move(options), stop);
}

}  // namespace

void AddPlanCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "plan", "Show the cost of a training without running it");
  auto options = std::make_shared<PlanOptions>();
  FinetuneOptions& run = options->train.run;
  command->add_option(
      "artifact", options->input,
      "program.graft of a run; or a strategy (*.mlir or page:NAME), with the "
      "options of train; or neither, but --model and --train, with those of "
      "finetune");
  command
      ->add_option("--model", options->models,
                   "checkpoint directory; of a strategy NAME=DIRECTORY, once "
                   "for each model that it calls")
      ->type_name("DIRECTORY")
      ->allow_extra_args(false);
  AddTrainingFiles(*command, run);
  AddStreamFiles(*command, options->train.data);
  AddDataOptions(*command, run);
  AddStreamColumns(*command, run.table);
  AddLayersOption(*command, run);
  AddTaskOption(*command, run);
  AddTrainingOptions(*command, run);
  command->add_option("--method", options->method,
                      "page to train by, as --method of finetune");
  AddStrategyOptions(*command, run, /*teacher=*/false);
  command
      ->add_option("--length", options->length,
                   "tokens per text (default: the mean of the first table to "
                   "train on, or the program's maximum)")
      ->check(Number(1, static_cast<double>(kMostCounted)));
  command->add_option("--level", options->level,
                      "ISA level whose memory is shown");
  command->add_flag("--json", run.json, "one JSON object");
  command->footer(
      "Example:\n"
      "  graft plan --model minilm/ --train train.tsv --linear-probe\n"
      "  graft plan page:dann --model model=minilm/ --data source=old.tsv \\\n"
      "      --data target=new.tsv\n"
      "  graft plan out/program.graft --length 32");
  command->callback([command, options, &context] {
    context.saves_on_signal = true;  // stops, and removes its files
    if (options->input.empty()) {
      const bool model = !options->models.empty();
      const bool train = command->count("--train") > 0;
      if (!model && !train)
        throw CLI::RequiredError("artifact, strategy, or --model and --train");
      if (!train) throw CLI::RequiresError("--model", "--train");
      if (!model) throw CLI::RequiresError("--train", "--model");
    }
    options->train.run.quiet = true;
    options->train.batch_size_given = command->count("--batch-size") > 0;
    context.run = [command, options, &context]() -> absl::Status {
      const std::string& input = options->input;
      if (input.empty())
        return MeasureFinetune(*command, *options, *context.stop);
      if (IsStrategy(input))
        return MeasureStrategy(*command, *options, *context.stop);
      if (!FileSystem::Posix().Exists(input))
        return UsageError(
            absl::StrCat("expects program.graft of a run, a strategy *.mlir, "
                         "or page:NAME, got ",
                         input));
      GRAFT_RETURN_IF_ERROR(
          CheckOnly(*command, {"artifact", "--length", "--level", "--json"},
                    absl::StrCat(input, ", which is compiled already")));
      return Measure(*options, input, 0);
    };
  });
}

}  // namespace graft

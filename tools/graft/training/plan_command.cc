// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// graft plan: the cost of a fine-tuning, before it runs.

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/temporary_directory.h"
#include "runtime/predict/predictor.h"
#include "tools/graft/commands.h"
#include "tools/graft/plan.h"
#include "tools/graft/training/finetune_options.h"
#include "tools/graft/training/option_effects.h"
#include "tools/graft/training/strategy_options.h"
#include "tools/graft/training/stream_tasks.h"
#include "tools/option_checks.h"
#include "tools/standard_output.h"

namespace graft {
namespace {

struct PlanOptions {
  std::string artifact, level;
  double length = 0;  // that of the data, or the longest
  FinetuneOptions finetune;
};

absl::Status Measure(const PlanOptions& options, const std::string& path,
                     double data_length) {
  GRAFT_ASSIGN_OR_RETURN(std::shared_ptr<const Artifact> artifact,
                         Artifact::Load(FileSystem::Posix(), path));
  double length = options.length > 0 ? options.length : data_length;
  if (length == 0) length = static_cast<double>(MaxLength(*artifact));
  GRAFT_ASSIGN_OR_RETURN(ProgramCost cost,
                         MeasureProgram(*artifact, options.level, length));
  const std::string text =
      options.finetune.json ? CostJson(cost) + "\n" : CostText(cost);
  return Print(text);
}

// Compiles like a fine-tuning, in a temporary directory.
absl::Status MeasureNew(PlanOptions options, const std::atomic<bool>& stop) {
  GRAFT_RETURN_IF_ERROR(TakeTaskColumns(options.finetune));
  GRAFT_RETURN_IF_ERROR(
      CheckEffects(options.finetune, HasEvaluation(options.finetune)));
  GRAFT_ASSIGN_OR_RETURN(const TemporaryDirectory directory,
                         TemporaryDirectory::Create());
  options.finetune.output = options.finetune.scratch = directory.path();
  options.finetune.memory_choices = true;
  GRAFT_ASSIGN_OR_RETURN(const PreparedRun run,
                         PrepareRun(options.finetune, stop));
  const TableScan& train = run.tables.front()->scan();
  return Measure(
      options, run.program,
      static_cast<double>(train.tokens) / static_cast<double>(train.examples));
}

}  // namespace

void AddPlanCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "plan", "Show the cost of a fine-tuning without running it");
  auto options = std::make_shared<PlanOptions>();
  command->add_option(
      "artifact", options->artifact,
      "program.graft of a run; or else --model and --train, with the options "
      "of finetune");
  AddModelOptions(*command, options->finetune);
  AddTaskOption(*command, options->finetune);
  AddTrainingOptions(*command, options->finetune);
  AddStrategyOptions(*command, options->finetune, /*teacher=*/false);
  CLI::Option* model = command->get_option("--model");
  CLI::Option* train = command->get_option("--train");
  model->needs(train);
  train->needs(model);
  command
      ->add_option("--length", options->length,
                   "tokens per text (default: the mean of --train, or the "
                   "program's maximum)")
      ->check(Number(1, static_cast<double>(kMostCounted)));
  command->add_option("--level", options->level,
                      "ISA level whose memory is shown");
  command->add_flag("--json", options->finetune.json, "one JSON object");
  command->footer(
      "Example:\n"
      "  graft plan --model minilm/ --train train.tsv --linear-probe\n"
      "  graft plan out/program.graft --length 32");
  command->callback([command, options, &context] {
    context.saves_on_signal = true;  // stops, and removes its files
    if (options->artifact.empty() && options->finetune.model.empty())
      throw CLI::RequiredError("artifact, or --model and --train");
    options->finetune.quiet = true;
    context.run = [command, options, &context]() -> absl::Status {
      if (options->artifact.empty()) return MeasureNew(*options, *context.stop);
      GRAFT_RETURN_IF_ERROR(CheckOnly(
          *command, {"artifact", "--length", "--level", "--json"},
          absl::StrCat(options->artifact, ", which is compiled already")));
      return Measure(*options, options->artifact, 0);
    };
  });
}

}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <memory>
#include <string>
#include <utility>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "runtime/base/status_macros.h"
#include "tools/graft/commands.h"
#include "tools/graft/training/finetune_options.h"
#include "tools/graft/training/option_effects.h"
#include "tools/graft/training/strategy_options.h"
#include "tools/graft/training/stream_tasks.h"
#include "tools/graft/training/train_strategy.h"
#include "tools/graft/training/training_run.h"

namespace graft {
namespace {

absl::Status Finetune(FinetuneOptions options, const CommandContext& context) {
  GRAFT_RETURN_IF_ERROR(TakeTaskColumns(options));
  GRAFT_RETURN_IF_ERROR(CheckEffects(options, HasEvaluation(options)));
  GRAFT_ASSIGN_OR_RETURN(const std::unique_ptr<RunFolder> folder,
                         OpenRunFolder(options, InputsOf(options)));
  absl::StatusOr<PreparedRun> run = PrepareRun(options, *context.stop);
  if (!run.ok()) return NameAsGiven(run.status(), options);
  return NameAsGiven(Train(options, *std::move(run), *folder, context),
                     options);
}

}  // namespace

void AddFinetuneCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "finetune", "Train a pretrained encoder with a head on labelled texts");
  auto options = std::make_shared<FinetuneOptions>();
  AddModelOptions(*command, *options);
  AddTaskOption(*command, *options);
  command->get_option("--model")->required();
  command->get_option("--train")->required();
  AddTrainingOptions(*command, *options);
  auto method = std::make_shared<std::string>();
  command->add_option("--method", *method,
                      "page to train by, such as lora or head_first; `graft "
                      "strategies` describes them (default: finetune or "
                      "regression, by --task)");
  AddStrategyOptions(*command, *options, /*teacher=*/false);
  AddRunOptions(*command, *options);
  command->footer(
      "Example:\n"
      "  graft finetune --model minilm/ --train train.tsv --dev dev.tsv \\\n"
      "      --max-length 128 --evaluate-every 200 --output out/\n"
      "  graft finetune --method lora --model minilm/ --train train.tsv \\\n"
      "      --set rank=4 --output adapted/");
  command->callback([command, options, method, &context] {
    context.saves_on_signal = true;
    if (method->empty()) {
      context.run = [options, &context] { return Finetune(*options, context); };
      return;
    }
    TrainCommandOptions train = InstantiatePage(*options, *method);
    train.batch_size_given = command->count("--batch-size") > 0;
    if (command->count("--task") > 0) train.task = options->task;
    context.run = [train, &context] { return TrainStrategy(train, context); };
  });
}

}  // namespace graft

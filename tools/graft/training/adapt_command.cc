// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/strings/str_cat.h"
#include "tools/graft/commands.h"
#include "tools/graft/training/train_strategy.h"
#include "tools/strategy_flags.h"

namespace graft {
namespace {

struct AdaptOptions {
  TrainCommandOptions train;
  std::string method = "dann", model;
  std::vector<std::string> source, target, dev;
};

// The page of the method, with its data.
TrainCommandOptions Instantiate(AdaptOptions options) {
  TrainCommandOptions train = std::move(options.train);
  train.run.strategy.file = absl::StrCat(kPagePrefix, options.method);
  train.method = options.method;
  train.streams = {"source", "target"};
  train.run.strategy.models = {absl::StrCat("model=", options.model)};
  for (const auto& [stream, files] :
       {std::pair("source", &options.source),
        std::pair("target", &options.target), std::pair("dev", &options.dev)})
    for (const std::string& file : *files)
      train.data.push_back(absl::StrCat(stream, "=", file));
  return train;
}

}  // namespace

void AddAdaptCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "adapt", "Train on labelled texts for other texts, which have no labels");
  auto options = std::make_shared<AdaptOptions>();
  command
      ->add_option("--method", options->method,
                   "page of the method, such as dann, mmd or coral; `graft "
                   "strategies` describes them")
      ->capture_default_str();
  command->add_option("--model", options->model, "checkpoint directory")
      ->type_name("DIRECTORY")
      ->required();
  const auto add_tables = [&](const char* name, std::vector<std::string>& files,
                              const char* help) {
    return command->add_option(name, files, help)
        ->type_name("FILE")
        ->allow_extra_args(false);
  };
  add_tables("--source", options->source,
             "table of texts with labels; may be repeated")
      ->required();
  add_tables("--target", options->target,
             "table of the other texts, whose labels are not read; may be "
             "repeated")
      ->required();
  add_tables(
      "--dev", options->dev,
      "table to evaluate on; without a column of labels the mean entropy "
      "of the predictions decides");
  AddPageOptions(*command, options->train);
  command->footer(
      "Example:\n"
      "  graft adapt --method dann --model minilm/ --source books.tsv \\\n"
      "      --target kitchen.tsv --shuffle --output out/");
  command->callback([command, options, &context] {
    context.saves_on_signal = true;
    options->train.batch_size_given = command->count("--batch-size") > 0;
    context.run = [options, &context] {
      return TrainStrategy(Instantiate(*options), context);
    };
  });
}

}  // namespace graft

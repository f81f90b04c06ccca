// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Training by a page: shared by `graft train`, by `graft adapt`, `graft
// finetune` and `graft distill`, whose methods are pages, and by `graft plan`.

#ifndef GRAFT_TOOLS_GRAFT_TRAINING_TRAIN_STRATEGY_H_
#define GRAFT_TOOLS_GRAFT_TRAINING_TRAIN_STRATEGY_H_

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/graft/commands.h"
#include "tools/graft/table_options.h"
#include "tools/graft/training/finetune_options.h"

namespace graft {

struct TrainCommandOptions {
  FinetuneOptions run;            // with strategy.file and strategy.models
  std::vector<std::string> data;  // STREAM=FILE
  bool batch_size_given = false;
  std::string method;  // the name of the page; empty: of `graft train`
  // With a method: the streams that its page must read, and no others.
  std::vector<std::string> streams;
  bool texts_only = false;  // the command has no options of other columns
  std::string task;         // that the labels must be of; empty: any
  std::string teacher;      // as given to `graft distill`; empty: none
  // Prepares `run` when the folder of its output is open, or is null.
  std::function<absl::Status(FinetuneOptions& run)> begin;
};

// Adds the options that all have, whatever the page: of the data, the training
// and the run. `options` must outlive the parsing.
void AddPageOptions(CLI::App& command, TrainCommandOptions& options);

// The page `method`, which reads the stream @train, with the model, the tables
// and the settings of `options`.
TrainCommandOptions InstantiatePage(const FinetuneOptions& options,
                                    const std::string& method);

// Adds --features and --soft-column, for streams that have these.
void AddStreamColumns(CLI::App& command, TableOptions& options);

// Adds --data, once for each file.
CLI::Option* AddStreamFiles(CLI::App& command, std::vector<std::string>& data);

// Reads what the compiler says of the strategy and prepares the run, all steps
// but the training, in options.run.scratch, which exists.
absl::StatusOr<PreparedRun> PrepareStrategy(TrainCommandOptions& options,
                                            const std::atomic<bool>& stop);

// Opens the folder of the run, prepares it there and trains.
absl::Status TrainStrategy(TrainCommandOptions options,
                           const CommandContext& context);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_TRAINING_TRAIN_STRATEGY_H_

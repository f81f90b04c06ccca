// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Shared by `graft finetune`, `distill` and `plan`: options, and all steps up
// to the compiled program.

#ifndef GRAFT_TOOLS_GRAFT_FINETUNE_OPTIONS_H_
#define GRAFT_TOOLS_GRAFT_FINETUNE_OPTIONS_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/data/example_table.h"
#include "runtime/data/label_map.h"
#include "runtime/tokenize/tokenizer.h"
#include "runtime/train/trainer.h"
#include "tools/graft/table_options.h"
#include "tools/open_device.h"

namespace graft {

struct FinetuneOptions {
  std::string model, train, dev, output;
  TableOptions table;
  std::string task = "classification";
  std::string schedule = "linear";
  TrainOptions training;
  // Options of graft-compile that set parameters of the strategy, as given.
  // Those that the trainer needs as well are in `training` and `schedule`.
  std::vector<std::string> settings;
  double dropout = -1;  // the model's
  bool freeze_embeddings = false;
  int64_t freeze_layers = 0;
  bool linear_probe = false;
  // Distillation: directory of the classifier that teaches, or none.
  std::string teacher;
  std::vector<int64_t> student_layers;  // of the model; empty: all
  int64_t max_length = 0;               // the model's
  int64_t max_tokens = 0;               // of the largest batch
  std::string initial;
  std::string targets = "host";
  std::string precision = "fp32";
  double memory_budget = 0;     // bytes of activations; 0: no limit
  bool memory_choices = false;  // the program says what other budgets cost
  std::string dump_stages;
  std::vector<std::string> plugins;
  std::string graph_passes;
  DeviceChoice device;
  bool json = false;
  bool quiet = false;
  bool profile = false;
};

// Options of the model and the data, and those of the training that shape it.
void AddModelOptions(CLI::App& command, FinetuneOptions& options);
void AddTaskOption(CLI::App& command, FinetuneOptions& options);
void AddTrainingOptions(CLI::App& command, FinetuneOptions& options);

// Data and a program for it.
struct PreparedRun {
  std::unique_ptr<Tokenizer> tokenizer;
  // Empty for a regression; a teacher's own. The tables look at it.
  std::unique_ptr<LabelMap> labels;
  std::unique_ptr<ExampleTable> train, dev;  // dev may be null
  std::vector<std::string> compiler_arguments;
  std::string program;  // path of the compiled artifact
};

// Reads the tables once, and compiles into options.output unless a run is
// resumed there. Progress goes to standard error unless options.quiet.
// CANCELLED: `stop` became true while a table was read.
absl::StatusOr<PreparedRun> PrepareRun(const FinetuneOptions& options,
                                       const std::atomic<bool>& stop);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_FINETUNE_OPTIONS_H_

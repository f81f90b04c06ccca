// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Shared by `graft finetune`, `distill` and `plan`: options, and all steps up
// to the compiled program.

#ifndef GRAFT_TOOLS_GRAFT_TRAINING_FINETUNE_OPTIONS_H_
#define GRAFT_TOOLS_GRAFT_TRAINING_FINETUNE_OPTIONS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/data/example_table.h"
#include "runtime/data/label_map.h"
#include "runtime/data/sampler.h"
#include "runtime/tokenize/tokenizer.h"
#include "tools/graft/table_options.h"
#include "tools/open_device.h"

namespace graft {

// What a run is told beside its program.
struct RunSettings {
  int64_t batch_size = 32;  // examples of one optimiser step
  int64_t max_steps = 0;    // stop after as many steps; 0: all epochs
  bool shuffle = false;     // a new order each epoch
  uint64_t seed = 0;
  std::optional<double> loss_scale;  // the first of fp16: a power of two
  bool resume = false;               // from the newest valid checkpoint, if any
  int64_t checkpoint_every = 0;      // steps; 0: only when stopped by a signal
  int64_t evaluate_every = 0;        // steps between evaluations; 0: an epoch's
  int64_t patience = 0;  // stop after as many evaluations without a better one
  int64_t log_every = 10;  // steps between metrics
};

// A strategy that a user wrote.
struct StrategyInput {
  std::string file;                 // *.mlir; empty: a page of the compiler
  std::vector<std::string> models;  // NAME=DIRECTORY for each that it calls
  // Directories of models that are not trained.
  std::vector<std::string> frozen;
  bool declared = true;  // the file itself has all of its models and sizes
  // Whether the file itself has the model that predicts, and its parameters
  // with initial values there.
  bool declares_predicted = false;
  std::vector<std::string> initialised;
  bool head = true;         // calls the head of that model
  bool trained = true;      // trains that model
  bool two_passes = false;  // the file asks for them, for its losses
  // All parameters of the file with the values that a run has, a line each, as
  // the compiler lists them.
  std::string settings;
  // What the compiler says of checkpoints, by their directories, as JSON.
  std::map<std::string, std::string> checkpoints;
};

// A stream of the strategy, and the files of its table.
struct StreamInput {
  std::string name = "train";
  std::vector<std::string> paths;
  bool labelled = true;  // else the table needs no labels, and none are read
  bool sets = false;     // any number of labels for each row
  int64_t classes = 0;   // labels that the strategy says there are; 0: any
  bool texts = true;     // else the rows have none
  int64_t features = 0;  // numbers of each row, of --features
  bool soft = false;     // has the targets of --soft-column
  bool probabilities = false;    // which are from 0 to 1
  bool partly_labelled = false;  // a row may go without its label
  bool weighted = true;          // has the weights of --weight-column, if given
  // Whether a loss relates the examples of a batch, which is never cut.
  bool whole = false;
  bool adds_up = false;  // a loss adds up all of its rows, each once
  // Whether it is one of those of which each step takes one; an epoch then has
  // all of their batches.
  bool drawn = false;
  std::string task_column;  // of --task-column; empty: batches of any rows
  size_t labels = 0;        // the index of its LabelSet
};

// The classes of all streams whose labels or soft targets have one size.
struct LabelSet {
  size_t stream = 0;  // the first that has them
  // Whether the columns of soft targets of that stream name them.
  bool soft = false;
  // Whether the compiler gets them for the models that are imported; else for
  // that stream.
  bool of_models = true;
};

// A table to evaluate a prediction on.
struct EvaluationInput {
  std::string name = "dev";  // "dev_first" for the head @first
  size_t stream = 0;         // as which it is read
  bool soft = false;         // its loss reads soft targets
  // Whether another loss evaluates it on a table without labels.
  bool unlabelled = false;
  std::vector<std::string> paths;  // none: the prediction is not evaluated
};

struct FinetuneOptions {
  // Directory of the model that predicts, empty if the strategy has no texts
  // and all values are on the page, and where all output goes.
  std::string model, output;
  // In the strategy's order, at least one. An epoch is a pass over the first,
  // unless they are drawn.
  std::vector<StreamInput> streams = {StreamInput()};
  // At least one; one without labels, too.
  std::vector<LabelSet> label_sets = {LabelSet()};
  // Of the predictions, in the strategy's order.
  std::vector<EvaluationInput> evaluations = {EvaluationInput()};
  StrategyInput strategy;
  TableOptions table;
  std::vector<std::string> task_columns;  // STREAM=COLUMN, as given
  std::string task = "classification";    // "regression", "none": no labels
  bool new_head = false;  // even if the checkpoint has one that fits
  RunSettings training;
  // Options of graft-compile that set parameters of the strategy, as given.
  std::vector<std::string> settings;
  double dropout = -1;  // the model's
  bool freeze_embeddings = false;
  int64_t freeze_layers = 0;
  bool linear_probe = false;
  // Directory of the frozen classifier whose labels the data has, or none.
  std::string teacher;
  std::vector<int64_t> student_layers;  // of the model; empty: all
  int64_t max_length = 0;               // the model's
  int64_t teacher_length = 0;           // of its training, instead; or 0
  int64_t max_tokens = 0;               // of the largest batch
  std::string initial;
  // Directory of PEFT adapters that the model begins with, or none.
  std::string adapter;
  std::string targets = "host";
  std::string precision = "fp32";
  double memory_budget = 0;     // bytes of activations; 0: no limit
  bool memory_choices = false;  // the program says what other budgets cost
  std::string dump_stages;
  std::vector<std::string> plugins;
  std::string graph_passes;
  DeviceChoice device;
  // Where runs share what is computed once per example; empty: in `output`.
  std::string cached;
  bool overwrite = false;  // what an earlier run left in `output`
  // Folder for what is made before a run begins, and the program of the run
  // that is resumed, if it is there (run_folder.h).
  std::string scratch;
  std::optional<std::string> program;
  bool json = false;
  bool quiet = false;
  bool profile = false;
};

// Options of the model and the data, and those of the training that shape it.
void AddModelOptions(CLI::App& command, FinetuneOptions& options);
void AddTrainingFiles(CLI::App& command, FinetuneOptions& options);
void AddDataOptions(CLI::App& command, FinetuneOptions& options);
void AddLayersOption(CLI::App& command, FinetuneOptions& options);
void AddTaskOption(CLI::App& command, FinetuneOptions& options);
void AddTrainingOptions(CLI::App& command, FinetuneOptions& options);

// The index of the set of labels that the head of the model has: that of the
// models that are imported, or else the first.
size_t HeadLabelSet(const FinetuneOptions& options);

// The index of the first stream of those labels, or of all without any.
size_t LabelStream(const FinetuneOptions& options);

// Whether a stream has texts.
bool ReadsTexts(const FinetuneOptions& options);

// Whether there is a table to evaluate on.
bool HasEvaluation(const FinetuneOptions& options);

// Directories of the models that are not trained.
std::vector<std::string> FrozenModels(const FinetuneOptions& options);

// Data and a program for it.
struct PreparedRun {
  std::unique_ptr<Tokenizer> tokenizer;  // null without a model
  // Of the label sets. Empty for a regression; a teacher's own. The tables look
  // at them.
  std::vector<std::unique_ptr<LabelMap>> labels;
  std::vector<std::unique_ptr<ExampleTable>> tables;  // of the streams
  // Of the streams; null without a task column.
  std::vector<std::unique_ptr<StreamTasks>> tasks;
  // Of the evaluations; null without files.
  std::vector<std::unique_ptr<ExampleTable>> evaluations;
  // Of the evaluations: whether the table has no labels.
  std::vector<bool> unlabelled;
  std::vector<std::string> feature_columns;  // of all streams with features
  std::string settings;  // StrategyInput::settings, also of the compiler's page
  std::vector<std::string> head_arguments;  // of the compiler
  std::vector<std::string> compiler_arguments;
  int64_t max_length = 0;      // tokens of an example, at most
  int64_t evaluate_every = 0;  // steps between evaluations; 0: none
  std::string program;         // path of the compiled artifact
};

// Reads the tables once, and compiles into options.scratch, which exists,
// unless there is options.program. Progress goes to standard error unless
// options.quiet. CANCELLED: `stop` became true while a table was read or the
// program compiled.
absl::StatusOr<PreparedRun> PrepareRun(const FinetuneOptions& options,
                                       const std::atomic<bool>& stop);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_TRAINING_FINETUNE_OPTIONS_H_

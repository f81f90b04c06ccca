// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The whole compiler as one call.

#ifndef GRAFT_TOOLS_GRAFT_COMPILE_COMPILE_H_
#define GRAFT_TOOLS_GRAFT_COMPILE_COMPILE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "frontend/huggingface_import.h"
#include "models/strategies/fine_tune.h"

namespace graft {

enum class Emit {
  kArtifact,
  kModel,     // the imported model, as readable MLIR
  kStrategy,  // the model with its strategy, before anything is expanded
  // What config.json says, under the names of Transformers whatever the family:
  // model_type, vocab_size, max_position_embeddings (where there is a maximum).
  kFacts,
};

struct CompileOptions {
  // A checkpoint directory, or a module of a model, with or without a
  // strategy, in a file *.mlir.
  std::string input;
  std::string checkpoint;  // directory that belongs to a *.mlir
  std::string output;      // "-" for text on standard output
  Emit emit = Emit::kArtifact;
  ImportOptions import;
  // Directory of a classifier that becomes the model @teacher; empty: none.
  // Without labels in `import` its labels are those of the student. Beside a
  // *.mlir it has the weights of the @teacher there.
  std::string teacher;
  // Of the recipe only what shapes the program: the trainer has the schedule.
  FineTuneRecipe recipe = {.decay_everything = true, .clip = 0};
  // Names of options for `recipe` that the user gave.
  std::vector<std::string> recipe_options;
  // Values of the strategy's declared parameters, NAME=VALUE.
  std::vector<std::string> settings;
  // What products and attention compute in, and most activations are kept in:
  // "fp32", "bf16" or "fp16".
  std::string precision = "fp32";
  // Bytes that activations and scratch memory may take, at the largest batch;
  // what does not fit is computed again. 0: no bound.
  double memory_budget = 0;
  bool memory_choices = false;  // the program says what other bounds would cost
  // Names of targets, or "host" or "all" alone; "all" leaves out those of
  // plug-ins.
  std::vector<std::string> targets = {"host"};
  std::string dump_stages;           // directory; empty: none
  std::string cache;                 // of compiled kernels; empty: none
  std::vector<std::string> plugins;  // shared libraries: passes/plugin.h
  // Pipeline, "builtin.module(...)", that runs on the functions of the phases
  // before their gradients are taken; empty: none.
  std::string graph_passes;
};

// An error of the command line, not of what it names.
absl::Status UsageError(absl::string_view message);
bool IsUsageError(const absl::Status& status);

// Whether an input is a module in MLIR, by its name.
bool IsModule(const std::string& input);

struct CompileReport {
  std::vector<std::string> initialised;  // parameters the checkpoint lacks
  std::vector<std::string> skipped;      // its tensors without a use
};

// Imports, compiles and writes what is asked for. Diagnostics of the compiler
// go to standard error; the status then says which stage failed.
// An option that the input has no use for is a usage error.
absl::StatusOr<CompileReport> Compile(const CompileOptions& options);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_COMPILE_COMPILE_H_

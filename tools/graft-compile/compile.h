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

namespace graft {

enum class Emit {
  kArtifact,
  kModel,     // the imported model, as readable MLIR
  kStrategy,  // the models with their strategy, before anything is expanded
  // The declared parameters of the strategy, with values, ranges and meanings.
  // No model is read.
  kSettings,
  // What a training must know of a directory, which is checked, or of a
  // strategy: its streams and models (emit.h).
  kFacts,
  // The text of a page of the compiler, or what pages there are.
  kPage,
};

// A value of a parameter that the strategy declares.
struct Setting {
  std::string option;  // as the user spells it, for messages
  std::string name;
  std::string value;
};

// Labels of the examples of one stream, from --labels STREAM=FILE or --classes
// STREAM=N.
struct StreamLabels {
  std::string option;  // as the user spells it, for messages
  std::string stream;
  int64_t labels = 0;
  std::vector<std::string> names;  // one per label, or none
};

// Options that become patterns of a strategy's parameters, `freeze` and `learn`
// or `decayed` and `undecayed`, by the scopes of the model's family.
struct ScopeOptions {
  bool freeze_embeddings = false;
  // The embeddings and so many layers, counted from the input.
  int64_t freeze_layers = 0;
  bool linear_probe = false;        // freeze all but the head
  bool decay_weights_only = false;  // else everything decays

  // One that is given, or null.
  const char* First() const {
    return freeze_embeddings    ? "--freeze-embeddings"
           : freeze_layers > 0  ? "--freeze-layers"
           : linear_probe       ? "--linear-probe"
           : decay_weights_only ? "--decay-weights-only"
                                : nullptr;
  }
};

struct CompileOptions {
  // A checkpoint directory, or a strategy in a file *.mlir, with or without its
  // models.
  std::string input;
  // NAME=DIRECTORY for each model of a *.mlir: its weights if the file declares
  // it, else the checkpoint that is imported under that symbol. None for a
  // model that the file declares with initial values for all of its parameters.
  std::vector<std::string> models;
  std::string output;  // "-" for text on standard output
  Emit emit = Emit::kArtifact;
  // Labels are those of models that are trained; others keep their head. Beside
  // a *.mlir its name is not used.
  ImportOptions import;
  // Of streams of a *.mlir, each once: they bind sizes that no call does, and
  // name the columns of predictions.
  std::vector<StreamLabels> stream_labels;
  // Directory of a classifier that becomes the model @teacher beside a
  // directory; empty: none.
  std::string teacher;
  // Options for models that are imported, and for the strategy, that the user
  // gave.
  std::vector<std::string> import_options, strategy_options;
  ScopeOptions scopes;
  std::vector<Setting> settings;  // each parameter has one value
  // Examples have weights, by which all losses count them.
  bool weights = false;
  // Examples of the largest batch of a loss that relates them, which is then
  // computed in two passes; 0: as the strategy says, or those of a launch.
  int64_t max_batch = 0;
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

// Whether an input is a strategy in MLIR, by its name: a file *.mlir, or
// page:NAME for a page of the compiler.
bool IsStrategy(const std::string& input);

struct CompileReport {
  // Parameters the checkpoints lack; MODEL.NAME those of models without one.
  std::vector<std::string> initialised;
  std::vector<std::string> skipped;  // tensors without a use
};

// Imports, compiles and writes what is asked for. Diagnostics of the compiler
// go to standard error; the status then says which stage failed.
// An option that the input has no use for is a usage error.
absl::StatusOr<CompileReport> Compile(const CompileOptions& options);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_COMPILE_COMPILE_H_

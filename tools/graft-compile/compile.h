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
#include "frontend/recipes.h"

namespace graft {

struct CompileOptions {
  std::string directory;  // checkpoint
  std::string output;     // artifact
  ImportOptions import;
  // Of the recipe only what shapes the program: the trainer has the schedule.
  FineTuneRecipe recipe = {.decay_everything = true};
  double clip = 0;                // 0: none
  std::optional<double> dropout;  // of the model's dropouts and attention
  // Level names, or "host" or "all" alone.
  std::vector<std::string> cpu_levels = {"host"};
  std::string dump_stages;           // directory; empty: none
  std::vector<std::string> plugins;  // shared libraries: passes/plugin.h
  // Pipeline, "builtin.module(...)", that runs on the functions of the phases
  // before their gradients are taken; empty: none.
  std::string graph_passes;
};

struct CompileReport {
  std::vector<std::string> initialised;  // parameters the checkpoint lacks
  std::vector<std::string> skipped;      // its tensors without a use
};

// Imports, compiles and writes the artifact. Diagnostics of the compiler go to
// standard error; the status then says which stage failed.
absl::StatusOr<CompileReport> Compile(const CompileOptions& options);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_COMPILE_COMPILE_H_

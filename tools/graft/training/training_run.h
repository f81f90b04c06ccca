// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Shared by the commands that train, after their program is compiled.

#ifndef GRAFT_TOOLS_GRAFT_TRAINING_TRAINING_RUN_H_
#define GRAFT_TOOLS_GRAFT_TRAINING_TRAINING_RUN_H_

#include "CLI/App.hpp"
#include "absl/status/status.h"
#include "tools/graft/commands.h"
#include "tools/graft/training/finetune_options.h"
#include "tools/graft/training/run_folder.h"

namespace graft {

// Options that do not affect the result of a run: --output, --resume and so on.
void AddRunOptions(CLI::App& command, FinetuneOptions& options);

// The folder options.output for a run of these options, in which the rest of
// `options` then prepares one. Errors of RunFolder::Open.
absl::StatusOr<std::unique_ptr<RunFolder>> OpenRunFolder(
    FinetuneOptions& options);

// Trains `run` to its end, or to a checkpoint if a signal stops it, writes
// model.graft to options.output and prints a summary. Nothing in `folder` is
// changed before the run is known to begin.
absl::Status Train(FinetuneOptions options, PreparedRun run, RunFolder& folder,
                   const CommandContext& context);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_TRAINING_TRAINING_RUN_H_

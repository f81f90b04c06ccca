// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Shared by the commands that train, after their program is compiled.

#ifndef GRAFT_TOOLS_GRAFT_TRAINING_TRAINING_RUN_H_
#define GRAFT_TOOLS_GRAFT_TRAINING_TRAINING_RUN_H_

#include <memory>
#include <string>

#include "CLI/App.hpp"
#include "absl/status/status.h"
#include "tools/graft/commands.h"
#include "tools/graft/training/finetune_options.h"
#include "tools/graft/training/input_places.h"
#include "tools/graft/training/run_folder.h"

namespace graft {

// Options that do not affect the result of a run: --output, --resume and so on.
void AddRunOptions(CLI::App& command, FinetuneOptions& options);

// The folder options.output for a run of these options and inputs, in which the
// rest of `options` then prepares one. Errors of CheckInputPlaces and of
// RunFolder::Open.
absl::StatusOr<std::unique_ptr<RunFolder>> OpenRunFolder(
    FinetuneOptions& options, const RunInputs& inputs);

// Where the teacher lies that a run takes from an artifact.
std::string TeacherIn(const FinetuneOptions& options);

// `status` with the names that a user knows of what lies in the scratch of
// `options`: the teacher, if that was taken from the artifact `teacher`, and
// else the name that a file gets in --output.
absl::Status NameAsGiven(const absl::Status& status,
                         const FinetuneOptions& options,
                         const std::string& teacher = "");

// Trains `run` to its end, or to a checkpoint if a signal stops it, writes
// model.graft to options.output and prints a summary. Nothing in `folder` is
// changed before the run is known to begin.
absl::Status Train(FinetuneOptions options, PreparedRun run, RunFolder& folder,
                   const CommandContext& context);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_TRAINING_TRAINING_RUN_H_

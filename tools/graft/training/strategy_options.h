// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Options that set parameters of the strategy. Their defaults and ranges are
// the strategy's, which the compiler reads: an option that is not given is not
// passed on.

#ifndef GRAFT_TOOLS_GRAFT_TRAINING_STRATEGY_OPTIONS_H_
#define GRAFT_TOOLS_GRAFT_TRAINING_STRATEGY_OPTIONS_H_

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "tools/graft/training/finetune_options.h"
#include "tools/strategy_flags.h"

namespace graft {

// Adds an option for each common parameter, those of a teacher only for a
// `teacher`, and --set for any. `options` must outlive the command.
void AddStrategyOptions(CLI::App& command, FinetuneOptions& options,
                        bool teacher);

// Adds --set alone.
void AddSetOption(CLI::App& command, FinetuneOptions& options);

// What the compiler reads: the strategy's file, or the model's directory.
const std::string& InputOf(const FinetuneOptions& options);

// What the compiler needs to say the facts of the strategy with the values of
// its parameters. It checks targets, plug-ins and passes, too, before a table
// is read.
std::vector<std::string> PageArguments(const FinetuneOptions& options);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_TRAINING_STRATEGY_OPTIONS_H_

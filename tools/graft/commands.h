// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The commands of `graft`. Each adds its options to the program; parsing
// selects one.

#ifndef GRAFT_TOOLS_GRAFT_COMMANDS_H_
#define GRAFT_TOOLS_GRAFT_COMMANDS_H_

#include <atomic>
#include <functional>

#include "CLI/App.hpp"
#include "absl/status/status.h"

namespace graft {

// State shared by the commands.
struct CommandContext {
  // True after SIGINT, SIGTERM or SIGHUP: finish the step, save and stop.
  const std::atomic<bool>* stop = nullptr;
  // Set by a command that has something to save or to remove when a signal
  // comes, and looks at `stop`. Others end at once.
  bool saves_on_signal = false;
  // Set by the selected command; run after parsing.
  std::function<absl::Status()> run;
};

void AddFinetuneCommand(CLI::App& app, CommandContext& context);
void AddTrainCommand(CLI::App& app, CommandContext& context);
void AddAdaptCommand(CLI::App& app, CommandContext& context);
void AddStrategiesCommand(CLI::App& app, CommandContext& context);
void AddDistillCommand(CLI::App& app, CommandContext& context);
void AddEvaluateCommand(CLI::App& app, CommandContext& context);
void AddPredictCommand(CLI::App& app, CommandContext& context);
void AddInspectCommand(CLI::App& app, CommandContext& context);
void AddExportCommand(CLI::App& app, CommandContext& context);
void AddImportCommand(CLI::App& app, CommandContext& context);
void AddPlanCommand(CLI::App& app, CommandContext& context);
void AddBenchCommand(CLI::App& app, CommandContext& context);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_COMMANDS_H_

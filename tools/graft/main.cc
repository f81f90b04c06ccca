// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// graft: adapts a pretrained model to a user's text and runs the result.
// Contains no LLVM: commands that compile start graft-compile.

#include <csignal>
#include <cstdio>
#include <optional>
#include <string>

#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "tools/ending_signals.h"
#include "tools/graft/commands.h"
#include "tools/graft/compiler_process.h"
#include "tools/graft/usage_error.h"
#include "tools/option_checks.h"
#include "tools/standard_output.h"

namespace {

std::atomic<bool> stop_requested{false};
std::atomic<int> stop_signal{0};

// The compiler goes first, with its temporary files.
void EndBy(int signal) {
  graft::StopCompiler(/*wait=*/true);
  graft::EndBySignal(signal);
}

// The first signal requests an orderly stop, the second one stops at once.
void StopOrderly(int signal) {
  if (stop_requested.exchange(true)) {
    EndBy(signal);
    return;
  }
  stop_signal = signal;
  graft::StopCompiler(/*wait=*/false);
}

// What a shell says of a process that a signal ended.
constexpr int kSignalCode = 128;

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Adapts pretrained encoders to your own text, as one compiled program.");
  app.name("graft");
  app.require_subcommand(1);
  app.set_version_flag("--version", GRAFT_VERSION);
  app.footer(
      "Example:\n"
      "  graft finetune --model minilm/ --train train.tsv --output out/\n"
      "  graft evaluate out/model.graft --data test.tsv\n"
      "  graft predict out/model.graft --text \"an example\"\n"
      "`graft COMMAND --help` explains a command. Exit codes: 0 "
      "success, 1 failure, 2 wrong usage, 128 + N ended by signal N.");

  graft::CommandContext context;
  context.stop = &stop_requested;
  graft::AddFinetuneCommand(app, context);
  graft::AddTrainCommand(app, context);
  graft::AddAdaptCommand(app, context);
  graft::AddDistillCommand(app, context);
  graft::AddEvaluateCommand(app, context);
  graft::AddPredictCommand(app, context);
  graft::AddInspectCommand(app, context);
  graft::AddExportCommand(app, context);
  graft::AddImportCommand(app, context);
  graft::AddStrategiesCommand(app, context);
  graft::AddPlanCommand(app, context);
  graft::AddBenchCommand(app, context);

  graft::PrepareStandardOutput();
  const std::optional<int> exit =
      graft::ParseCommandLine(app, argc, argv,
                              {.may_be_empty = {"--text", "--pair"},
                               .take_options = {"--text", "--pair"}});
  if (exit && *exit != 0) return *exit;
  // After --help there is nothing to run.
  if (exit) context.run = [] { return absl::OkStatus(); };
  graft::HandleEndingSignals(context.saves_on_signal ? StopOrderly : EndBy);
  absl::Status status = context.run();
  if (status.ok()) status = graft::FlushStandardOutput();
  if (status.ok()) return 0;
  if (!graft::CompilerSaidWhy(status))
    std::fprintf(stderr, "graft: %s\n", std::string(status.message()).c_str());
  if (absl::IsCancelled(status) && stop_signal != 0)
    return kSignalCode + stop_signal;
  return graft::IsUsageError(status) ? 2 : 1;
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <memory>
#include <string>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/strings/str_cat.h"
#include "tools/graft/commands.h"
#include "tools/graft/compiler_process.h"
#include "tools/strategy_flags.h"

namespace graft {

void AddStrategiesCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "strategies", "List the strategies of Graft, or print the page of one");
  auto name = std::make_shared<std::string>();
  command->add_option("name", *name,
                      "strategy whose page is printed, to copy and change");
  command->footer(
      "Example:\n"
      "  graft strategies\n"
      "  graft strategies dann > mine.mlir");
  command->callback([name, &context] {
    context.run = [name] {
      return RunCompiler(
          {absl::StrCat(kPagePrefix, *name), "--emit=page", "--output=-"});
    };
  });
}

}  // namespace graft

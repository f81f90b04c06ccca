// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// graft inspect: what an artifact holds.

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "runtime/artifact/artifact.h"
#include "runtime/artifact/inspect.h"
#include "runtime/base/message.h"
#include "runtime/base/status_macros.h"
#include "tools/graft/commands.h"
#include "tools/option_values.h"
#include "tools/standard_output.h"

namespace graft {
namespace {

struct InspectCommandOptions {
  std::string artifact;
  InspectOptions inspect;
  bool json = false;
};

absl::Status Inspect(const InspectCommandOptions& options) {
  GRAFT_ASSIGN_OR_RETURN(std::shared_ptr<const Artifact> artifact,
                         Artifact::Load(FileSystem::Posix(), options.artifact));
  const std::string& level = options.inspect.level;
  std::vector<std::string> levels;
  for (const TargetSpec& target : artifact->spec().targets)
    levels.push_back(target.level);
  if (!level.empty() && !absl::c_linear_search(levels, level))
    return absl::InvalidArgumentError(
        absl::StrCat("--level: expects a level of ", options.artifact,
                     ", which has ", ListChoices(levels), ", got ",
                     Shorten(level), DidYouMean(level, levels)));
  return Print(options.json
                   ? absl::StrCat(InspectJson(*artifact, options.inspect), "\n")
                   : InspectText(*artifact, options.inspect));
}

}  // namespace

void AddInspectCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("inspect", "Show the contents of an artifact");
  auto options = std::make_shared<InspectCommandOptions>();
  command->add_option("artifact", options->artifact, "file.graft")->required();
  command->add_flag("--slots", options->inspect.slots, "list every tensor");
  command->add_flag("--commands", options->inspect.commands,
                    "list the commands of each program");
  command->add_option("--level", options->inspect.level,
                      "ISA level whose programs are shown");
  command->add_flag("--json", options->json, "one JSON object");
  command->footer("Example:\n  graft inspect out/model.graft --commands");
  command->callback([options, &context] {
    context.run = [options] { return Inspect(*options); };
  });
}

}  // namespace graft

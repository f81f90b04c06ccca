// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/training/strategy_options.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "tools/graft/compiler_process.h"
#include "tools/strategy_flags.h"

namespace graft {
namespace {

bool IsOfTeacher(const StrategyFlag& flag) {
  const absl::string_view name = flag.parameter;
  return name == "temperature" || name == "soft_share";
}

}  // namespace

void AddStrategyOptions(CLI::App& command, FinetuneOptions& options,
                        bool teacher) {
  for (const StrategyFlag& flag : kStrategyFlags) {
    if (IsOfTeacher(flag) && !teacher) continue;
    command.add_option_function<std::string>(
        flag.option,
        [&options, &flag](const std::string& value) {
          options.settings.push_back(absl::StrCat(flag.option, "=", value));
        },
        flag.help);
  }
  AddSetOption(command, options);
}

void AddSetOption(CLI::App& command, FinetuneOptions& options) {
  command
      .add_option_function<std::vector<std::string>>(
          "--set",
          [&options](const std::vector<std::string>& settings) {
            for (const std::string& setting : settings)
              options.settings.push_back(absl::StrCat("--set=", setting));
          },
          kSetHelp)
      ->allow_extra_args(false);
}

const std::string& InputOf(const FinetuneOptions& options) {
  return options.strategy.file.empty() ? options.model : options.strategy.file;
}

std::vector<std::string> PageArguments(const FinetuneOptions& options) {
  std::vector<std::string> arguments = options.settings;
  if (options.task == "regression") arguments.emplace_back("--regression");
  if (!options.teacher.empty() && options.strategy.file.empty())
    arguments.push_back(absl::StrCat("--teacher=", options.teacher));
  if (!options.adapter.empty())
    arguments.push_back(absl::StrCat("--adapter=", options.adapter));
  if (options.targets != "host")
    arguments.push_back(absl::StrCat("--targets=", options.targets));
  for (const std::string& plugin : options.plugins)
    arguments.push_back(absl::StrCat("--plugin=", plugin));
  if (!options.graph_passes.empty())
    arguments.push_back(absl::StrCat("--graph-passes=", options.graph_passes));
  return arguments;
}

}  // namespace graft

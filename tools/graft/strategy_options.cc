// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/strategy_options.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tools/graft/compiler_process.h"
#include "tools/strategy_flags.h"

namespace graft {
namespace {

// Gives the trainer the values that it uses itself. One that is no number stays
// out, for the compiler refuses it.
void SetForTrainer(absl::string_view name, const std::string& value,
                   FinetuneOptions& options) {
  TrainOptions& training = options.training;
  if (name == "rate") {
    (void)absl::SimpleAtod(value, &training.learning_rate);
  } else if (name == "warmup") {
    (void)absl::SimpleAtod(value, &training.warmup_ratio);
  } else if (name == "epochs") {
    (void)absl::SimpleAtoi(value, &training.epochs);
  } else if (name == "schedule") {
    options.schedule = value;
  }
}

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
          SetForTrainer(flag.parameter, value, options);
        },
        flag.help);
  }
  command
      .add_option_function<std::vector<std::string>>(
          "--set",
          [&options](const std::vector<std::string>& settings) {
            for (const std::string& setting : settings) {
              options.settings.push_back(absl::StrCat("--set=", setting));
              const std::pair<std::string, std::string> parts =
                  absl::StrSplit(setting, absl::MaxSplits('=', 1));
              SetForTrainer(parts.first, parts.second, options);
            }
          },
          kSetHelp)
      ->allow_extra_args(false);
}

absl::Status CheckSettings(const FinetuneOptions& options) {
  if (options.settings.empty()) return absl::OkStatus();
  std::vector<std::string> arguments = {options.model, "--emit=settings",
                                        "--output=-"};
  if (options.task == "regression") arguments.push_back("--regression");
  if (!options.teacher.empty())
    arguments.push_back(absl::StrCat("--teacher=", options.teacher));
  arguments.insert(arguments.end(), options.settings.begin(),
                   options.settings.end());
  return RunCompiler(arguments, CompilerOutput::kNone);
}

}  // namespace graft

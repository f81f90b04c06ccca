// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/training/option_effects.h"

#include <algorithm>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "runtime/device/cpu/cpu_level.h"
#include "tools/graft/usage_error.h"

namespace graft {

absl::Status CheckEffects(const FinetuneOptions& options, bool has_dev) {
  const RunSettings& training = options.training;
  const struct {
    bool useless;
    const char* message;
  } rules[] = {
      {training.resume && options.overwrite,
       "--overwrite: expects a new run, got --resume, which continues one"},
      {training.evaluate_every > 0 && !has_dev,
       "--evaluate-every: expects a table to evaluate on, got none; --dev "
       "names one (graft train: --data dev=FILE)"},
      {training.patience > 0 && !has_dev,
       "--patience: expects a table to evaluate on, got none; --dev names one "
       "(graft train: --data dev=FILE)"},
      {options.linear_probe && options.freeze_layers > 0,
       "--freeze-layers: expects no --linear-probe, which freezes all layers"},
      {options.linear_probe && options.freeze_embeddings,
       "--freeze-embeddings: expects no --linear-probe, which freezes them, "
       "too"},
  };
  for (const auto& rule : rules)
    if (rule.useless) return UsageError(rule.message);
  if (training.loss_scale && options.precision != "fp16")
    return UsageError(absl::StrCat(
        "--loss-scale: expects --precision=fp16, got ", options.precision));
  // Whether a strategy of the user reads labels is not known yet.
  absl::Status columns =
      CheckColumnNames(options.table, options.strategy.file.empty());
  if (!columns.ok()) MarkUsageError(columns);
  return columns;
}

absl::Status CheckTargets(const FinetuneOptions& options) {
  if (!options.device.plugin.empty()) return absl::OkStatus();
  const absl::Span<const absl::string_view> levels = CpuLevels();
  const std::vector<absl::string_view> targets =
      absl::StrSplit(options.targets, ',');
  for (const absl::string_view target : targets)
    if (std::find(levels.begin(), levels.end(), target) == levels.end() ||
        CpuHasLevel(target))
      return absl::OkStatus();
  const std::vector<absl::string_view> here = CpuLevelsHere();
  return UsageError(
      absl::StrCat("--targets: expects a level that this processor has (",
                   absl::StrJoin(here.rbegin(), here.rend(), ", "),
                   "), to train on it, got ", options.targets));
}

namespace {

absl::Status RefuseOptions(const CLI::App& command, const std::string& instead,
                           const std::vector<std::string>& names, bool listed) {
  for (const CLI::Option* option : command.get_options()) {
    const std::string name = option->get_name();
    if (option->count() > 0 && absl::c_linear_search(names, name) == listed)
      return UsageError(absl::StrCat(name, ": has no effect beside ", instead));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckWithout(const CLI::App& command,
                          const std::vector<std::string>& useless,
                          const std::string& instead) {
  return RefuseOptions(command, instead, useless, /*listed=*/true);
}

absl::Status CheckOnly(const CLI::App& command,
                       const std::vector<std::string>& used,
                       const std::string& instead) {
  return RefuseOptions(command, instead, used, /*listed=*/false);
}

}  // namespace graft

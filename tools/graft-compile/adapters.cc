// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft-compile/adapters.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "dialects/transfer/expression.h"
#include "dialects/transfer/number.h"
#include "dialects/transfer/transfer_analysis.h"
#include "llvm/Support/Regex.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/peft_directory.h"

namespace graft {
namespace {

std::string ConfigPath(const AdapterFacts& adapters) {
  return JoinPath(adapters.directory, std::string(kPeftConfig));
}

// The parameters of the model that a pattern selects.
std::set<std::string> Select(ModelOp model, const std::string& pattern) {
  llvm::Regex regex(pattern);
  std::set<std::string> names;
  for (const transfer::Parameter& parameter : transfer::getParameters(model)) {
    const std::string name = parameter.name().str();
    if (regex.match(name)) names.insert(name);
  }
  return names;
}

void EscapeDots(std::string* out, absl::string_view name) {
  absl::StrAppend(out, absl::StrReplaceAll(name, {{".", "[.]"}}));
}

// A pattern of the matrices whose names end as `targets` say; empty where they
// are a pattern of another kind.
std::string PatternOfEnds(const std::vector<std::string>& targets) {
  const bool plain =
      std::all_of(targets.begin(), targets.end(), [](const std::string& name) {
        return std::all_of(name.begin(), name.end(), [](unsigned char c) {
          return absl::ascii_isalnum(c) || c == '_' || c == '.';
        });
      });
  if (!plain || targets.empty()) return "";
  return absl::StrCat("(^|[.])(", absl::StrJoin(targets, "|", EscapeDots),
                      ")[.]weight$");
}

std::string PatternOfNames(const std::vector<std::string>& names) {
  return absl::StrCat("^(", absl::StrJoin(names, "|", EscapeDots), ")$");
}

// Rank, alpha and `pattern`, unless it is empty, for the parameters that
// `inject` names in their places.
std::vector<Setting> SettingsOf(transfer::InjectOp inject,
                                const AdapterFacts& adapters,
                                const std::string& pattern) {
  std::vector<Setting> settings;
  const auto add = [&](mlir::Attribute place, std::string value) {
    auto expression = mlir::dyn_cast_or_null<transfer::ExpressionAttr>(place);
    if (!expression || value.empty()) return;
    if (!transfer::isName(expression.getText())) return;
    settings.push_back({absl::StrCat("--adapter ", adapters.directory),
                        expression.getText().drop_front().str(),
                        std::move(value)});
  };
  add(inject.getRankAttr(), absl::StrCat(adapters.rank));
  add(inject.getAlphaAttr(), absl::StrFormat("%.9g", adapters.alpha));
  add(inject.getSelectAttr(), pattern);
  return settings;
}

}  // namespace

transfer::InjectOp FindInject(transfer::StrategyOp strategy,
                              llvm::StringRef model) {
  for (auto inject : strategy.getOps<transfer::InjectOp>())
    if (inject.getModel() == model &&
        inject.getKind() != transfer::InjectKind::bottleneck)
      return inject;
  return {};
}

absl::StatusOr<std::vector<Setting>> StatedSettings(
    transfer::StrategyOp strategy, const std::string& directory) {
  for (auto inject : strategy.getOps<transfer::InjectOp>()) {
    if (inject.getKind() == transfer::InjectKind::bottleneck) continue;
    GRAFT_ASSIGN_OR_RETURN(const PeftAdapters read,
                           ReadPeftDirectory(FileSystem::Posix(), directory));
    const double rank = static_cast<double>(read.rank);
    return SettingsOf(
        inject,
        {directory, read.rank, read.scale * rank, read.dora, read.targets, {}},
        PatternOfEnds(read.targets));
  }
  return std::vector<Setting>();
}

absl::StatusOr<std::vector<Setting>> AdapterSettings(
    transfer::InjectOp inject, ModelOp model, const AdapterFacts& adapters) {
  const std::set<std::string> wanted(adapters.matrices.begin(),
                                     adapters.matrices.end());
  std::string pattern = PatternOfNames(adapters.matrices);
  const std::set<std::string> found = Select(model, pattern);
  for (const std::string& name : wanted)
    if (!found.contains(name))
      return absl::InvalidArgumentError(absl::StrCat(
          adapters.directory, ": expects adapters of parameters of @",
          model.getSymName().str(), ", got ", name));
  const std::string ends = PatternOfEnds(adapters.targets);
  if (!ends.empty() && Select(model, ends) == wanted) pattern = ends;
  return SettingsOf(inject, adapters, pattern);
}

absl::Status LoadAdapters(transfer::InjectOp inject, ModelOp model,
                          const AdapterFacts& adapters) {
  const auto expect = [&](absl::string_view key, const auto& expected,
                          const auto& found) {
    return absl::InvalidArgumentError(
        absl::StrCat(ConfigPath(adapters), ": expects ", key, " ", expected,
                     ", as the strategy puts adapters into @",
                     inject.getModel().str(), ", got ", found));
  };
  if (adapters.dora != (inject.getKind() == transfer::InjectKind::dora))
    return expect("use_dora", adapters.dora ? "false" : "true",
                  adapters.dora ? "true" : "false");
  const double rank = transfer::getVerifiedNumber(inject, inject.getRankAttr());
  if (rank != static_cast<double>(adapters.rank))
    return expect("r", rank, adapters.rank);
  const double alpha =
      transfer::getVerifiedNumber(inject, inject.getAlphaAttr());
  if (static_cast<float>(alpha) != static_cast<float>(adapters.alpha))
    return expect("lora_alpha", alpha, adapters.alpha);
  const std::string pattern =
      transfer::getVerifiedText(inject, inject.getSelectAttr()).str();
  const std::set<std::string> selected = Select(model, pattern);
  for (const std::string& name : adapters.matrices)
    if (!selected.contains(name))
      return expect("adapters of",
                    selected.empty() ? "none" : absl::StrJoin(selected, ", "),
                    name);
  for (const std::string& name : selected)
    if (std::find(adapters.matrices.begin(), adapters.matrices.end(), name) ==
        adapters.matrices.end())
      return expect("adapters of", name, "none");
  inject.setLoaded(true);
  return absl::OkStatus();
}

}  // namespace graft

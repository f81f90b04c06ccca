// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "frontend/model_family.h"

#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status_macros.h"

namespace graft {
namespace {

// "a", "a or b", "a, b or c".
std::string alternatives(const std::vector<std::string>& names) {
  if (names.size() < 2) return absl::StrJoin(names, "");
  return absl::StrCat(absl::StrJoin(names.begin(), names.end() - 1, ", "),
                      " or ", names.back());
}

}  // namespace

absl::Status checkCapacities(const BuildOptions& options) {
  const std::pair<const char*, int64_t> capacities[] = {
      {"token capacity", options.token_capacity},
      {"sequence capacity", options.sequence_capacity}};
  for (const auto& [what, capacity] : capacities) {
    if (capacity >= 1 && capacity <= INT32_MAX) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        what, " expects a number in [1, ", INT32_MAX, "], got ", capacity));
  }
  return absl::OkStatus();
}

void ModelDescription::setHead(std::vector<std::string> labels,
                               llvm::StringRef problemType) {
  config_.SetLabels(std::move(labels));
  config_.SetProblemType({problemType.data(), problemType.size()});
}

const char* ModelDescription::problemTypeOf(size_t labels, bool sets) {
  if (labels == 1) return "regression";
  return sets ? "multi_label_classification" : "single_label_classification";
}

std::vector<std::string> ModelDescription::spellings(
    llvm::StringRef parameter) const {
  return {parameter.str()};
}

void FamilyRegistry::add(std::unique_ptr<ModelFamily> family) {
  families_.push_back(std::move(family));
}

absl::StatusOr<const ModelFamily*> FamilyRegistry::find(
    const ModelConfig& config) const {
  std::vector<const ModelFamily*> found;
  std::vector<std::string> types, prefixes;
  for (const auto& family : families_) {
    const std::string prefix = family->architecturePrefix();
    if (!prefix.empty()) prefixes.push_back(prefix);
    bool takes = false;
    for (const std::string& type : family->modelTypes()) {
      takes |= type == config.model_type();
      types.push_back(absl::StrCat("\"", type, "\""));
    }
    // Files from before Transformers 2 have no model type.
    if (config.model_type().empty() && !prefix.empty() &&
        !config.architectures().empty())
      takes = absl::c_all_of(config.architectures(),
                             [&](const std::string& architecture) {
                               return absl::StartsWith(architecture, prefix);
                             });
    if (takes) found.push_back(family.get());
  }
  if (found.size() == 1) return found.front();
  if (found.size() > 1)
    return absl::InvalidArgumentError(absl::StrCat(
        config.path(), ": expects one family of models that takes it, got ",
        found[0]->name().str(), " and ", found[1]->name().str()));
  if (!config.model_type().empty())
    return config.Unsupported("model_type", alternatives(types));
  if (config.architectures().empty())
    return config.Error("model_type", alternatives(types));
  return config.Unsupported(
      "architectures",
      absl::StrCat("names that begin with ", alternatives(prefixes)));
}

absl::StatusOr<std::unique_ptr<ModelDescription>> FamilyRegistry::read(
    const ModelConfig& config) const {
  GRAFT_ASSIGN_OR_RETURN(const ModelFamily* family, find(config));
  return family->read(config);
}

}  // namespace graft

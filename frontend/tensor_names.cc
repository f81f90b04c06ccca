// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "frontend/tensor_names.h"

#include <algorithm>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace graft {
namespace {

// Modules that wrap one other module, wherever they stand in a name:
// DataParallel and its like, compiled modules, sharded and checkpointed ones.
constexpr absl::string_view kWrappers[] = {"module", "_orig_mod",
                                           "_fsdp_wrapped_module",
                                           "_checkpoint_wrapped_module"};
// Begins names in the files of models that hold an encoder.
constexpr absl::string_view kHolders[] = {"model.", "0.auto_model.",
                                          "auto_model."};

bool sameValues(const TensorView& a, const TensorView& b) {
  // Reads values only where there are two: they are most of a checkpoint.
  if (&a == &b) return true;
  return a.dtype == b.dtype && a.shape == b.shape && a.data == b.data;
}

bool isIn(const std::string& name, const std::string& scope) {
  return absl::StartsWith(name, absl::StrCat(scope, "."));
}

}  // namespace

TensorNames::TensorNames(const CheckpointWeights& weights,
                         const ModelDescription& description)
    : weights_(weights), description_(description) {
  std::map<std::string, size_t> prefixes;
  for (const TensorView* tensor : weights.tensors()) {
    const std::string rest = strip(tensor->name);
    tensors_[rest].push_back(tensor);
    if (rest != tensor->name) tensors_[tensor->name].push_back(tensor);
    absl::string_view prefix = tensor->name;
    if (absl::ConsumeSuffix(&prefix, rest)) ++prefixes[std::string(prefix)];
  }
  size_t most = 0;
  for (const auto& [prefix, count] : prefixes) {
    if (count <= most) continue;
    most = count;
    prefix_ = prefix;
  }
}

std::string TensorNames::strip(const std::string& name) const {
  std::vector<absl::string_view> parts = absl::StrSplit(name, '.');
  parts.erase(std::remove_if(parts.begin(), parts.end(),
                             [](absl::string_view part) {
                               return absl::c_linear_search(kWrappers, part);
                             }),
              parts.end());
  const std::string joined = absl::StrJoin(parts, ".");
  absl::string_view rest = joined;
  const std::string& base = description_.facts().scopes.base;
  for (bool more = true; more;) {
    more = !base.empty() && absl::ConsumePrefix(&rest, absl::StrCat(base, "."));
    for (absl::string_view holder : kHolders)
      more |= absl::ConsumePrefix(&rest, holder);
  }
  return std::string(rest);
}

absl::StatusOr<std::optional<std::string>> TensorNames::find(
    llvm::StringRef parameter) const {
  const TensorView* found = nullptr;
  for (const std::string& spelling : description_.spellings(parameter)) {
    const auto tensors = tensors_.find(spelling);
    if (tensors == tensors_.end()) continue;
    for (const TensorView* tensor : tensors->second) {
      if (!found) found = tensor;
      if (sameValues(*found, *tensor)) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          weights_.path(), ": expects one tensor for ", parameter.str(),
          ", got '", found->name, "' and '", tensor->name, "', which differ"));
    }
  }
  if (!found) return std::nullopt;
  return found->name;
}

std::string TensorNames::expected(llvm::StringRef parameter) const {
  const std::string name = parameter.str();
  // Most files of a model with a head put nothing before it.
  if (isIn(name, description_.facts().scopes.head)) return name;
  return absl::StrCat(prefix_, name);
}

std::vector<std::string> TensorNames::inScope(const std::string& scope) const {
  std::vector<std::string> names;
  if (scope.empty()) return names;
  for (const TensorView* tensor : weights_.tensors())
    if (isIn(strip(tensor->name), scope)) names.push_back(tensor->name);
  return names;
}

}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft-compile/scopes.h"

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace graft {
namespace {

// A pattern of names that begin with `scope`.
std::string BeginningWith(absl::string_view scope) {
  return absl::StrCat("^", absl::StrReplaceAll(scope, {{".", "[.]"}}));
}

// A pattern of the parameters that a linear probe trains.
std::string HeadPattern(const ModelScopes& scopes,
                        absl::Span<const std::string> initialised) {
  // A new pooler is trained with the head.
  const std::string pooler = absl::StrCat(scopes.pooler, ".");
  if (!scopes.pooler.empty() &&
      absl::c_any_of(initialised, [&](const std::string& name) {
        return absl::StartsWith(name, pooler);
      }))
    return BeginningWith(
        absl::StrCat("(", scopes.head, "|", scopes.pooler, ")"));
  return BeginningWith(scopes.head);
}

// A pattern of the embeddings and the first `layers` layers.
std::string BottomPattern(const ModelScopes& scopes, int64_t layers) {
  std::string pattern = BeginningWith(scopes.embeddings);
  if (layers == 0) return pattern;
  // The number of the layer is the first part that is a number.
  absl::StrAppend(&pattern, "|^[^0-9]*[.](");
  for (int64_t i = 0; i < layers; ++i)
    absl::StrAppend(&pattern, i == 0 ? "" : "|", i);
  return absl::StrCat(pattern, ")[.]");
}

}  // namespace

absl::StatusOr<std::vector<Setting>> ScopeSettings(
    const ScopeOptions& options, const ModelFacts& facts,
    absl::Span<const std::string> initialised) {
  if (options.freeze_layers > facts.layers)
    return absl::InvalidArgumentError(
        absl::StrCat("--freeze-layers: expects at most ", facts.layers,
                     ", the model's layers, got ", options.freeze_layers));
  const ModelScopes& scopes = facts.scopes;
  std::vector<Setting> settings;
  if (options.linear_probe) {
    settings.push_back({"--linear-probe", "freeze", "."});
    settings.push_back(
        {"--linear-probe", "learn", HeadPattern(scopes, initialised)});
  }
  if (options.freeze_layers > 0 || options.freeze_embeddings) {
    settings.push_back(
        {options.freeze_layers > 0 ? "--freeze-layers" : "--freeze-embeddings",
         "freeze", BottomPattern(scopes, options.freeze_layers)});
  }
  if (options.decay_weights_only) {
    settings.push_back({"--decay-weights-only", "decayed", scopes.decayed});
    if (!scopes.not_decayed.empty())
      settings.push_back(
          {"--decay-weights-only", "undecayed", scopes.not_decayed});
  }
  return settings;
}

}  // namespace graft

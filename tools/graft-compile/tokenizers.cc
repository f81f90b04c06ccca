// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft-compile/tokenizers.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/tokenize/registry.h"

namespace graft {

absl::Status ReadTokenizers(CompilerInput& input) {
  const InputModel& first = input.Predicted();
  // No stream has texts.
  if (first.role.complete) return absl::OkStatus();
  std::vector<std::unique_ptr<Tokenizer>> tokenizers;
  for (const InputModel& model : input.models) {
    // Null where nothing is read.
    if (model.role.complete) {
      tokenizers.emplace_back();
      continue;
    }
    GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> tokenizer,
                           LoadTokenizer(FileSystem::Posix(), model.directory));
    tokenizers.push_back(std::move(tokenizer));
  }
  const auto check = [&](const Tokenizer& tokenizer, const InputModel& model) {
    return CheckTokenIds(
        tokenizer, model.description->facts().vocabulary,
        absl::StrCat("the word embeddings of ", model.directory));
  };
  input.tokenizer = std::move(tokenizers[input.predicted]);
  GRAFT_RETURN_IF_ERROR(check(*input.tokenizer, first));
  for (size_t i = 0; i < tokenizers.size(); ++i) {
    if (i == input.predicted || !tokenizers[i]) continue;
    const InputModel& model = input.models[i];
    const absl::Status same = CheckSameTokenizer(
        *input.tokenizer,
        absl::StrCat("@", first.role.symbol, ", ", first.directory),
        *tokenizers[i]);
    if (!same.ok())
      return absl::InvalidArgumentError(
          absl::StrCat(model.directory, ": ", std::string(same.message())));
    GRAFT_RETURN_IF_ERROR(check(*tokenizers[i], model));
  }
  return absl::OkStatus();
}

}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "models/bert/names.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace graft {

absl::StatusOr<TensorNames> bertTensorNames(
    llvm::function_ref<bool(llvm::StringRef)> inFile) {
  constexpr char kWordEmbeddings[] = "embeddings.word_embeddings.weight";
  const bool bare = inFile(kWordEmbeddings);
  const bool prefixed = inFile(absl::StrCat("bert.", kWordEmbeddings));
  if (bare && prefixed) {
    return absl::InvalidArgumentError(
        absl::StrCat("expects tensor names with or without \"bert.\", got ",
                     kWordEmbeddings, " both ways"));
  }
  const std::string prefix = prefixed ? "bert." : "";
  const bool legacy =
      inFile(absl::StrCat(prefix, "embeddings.LayerNorm.gamma"));
  return [prefix, legacy](llvm::StringRef parameter) {
    std::string name = parameter.str();
    if (parameter.starts_with("classifier.")) return name;
    if (legacy) {
      name = absl::StrReplaceAll(name, {{"LayerNorm.weight", "LayerNorm.gamma"},
                                        {"LayerNorm.bias", "LayerNorm.beta"}});
    }
    return prefix + name;
  };
}

}  // namespace graft

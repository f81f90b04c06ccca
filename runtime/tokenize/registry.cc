// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/tokenize/registry.h"

#include <array>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status_macros.h"
#include "runtime/formats/json.h"
#include "runtime/tokenize/wordpiece/wordpiece.h"

namespace graft {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxFileBytes = uint64_t{256} << 20;

// One line for each kind.
const std::array<TokenizerKind, 1>& Kinds() {
  static const std::array<TokenizerKind, 1> kKinds = {WordPieceKind()};
  return kKinds;
}

// "WordPiece", the name of a json_model, quoted and joined by "or".
std::string JsonModels() {
  return absl::StrJoin(Kinds(), " or ",
                       [](std::string* out, const TokenizerKind& kind) {
                         absl::StrAppend(out, "\"", kind.json_model, "\"");
                       });
}

// The kind of a parsed tokenizer.json, which may be any JSON.
absl::StatusOr<const TokenizerKind*> KindOf(const json& object,
                                            absl::string_view path) {
  if (!object.is_object())
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expects an object, got ", DescribeJson(object)));
  const auto model = object.find("model");
  const json type = model != object.end() && model->is_object()
                        ? model->value("type", json())
                        : json();
  // Files of the package's first versions do not name the type.
  if (type.is_null()) return &Kinds().front();
  const auto* found = absl::c_find_if(Kinds(), [&](const TokenizerKind& kind) {
    return type == std::string(kind.json_model);
  });
  if (found != Kinds().end()) return found;
  return absl::UnimplementedError(absl::StrCat(path, ": model.type expects ",
                                               JsonModels(), ", got ",
                                               DescribeJson(type)));
}

// A parsed tokenizer.json with its text.
struct Described {
  std::string text;
  json object;
  const TokenizerKind* kind;
};

absl::StatusOr<Described> ReadJson(FileSystem& files, const std::string& path) {
  Described result;
  GRAFT_ASSIGN_OR_RETURN(result.text, ReadTokenizerFile(files, path));
  GRAFT_ASSIGN_OR_RETURN(result.object, ParseJson(result.text, path));
  GRAFT_ASSIGN_OR_RETURN(result.kind, KindOf(result.object, path));
  return result;
}

}  // namespace

absl::StatusOr<std::string> ReadTokenizerFile(FileSystem& files,
                                              const std::string& path) {
  // To open a pipe would wait for somebody who writes.
  GRAFT_RETURN_IF_ERROR(files.Size(path).status());
  return ReadFile(files, path, kMaxFileBytes);
}

absl::StatusOr<std::unique_ptr<Tokenizer>> LoadTokenizer(
    FileSystem& files, const std::string& path) {
  if (absl::EndsWith(path, ".json") && !files.IsDirectory(path)) {
    GRAFT_ASSIGN_OR_RETURN(const Described read, ReadJson(files, path));
    return read.kind->from_json(read.text, path);
  }
  const std::string described = JoinPath(path, "tokenizer.json");
  if (files.Exists(described)) {
    GRAFT_ASSIGN_OR_RETURN(const Described read, ReadJson(files, described));
    return read.kind->from_directory(files, path, &read.object, read.text, "");
  }
  for (const TokenizerKind& kind : Kinds()) {
    const std::string vocabulary = JoinPath(path, kind.vocabulary_file);
    if (files.Exists(vocabulary))
      return kind.from_directory(files, path, nullptr, "", vocabulary);
  }
  return absl::NotFoundError(absl::StrCat(
      path, ": expects tokenizer.json or ",
      absl::StrJoin(Kinds(), " or ",
                    [](std::string* out, const TokenizerKind& kind) {
                      absl::StrAppend(out, kind.vocabulary_file);
                    }),
      ", got neither"));
}

absl::StatusOr<std::unique_ptr<Tokenizer>> TokenizerFromArtifact(
    const ArtifactSpec& spec, absl::string_view where) {
  const std::string got = spec.tokenizer ? spec.tokenizer->kind : "none";
  for (const TokenizerKind& kind : Kinds())
    if (kind.name == got) return kind.from_artifact(*spec.tokenizer, where);
  return absl::InvalidArgumentError(absl::StrCat(
      where, ": expects a tokenizer of kind ",
      absl::StrJoin(Kinds(), " or ",
                    [](std::string* out, const TokenizerKind& kind) {
                      absl::StrAppend(out, kind.name);
                    }),
      ", got ", got));
}

}  // namespace graft

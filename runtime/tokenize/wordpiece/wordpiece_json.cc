// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Reads tokenizer.json, and the settings beside a vocabulary. Whatever could
// change an id and is not BERT's is refused by name, never skipped.

#include <limits>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status_macros.h"
#include "runtime/formats/json.h"
#include "runtime/tokenize/wordpiece/wordpiece.h"

namespace graft {
namespace {

using nlohmann::json;
using Parts = WordPieceTokenizer::Parts;

// Far above any vocabulary, low enough to index a table by id.
constexpr int64_t kMaxId = 10'000'000;
constexpr uint64_t kMaxFileBytes = uint64_t{256} << 20;

// One JSON object of the file, known to messages as `name`.
struct Section {
  const json& object;
  std::string name;

  const json* Find(const char* key) const {
    if (!object.is_object()) return nullptr;
    const auto it = object.find(key);
    return it == object.end() || it->is_null() ? nullptr : &*it;
  }
  std::string Got(const char* key) const {
    const json* value = Find(key);
    return value == nullptr ? "none" : DescribeJson(*value);
  }
  absl::Status Bad(const char* key, absl::string_view expected) const {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ".", key, " expects ", expected, ", got ", Got(key)));
  }
  absl::Status Unknown(const char* key, absl::string_view known) const {
    return absl::UnimplementedError(
        absl::StrCat(name, ".", key, " expects ", known, ", got ", Got(key)));
  }

  absl::Status Bool(const char* key, bool& value) const {
    const json* field = Find(key);
    if (field == nullptr) return absl::OkStatus();
    if (!field->is_boolean()) return Bad(key, "true or false");
    value = field->get<bool>();
    return absl::OkStatus();
  }
  absl::Status String(const char* key, std::string& value) const {
    const json* field = Find(key);
    if (field == nullptr) return absl::OkStatus();
    if (!field->is_string()) return Bad(key, "a string");
    value = field->get<std::string>();
    return absl::OkStatus();
  }
  // `type` must be `expected`.
  absl::Status Type(const char* expected) const {
    const json* type = Find("type");
    if (type != nullptr && *type == expected) return absl::OkStatus();
    return Unknown("type", absl::StrCat("\"", expected, "\""));
  }
};

bool IsId(const json& value) {
  return value.is_number_unsigned() &&
         value.get<uint64_t>() < static_cast<uint64_t>(kMaxId);
}

absl::Status ParseNormalizer(const Section& section,
                             WordPieceOptions& options) {
  GRAFT_RETURN_IF_ERROR(section.Type("BertNormalizer"));
  GRAFT_RETURN_IF_ERROR(section.Bool("clean_text", options.clean_text));
  GRAFT_RETURN_IF_ERROR(
      section.Bool("handle_chinese_chars", options.handle_chinese_chars));
  GRAFT_RETURN_IF_ERROR(section.Bool("lowercase", options.lowercase));
  if (section.Find("strip_accents") != nullptr) {
    bool strip = false;
    GRAFT_RETURN_IF_ERROR(section.Bool("strip_accents", strip));
    options.strip_accents = strip;
  }
  return absl::OkStatus();
}

absl::Status ParseModel(const Section& section, Parts& parts) {
  // Files of the package's first versions do not name the type.
  if (section.Find("type") != nullptr) {
    GRAFT_RETURN_IF_ERROR(section.Type("WordPiece"));
  }
  GRAFT_RETURN_IF_ERROR(section.String("unk_token", parts.unknown));
  GRAFT_RETURN_IF_ERROR(section.String("continuing_subword_prefix",
                                       parts.options.continuation_prefix));
  if (const json* length = section.Find("max_input_chars_per_word")) {
    if (!length->is_number_unsigned() ||
        length->get<uint64_t>() > static_cast<uint64_t>(INT32_MAX)) {
      return section.Bad("max_input_chars_per_word",
                         "an integer in [0, 2147483647]");
    }
    parts.options.max_word_length = length->get<int64_t>();
  }
  const json* vocabulary = section.Find("vocab");
  if (vocabulary == nullptr || !vocabulary->is_object()) {
    return section.Bad("vocab", "an object of pieces and ids");
  }
  std::vector<bool> seen;
  for (const auto& [piece, id] : vocabulary->items()) {
    if (!IsId(id)) {
      return absl::InvalidArgumentError(absl::StrCat(
          section.name, ".vocab['", piece, "'] expects an id in [0, ", kMaxId,
          "), got ", DescribeJson(id)));
    }
    const auto index = id.get<size_t>();
    if (seen.size() <= index) seen.resize(index + 1);
    if (seen[index]) {
      return absl::InvalidArgumentError(
          absl::StrCat(section.name, ".vocab['", piece,
                       "'] expects an id of its own, got ", index, " again"));
    }
    seen[index] = true;
    parts.pieces.emplace_back(piece, static_cast<int32_t>(index));
  }
  return absl::OkStatus();
}

absl::Status ParseAddedToken(const Section& section, Parts& parts) {
  WordPieceTokenizer::AddedToken token;
  const json* id = section.Find("id");
  if (id == nullptr || !IsId(*id)) {
    return section.Bad("id", absl::StrCat("an id in [0, ", kMaxId, ")"));
  }
  token.id = id->get<int32_t>();
  if (section.Find("content") == nullptr) {
    return section.Bad("content", "a string");
  }
  GRAFT_RETURN_IF_ERROR(section.String("content", token.content));
  GRAFT_RETURN_IF_ERROR(section.Bool("lstrip", token.strip_left));
  GRAFT_RETURN_IF_ERROR(section.Bool("rstrip", token.strip_right));
  // Both would match another text than the one that was written down.
  for (const char* key : {"single_word", "normalized"}) {
    bool on = false;
    GRAFT_RETURN_IF_ERROR(section.Bool(key, on));
    if (on) return section.Unknown(key, "false");
  }
  parts.added.push_back(std::move(token));
  return absl::OkStatus();
}

// A step of a TemplateProcessing.
json Special(const std::string& id, int type) {
  return {{"SpecialToken", {{"id", id}, {"type_id", type}}}};
}
json Sequence(const char* id, int type) {
  return {{"Sequence", {{"id", id}, {"type_id", type}}}};
}

absl::Status ParsePostProcessor(const Section& section, Parts& parts) {
  const json* type = section.Find("type");
  if (type != nullptr && *type == "BertProcessing") {
    for (const auto& [key, name] :
         {std::pair("sep", &parts.sep), std::pair("cls", &parts.cls)}) {
      const json* pair = section.Find(key);
      if (pair == nullptr || !pair->is_array() || pair->size() != 2 ||
          !(*pair)[0].is_string()) {
        return section.Bad(key, "[token, id]");
      }
      *name = (*pair)[0].get<std::string>();
    }
    return absl::OkStatus();
  }
  if (type == nullptr || *type != "TemplateProcessing") {
    return section.Unknown("type",
                           "\"BertProcessing\" or \"TemplateProcessing\"");
  }
  const auto& cls = parts.cls;
  const auto& sep = parts.sep;
  json single =
      json::array({Special(cls, 0), Sequence("A", 0), Special(sep, 0)});
  json pair = single;
  pair.push_back(Sequence("B", 1));
  pair.push_back(Special(sep, 1));
  const json* found = section.Find("single");
  if (found == nullptr || *found != single) {
    return section.Unknown("single", "[CLS] A [SEP]");
  }
  found = section.Find("pair");
  if (found == nullptr || *found != pair) {
    return section.Unknown("pair", "[CLS] A [SEP] B [SEP] of types 0 and 1");
  }
  return absl::OkStatus();
}

// The settings of a vocab.txt, from the tokenizer_config.json beside it.
absl::StatusOr<WordPieceOptions> ReadTokenizerConfig(FileSystem& files,
                                                     const std::string& path) {
  WordPieceOptions options;
  if (!files.Exists(path)) return options;
  GRAFT_ASSIGN_OR_RETURN(const std::string text,
                         ReadFile(files, path, kMaxFileBytes));
  GRAFT_ASSIGN_OR_RETURN(const json object, ParseJson(text, path));
  const Section section{object, absl::StrCat(path, ": config")};
  if (!object.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expects an object, got ", DescribeJson(object)));
  }
  GRAFT_RETURN_IF_ERROR(section.Bool("do_lower_case", options.lowercase));
  GRAFT_RETURN_IF_ERROR(
      section.Bool("tokenize_chinese_chars", options.handle_chinese_chars));
  if (section.Find("strip_accents") != nullptr) {
    bool strip = false;
    GRAFT_RETURN_IF_ERROR(section.Bool("strip_accents", strip));
    options.strip_accents = strip;
  }
  return options;
}

}  // namespace

absl::StatusOr<std::unique_ptr<WordPieceTokenizer>>
WordPieceTokenizer::FromJson(absl::string_view text, absl::string_view path) {
  GRAFT_ASSIGN_OR_RETURN(const json object, ParseJson(text, path));
  return FromParsedJson(object, path);
}

absl::StatusOr<std::unique_ptr<WordPieceTokenizer>>
WordPieceTokenizer::FromParsedJson(const json& object, absl::string_view path) {
  if (!object.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expects an object, got ", DescribeJson(object)));
  }
  const Section root{object, absl::StrCat(path, ": tokenizer")};
  Parts parts;
  const auto section = [&](const char* key) {
    static const json kNone;
    const json* found = root.Find(key);
    return Section{found == nullptr ? kNone : *found,
                   absl::StrCat(path, ": ", key)};
  };
  GRAFT_RETURN_IF_ERROR(ParseNormalizer(section("normalizer"), parts.options));
  GRAFT_RETURN_IF_ERROR(section("pre_tokenizer").Type("BertPreTokenizer"));
  GRAFT_RETURN_IF_ERROR(ParsePostProcessor(section("post_processor"), parts));
  GRAFT_RETURN_IF_ERROR(ParseModel(section("model"), parts));
  if (const json* added = root.Find("added_tokens")) {
    if (!added->is_array()) return root.Bad("added_tokens", "a list");
    for (size_t i = 0; i < added->size(); ++i) {
      GRAFT_RETURN_IF_ERROR(ParseAddedToken(
          Section{(*added)[i], absl::StrCat(path, ": added_tokens[", i, "]")},
          parts));
    }
  }
  return FromParts(std::move(parts), path);
}

absl::StatusOr<std::unique_ptr<WordPieceTokenizer>>
WordPieceTokenizer::LoadVocabulary(FileSystem& files, const std::string& path) {
  GRAFT_ASSIGN_OR_RETURN(
      WordPieceOptions options,
      ReadTokenizerConfig(
          files, JoinPath(DirectoryName(path), "tokenizer_config.json")));
  GRAFT_ASSIGN_OR_RETURN(const std::string text,
                         ReadFile(files, path, kMaxFileBytes));
  return FromVocabulary(text, path, std::move(options));
}

}  // namespace graft

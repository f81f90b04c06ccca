// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Reads tokenizer.json. Whatever could change an id and is not BERT's is
// refused by name, never skipped.

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status_macros.h"
#include "runtime/formats/json.h"
#include "runtime/tokenize/wordpiece/formats.h"
#include "runtime/tokenize/wordpiece/json_section.h"
#include "runtime/tokenize/wordpiece/wordpiece.h"

namespace graft {
namespace {

using nlohmann::json;
using Parts = WordPieceTokenizer::Parts;

absl::Status ParseNormalizer(const JsonSection& section,
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

absl::Status ParseModel(const JsonSection& section, Parts& parts) {
  // Files of the package's first versions do not name the type.
  if (section.Find("type") != nullptr) {
    GRAFT_RETURN_IF_ERROR(section.Type("WordPiece"));
  }
  GRAFT_RETURN_IF_ERROR(section.String("unk_token", parts.settings.unknown));
  GRAFT_RETURN_IF_ERROR(section.String(
      "continuing_subword_prefix", parts.settings.options.continuation_prefix));
  if (const json* length = section.Find("max_input_chars_per_word")) {
    if (!length->is_number_unsigned() ||
        length->get<uint64_t>() > static_cast<uint64_t>(INT32_MAX)) {
      return section.Bad("max_input_chars_per_word",
                         "an integer in [0, 2147483647]");
    }
    parts.settings.options.max_word_length = length->get<int64_t>();
  }
  const json* vocabulary = section.Find("vocab");
  if (vocabulary == nullptr || !vocabulary->is_object()) {
    return section.Bad("vocab", "an object of pieces and ids");
  }
  std::vector<bool> seen;
  for (const auto& [piece, id] : vocabulary->items()) {
    if (!ReadTokenId(id)) {
      return absl::InvalidArgumentError(absl::StrCat(
          section.name, ".vocab['", piece, "'] expects an id in [0, ",
          kMaxTokenId, "), got ", DescribeJson(id)));
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

// A step of a TemplateProcessing.
json Special(const std::string& id, int type) {
  return {{"SpecialToken", {{"id", id}, {"type_id", type}}}};
}
json Sequence(const char* id, int type) {
  return {{"Sequence", {{"id", id}, {"type_id", type}}}};
}

// The name of the special token that is step `index` of a template, if it is
// one.
std::optional<std::string> SpecialName(const json* steps, size_t index) {
  if (steps == nullptr || !steps->is_array() || index >= steps->size())
    return std::nullopt;
  const json* step = JsonSection{(*steps)[index], ""}.Find("SpecialToken");
  if (step == nullptr) return std::nullopt;
  const json* id = JsonSection{*step, ""}.Find("id");
  if (id == nullptr || !id->is_string()) return std::nullopt;
  return id->get<std::string>();
}

absl::Status ParsePostProcessor(const JsonSection& section, Parts& parts) {
  const json* type = section.Find("type");
  if (type != nullptr && *type == "BertProcessing") {
    for (const auto& [key, name] : {std::pair("sep", &parts.settings.sep),
                                    std::pair("cls", &parts.settings.cls)}) {
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
  const json* found = section.Find("single");
  parts.settings.cls = SpecialName(found, 0).value_or("[CLS]");
  parts.settings.sep = SpecialName(found, 2).value_or("[SEP]");
  const auto& cls = parts.settings.cls;
  const auto& sep = parts.settings.sep;
  json single =
      json::array({Special(cls, 0), Sequence("A", 0), Special(sep, 0)});
  json pair = single;
  pair.push_back(Sequence("B", 1));
  pair.push_back(Special(sep, 1));
  if (found == nullptr || *found != single) {
    return section.Unknown("single", "[CLS] A [SEP]");
  }
  found = section.Find("pair");
  if (found == nullptr || *found != pair) {
    return section.Unknown("pair", "[CLS] A [SEP] B [SEP] of types 0 and 1");
  }
  return absl::OkStatus();
}

// The side that an example is cut at; the most ids of an example are a matter
// of who calls the package.
absl::Status ParseTruncation(const JsonSection& section, Parts& parts) {
  std::string direction = "Right";
  GRAFT_RETURN_IF_ERROR(section.String("direction", direction));
  if (direction != "Right" && direction != "Left")
    return section.Bad("direction", "\"Left\" or \"Right\"");
  parts.settings.truncate_left = direction == "Left";
  return absl::OkStatus();
}

absl::Status ParseAddedTokens(const JsonSection& root, absl::string_view path,
                              Parts& parts) {
  const json* added = root.Find("added_tokens");
  if (added == nullptr) return absl::OkStatus();
  if (!added->is_array()) return root.Bad("added_tokens", "a list");
  TokenAdder adder(parts);
  for (size_t i = 0; i < added->size(); ++i) {
    const JsonSection section{(*added)[i],
                              absl::StrCat(path, ": added_tokens[", i, "]")};
    AddedToken token;
    GRAFT_RETURN_IF_ERROR(ParseAddedToken(section, token));
    const json* id = section.Find("id");
    const std::optional<int32_t> declared =
        id == nullptr ? std::nullopt : ReadTokenId(*id);
    if (!declared)
      return section.Bad("id", absl::StrCat("an id in [0, ", kMaxTokenId, ")"));
    token.source = std::string(path);
    GRAFT_RETURN_IF_ERROR(adder.Add(std::move(token), declared,
                                    absl::StrCat(section.name, ".id")));
  }
  return absl::OkStatus();
}

// The package takes the ids of the special tokens of an example from here, so
// these must be those of the pieces.
absl::Status CheckTemplateIds(const JsonSection& section, const Parts& parts) {
  const auto check = [&](const json* got, const std::string& name,
                         const std::string& key) -> absl::Status {
    if (got == nullptr) return absl::OkStatus();
    std::optional<int32_t> id;
    for (const auto& [piece, value] : parts.pieces)
      if (piece == name) id = value;
    for (const AddedToken& token : parts.settings.added)
      if (token.content == name) id = token.id;
    if (!id || *got == *id) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(section.name, ".", key, " expects ", *id, ", the id of \"",
                     name, "\", got ", DescribeJson(*got)));
  };
  if (const json* tokens = section.Find("special_tokens")) {
    for (const std::string& name : {parts.settings.cls, parts.settings.sep}) {
      const json* entry = JsonSection{*tokens, ""}.Find(name.c_str());
      if (entry == nullptr) continue;
      const json* ids = JsonSection{*entry, ""}.Find("ids");
      if (ids == nullptr || !ids->is_array() || ids->size() != 1) continue;
      GRAFT_RETURN_IF_ERROR(check(
          &(*ids)[0], name, absl::StrCat("special_tokens.", name, ".ids")));
    }
    return absl::OkStatus();
  }
  for (const auto& [key, name] : {std::pair("sep", parts.settings.sep),
                                  std::pair("cls", parts.settings.cls)})
    if (const json* pair = section.Find(key))
      GRAFT_RETURN_IF_ERROR(check(&(*pair)[1], name, key));
  return absl::OkStatus();
}

}  // namespace

std::optional<int32_t> ReadTokenId(const json& value) {
  if (!value.is_number_unsigned() ||
      value.get<uint64_t>() >= static_cast<uint64_t>(kMaxTokenId))
    return std::nullopt;
  return value.get<int32_t>();
}

absl::Status ParseAddedToken(const JsonSection& section, AddedToken& token) {
  if (section.Find("content") == nullptr)
    return section.Bad("content", "a string");
  GRAFT_RETURN_IF_ERROR(section.String("content", token.content));
  GRAFT_RETURN_IF_ERROR(section.Bool("single_word", token.single_word));
  GRAFT_RETURN_IF_ERROR(section.Bool("lstrip", token.lstrip));
  GRAFT_RETURN_IF_ERROR(section.Bool("rstrip", token.rstrip));
  GRAFT_RETURN_IF_ERROR(section.Bool("special", token.special));
  token.normalized = !token.special;
  return section.Bool("normalized", token.normalized);
}

absl::Status ParseTokenizerJson(const json& object, absl::string_view path,
                                Parts& parts) {
  if (!object.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expects an object, got ", DescribeJson(object)));
  }
  const JsonSection root{object, absl::StrCat(path, ": tokenizer")};
  const auto section = [&](const char* key) {
    static const json kNone;
    const json* found = root.Find(key);
    return JsonSection{found == nullptr ? kNone : *found,
                       absl::StrCat(path, ": ", key)};
  };
  const JsonSection post_processor = section("post_processor");
  GRAFT_RETURN_IF_ERROR(
      ParseNormalizer(section("normalizer"), parts.settings.options));
  GRAFT_RETURN_IF_ERROR(section("pre_tokenizer").Type("BertPreTokenizer"));
  GRAFT_RETURN_IF_ERROR(ParsePostProcessor(post_processor, parts));
  GRAFT_RETURN_IF_ERROR(ParseModel(section("model"), parts));
  GRAFT_RETURN_IF_ERROR(ParseTruncation(section("truncation"), parts));
  parts.source = std::string(path);
  GRAFT_RETURN_IF_ERROR(ParseAddedTokens(root, path, parts));
  return CheckTemplateIds(post_processor, parts);
}

absl::StatusOr<std::unique_ptr<WordPieceTokenizer>>
WordPieceTokenizer::FromJson(absl::string_view text, absl::string_view path) {
  GRAFT_ASSIGN_OR_RETURN(const json object, ParseJson(text, path));
  Parts parts;
  GRAFT_RETURN_IF_ERROR(ParseTokenizerJson(object, path, parts));
  parts.json = std::string(text);
  return FromParts(std::move(parts), path);
}

}  // namespace graft

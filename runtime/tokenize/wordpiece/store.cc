// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// What artifacts and exported directories keep of a tokenizer.

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status_macros.h"
#include "runtime/formats/json.h"
#include "runtime/tokenize/wordpiece/wordpiece.h"

namespace graft {
namespace {

constexpr absl::string_view kKind = "wordpiece";

// Members of the first line; the others are the vocabulary, a piece each.
constexpr char kLowerCase[] = "lower_case";
constexpr char kStripAccents[] = "strip_accents";
constexpr char kSplitChinese[] = "split_chinese";

absl::StatusOr<bool> ReadFlag(const nlohmann::json& settings, const char* name,
                              absl::string_view where) {
  const auto found =
      settings.is_object() ? settings.find(name) : settings.end();
  if (found != settings.end() && found->is_boolean()) return found->get<bool>();
  return absl::InvalidArgumentError(absl::StrCat(
      where, ": tokenizer: expects true or false for ", name, ", got ",
      found != settings.end() ? DescribeJson(*found) : "none"));
}

absl::StatusOr<std::unique_ptr<Tokenizer>> FromArtifact(
    const TokenizerSpec& spec, absl::string_view where) {
  const absl::string_view data(reinterpret_cast<const char*>(spec.data.data()),
                               spec.data.size());
  const size_t end = data.find('\n');
  GRAFT_ASSIGN_OR_RETURN(const nlohmann::json settings,
                         ParseJson(std::string(data.substr(0, end)),
                                   absl::StrCat(where, ": tokenizer")));
  WordPieceOptions options;
  GRAFT_ASSIGN_OR_RETURN(options.lowercase,
                         ReadFlag(settings, kLowerCase, where));
  GRAFT_ASSIGN_OR_RETURN(options.strip_accents,
                         ReadFlag(settings, kStripAccents, where));
  GRAFT_ASSIGN_OR_RETURN(options.handle_chinese_chars,
                         ReadFlag(settings, kSplitChinese, where));
  return WordPieceTokenizer::FromVocabulary(
      end == absl::string_view::npos ? "" : data.substr(end + 1),
      absl::StrCat(where, ": vocabulary"), std::move(options));
}

}  // namespace

absl::string_view WordPieceTokenizer::kind() const { return kKind; }

std::string WordPieceTokenizer::Settings() const {
  return absl::StrFormat("lower case %d, strip accents %d, split Chinese %d",
                         options_.lowercase, strip_accents_,
                         options_.handle_chinese_chars);
}

std::string WordPieceTokenizer::VocabularyText() const {
  std::string text;
  for (const std::string& piece : pieces_) absl::StrAppend(&text, piece, "\n");
  return text;
}

TokenizerSpec WordPieceTokenizer::ToArtifact(std::string& data) const {
  const nlohmann::json settings = {
      {kLowerCase, options_.lowercase},
      {kStripAccents, strip_accents_},
      {kSplitChinese, options_.handle_chinese_chars}};
  data = absl::StrCat(settings.dump(), "\n", VocabularyText());
  TokenizerSpec spec;
  spec.kind = std::string(kKind);
  spec.data = absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(data.data()),
                                  data.size());
  return spec;
}

std::vector<NamedText> WordPieceTokenizer::ToFiles(int64_t max_length) const {
  // BertTokenizer is what Transformers calls WordPiece, of any family.
  nlohmann::json settings = {
      {"tokenizer_class", "BertTokenizer"},
      {"do_lower_case", options_.lowercase},
      {"strip_accents", strip_accents_},
      {"tokenize_chinese_chars", options_.handle_chinese_chars},
      {"unk_token", "[UNK]"},
      {"sep_token", "[SEP]"},
      {"pad_token", "[PAD]"},
      {"cls_token", "[CLS]"},
      {"mask_token", "[MASK]"}};
  if (max_length > 0) settings["model_max_length"] = max_length;
  return {{"vocab.txt", VocabularyText()},
          {"tokenizer_config.json", settings.dump(2) + "\n"}};
}

TokenizerKind WordPieceKind() {
  return {.name = kKind,
          .json_model = "WordPiece",
          .vocabulary_file = "vocab.txt",
          .from_json = [](const nlohmann::json& object, absl::string_view path)
              -> absl::StatusOr<std::unique_ptr<Tokenizer>> {
            return WordPieceTokenizer::FromParsedJson(object, path);
          },
          .from_vocabulary = [](FileSystem& files, const std::string& path)
              -> absl::StatusOr<std::unique_ptr<Tokenizer>> {
            return WordPieceTokenizer::LoadVocabulary(files, path);
          },
          .from_artifact = FromArtifact};
}

}  // namespace graft

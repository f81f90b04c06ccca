// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// What artifacts and exported directories keep of a tokenizer.

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "runtime/tokenize/wordpiece/wordpiece.h"

namespace graft {
namespace {

constexpr absl::string_view kKind = "wordpiece";

absl::StatusOr<std::unique_ptr<Tokenizer>> FromArtifact(
    const TokenizerSpec& spec, absl::string_view where) {
  WordPieceOptions options;
  options.lowercase = spec.lower_case;
  options.strip_accents = spec.strip_accents;
  options.handle_chinese_chars = spec.split_chinese;
  const absl::string_view vocabulary(
      reinterpret_cast<const char*>(spec.vocabulary.data()),
      spec.vocabulary.size());
  return WordPieceTokenizer::FromVocabulary(
      vocabulary, absl::StrCat(where, ": vocabulary"), std::move(options));
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

TokenizerSpec WordPieceTokenizer::ToArtifact(std::string& vocabulary) const {
  vocabulary = VocabularyText();
  TokenizerSpec spec;
  spec.kind = std::string(kKind);
  spec.vocabulary = absl::MakeConstSpan(
      reinterpret_cast<const uint8_t*>(vocabulary.data()), vocabulary.size());
  spec.lower_case = options_.lowercase;
  spec.strip_accents = strip_accents_;
  spec.split_chinese = options_.handle_chinese_chars;
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

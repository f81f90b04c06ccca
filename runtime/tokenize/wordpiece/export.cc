// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The files of an exported directory. A server that reads tokenizer.json alone
// and Transformers, which mixes all of them, get the same ids.

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "runtime/base/utf8.h"
#include "runtime/tokenize/wordpiece/unicode_classes.h"
#include "runtime/tokenize/wordpiece/wordpiece.h"

namespace graft {
namespace {

using nlohmann::ordered_json;

// Whether a line of a vocab.txt can hold the piece, for any reader.
bool FitsLine(absl::string_view piece) {
  if (piece.empty()) return false;
  for (size_t i = 0; i < piece.size();) {
    uint32_t code = 0;
    const size_t length = DecodeUtf8(piece, i, code);
    i += length;
    // Ends of lines, and white space that readers cut off.
    if (length == 0 || code == '\n' || code == '\r') return false;
    if (i == piece.size() && IsBertWhitespace(code)) return false;
  }
  return true;
}

ordered_json Describe(const AddedToken& token) {
  return {{"content", token.content},       {"single_word", token.single_word},
          {"lstrip", token.lstrip},         {"rstrip", token.rstrip},
          {"normalized", token.normalized}, {"special", token.special}};
}

std::vector<AddedToken> ById(std::vector<AddedToken> tokens) {
  std::sort(
      tokens.begin(), tokens.end(),
      [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
  return tokens;
}

ordered_json Template(const std::string& cls, int32_t cls_id,
                      const std::string& sep, int32_t sep_id) {
  const auto special = [](const std::string& id, int type) -> ordered_json {
    return {{"SpecialToken", {{"id", id}, {"type_id", type}}}};
  };
  const auto text = [](const char* id, int type) -> ordered_json {
    return {{"Sequence", {{"id", id}, {"type_id", type}}}};
  };
  const auto entry = [](const std::string& name, int32_t id) -> ordered_json {
    return {{"id", name},
            {"ids", ordered_json::array({id})},
            {"tokens", ordered_json::array({name})}};
  };
  const ordered_json single =
      ordered_json::array({special(cls, 0), text("A", 0), special(sep, 0)});
  ordered_json pair = single;
  pair.push_back(text("B", 1));
  pair.push_back(special(sep, 1));
  return {{"type", "TemplateProcessing"},
          {"single", single},
          {"pair", pair},
          {"special_tokens",
           {{cls, entry(cls, cls_id)}, {sep, entry(sep, sep_id)}}}};
}

}  // namespace

std::optional<std::string> WordPieceTokenizer::VocabularyText() const {
  std::string text;
  for (const absl::string_view piece : vocabulary_) {
    if (!FitsLine(piece)) return std::nullopt;
    absl::StrAppend(&text, piece, "\n");
  }
  return text;
}

std::string WordPieceTokenizer::JsonText() const {
  const WordPieceOptions& options = settings_.options;
  ordered_json vocabulary = ordered_json::object();
  auto& pieces = vocabulary.get_ref<ordered_json::object_t&>();
  for (size_t id = 0; id < vocabulary_.size(); ++id)
    if (vocabulary_[id].data() != nullptr)
      // Pieces differ; the object's own insertion would compare all pairs.
      pieces.std::vector<ordered_json::object_t::value_type>::emplace_back(
          std::string(vocabulary_[id]), id);
  ordered_json added = ordered_json::array();
  for (const AddedToken& token : ById(settings_.added)) {
    ordered_json entry = {{"id", token.id}};
    entry.update(Describe(token));
    added.push_back(std::move(entry));
  }
  const ordered_json file = {
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", std::move(added)},
      {"normalizer",
       {{"type", "BertNormalizer"},
        {"clean_text", options.clean_text},
        {"handle_chinese_chars", options.handle_chinese_chars},
        {"strip_accents", strip_accents_},
        {"lowercase", options.lowercase}}},
      {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
      {"post_processor",
       Template(settings_.cls, cls_id_, settings_.sep, sep_id_)},
      {"decoder",
       {{"type", "WordPiece"},
        {"prefix", options.continuation_prefix},
        {"cleanup", true}}},
      {"model",
       {{"type", "WordPiece"},
        {"unk_token", settings_.unknown},
        {"continuing_subword_prefix", options.continuation_prefix},
        {"max_input_chars_per_word", options.max_word_length},
        {"vocab", std::move(vocabulary)}}}};
  return file.dump(2, ' ', false, ordered_json::error_handler_t::replace) +
         "\n";
}

std::string WordPieceTokenizer::ConfigText(int64_t max_length) const {
  const WordPieceOptions& options = settings_.options;
  const WordPieceOptions usual;
  const auto is_added = [&](const std::string& name) {
    return std::any_of(
        settings_.added.begin(), settings_.added.end(),
        [&](const AddedToken& token) { return token.content == name; });
  };
  const std::pair<const char*, const std::string*> names[] = {
      {"unk_token", &settings_.unknown},
      {"sep_token", &settings_.sep},
      {"pad_token", &settings_.padding},
      {"cls_token", &settings_.cls},
      {"mask_token", &settings_.mask}};
  // BertTokenizer is what Transformers calls WordPiece, of any family. It takes
  // three settings for granted, and finds its special tokens in every text. The
  // other class is tokenizer.json as it stands.
  const bool bert =
      options.clean_text == usual.clean_text &&
      options.continuation_prefix == usual.continuation_prefix &&
      options.max_word_length == usual.max_word_length &&
      std::all_of(std::begin(names), std::end(names), [&](const auto& entry) {
        return entry.second->empty() || is_added(*entry.second);
      });
  ordered_json added = ordered_json::object();
  for (const AddedToken& token : ById(settings_.added))
    added[absl::StrCat(token.id)] = Describe(token);
  ordered_json config = {
      {"tokenizer_class", bert ? "BertTokenizer" : "PreTrainedTokenizerFast"},
      {"do_lower_case", options.lowercase},
      {"strip_accents", strip_accents_},
      {"tokenize_chinese_chars", options.handle_chinese_chars},
      {"added_tokens_decoder", std::move(added)},
      {"truncation_side", settings_.truncate_left ? "left" : "right"}};
  for (const auto& [key, name] : names) {
    if (is_added(*name)) {
      config[key] = *name;
    } else if (bert) {
      config[key] = nullptr;
    }
  }
  if (!bert)
    config["model_input_names"] = {"input_ids", "token_type_ids",
                                   "attention_mask"};
  if (max_length > 0) config["model_max_length"] = max_length;
  return config.dump(2, ' ', false, ordered_json::error_handler_t::replace) +
         "\n";
}

std::vector<NamedText> WordPieceTokenizer::ToFiles(int64_t max_length) const {
  if (max_length == 0) max_length = settings_.max_length;
  std::vector<NamedText> files = {
      {"tokenizer.json", json_.empty() ? JsonText() : std::string(json_)},
      {"tokenizer_config.json", ConfigText(max_length)}};
  if (std::optional<std::string> lines = VocabularyText())
    files.push_back({"vocab.txt", *std::move(lines)});
  return files;
}

}  // namespace graft

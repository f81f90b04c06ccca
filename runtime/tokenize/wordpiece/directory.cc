// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// A directory's tokenizer, as AutoTokenizer of Transformers 5 makes it of the
// same files. docs/formats/wordpiece.md has the rule in words.

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status_macros.h"
#include "runtime/formats/json.h"
#include "runtime/tokenize/wordpiece/directory_reader.h"

namespace graft {
namespace internal_wordpiece {
namespace {

using nlohmann::json;
using Parts = WordPieceTokenizer::Parts;

constexpr absl::string_view kTokenizerJson = "tokenizer.json";

// Above it, a maximum is Transformers' way to say that there is none.
constexpr double kNoMaxLength = 1e9;

// Classes of which Transformers takes the vocabulary of a tokenizer.json and
// nearly all else of tokenizer_config.json. Others are tokenizer.json alone.
bool IsBertClass(absl::string_view name) {
  absl::ConsumeSuffix(&name, "Fast");
  constexpr std::array<absl::string_view, 8> kClasses = {
      "BertTokenizer",       "DistilBertTokenizer", "ElectraTokenizer",
      "MobileBertTokenizer", "ConvBertTokenizer",   "LayoutLMTokenizer",
      "FunnelTokenizer",     "LxmertTokenizer"};
  return absl::c_linear_search(kClasses, name);
}

}  // namespace

absl::Status DirectoryReader::ReadSettings(const char* name,
                                           SettingsFile& file) {
  file.path = JoinPath(directory_, name);
  if (!files_.Exists(file.path)) return absl::OkStatus();
  GRAFT_ASSIGN_OR_RETURN(const std::string text,
                         ReadTokenizerFile(files_, file.path));
  GRAFT_ASSIGN_OR_RETURN(file.object, ParseJson(text, file.path));
  if (file.object.is_object()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      file.path, ": expects an object, got ", DescribeJson(file.object)));
}

absl::StatusOr<bool> DirectoryReader::ChooseBert(bool described) {
  if (!described) return true;
  std::string name;
  GRAFT_RETURN_IF_ERROR(config_.section().String("tokenizer_class", name));
  if (name.empty()) {
    SettingsFile model;
    GRAFT_RETURN_IF_ERROR(ReadSettings("config.json", model));
    GRAFT_RETURN_IF_ERROR(model.section().String("tokenizer_class", name));
  }
  return name.empty() || IsBertClass(name);
}

absl::Status DirectoryReader::ReadNormaliser() {
  const JsonSection section = config_.section();
  WordPieceOptions& options = settings().options;
  options.lowercase = true;
  options.handle_chinese_chars = true;
  options.strip_accents = std::nullopt;
  GRAFT_RETURN_IF_ERROR(section.Bool("do_lower_case", options.lowercase));
  GRAFT_RETURN_IF_ERROR(
      section.Bool("tokenize_chinese_chars", options.handle_chinese_chars));
  if (section.Find("strip_accents") != nullptr) {
    bool strip = false;
    GRAFT_RETURN_IF_ERROR(section.Bool("strip_accents", strip));
    options.strip_accents = strip;
  }
  return absl::OkStatus();
}

absl::Status DirectoryReader::ReadLength() {
  const JsonSection section = config_.section();
  if (section.Find("truncation_side") != nullptr) {
    std::string side;
    GRAFT_RETURN_IF_ERROR(section.String("truncation_side", side));
    if (side != "left" && side != "right")
      return section.Bad("truncation_side", "\"left\" or \"right\"");
    settings().truncate_left = side == "left";
  }
  const char* key = section.Find("model_max_length") != nullptr
                        ? "model_max_length"
                        : "max_len";
  const json* length = section.Find(key);
  if (length == nullptr) return absl::OkStatus();
  const double value = length->is_number() ? length->get<double>() : 0;
  if (!(value >= 1) || value != std::floor(value))
    return section.Bad(key, "a positive integer");
  if (value < kNoMaxLength) settings().max_length = static_cast<int64_t>(value);
  return absl::OkStatus();
}

// Keeps the text of tokenizer.json if the other files change nothing.
absl::Status DirectoryReader::KeepJson(const Parts& alone,
                                       absl::string_view text) {
  const WordPieceSettings& a = alone.settings;
  const WordPieceSettings& b = settings();
  const auto by_id = [](const AddedToken& x, const AddedToken& y) {
    return x.id < y.id;
  };
  std::vector<AddedToken> ours = a.added, theirs = b.added;
  absl::c_sort(ours, by_id);
  absl::c_sort(theirs, by_id);
  const bool equal = a.options.SameEffect(b.options) &&
                     a.unknown == b.unknown && a.cls == b.cls &&
                     a.sep == b.sep && ours.size() == theirs.size() &&
                     std::equal(ours.begin(), ours.end(), theirs.begin(),
                                [](const AddedToken& x, const AddedToken& y) {
                                  return x.SameEffect(y);
                                });
  if (equal) parts_.json = std::string(text);
  return absl::OkStatus();
}

absl::Status DirectoryReader::Run(const json* described, absl::string_view text,
                                  const std::string& vocabulary) {
  GRAFT_RETURN_IF_ERROR(ReadSettings("tokenizer_config.json", config_));
  GRAFT_RETURN_IF_ERROR(ReadSettings("special_tokens_map.json", map_));
  GRAFT_RETURN_IF_ERROR(ReadSettings("added_tokens.json", added_));
  GRAFT_ASSIGN_OR_RETURN(bert_, ChooseBert(described != nullptr));
  if (described != nullptr) {
    alone_.emplace();
    GRAFT_RETURN_IF_ERROR(ParseTokenizerJson(
        *described, JoinPath(directory_, kTokenizerJson), *alone_));
    parts_ = *alone_;
  } else {
    GRAFT_ASSIGN_OR_RETURN(const std::string lines,
                           ReadTokenizerFile(files_, vocabulary));
    GRAFT_RETURN_IF_ERROR(ParseVocabulary(lines, vocabulary, parts_));
  }
  if (bert_) {
    settings().added.clear();
    GRAFT_RETURN_IF_ERROR(ReadNormaliser());
  }
  GRAFT_RETURN_IF_ERROR(ReadNames());
  GRAFT_RETURN_IF_ERROR(ReadDecoder());
  // A name stands for the token as the list has it.
  for (auto& [key, entry] : names_)
    for (const auto& [id, listed] : decoder_)
      if (listed.token.content == entry.token.content)
        entry.token = listed.token;
  TokenAdder adder(parts_);
  GRAFT_RETURN_IF_ERROR(NameSpecials(adder));
  GRAFT_RETURN_IF_ERROR(AddTokens(adder));
  GRAFT_RETURN_IF_ERROR(ReadLength());
  return alone_ ? KeepJson(*alone_, text) : absl::OkStatus();
}

}  // namespace internal_wordpiece

absl::Status ReadTokenizerDirectory(FileSystem& files,
                                    const std::string& directory,
                                    const nlohmann::json* described,
                                    absl::string_view text,
                                    const std::string& vocabulary,
                                    WordPieceTokenizer::Parts& parts) {
  return internal_wordpiece::DirectoryReader(files, directory, parts)
      .Run(described, text, vocabulary);
}

}  // namespace graft

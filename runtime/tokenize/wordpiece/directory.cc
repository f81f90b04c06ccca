// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// A directory's tokenizer, as AutoTokenizer of Transformers 5 makes it of the
// same files. docs/formats/wordpiece.md has the rule in words.

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status_macros.h"
#include "runtime/formats/json.h"
#include "runtime/tokenize/wordpiece/formats.h"
#include "runtime/tokenize/wordpiece/json_section.h"

namespace graft {
namespace {

using nlohmann::json;
using Parts = WordPieceTokenizer::Parts;

constexpr absl::string_view kTokenizerJson = "tokenizer.json";
constexpr char kDecoder[] = "added_tokens_decoder";

// Above it, a maximum is Transformers' way to say that there is none.
constexpr double kNoMaxLength = 1e9;

// Special tokens that have a name, in the order in which they are added.
constexpr std::array<const char*, 7> kNames = {
    "bos_token", "eos_token", "unk_token", "sep_token",
    "pad_token", "cls_token", "mask_token"};

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

// A file beside the vocabulary, an object.
struct SettingsFile {
  std::string path;
  json object = json::object();

  JsonSection section() const {
    return {object, absl::StrCat(path, ": config")};
  }
  JsonSection At(const char* key) const {
    return {object.at(key), absl::StrCat(path, ": ", key)};
  }
};

// A token to add, and where a file says so.
struct NewToken {
  AddedToken token;
  std::optional<int32_t> declared;
  std::string where;
};

class DirectoryReader {
 public:
  DirectoryReader(FileSystem& files, const std::string& directory, Parts& parts)
      : files_(files), directory_(directory), parts_(parts) {}

  absl::Status Run(const json* described, absl::string_view text,
                   const std::string& vocabulary);

 private:
  absl::Status ReadSettings(const char* name, SettingsFile& file);
  absl::StatusOr<bool> ChooseBert(bool described);
  absl::Status ReadNormaliser();
  absl::Status ReadDecoder();
  absl::Status ReadMapped();
  absl::Status ReadNames();
  absl::Status ReadName(const char* key);
  absl::Status ReadExtra();
  absl::Status ReadExtraList(const SettingsFile& file, const char* key);
  absl::Status AddTokens(TokenAdder& adder);
  absl::Status NameSpecials(const TokenAdder& adder);
  absl::Status ReadLength();
  absl::Status KeepJson(const Parts& alone, absl::string_view text);

  bool HasDecoder() const { return config_.section().Find(kDecoder); }
  WordPieceSettings& settings() { return parts_.settings; }

  FileSystem& files_;
  const std::string& directory_;
  Parts& parts_;
  SettingsFile config_, map_, added_;
  bool bert_ = true;  // by the rule of BertTokenizer
  // What tokenizer.json says alone.
  std::optional<Parts> alone_;
  std::map<int32_t, NewToken> decoder_;    // by their ids
  std::map<std::string, NewToken> names_;  // kNames that have a token
  std::set<std::string> stated_;           // kNames that a file has
  std::vector<NewToken> extra_;
};

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

// The added tokens with their ids, of tokenizer_config.json or else of all
// other files.
absl::Status DirectoryReader::ReadDecoder() {
  if (!HasDecoder()) return ReadMapped();
  const JsonSection section = config_.At(kDecoder);
  if (!section.object.is_object())
    return config_.section().Bad(kDecoder, "an object of ids and tokens");
  for (const auto& [key, value] : section.object.items()) {
    int32_t id = 0;
    const std::string where = absl::StrCat(section.name, "['", key, "']");
    if (!absl::SimpleAtoi(key, &id) || id < 0 || id >= kMaxTokenId)
      return absl::InvalidArgumentError(
          absl::StrCat(section.name, " expects ids in [0, ", kMaxTokenId,
                       "), got ", QuoteToken(key)));
    NewToken entry{{}, id, where};
    GRAFT_RETURN_IF_ERROR(
        ParseAddedToken(JsonSection{value, where}, entry.token));
    entry.token.source = config_.path;
    decoder_[id] = std::move(entry);
  }
  return absl::OkStatus();
}

absl::Status DirectoryReader::ReadMapped() {
  std::set<std::string> special;
  for (const auto& [key, entry] : names_) special.insert(entry.token.content);
  for (const NewToken& entry : extra_) special.insert(entry.token.content);
  for (const auto& [content, id] : added_.object.items()) {
    const std::optional<int32_t> declared = ReadTokenId(id);
    const std::string where =
        absl::StrCat(added_.path, ": ", QuoteToken(content));
    if (!declared)
      return absl::InvalidArgumentError(
          absl::StrCat(where, " expects an id in [0, ", kMaxTokenId, "), got ",
                       DescribeJson(id)));
    const bool is_special = special.count(content) > 0;
    decoder_[*declared] = {{.content = content,
                            .normalized = !is_special,
                            .special = is_special,
                            .source = added_.path},
                           declared,
                           where};
  }
  if (!alone_) return absl::OkStatus();
  for (const AddedToken& token : alone_->settings.added)
    decoder_[token.id] = {token, token.id, token.source};
  return absl::OkStatus();
}

absl::Status DirectoryReader::ReadName(const char* key) {
  const bool mapped = !HasDecoder() && map_.section().Has(key);
  const SettingsFile& file = mapped ? map_ : config_;
  if (!file.section().Has(key)) return absl::OkStatus();
  stated_.insert(key);
  const json* value = file.section().Find(key);
  if (value == nullptr) return absl::OkStatus();
  NewToken entry;
  entry.where = absl::StrCat(file.path, ": ", key);
  if (value->is_string()) {
    entry.token.content = value->get<std::string>();
    entry.token.special = true;
  } else if (value->is_object()) {
    entry.token.special = mapped;
    GRAFT_RETURN_IF_ERROR(
        ParseAddedToken(JsonSection{*value, entry.where}, entry.token));
    entry.token.special = true;
  } else {
    return file.section().Bad(key, "a token");
  }
  entry.token.source = file.path;
  names_[key] = std::move(entry);
  return absl::OkStatus();
}

absl::Status DirectoryReader::ReadExtraList(const SettingsFile& file,
                                            const char* key) {
  const json* list = file.section().Find(key);
  if (list == nullptr || list->empty()) return absl::OkStatus();
  if (!list->is_array() && !list->is_object())
    return file.section().Bad(key, "a list of tokens");
  for (const auto& item : *list) {
    NewToken entry;
    entry.where = absl::StrCat(file.path, ": ", key);
    entry.token.special = true;
    if (item.is_string()) {
      entry.token.content = item.get<std::string>();
    } else {
      GRAFT_RETURN_IF_ERROR(
          ParseAddedToken(JsonSection{item, entry.where}, entry.token));
    }
    entry.token.source = file.path;
    extra_.push_back(std::move(entry));
  }
  return absl::OkStatus();
}

// Special tokens that have no name, or one of their own: "image_token".
absl::Status DirectoryReader::ReadExtra() {
  for (const auto& [key, value] : config_.object.items()) {
    if (!absl::EndsWith(key, "_token") || !value.is_string()) continue;
    if (absl::c_linear_search(kNames, key)) continue;
    extra_.push_back({{.content = value.get<std::string>(),
                       .special = true,
                       .source = config_.path},
                      std::nullopt,
                      absl::StrCat(config_.path, ": ", key)});
  }
  for (const char* key :
       {"extra_special_tokens", "additional_special_tokens"}) {
    GRAFT_RETURN_IF_ERROR(ReadExtraList(config_, key));
    if (!HasDecoder()) GRAFT_RETURN_IF_ERROR(ReadExtraList(map_, key));
  }
  return absl::OkStatus();
}

absl::Status DirectoryReader::ReadNames() {
  for (const char* key : kNames) GRAFT_RETURN_IF_ERROR(ReadName(key));
  GRAFT_RETURN_IF_ERROR(ReadExtra());
  bool split = false;
  GRAFT_RETURN_IF_ERROR(config_.section().Bool("split_special_tokens", split));
  if (split) return config_.section().Unknown("split_special_tokens", "false");
  return absl::OkStatus();
}

// Gives the tokens with a meaning the names that no file gives them.
absl::Status DirectoryReader::NameSpecials(const TokenAdder& adder) {
  const auto listed = [&](const std::string& content) {
    return adder.Find(content).has_value() ||
           absl::c_any_of(decoder_, [&](const auto& entry) {
             return entry.second.token.content == content;
           });
  };
  WordPieceSettings& ours = settings();
  for (const auto& [key, name] : {std::pair("unk_token", &ours.unknown),
                                  std::pair("sep_token", &ours.sep),
                                  std::pair("pad_token", &ours.padding),
                                  std::pair("cls_token", &ours.cls),
                                  std::pair("mask_token", &ours.mask)}) {
    const bool optional = name == &ours.padding || name == &ours.mask;
    const std::string usual = optional                ? *name
                              : name == &ours.unknown ? "[UNK]"
                              : name == &ours.cls     ? "[CLS]"
                                                      : "[SEP]";
    if (stated_.count(key) > 0) {
      const auto entry = names_.find(key);
      const std::string content =
          entry == names_.end() ? "" : entry->second.token.content;
      if (!bert_ && !optional) continue;  // tokenizer.json names them
      if (!optional && content.empty())
        return config_.section().Bad(key, "a token");
      // A vocabulary that was cut short; no token of a new kind.
      const bool cut = !optional && (content == usual || name == &ours.unknown);
      if (cut && !listed(content))
        return absl::InvalidArgumentError(
            absl::StrCat(parts_.source, ": expects a vocabulary with ", content,
                         ", got ", parts_.pieces.size(), " other tokens"));
      *name = content;
      continue;
    }
    if (!bert_ && !optional) continue;
    if (listed(usual)) {
      *name = usual;
    } else if (optional) {
      // Transformers would give it an id behind the vocabulary, of which the
      // model knows nothing.
      name->clear();
    }
    if (bert_ && listed(*name))
      names_[key] = {{.content = *name, .special = true}, std::nullopt, key};
  }
  return absl::OkStatus();
}

absl::Status DirectoryReader::AddTokens(TokenAdder& adder) {
  std::vector<NewToken> tokens;
  std::set<std::string> contents;
  for (const auto& [id, entry] : decoder_) {
    contents.insert(entry.token.content);
    tokens.push_back(entry);
  }
  std::set<std::string> named;
  const auto add = [&](const NewToken& entry) {
    named.insert(entry.token.content);
    const bool there =
        !bert_ && adder.Find(entry.token.content) &&
        absl::c_any_of(settings().added, [&](const AddedToken& token) {
          return token.content == entry.token.content;
        });
    if (!there && contents.insert(entry.token.content).second)
      tokens.push_back(entry);
  };
  for (const char* key : kNames)
    if (const auto entry = names_.find(key); entry != names_.end())
      add(entry->second);
  for (const NewToken& entry : extra_) add(entry);
  for (NewToken& entry : tokens) {
    entry.token.special |= named.count(entry.token.content) > 0;
    GRAFT_RETURN_IF_ERROR(
        adder.Add(std::move(entry.token), entry.declared, entry.where));
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

}  // namespace

absl::Status ReadTokenizerDirectory(
    FileSystem& files, const std::string& directory, const json* described,
    absl::string_view text, const std::string& vocabulary, Parts& parts) {
  return DirectoryReader(files, directory, parts)
      .Run(described, text, vocabulary);
}

}  // namespace graft

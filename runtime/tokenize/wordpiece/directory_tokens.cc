// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The added and special tokens of a tokenizer's directory.

#include <array>
#include <map>
#include <set>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status_macros.h"
#include "runtime/formats/json.h"
#include "runtime/tokenize/wordpiece/directory_reader.h"

namespace graft::internal_wordpiece {
namespace {

using nlohmann::json;

constexpr char kDecoder[] = "added_tokens_decoder";

// Special tokens that have a name, in the order in which they are added.
constexpr std::array<const char*, 7> kNames = {
    "bos_token", "eos_token", "unk_token", "sep_token",
    "pad_token", "cls_token", "mask_token"};

}  // namespace

bool DirectoryReader::HasDecoder() const {
  return config_.section().Find(kDecoder) != nullptr;
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

}  // namespace graft::internal_wordpiece

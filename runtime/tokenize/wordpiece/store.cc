// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// What artifacts keep of a tokenizer, read at each start of `predict`: a line
// of JSON with the settings; of each id, in order, the length of its piece (4
// bytes, little-endian); the pieces without anything between them; a
// tokenizer.json of the same effect, if there was one.

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status_macros.h"
#include "runtime/base/utf8.h"
#include "runtime/formats/json.h"
#include "runtime/tokenize/wordpiece/formats.h"
#include "runtime/tokenize/wordpiece/json_section.h"
#include "runtime/tokenize/wordpiece/wordpiece.h"

namespace graft {
namespace {

using nlohmann::json;

constexpr absl::string_view kKind = "wordpiece";
constexpr int64_t kVersion = 2;
// The length of an id that no piece has.
constexpr uint32_t kNoPiece = 0xFFFFFFFF;

json ToJson(const AddedToken& token) {
  return {{"content", token.content},         {"id", token.id},
          {"single_word", token.single_word}, {"lstrip", token.lstrip},
          {"rstrip", token.rstrip},           {"normalized", token.normalized},
          {"special", token.special}};
}

// Reads what must be there.
absl::Status Flag(const JsonSection& section, const char* key, bool& value) {
  if (section.Find(key) == nullptr) return section.Bad(key, "true or false");
  return section.Bool(key, value);
}
absl::Status Text(const JsonSection& section, const char* key,
                  std::string& value) {
  if (section.Find(key) == nullptr) return section.Bad(key, "a string");
  return section.String(key, value);
}
absl::Status Integer(const JsonSection& section, const char* key,
                     int64_t& value) {
  const json* field = section.Find(key);
  if (field == nullptr || !field->is_number_unsigned() ||
      field->get<uint64_t>() > uint64_t{1} << 40)
    return section.Bad(key, "a count");
  value = field->get<int64_t>();
  return absl::OkStatus();
}

absl::Status ReadAdded(const JsonSection& section,
                       std::vector<AddedToken>& added) {
  const json* list = section.Find("added");
  if (list == nullptr || !list->is_array())
    return section.Bad("added", "a list");
  for (const json& item : *list) {
    const JsonSection entry{item, absl::StrCat(section.name, ".added")};
    AddedToken token;
    GRAFT_RETURN_IF_ERROR(ParseAddedToken(entry, token));
    const json* id = entry.Find("id");
    if (id == nullptr || !ReadTokenId(*id)) return entry.Bad("id", "an id");
    token.id = *ReadTokenId(*id);
    added.push_back(std::move(token));
  }
  return absl::OkStatus();
}

absl::Status ReadSettings(const JsonSection& section,
                          WordPieceSettings& settings) {
  WordPieceOptions& options = settings.options;
  bool strip = false;
  GRAFT_RETURN_IF_ERROR(Flag(section, "clean_text", options.clean_text));
  GRAFT_RETURN_IF_ERROR(
      Flag(section, "split_chinese", options.handle_chinese_chars));
  GRAFT_RETURN_IF_ERROR(Flag(section, "lower_case", options.lowercase));
  GRAFT_RETURN_IF_ERROR(Flag(section, "strip_accents", strip));
  options.strip_accents = strip;
  GRAFT_RETURN_IF_ERROR(Text(section, "prefix", options.continuation_prefix));
  GRAFT_RETURN_IF_ERROR(
      Integer(section, "longest_word", options.max_word_length));
  GRAFT_RETURN_IF_ERROR(Text(section, "unknown", settings.unknown));
  GRAFT_RETURN_IF_ERROR(Text(section, "cls", settings.cls));
  GRAFT_RETURN_IF_ERROR(Text(section, "sep", settings.sep));
  GRAFT_RETURN_IF_ERROR(Text(section, "padding", settings.padding));
  GRAFT_RETURN_IF_ERROR(Text(section, "mask", settings.mask));
  GRAFT_RETURN_IF_ERROR(Flag(section, "truncate_left", settings.truncate_left));
  GRAFT_RETURN_IF_ERROR(Integer(section, "max_length", settings.max_length));
  return ReadAdded(section, settings.added);
}

// Takes the pieces off the front of `data`; the views borrow it.
absl::Status ReadPieces(absl::string_view& data, size_t ids,
                        std::vector<absl::string_view>& pieces) {
  const auto short_of = [&](absl::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat("expects ", what, ", got ", data.size(), " bytes"));
  };
  if (data.size() / sizeof(uint32_t) < ids)
    return short_of(absl::StrCat("the lengths of ", ids, " tokens"));
  const char* lengths = data.data();
  data.remove_prefix(ids * sizeof(uint32_t));
  pieces.resize(ids);
  for (size_t id = 0; id < ids; ++id) {
    uint32_t length;
    std::memcpy(&length, lengths + id * sizeof length, sizeof length);
    if (length == kNoPiece) continue;
    if (length > data.size())
      return short_of(absl::StrCat("token ", id, " of ", length, " bytes"));
    pieces[id] = data.substr(0, length);
    data.remove_prefix(length);
  }
  return absl::OkStatus();
}

}  // namespace

absl::string_view WordPieceTokenizer::kind() const { return kKind; }

std::string WordPieceTokenizer::Settings() const {
  const WordPieceOptions& options = settings_.options;
  const WordPieceSettings usual;
  std::string text = absl::StrFormat(
      "lower case %d, strip accents %d, split Chinese %d", options.lowercase,
      strip_accents_, options.handle_chinese_chars);
  if (!options.clean_text) absl::StrAppend(&text, ", clean text 0");
  if (options.max_word_length != usual.options.max_word_length)
    absl::StrAppend(&text, ", longest word ", options.max_word_length);
  if (options.continuation_prefix != usual.options.continuation_prefix)
    absl::StrAppend(&text, ", prefix ",
                    QuoteToken(options.continuation_prefix));
  if (settings_.truncate_left) absl::StrAppend(&text, ", truncate left 1");
  for (const auto& [token, is, other] :
       {std::tuple("unknown", &settings_.unknown, &usual.unknown),
        std::tuple("begin", &settings_.cls, &usual.cls),
        std::tuple("separator", &settings_.sep, &usual.sep)})
    if (*is != *other)
      absl::StrAppend(&text, ", ", token, " ", QuoteToken(*is));
  return text;
}

std::vector<std::string> WordPieceTokenizer::AddedTokens() const {
  std::vector<std::pair<int32_t, std::string>> sorted;
  for (const AddedToken& token : settings_.added)
    sorted.emplace_back(
        token.id,
        absl::StrCat("token ", token.id, " ", QuoteToken(token.content),
                     token.normalized ? ", normalized" : "",
                     token.single_word ? ", single word" : "",
                     token.lstrip ? ", strips left" : "",
                     token.rstrip ? ", strips right" : ""));
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::string> result;
  for (auto& [id, text] : sorted) result.push_back(std::move(text));
  return result;
}

TokenizerSpec WordPieceTokenizer::ToArtifact(std::string& data) const {
  const WordPieceOptions& options = settings_.options;
  json added = json::array();
  for (const AddedToken& token : settings_.added)
    added.push_back(ToJson(token));
  const json settings = {{"version", kVersion},
                         {"ids", vocabulary_.size()},
                         {"clean_text", options.clean_text},
                         {"split_chinese", options.handle_chinese_chars},
                         {"lower_case", options.lowercase},
                         {"strip_accents", strip_accents_},
                         {"prefix", options.continuation_prefix},
                         {"longest_word", options.max_word_length},
                         {"unknown", settings_.unknown},
                         {"cls", settings_.cls},
                         {"sep", settings_.sep},
                         {"padding", settings_.padding},
                         {"mask", settings_.mask},
                         {"truncate_left", settings_.truncate_left},
                         {"max_length", settings_.max_length},
                         {"added", std::move(added)}};
  data = settings.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  for (const absl::string_view piece : vocabulary_) {
    const uint32_t length = piece.data() == nullptr
                                ? kNoPiece
                                : static_cast<uint32_t>(piece.size());
    char bytes[sizeof length];
    std::memcpy(bytes, &length, sizeof length);
    data.append(bytes, sizeof length);
  }
  for (const absl::string_view piece : vocabulary_)
    absl::StrAppend(&data, piece);
  absl::StrAppend(&data, json_);
  TokenizerSpec spec;
  spec.kind = std::string(kKind);
  spec.data = absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(data.data()),
                                  data.size());
  return spec;
}

absl::StatusOr<std::unique_ptr<WordPieceTokenizer>>
WordPieceTokenizer::FromArtifact(absl::string_view data,
                                 absl::string_view where) {
  const std::string tokenizer = absl::StrCat(where, ": tokenizer");
  const size_t end = data.find('\n');
  GRAFT_ASSIGN_OR_RETURN(const json object,
                         ParseJson(data.substr(0, end), tokenizer));
  const JsonSection section{object, tokenizer};
  int64_t version = 1, ids = 0;
  if (section.Find("version") != nullptr)
    GRAFT_RETURN_IF_ERROR(Integer(section, "version", version));
  if (version != kVersion)
    return absl::InvalidArgumentError(absl::StrCat(
        tokenizer, ": expects version ", kVersion, ", got ", version,
        "; compile or train again with this version of graft"));
  GRAFT_RETURN_IF_ERROR(Integer(section, "ids", ids));
  if (ids > kMaxTokenId)
    return section.Bad("ids", absl::StrCat("at most ", kMaxTokenId));
  std::unique_ptr<WordPieceTokenizer> self(new WordPieceTokenizer);
  GRAFT_RETURN_IF_ERROR(ReadSettings(section, self->settings_));
  data.remove_prefix(end == absl::string_view::npos ? data.size() : end + 1);
  const absl::Status pieces =
      ReadPieces(data, static_cast<size_t>(ids), self->vocabulary_);
  if (!pieces.ok())
    return absl::InvalidArgumentError(
        absl::StrCat(tokenizer, ": ", std::string(pieces.message())));
  self->json_ = data;
  GRAFT_RETURN_IF_ERROR(self->Index(tokenizer));
  return self;
}

TokenizerKind WordPieceKind() {
  return {
      .name = kKind,
      .json_model = "WordPiece",
      .vocabulary_file = "vocab.txt",
      .from_json = [](absl::string_view text, absl::string_view path)
          -> absl::StatusOr<std::unique_ptr<Tokenizer>> {
        return WordPieceTokenizer::FromJson(text, path);
      },
      .from_directory = [](FileSystem& files, const std::string& directory,
                           const json* described, absl::string_view text,
                           const std::string& vocabulary)
          -> absl::StatusOr<std::unique_ptr<Tokenizer>> {
        WordPieceTokenizer::Parts parts;
        GRAFT_RETURN_IF_ERROR(ReadTokenizerDirectory(
            files, directory, described, text, vocabulary, parts));
        const std::string source = parts.source;
        return WordPieceTokenizer::FromParts(std::move(parts), source);
      },
      .from_artifact = [](const TokenizerSpec& spec, absl::string_view where)
          -> absl::StatusOr<std::unique_ptr<Tokenizer>> {
        return WordPieceTokenizer::FromArtifact(
            {reinterpret_cast<const char*>(spec.data.data()), spec.data.size()},
            where);
      }};
}

}  // namespace graft

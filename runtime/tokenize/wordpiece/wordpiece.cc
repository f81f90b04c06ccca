// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/tokenize/wordpiece/wordpiece.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/utf8.h"
#include "runtime/tokenize/wordpiece/formats.h"
#include "runtime/tokenize/wordpiece/unicode_classes.h"

namespace graft {
namespace {

// `line` without the white space at its end, as the package reads it.
absl::string_view TrimEnd(absl::string_view line) {
  while (!line.empty()) {
    size_t begin = line.size() - 1;
    while (begin > 0 && (static_cast<uint8_t>(line[begin]) & 0xC0) == 0x80)
      --begin;
    uint32_t code;
    if (DecodeUtf8(line, begin, code) == 0 || !IsBertWhitespace(code)) break;
    line = line.substr(0, begin);
  }
  return line;
}

}  // namespace

absl::Status ParseVocabulary(absl::string_view text, absl::string_view path,
                             WordPieceTokenizer::Parts& parts) {
  absl::flat_hash_map<absl::string_view, int64_t> lines;
  std::optional<int64_t> blank;
  int64_t line = 0;
  for (; !text.empty(); ++line) {
    const size_t newline = text.find('\n');
    const absl::string_view whole = text.substr(0, newline);
    text.remove_prefix(newline == absl::string_view::npos ? text.size()
                                                          : newline + 1);
    if (const size_t bad = FindInvalidUtf8(whole);
        bad != absl::string_view::npos) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ":", line + 1, ": expects UTF-8, got byte 0x",
          absl::Hex(static_cast<uint8_t>(whole[bad])), " at column ", bad + 1));
    }
    if (line == kMaxTokenId)
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": expects at most ", kMaxTokenId, " lines, got more"));
    const absl::string_view piece = TrimEnd(whole);
    if (piece.empty()) {  // the piece of no word
      blank = line;
      continue;
    }
    if (const auto [first, is_new] = lines.emplace(piece, line); !is_new)
      return absl::InvalidArgumentError(absl::StrCat(
          path, ":", line + 1, ": expects each token once, got ",
          QuoteToken(piece), " again, as in line ", first->second + 1));
    parts.pieces.emplace_back(std::string(piece), static_cast<int32_t>(line));
  }
  // Of several the last counts, as in the package.
  if (blank) parts.pieces.emplace_back("", static_cast<int32_t>(*blank));
  parts.source = std::string(path);
  return absl::OkStatus();
}

TokenAdder::TokenAdder(WordPieceTokenizer::Parts& parts) : parts_(parts) {
  pieces_.reserve(parts.pieces.size());
  for (const auto& [piece, id] : parts.pieces) pieces_[piece] = id;
  for (const AddedToken& token : parts.settings.added) {
    added_[token.content] = added_.size();
    highest_ = std::max<int64_t>(highest_, token.id);
  }
}

std::optional<int32_t> TokenAdder::Find(absl::string_view content) const {
  if (const auto it = added_.find(std::string(content)); it != added_.end())
    return parts_.settings.added[it->second].id;
  if (const auto it = pieces_.find(content); it != pieces_.end())
    return it->second;
  return std::nullopt;
}

absl::Status TokenAdder::Add(AddedToken token, std::optional<int32_t> declared,
                             absl::string_view where) {
  if (token.content.empty()) return absl::OkStatus();
  std::vector<AddedToken>& added = parts_.settings.added;
  const std::optional<int32_t> known = Find(token.content);
  const auto size = static_cast<int64_t>(pieces_.size());
  const int64_t next = std::max(size, highest_ + 1);
  token.id = known ? *known : static_cast<int32_t>(next);
  if (declared && *declared != token.id)
    return absl::InvalidArgumentError(
        absl::StrCat(where, " expects ", token.id,
                     known ? ", the id that the vocabulary has for "
                           : ", the next one after the vocabulary, for ",
                     QuoteToken(token.content), ", got ", *declared));
  if (token.id >= kMaxTokenId)
    return absl::InvalidArgumentError(absl::StrCat(
        where, " expects fewer than ", kMaxTokenId, " tokens, got more"));
  highest_ = std::max<int64_t>(highest_, token.id);
  const auto [place, is_new] = added_.emplace(token.content, added.size());
  if (is_new) {
    added.push_back(std::move(token));
  } else {
    added[place->second] = std::move(token);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<WordPieceTokenizer>>
WordPieceTokenizer::FromVocabulary(absl::string_view text,
                                   absl::string_view path,
                                   WordPieceOptions options) {
  Parts parts;
  GRAFT_RETURN_IF_ERROR(ParseVocabulary(text, path, parts));
  parts.settings.options = std::move(options);
  TokenAdder adder(parts);
  for (absl::string_view name :
       {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}) {
    if (!adder.Find(name)) continue;
    GRAFT_RETURN_IF_ERROR(adder.Add(
        {.content = std::string(name), .special = true}, std::nullopt, path));
  }
  return FromParts(std::move(parts), path);
}

absl::StatusOr<std::unique_ptr<WordPieceTokenizer>>
WordPieceTokenizer::LoadVocabulary(FileSystem& files, const std::string& path) {
  Parts parts;
  GRAFT_RETURN_IF_ERROR(ReadTokenizerDirectory(files, DirectoryName(path),
                                               nullptr, "", path, parts));
  return FromParts(std::move(parts), path);
}

absl::StatusOr<std::unique_ptr<WordPieceTokenizer>>
WordPieceTokenizer::FromParts(Parts parts, absl::string_view path) {
  std::unique_ptr<WordPieceTokenizer> self(new WordPieceTokenizer);
  self->settings_ = std::move(parts.settings);
  self->kept_json_ = std::move(parts.json);
  self->json_ = self->kept_json_;
  self->source_ = std::move(parts.source);

  size_t bytes = 0, size = 0;
  for (const auto& [piece, id] : parts.pieces) {
    bytes += piece.size() + 1;
    size = std::max(size, static_cast<size_t>(id) + 1);
  }
  self->bytes_.resize(bytes);
  self->vocabulary_.resize(size);
  char* at = self->bytes_.data();
  for (const auto& [piece, id] : parts.pieces) {
    std::memcpy(at, piece.c_str(), piece.size() + 1);
    self->vocabulary_[static_cast<size_t>(id)] = {at, piece.size()};
    at += piece.size() + 1;
  }
  GRAFT_RETURN_IF_ERROR(self->Index(path));
  return self;
}

absl::Status WordPieceTokenizer::Index(absl::string_view path) {
  strip_accents_ = settings_.options.strips_accents();
  const std::string& prefix = settings_.options.continuation_prefix;
  first_pieces_.reserve(vocabulary_.size());
  for (size_t i = 0; i < vocabulary_.size(); ++i) {
    const absl::string_view piece = vocabulary_[i];
    if (piece.empty()) continue;
    const auto id = static_cast<int32_t>(i);
    first_pieces_[piece] = id;
    longest_piece_ = std::max(longest_piece_, piece.size());
    if (piece.size() > prefix.size() && absl::StartsWith(piece, prefix))
      inner_pieces_[piece.substr(prefix.size())] = id;
  }
  GRAFT_RETURN_IF_ERROR(IndexAdded(path));

  const auto special = [&](const std::string& name,
                           int32_t& id) -> absl::Status {
    const std::optional<int32_t> found = PieceToId(name);
    if (!found.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": expects a vocabulary with ", name, ", got ",
                       first_pieces_.size(), " other tokens"));
    }
    id = *found;
    return absl::OkStatus();
  };
  GRAFT_RETURN_IF_ERROR(special(settings_.unknown, unknown_id_));
  GRAFT_RETURN_IF_ERROR(special(settings_.cls, cls_id_));
  return special(settings_.sep, sep_id_);
}

absl::Status WordPieceTokenizer::IndexAdded(absl::string_view path) {
  pieces_ = vocabulary_;
  Normalized normalized;
  for (size_t i = 0; i < settings_.added.size(); ++i) {
    const AddedToken& token = settings_.added[i];
    const auto id = static_cast<size_t>(token.id);
    if (id >= pieces_.size()) pieces_.resize(id + 1);
    if (pieces_[id].data() == nullptr) pieces_[id] = token.content;
    if (pieces_[id] != token.content)
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": expects an id of its own for the added token ",
                       QuoteToken(token.content), ", got ", token.id,
                       ", which ", QuoteToken(pieces_[id]), " has"));
    absl::string_view text = token.content;
    if (token.normalized) {
      Normalize(token.content, 0, /*with_offsets=*/false, normalized);
      text = normalized.text;
    }
    // The package would split every text between all of its characters.
    if (text.empty())
      return absl::InvalidArgumentError(absl::StrCat(
          path,
          ": expects an added token of which the normalisation leaves "
          "something, got ",
          QuoteToken(token.content)));
    const auto index = static_cast<int>(i);
    const int known =
        (token.normalized ? normalized_ : written_).Add(token, text, index);
    // The package chooses one of them at random, anew in each process.
    if (known != index)
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": expects added tokens that differ after normalisation, got ",
          QuoteToken(settings_.added[static_cast<size_t>(known)].content),
          " and ", QuoteToken(token.content)));
  }
  return absl::OkStatus();
}

std::optional<int32_t> WordPieceTokenizer::PieceToId(
    absl::string_view piece) const {
  if (const auto it = first_pieces_.find(piece); it != first_pieces_.end()) {
    return it->second;
  }
  for (const AddedToken& token : settings_.added) {
    if (token.content == piece) return token.id;
  }
  return std::nullopt;
}

bool WordPieceTokenizer::HasId(int32_t id) const {
  return id >= 0 && id < vocabulary_size() &&
         pieces_[static_cast<size_t>(id)].data() != nullptr;
}

absl::string_view WordPieceTokenizer::IdToPiece(int32_t id) const {
  if (id < 0 || id >= vocabulary_size()) return "";
  return pieces_[static_cast<size_t>(id)];
}

absl::string_view WordPieceTokenizer::SourceOf(int32_t id) const {
  const bool in_vocabulary =
      id >= 0 && static_cast<size_t>(id) < vocabulary_.size() &&
      vocabulary_[static_cast<size_t>(id)].data() != nullptr;
  if (!in_vocabulary)
    for (const AddedToken& token : settings_.added)
      if (token.id == id && !token.source.empty()) return token.source;
  return source_;
}

SpecialIds WordPieceTokenizer::special_ids() const {
  return {unknown_id_, cls_id_, sep_id_, PieceToId(settings_.padding),
          PieceToId(settings_.mask)};
}

}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/tokenize/wordpiece/wordpiece.h"

#include <algorithm>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/utf8.h"

namespace graft {

using AddedToken = WordPieceTokenizer::AddedToken;

absl::StatusOr<std::unique_ptr<WordPieceTokenizer>>
WordPieceTokenizer::FromVocabulary(absl::string_view text,
                                   absl::string_view path,
                                   WordPieceOptions options) {
  Parts parts;
  parts.options = std::move(options);
  int64_t line = 0;
  while (!text.empty()) {
    const size_t newline = text.find('\n');
    absl::string_view piece = text.substr(0, newline);
    text.remove_prefix(newline == absl::string_view::npos ? text.size()
                                                          : newline + 1);
    // A vocabulary saved on Windows, and the reference's trim_end.
    while (!piece.empty() && (piece.back() == '\r' || piece.back() == ' ' ||
                              piece.back() == '\t')) {
      piece.remove_suffix(1);
    }
    if (line == std::numeric_limits<int32_t>::max()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": expects fewer than 2^31 lines, got more"));
    }
    if (const size_t bad = FindInvalidUtf8(piece);
        bad != absl::string_view::npos) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ":", line + 1, ": expects UTF-8, got byte 0x",
          absl::Hex(static_cast<uint8_t>(piece[bad])), " at column ", bad + 1));
    }
    parts.pieces.emplace_back(std::string(piece), static_cast<int32_t>(line));
    ++line;
  }
  for (absl::string_view special :
       {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}) {
    for (const auto& [piece, id] : parts.pieces) {
      if (piece == special) {
        parts.added.push_back({.content = std::string(special), .id = id});
      }
    }
  }
  return FromParts(std::move(parts), path);
}

absl::StatusOr<std::unique_ptr<WordPieceTokenizer>>
WordPieceTokenizer::FromParts(Parts parts, absl::string_view path) {
  std::unique_ptr<WordPieceTokenizer> self(new WordPieceTokenizer);
  self->options_ = std::move(parts.options);
  self->strip_accents_ =
      self->options_.strip_accents.value_or(self->options_.lowercase);

  // Texts move into place first: the maps look at them.
  const auto place = [&](std::string text, int32_t id) {
    if (static_cast<size_t>(id) >= self->pieces_.size()) {
      self->pieces_.resize(static_cast<size_t>(id) + 1);
    }
    self->pieces_[static_cast<size_t>(id)] = std::move(text);
  };
  std::vector<int32_t> vocabulary;
  for (auto& [text, id] : parts.pieces) {
    place(std::move(text), id);
    vocabulary.push_back(id);
  }
  for (const AddedToken& token : parts.added) {
    if (self->IdToPiece(token.id).empty()) place(token.content, token.id);
  }

  const std::string& prefix = self->options_.continuation_prefix;
  for (const int32_t id : vocabulary) {
    const absl::string_view piece = self->pieces_[static_cast<size_t>(id)];
    if (piece.empty()) continue;
    self->first_pieces_[piece] = id;
    self->longest_piece_ = std::max(self->longest_piece_, piece.size());
    if (piece.size() > prefix.size() && absl::StartsWith(piece, prefix)) {
      self->inner_pieces_[piece.substr(prefix.size())] = id;
    }
  }

  const auto special = [&](const std::string& name,
                           int32_t& id) -> absl::Status {
    const std::optional<int32_t> found = self->PieceToId(name);
    if (!found.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": expects a vocabulary with ", name, ", got ",
                       vocabulary.size(), " other pieces"));
    }
    id = *found;
    return absl::OkStatus();
  };
  GRAFT_RETURN_IF_ERROR(special(parts.unknown, self->unknown_id_));
  GRAFT_RETURN_IF_ERROR(special(parts.cls, self->cls_id_));
  GRAFT_RETURN_IF_ERROR(special(parts.sep, self->sep_id_));

  // Of equal ones the last counts, as among pieces.
  std::vector<AddedToken>& added = self->added_;
  absl::flat_hash_map<std::string, size_t> places;
  for (AddedToken& token : parts.added) {
    if (token.content.empty()) continue;
    const auto [place, is_new] = places.emplace(token.content, added.size());
    if (is_new) added.emplace_back();
    added[place->second] = std::move(token);
  }
  const auto first_byte = [](const AddedToken& token) {
    return static_cast<uint8_t>(token.content.front());
  };
  std::sort(added.begin(), added.end(),
            [&](const AddedToken& a, const AddedToken& b) {
              if (first_byte(a) != first_byte(b)) {
                return first_byte(a) < first_byte(b);
              }
              return a.content.size() > b.content.size();
            });
  for (size_t byte = 0; byte <= 256; ++byte) {
    self->added_start_[byte] = static_cast<uint16_t>(
        std::partition_point(
            added.begin(), added.end(),
            [&](const AddedToken& token) { return first_byte(token) < byte; }) -
        added.begin());
  }
  return self;
}

std::optional<int32_t> WordPieceTokenizer::PieceToId(
    absl::string_view piece) const {
  if (const auto it = first_pieces_.find(piece); it != first_pieces_.end()) {
    return it->second;
  }
  for (const AddedToken& token : added_) {
    if (token.content == piece) return token.id;
  }
  return std::nullopt;
}

absl::string_view WordPieceTokenizer::IdToPiece(int32_t id) const {
  if (id < 0 || id >= vocabulary_size()) return "";
  return pieces_[static_cast<size_t>(id)];
}

SpecialIds WordPieceTokenizer::special_ids() const {
  return {unknown_id_, cls_id_, sep_id_, PieceToId("[PAD]"),
          PieceToId("[MASK]")};
}

}  // namespace graft

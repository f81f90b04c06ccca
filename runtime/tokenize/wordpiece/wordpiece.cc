// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/tokenize/wordpiece/wordpiece.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/utf8.h"
#include "runtime/tokenize/wordpiece/unicode_classes.h"

namespace graft {
namespace {

using AddedToken = WordPieceTokenizer::AddedToken;

bool IsContinuationByte(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

// Begin of the run of white space that ends at `end`.
size_t WhitespaceBefore(absl::string_view text, size_t end) {
  while (end > 0) {
    size_t begin = end - 1;
    while (begin > 0 && IsContinuationByte(text[begin])) --begin;
    uint32_t code;
    if (DecodeUtf8(text, begin, code) == 0 || !IsBertWhitespace(code)) break;
    end = begin;
  }
  return end;
}

// End of the run of white space that begins at `begin`.
size_t WhitespaceAfter(absl::string_view text, size_t begin) {
  while (begin < text.size()) {
    uint32_t code;
    const size_t length = DecodeUtf8(text, begin, code);
    if (length == 0 || !IsBertWhitespace(code)) break;
    begin += length;
  }
  return begin;
}

}  // namespace

struct WordPieceTokenizer::Normalized {
  std::string text;
  std::vector<TokenOffset> origins;  // per byte of text; empty if not wanted
  bool with_origins = false;
};

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

const AddedToken* WordPieceTokenizer::FindAdded(absl::string_view text,
                                                size_t from, size_t& begin,
                                                size_t& end) const {
  if (added_.empty()) return nullptr;
  for (size_t i = from; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    for (size_t k = added_start_[byte]; k < added_start_[byte + 1]; ++k) {
      const AddedToken& token = added_[k];
      if (!absl::StartsWith(text.substr(i), token.content)) continue;
      begin = i;
      end = i + token.content.size();
      if (token.strip_left) {
        begin = std::max(from, WhitespaceBefore(text, begin));
      }
      if (token.strip_right) end = WhitespaceAfter(text, end);
      return &token;
    }
  }
  return nullptr;
}

// Appends one normalised code point that came from `origin`.
void WordPieceTokenizer::Emit(uint32_t code, TokenOffset origin,
                              Normalized& out) const {
  if (strip_accents_ && IsBertMark(code)) return;
  if (options_.lowercase) {
    std::array<uint32_t, 2> lower;
    const size_t n = BertLowerCase(code, lower);
    for (size_t i = 0; i < n; ++i) AppendUtf8(lower[i], out.text);
  } else {
    AppendUtf8(code, out.text);
  }
  if (out.with_origins) out.origins.resize(out.text.size(), origin);
}

// The reference normalises in four passes: clean, set off ideographs, decompose
// and strip, lower-case. One pass gives the same, because none of the later
// steps yields what an earlier one would change again, as long as the only step
// with a memory, canonical ordering, is done here: `pending` holds the
// non-starters since the last starter.
void WordPieceTokenizer::Normalize(absl::string_view text, uint32_t base,
                                   bool with_offsets, Normalized& out) const {
  struct Ordered {
    int combining;
    size_t order;  // keeps the sort stable
    uint32_t code;
    bool leads;  // the first code point of a decomposition
  };
  std::vector<Ordered> pending;
  std::vector<TokenOffset> pending_origins;  // of those that lead, as they came
  TokenOffset last = {base, base};
  // The reference hands out origins by place: after sorting, the nth leading
  // code point gets the nth origin, the others that of the one before.
  const auto flush = [&] {
    std::sort(pending.begin(), pending.end(),
              [](const Ordered& a, const Ordered& b) {
                return std::tie(a.combining, a.order) <
                       std::tie(b.combining, b.order);
              });
    auto origin = pending_origins.begin();
    for (const Ordered& mark : pending) {
      if (mark.leads) last = *origin++;
      Emit(mark.code, last, out);
    }
    pending.clear();
    pending_origins.clear();
  };
  const auto put = [&](uint32_t code, TokenOffset origin) {
    if (!strip_accents_) return Emit(code, origin, out);
    std::array<uint32_t, 4> decomposed;
    const size_t n = CanonicalDecomposition(code, decomposed);
    for (size_t i = 0; i < n; ++i) {
      const int combining = CanonicalClass(decomposed[i]);
      if (combining != 0) {
        pending.push_back({combining, pending.size(), decomposed[i], i == 0});
        if (i == 0) pending_origins.push_back(origin);
        continue;
      }
      if (!pending.empty()) flush();
      last = origin;
      Emit(decomposed[i], origin, out);
    }
  };

  out.text.clear();
  out.origins.clear();
  out.with_origins = with_offsets;
  for (size_t i = 0; i < text.size();) {
    uint32_t code = 0;
    // The caller has checked the text.
    const size_t length = DecodeUtf8(text, i, code);
    const TokenOffset origin = {base + static_cast<uint32_t>(i),
                                base + static_cast<uint32_t>(i + length)};
    i += length;
    if (options_.clean_text) {
      if (IsBertControl(code)) continue;
      if (IsBertWhitespace(code)) code = ' ';
    }
    if (options_.handle_chinese_chars && IsBertChinese(code)) {
      put(' ', origin);
      put(code, origin);
      put(' ', origin);
    } else {
      put(code, origin);
    }
  }
  flush();
}

void WordPieceTokenizer::CutWords(const Normalized& text,
                                  std::vector<int32_t>& ids,
                                  std::vector<TokenOffset>* offsets) const {
  const absl::string_view all = text.text;
  size_t begin = 0, code_points = 0;
  const auto end_word = [&](size_t end) {
    if (begin < end) CutPieces(text, begin, end, code_points, ids, offsets);
    code_points = 0;
  };
  for (size_t i = 0; i < all.size();) {
    uint32_t code = 0;
    const size_t length = DecodeUtf8(all, i, code);
    if (IsBertWhitespace(code)) {
      end_word(i);
      begin = i + length;
    } else if (IsBertPunctuation(code)) {
      end_word(i);
      CutPieces(text, i, i + length, 1, ids, offsets);
      begin = i + length;
    } else {
      ++code_points;
    }
    i += length;
  }
  end_word(all.size());
}

// The longest piece that begins the word, then the longest inner piece, and so
// on; a word that cannot be cut to its end is unknown as a whole.
void WordPieceTokenizer::CutPieces(const Normalized& text, size_t begin,
                                   size_t end, size_t code_points,
                                   std::vector<int32_t>& ids,
                                   std::vector<TokenOffset>* offsets) const {
  const size_t ids_before = ids.size();
  const auto push = [&](int32_t id, size_t from, size_t to) {
    ids.push_back(id);
    if (offsets != nullptr) {
      offsets->push_back({text.origins[from].begin, text.origins[to - 1].end});
    }
  };
  bool known = code_points <= static_cast<size_t>(options_.max_word_length);
  const absl::string_view all = text.text;
  for (size_t from = begin; known && from < end;) {
    const auto& pieces = from == begin ? first_pieces_ : inner_pieces_;
    size_t to = std::min(end, from + longest_piece_);
    known = false;
    for (; to > from; --to) {
      if (to < end && IsContinuationByte(all[to])) continue;
      const auto it = pieces.find(all.substr(from, to - from));
      if (it == pieces.end()) continue;
      push(it->second, from, to);
      known = true;
      break;
    }
    from = to;
  }
  if (known) return;
  if (offsets != nullptr)
    offsets->resize(offsets->size() - (ids.size() - ids_before));
  ids.resize(ids_before);
  push(unknown_id_, begin, end);
}

absl::Status WordPieceTokenizer::Tokenize(
    absl::string_view text, std::vector<int32_t>& ids,
    std::vector<TokenOffset>* offsets) const {
  if (text.size() > kMaxTextBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("tokenizer expects a text of at most ", kMaxTextBytes,
                     " bytes, got ", text.size()));
  }
  if (const size_t bad = FindInvalidUtf8(text);
      bad != absl::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat(
        "tokenizer expects UTF-8, got byte 0x",
        absl::Hex(static_cast<uint8_t>(text[bad])), " at offset ", bad));
  }
  Normalized normalized;
  size_t position = 0;
  while (position < text.size()) {
    size_t begin = text.size(), end = text.size();
    const AddedToken* added = FindAdded(text, position, begin, end);
    Normalize(text.substr(position, begin - position),
              static_cast<uint32_t>(position), offsets != nullptr, normalized);
    CutWords(normalized, ids, offsets);
    if (added != nullptr) {
      ids.push_back(added->id);
      if (offsets != nullptr) {
        offsets->push_back(
            {static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
      }
    }
    position = end;
  }
  return absl::OkStatus();
}

absl::Status WordPieceTokenizer::Encode(absl::string_view first,
                                        std::optional<absl::string_view> second,
                                        int64_t max_length, Encoding& encoding,
                                        bool with_offsets) const {
  const bool pair = second.has_value();
  const int64_t room = max_length - (pair ? 3 : 2);
  if (room < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("tokenizer expects a length of at least ", pair ? 3 : 2,
                     " for the special tokens, got ", max_length));
  }
  encoding.ids.clear();
  encoding.type_ids.clear();
  encoding.offsets.clear();
  std::vector<TokenOffset>* offsets =
      with_offsets ? &encoding.offsets : nullptr;
  const auto append_special = [&](int32_t id) {
    encoding.ids.push_back(id);
    if (with_offsets) encoding.offsets.emplace_back();
  };

  append_special(cls_id_);
  GRAFT_RETURN_IF_ERROR(Tokenize(first, encoding.ids, offsets));
  const auto n1 = static_cast<int64_t>(encoding.ids.size()) - 1;
  if (!pair) {
    const auto keep = static_cast<size_t>(1 + std::min(n1, room));
    encoding.ids.resize(keep);
    if (with_offsets) encoding.offsets.resize(keep);
    append_special(sep_id_);
    encoding.type_ids.assign(encoding.ids.size(), 0);
    return absl::OkStatus();
  }

  GRAFT_RETURN_IF_ERROR(Tokenize(*second, encoding.ids, offsets));
  const auto n2 = static_cast<int64_t>(encoding.ids.size()) - 1 - n1;
  // The shorter one stays whole if it has at most half of the room (rounded
  // down); of two that are longer, the shorter one, or the first, gets half.
  int64_t keep1 = n1, keep2 = n2;
  if (n1 + n2 > room) {
    const int64_t half = room / 2;
    const int64_t low = std::min({n1, n2, half});
    if (n1 <= n2) {
      keep1 = low, keep2 = room - low;
    } else {
      keep2 = low, keep1 = room - low;
    }
  }
  const auto cut = [&](auto& values, auto separator) {
    const auto at = [&](int64_t i) {
      return values.begin() + static_cast<std::ptrdiff_t>(i);
    };
    values.erase(at(1 + n1 + keep2), values.end());
    values.erase(at(1 + keep1), at(1 + n1));
    values.insert(at(1 + keep1), separator);
    values.push_back(separator);
  };
  cut(encoding.ids, sep_id_);
  if (with_offsets) cut(encoding.offsets, TokenOffset());
  encoding.type_ids.assign(encoding.ids.size(), 1);
  std::fill_n(encoding.type_ids.begin(), 2 + keep1, 0);
  return absl::OkStatus();
}

}  // namespace graft

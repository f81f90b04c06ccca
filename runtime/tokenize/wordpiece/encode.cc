// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/utf8.h"
#include "runtime/tokenize/wordpiece/unicode_classes.h"
#include "runtime/tokenize/wordpiece/wordpiece.h"

namespace graft {
namespace {

bool IsContinuationByte(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

}  // namespace

void WordPieceTokenizer::CutWords(const Normalized& text, size_t from,
                                  size_t to, std::vector<int32_t>& ids,
                                  std::vector<TokenOffset>* offsets) const {
  const absl::string_view all = absl::string_view(text.text).substr(0, to);
  size_t begin = from, code_points = 0;
  const auto end_word = [&](size_t end) {
    if (begin < end) CutPieces(text, begin, end, code_points, ids, offsets);
    code_points = 0;
  };
  for (size_t i = from; i < all.size();) {
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
  bool known =
      code_points <= static_cast<size_t>(settings_.options.max_word_length);
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
  const auto push = [&](int token, uint32_t begin, uint32_t end) {
    ids.push_back(settings_.added[static_cast<size_t>(token)].id);
    if (offsets != nullptr) offsets->push_back({begin, end});
  };
  Normalized normalized;
  const auto cut_normalized = [&](int token, size_t begin, size_t end) {
    if (token < 0) return CutWords(normalized, begin, end, ids, offsets);
    if (offsets == nullptr) return push(token, 0, 0);
    push(token, normalized.origins[begin].begin,
         normalized.origins[end - 1].end);
  };
  const auto cut_written = [&](int token, size_t begin, size_t end) {
    const auto from = static_cast<uint32_t>(begin);
    if (token >= 0) return push(token, from, static_cast<uint32_t>(end));
    Normalize(text.substr(begin, end - begin), from, offsets != nullptr,
              normalized);
    normalized_.Split(normalized.text, cut_normalized);
  };
  written_.Split(text, cut_written);
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
    encoding.whole_length = n1 + 2;
    const int64_t lost = n1 - std::min(n1, room);
    const auto cut = [&](auto& values) {
      const auto begin =
          settings_.truncate_left ? values.begin() + 1 : values.end() - lost;
      values.erase(begin, begin + lost);
    };
    cut(encoding.ids);
    if (with_offsets) cut(encoding.offsets);
    append_special(sep_id_);
    encoding.type_ids.assign(encoding.ids.size(), 0);
    return absl::OkStatus();
  }

  GRAFT_RETURN_IF_ERROR(Tokenize(*second, encoding.ids, offsets));
  const auto n2 = static_cast<int64_t>(encoding.ids.size()) - 1 - n1;
  encoding.whole_length = n1 + n2 + 3;
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
  const bool left = settings_.truncate_left;
  const auto cut = [&](auto& values, auto separator) {
    const auto at = [&](int64_t i) {
      return values.begin() + static_cast<std::ptrdiff_t>(i);
    };
    const int64_t from2 = 1 + n1 + (left ? 0 : keep2);
    values.erase(at(from2), at(from2 + n2 - keep2));
    const int64_t from1 = 1 + (left ? 0 : keep1);
    values.erase(at(from1), at(from1 + n1 - keep1));
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

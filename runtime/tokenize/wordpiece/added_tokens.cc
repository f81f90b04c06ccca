// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/tokenize/wordpiece/added_tokens.h"

#include <algorithm>

#include "runtime/base/utf8.h"
#include "runtime/tokenize/wordpiece/unicode_classes.h"

namespace graft {
namespace {

// Begin of the code point that ends at `end`, which is not 0.
size_t PreviousCodePoint(absl::string_view text, size_t end) {
  size_t begin = end - 1;
  while (begin > 0 && (static_cast<uint8_t>(text[begin]) & 0xC0) == 0x80)
    --begin;
  return begin;
}

// Begin of the run of white space that ends at `end`.
size_t WhitespaceBefore(absl::string_view text, size_t end) {
  while (end > 0) {
    const size_t begin = PreviousCodePoint(text, end);
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

// Whether neither neighbour of [begin, end) continues a word.
bool IsSingleWord(absl::string_view text, size_t begin, size_t end) {
  uint32_t code;
  if (begin > 0 && DecodeUtf8(text, PreviousCodePoint(text, begin), code) > 0 &&
      IsWordCharacter(code))
    return false;
  return end == text.size() || DecodeUtf8(text, end, code) == 0 ||
         !IsWordCharacter(code);
}

}  // namespace

int AddedTokenMatcher::Add(const AddedToken& token, absl::string_view text,
                           int index) {
  const Entry entry = {index, token.single_word, token.lstrip, token.rstrip};
  const auto [known, is_new] = entries_.emplace(text, entry);
  if (!is_new) return known->second.index;
  std::vector<size_t>& lengths = lengths_[static_cast<uint8_t>(text[0])];
  const auto at = std::lower_bound(lengths.begin(), lengths.end(), text.size(),
                                   std::greater<size_t>());
  if (at == lengths.end() || *at != text.size())
    lengths.insert(at, text.size());
  return index;
}

const AddedTokenMatcher::Entry* AddedTokenMatcher::Longest(
    absl::string_view text, size_t at, size_t& size) const {
  for (const size_t length : lengths_[static_cast<uint8_t>(text[at])]) {
    if (length > text.size() - at) continue;
    const auto found = entries_.find(text.substr(at, length));
    if (found == entries_.end()) continue;
    size = length;
    return &found->second;
  }
  return nullptr;
}

void AddedTokenMatcher::Split(absl::string_view text, Part part) const {
  size_t done = 0;  // parts so far end here
  for (size_t at = 0; at < text.size() && !entries_.empty();) {
    size_t size = 0;
    const Entry* entry = Longest(text, at, size);
    if (entry == nullptr) {
      ++at;
      continue;
    }
    size_t begin = at, end = at + size;
    at = end;
    if (entry->single_word && !IsSingleWord(text, begin, end)) continue;
    // Blanks that the token before has taken are gone.
    if (entry->lstrip) begin = std::max(WhitespaceBefore(text, begin), done);
    if (entry->rstrip) end = WhitespaceAfter(text, end);
    if (done < begin) part(-1, done, begin);
    part(entry->index, begin, end);
    done = end;
  }
  if (done < text.size()) part(-1, done, text.size());
}

}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/base/message.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/utf8.h"

namespace graft {
namespace {

bool IsControl(uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 ||
         code == 0x2029;
}

void AppendByte(uint8_t byte, std::string& text) {
  if (byte == '\n')
    absl::StrAppend(&text, "\\n");
  else if (byte == '\t')
    absl::StrAppend(&text, "\\t");
  else if (byte == '\r')
    absl::StrAppend(&text, "\\r");
  else
    absl::StrAppend(&text, "\\x", absl::Hex(byte, absl::kZeroPad2));
}

// Letters that must change to turn one word into the other, where two
// neighbours that are swapped count once.
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1),
      row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    std::swap(before, last);
    std::swap(last, row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1,
                         last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

std::string Shorten(absl::string_view value) {
  std::string text;
  size_t characters = 0;
  for (size_t i = 0; i < value.size();) {
    if (characters == kShownCharacters) return absl::StrCat(text, "...");
    uint32_t code = 0;
    const size_t length = DecodeUtf8(value, i, code);
    const size_t bytes = std::max<size_t>(length, 1);
    if (length == 0 || IsControl(code)) {
      for (size_t j = 0; j < bytes; ++j)
        AppendByte(static_cast<uint8_t>(value[i + j]), text);
    } else {
      absl::StrAppend(&text, value.substr(i, length));
    }
    i += bytes;
    ++characters;
  }
  return text;
}

absl::string_view Nearest(absl::string_view word,
                          absl::Span<const std::string> candidates) {
  const std::string lower = absl::AsciiStrToLower(word);
  // Nothing longer is a name, and the time grows with the square.
  constexpr size_t kLongest = 64;
  if (word.empty() || word.size() > kLongest) return "";
  size_t least = std::max<size_t>(1, word.size() / 3) + 1;
  absl::string_view nearest;
  std::ptrdiff_t alike = 0;  // letters that `nearest` begins with, too
  for (const std::string& candidate : candidates) {
    const std::string other = absl::AsciiStrToLower(candidate);
    const size_t distance = EditDistance(lower, other);
    // Words of one or two letters are near to all.
    if (distance > least || distance >= word.size()) continue;
    const auto prefix =
        std::mismatch(lower.begin(), lower.end(), other.begin(), other.end())
            .first -
        lower.begin();
    if (distance == least && (nearest.empty() || prefix <= alike)) continue;
    least = distance;
    nearest = candidate;
    alike = prefix;
  }
  return nearest;
}

std::string DidYouMean(absl::string_view word,
                       absl::Span<const std::string> candidates) {
  const absl::string_view nearest = Nearest(word, candidates);
  return nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?");
}

}  // namespace graft

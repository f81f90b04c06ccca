// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/table/blank.h"

#include <cstddef>
#include <cstdint>

#include "runtime/base/utf8.h"

namespace graft {
namespace {

// The property White_Space of Unicode.
bool IsWhiteSpace(uint32_t code) {
  return (code >= 0x09 && code <= 0x0D) || code == 0x20 || code == 0x85 ||
         code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) ||
         code == 0x2028 || code == 0x2029 || code == 0x202F || code == 0x205F ||
         code == 0x3000;
}

}  // namespace

bool IsBlank(absl::string_view text) {
  for (size_t i = 0; i < text.size();) {
    uint32_t code = 0;
    const size_t length = DecodeUtf8(text, i, code);
    if (length == 0 || !IsWhiteSpace(code)) return false;
    i += length;
  }
  return true;
}

absl::string_view StripBlanks(absl::string_view text) {
  size_t begin = text.size(), end = 0;
  for (size_t i = 0; i < text.size();) {
    uint32_t code = 0;
    const size_t decoded = DecodeUtf8(text, i, code);
    const size_t length = decoded == 0 ? 1 : decoded;
    if (decoded == 0 || !IsWhiteSpace(code)) {
      if (begin > i) begin = i;
      end = i + length;
    }
    i += length;
  }
  return begin < end ? text.substr(begin, end - begin) : text.substr(0, 0);
}

}  // namespace graft

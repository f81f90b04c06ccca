// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_BASE_UTF8_H_
#define GRAFT_RUNTIME_BASE_UTF8_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace graft {

// Decodes the code point that begins at text[position]; position is below
// text.size(). Returns its length in bytes, 1 to 4, or 0 when the bytes are not
// well-formed UTF-8 (Unicode table 3-7: no surrogates, no overlong forms,
// nothing above U+10FFFF), leaving `code` alone.
inline size_t DecodeUtf8(absl::string_view text, size_t position,
                         uint32_t& code) {
  const auto* p = reinterpret_cast<const uint8_t*>(text.data()) + position;
  const size_t left = text.size() - position;
  const uint32_t lead = p[0];
  if (lead < 0x80) {
    code = lead;
    return 1;
  }
  const auto tail = [p](size_t i) { return (p[i] & 0xC0) == 0x80; };
  if (lead >= 0xC2 && lead <= 0xDF) {
    if (left < 2 || !tail(1)) return 0;
    code = (lead & 0x1F) << 6 | (p[1] & 0x3F);
    return 2;
  }
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (left < 3 || !tail(1) || !tail(2)) return 0;
    if (lead == 0xE0 && p[1] < 0xA0) return 0;   // overlong
    if (lead == 0xED && p[1] >= 0xA0) return 0;  // surrogate
    code = (lead & 0x0F) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3F);
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (left < 4 || !tail(1) || !tail(2) || !tail(3)) return 0;
    if (lead == 0xF0 && p[1] < 0x90) return 0;   // overlong
    if (lead == 0xF4 && p[1] >= 0x90) return 0;  // above U+10FFFF
    code = (lead & 0x07) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 |
           (p[3] & 0x3F);
    return 4;
  }
  return 0;
}

// Offset of the first byte that is not part of well-formed UTF-8, or npos.
size_t FindInvalidUtf8(absl::string_view text);

// Appends the UTF-8 of a code point (a Unicode scalar value) to `text`.
inline void AppendUtf8(uint32_t code, std::string& text) {
  const auto put = [&text](uint32_t byte) {
    text.push_back(static_cast<char>(byte));
  };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

}  // namespace graft

#endif  // GRAFT_RUNTIME_BASE_UTF8_H_

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/base/utf8.h"

#include <cstring>

namespace graft {

size_t FindInvalidUtf8(absl::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    // Eight bytes of ASCII at a time: most text is.
    uint64_t word;
    while (text.size() - i >= sizeof(word)) {
      std::memcpy(&word, text.data() + i, sizeof(word));
      if ((word & 0x8080808080808080u) != 0) break;
      i += sizeof(word);
    }
    if (i == text.size()) break;
    uint32_t code;
    const size_t length = DecodeUtf8(text, i, code);
    if (length == 0) return i;
    i += length;
  }
  return absl::string_view::npos;
}

}  // namespace graft

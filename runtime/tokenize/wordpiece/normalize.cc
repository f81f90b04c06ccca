// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <array>
#include <tuple>
#include <vector>

#include "runtime/base/utf8.h"
#include "runtime/tokenize/wordpiece/unicode_classes.h"
#include "runtime/tokenize/wordpiece/wordpiece.h"

namespace graft {

// Appends one normalised code point that came from `origin`.
void WordPieceTokenizer::Emit(uint32_t code, TokenOffset origin,
                              Normalized& out) const {
  if (strip_accents_ && IsBertMark(code)) return;
  if (settings_.options.lowercase) {
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
    if (settings_.options.clean_text) {
      if (IsBertControl(code)) continue;
      if (IsBertWhitespace(code)) code = ' ';
    }
    if (settings_.options.handle_chinese_chars && IsBertChinese(code)) {
      put(' ', origin);
      put(code, origin);
      put(' ', origin);
    } else {
      put(code, origin);
    }
  }
  flush();
}

}  // namespace graft

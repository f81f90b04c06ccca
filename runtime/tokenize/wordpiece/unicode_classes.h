// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Properties of code points as BERT's tokenizer sees them, identical to the
// `tokenizers` package for every code point (unicode_exceptions.inc lists where
// its tables differ from utf8proc's). All functions are pure and thread-safe.

#ifndef GRAFT_RUNTIME_TOKENIZE_WORDPIECE_UNICODE_CLASSES_H_
#define GRAFT_RUNTIME_TOKENIZE_WORDPIECE_UNICODE_CLASSES_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace graft {

// Dropped when cleaning text: NUL, U+FFFD and categories Cc, Cf, Co except tab,
// line feed and carriage return.
bool IsBertControl(uint32_t code);

// Unicode's White_Space.
bool IsBertWhitespace(uint32_t code);

// A token of its own: categories P* and the ASCII symbols such as $ + <.
bool IsBertPunctuation(uint32_t code);

// Ideographs, which get blanks around them. Includes the package's odd range
// borders (U+2B820 to U+2B91F are left out).
bool IsBertChinese(uint32_t code);

// Category Mn: dropped when accents are stripped.
bool IsBertMark(uint32_t code);

// What \w of the `regex` crate matches: letters, marks, decimal digits,
// connectors such as _ and the two joiners.
bool IsWordCharacter(uint32_t code);

// Lower case of one code point without context: one or two (U+0130) code
// points. Returns how many.
size_t BertLowerCase(uint32_t code, std::array<uint32_t, 2>& lower);

// Full canonical decomposition (NFD without reordering): 1 to 4 code points.
size_t CanonicalDecomposition(uint32_t code, std::array<uint32_t, 4>& parts);

// Canonical combining class; 0 for starters.
int CanonicalClass(uint32_t code);

}  // namespace graft

#endif  // GRAFT_RUNTIME_TOKENIZE_WORDPIECE_UNICODE_CLASSES_H_

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/tokenize/wordpiece/unicode_classes.h"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>

namespace graft {
namespace {

struct CodeRange {
  uint32_t first;
  uint32_t last;
};

struct LowerCase {
  uint32_t upper;
  uint32_t lower;
};

#include "runtime/tokenize/wordpiece/unicode_exceptions.inc"

// Whether `code` lies in one of the sorted `ranges`.
template <size_t n>
bool Contains(const CodeRange (&ranges)[n], uint32_t code) {
  const CodeRange* it = std::partition_point(
      std::begin(ranges), std::end(ranges),
      [code](const CodeRange& range) { return range.last < code; });
  return it != std::end(ranges) && it->first <= code;
}

utf8proc_category_t Category(uint32_t code) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code));
}

}  // namespace

bool IsBertControl(uint32_t code) {
  if (code < 0x80) {
    return (code < 0x20 && code != '\t' && code != '\n' && code != '\r') ||
           code == 0x7F;
  }
  if (code == 0xFFFD) return true;
  const utf8proc_category_t category = Category(code);
  const bool other = category == UTF8PROC_CATEGORY_CC ||
                     category == UTF8PROC_CATEGORY_CF ||
                     category == UTF8PROC_CATEGORY_CO;
  // Few texts hold any of these, so the search is rare.
  const bool open = other || category == UTF8PROC_CATEGORY_CN;
  return open && Contains(kControlExceptions, code) ? !other : other;
}

bool IsBertWhitespace(uint32_t code) {
  if (code < 0x80) return code == ' ' || (code >= 0x09 && code <= 0x0D);
  return code == 0x85 || code == 0xA0 || code == 0x1680 ||
         (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
         code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

bool IsBertPunctuation(uint32_t code) {
  if (code < 0x80) {
    return (code >= 33 && code <= 47) || (code >= 58 && code <= 64) ||
           (code >= 91 && code <= 96) || (code >= 123 && code <= 126);
  }
  const utf8proc_category_t category = Category(code);
  const bool punctuation =
      category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
  // Letters, the bulk of any text, are none of the exceptions.
  if (!punctuation && category >= UTF8PROC_CATEGORY_LU &&
      category <= UTF8PROC_CATEGORY_LO) {
    return false;
  }
  return Contains(kPunctuationExceptions, code) ? !punctuation : punctuation;
}

bool IsBertChinese(uint32_t code) {
  if (code < 0x3400) return false;
  return (code >= 0x4E00 && code <= 0x9FFF) ||
         (code >= 0x3400 && code <= 0x4DBF) ||
         (code >= 0x20000 && code <= 0x2A6DF) ||
         (code >= 0x2A700 && code <= 0x2B81F) ||
         (code >= 0x2B920 && code <= 0x2CEAF) ||
         (code >= 0xF900 && code <= 0xFAFF) ||
         (code >= 0x2F800 && code <= 0x2FA1F);
}

bool IsBertMark(uint32_t code) {
  if (code < 0x300) return false;
  const utf8proc_category_t category = Category(code);
  const bool mark = category == UTF8PROC_CATEGORY_MN;
  const bool open = mark || category == UTF8PROC_CATEGORY_MC ||
                    category == UTF8PROC_CATEGORY_CN;
  return open && Contains(kMarkExceptions, code) ? !mark : mark;
}

bool IsWordCharacter(uint32_t code) {
  if (code < 0x80) {
    return (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z') ||
           (code >= '0' && code <= '9') || code == '_';
  }
  const utf8proc_category_t category = Category(code);
  // Letters, marks, Nd, Nl and Pc; joiners, and letters in circles and squares,
  // which are symbols.
  const bool word =
      (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NL) ||
      category == UTF8PROC_CATEGORY_PC || code == 0x200C || code == 0x200D ||
      (code >= 0x24B6 && code <= 0x24E9) ||
      (code >= 0x1F130 && code <= 0x1F149) ||
      (code >= 0x1F150 && code <= 0x1F169) ||
      (code >= 0x1F170 && code <= 0x1F189);
  return Contains(kWordExceptions, code) ? !word : word;
}

size_t BertLowerCase(uint32_t code, std::array<uint32_t, 2>& lower) {
  if (code < 0x80) {
    lower[0] = code >= 'A' && code <= 'Z' ? code + ('a' - 'A') : code;
    return 1;
  }
  if (code == 0x130) {
    lower = {'i', 0x307};
    return 2;
  }
  const LowerCase* it = std::partition_point(
      std::begin(kLowerExceptions), std::end(kLowerExceptions),
      [code](const LowerCase& entry) { return entry.upper < code; });
  if (it != std::end(kLowerExceptions) && it->upper == code) {
    lower[0] = it->lower;
  } else {
    lower[0] = static_cast<uint32_t>(
        utf8proc_tolower(static_cast<utf8proc_int32_t>(code)));
  }
  return 1;
}

size_t CanonicalDecomposition(uint32_t code, std::array<uint32_t, 4>& parts) {
  parts[0] = code;
  if (code < 0xC0) return 1;
  const auto point = static_cast<utf8proc_int32_t>(code);
  const bool hangul = code >= 0xAC00 && code <= 0xD7A3;
  if (!hangul && utf8proc_get_property(point)->decomp_seqindex == UINT16_MAX) {
    return 1;
  }
  if (Contains(kUndecomposed, code)) return 1;
  utf8proc_int32_t buffer[4];
  int last_boundclass = UTF8PROC_BOUNDCLASS_START;
  const utf8proc_ssize_t n = utf8proc_decompose_char(
      point, buffer, 4, UTF8PROC_DECOMPOSE, &last_boundclass);
  // No canonical decomposition is longer than four code points.
  if (n < 1 || n > 4) return 1;
  for (utf8proc_ssize_t i = 0; i < n; ++i) {
    parts[static_cast<size_t>(i)] = static_cast<uint32_t>(buffer[i]);
  }
  return static_cast<size_t>(n);
}

int CanonicalClass(uint32_t code) {
  if (code < 0x300) return 0;
  const int combining =
      utf8proc_get_property(static_cast<utf8proc_int32_t>(code))
          ->combining_class;
  return combining != 0 && Contains(kStarters, code) ? 0 : combining;
}

}  // namespace graft

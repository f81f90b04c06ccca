#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Writes runtime/tokenize/wordpiece/unicode_exceptions.inc.

BERT's tokenizer must cut text exactly as the `tokenizers` package does, whose
Unicode tables are of several ages. utf8proc's are of one. This script asks the
package about every code point and writes down where the two differ.

  python3 tools/dev/generate_unicode_exceptions.py \\
      > runtime/tokenize/wordpiece/unicode_exceptions.inc

Needs the Python package tokenizers and libutf8proc.so.2; takes a minute.
"""

import ctypes
import sys

import tokenizers
from tokenizers import normalizers, pre_tokenizers

utf8proc = ctypes.CDLL("libutf8proc.so.2")
utf8proc.utf8proc_version.restype = ctypes.c_char_p
utf8proc.utf8proc_unicode_version.restype = ctypes.c_char_p
utf8proc.utf8proc_category_string.restype = ctypes.c_char_p
utf8proc.utf8proc_get_property.restype = ctypes.POINTER(ctypes.c_int16)

DECOMPOSE = 1 << 4
WHITESPACE = {ord(c) for c in "\t\n\r"}


def normalizer(**on):
    flags = dict(clean_text=False, handle_chinese_chars=False,
                 strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**flags, **on})


CLEAN = normalizer(clean_text=True)
STRIP = normalizer(strip_accents=True)
LOWER = normalizers.Lowercase()
NFD = normalizers.NFD()
PRE = pre_tokenizers.BertPreTokenizer()


def category(c):
    return utf8proc.utf8proc_category_string(c).decode()


def combining_class(c):
    return utf8proc.utf8proc_get_property(c)[1]


def decomposition(c):
    buffer = (ctypes.c_int32 * 16)()
    n = utf8proc.utf8proc_decompose_char(c, buffer, 16, DECOMPOSE, None)
    return "".join(chr(buffer[i]) for i in range(n))


def between_letters(rule, c):
    """What `rule` makes of c, kept away from the ends of the text."""
    return rule.normalize_str("a" + chr(c) + "a")[1:-1]


def starter_in_package(c):
    """Whether canonical ordering leaves c where it is."""
    overlay, below = "\u0334", "\u0345"  # classes 1 and 240
    first = "a" + chr(c) + overlay
    second = "a" + below + chr(c)
    return (NFD.normalize_str(first) == first and
            NFD.normalize_str(second) == second)


# An added token that is found only where no word goes on beside it.
WORDS = tokenizers.Tokenizer(tokenizers.models.WordLevel({"?": 0}, "?"))
WORDS.add_tokens([tokenizers.AddedToken("@", single_word=True,
                                        normalized=False)])
CATEGORIES_OF_WORDS = ("Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd",
                       "Nl", "Pc")
# Joiners, and letters in circles and squares; the code has them too.
SYMBOLS_OF_WORDS = {0x200C, 0x200D, *range(0x24B6, 0x24EA),
                    *range(0x1F130, 0x1F14A), *range(0x1F150, 0x1F16A),
                    *range(0x1F170, 0x1F18A)}


def word_in_package(c):
    return 1 not in WORDS.encode(chr(c) + "@").ids


def ranges(points):
    result = []
    for c in points:
        if result and result[-1][1] == c - 1:
            result[-1][1] = c
        else:
            result.append([c, c])
    return result


def print_ranges(name, comment, points):
    print(f"\n// {comment}\ninline constexpr CodeRange {name}[] = {{")
    for first, last in ranges(points):
        print(f"    {{0x{first:X}, 0x{last:X}}},")
    print("};")


def main():
    control, punctuation, mark, lower, whole, starter = [], [], [], [], [], []
    words = []
    for c in range(0x110000):
        if 0xD800 <= c < 0xE000:
            continue
        kind = category(c)
        if c not in WHITESPACE and c != 0xFFFD:
            if (between_letters(CLEAN, c) == "") != (kind in ("Cc", "Cf", "Co")):
                control.append(c)
        if c >= 0x80:
            pieces = len(PRE.pre_tokenize_str("a" + chr(c) + "a"))
            if not chr(c).isspace() and (pieces == 3) != (kind[0] == "P"):
                punctuation.append(c)
        word = kind in CATEGORIES_OF_WORDS or c in SYMBOLS_OF_WORDS
        if word_in_package(c) != word:
            words.append(c)
        decomposed = NFD.normalize_str(chr(c))
        if decomposed != decomposition(c):
            # The one kind of difference there is: too new for the package.
            assert decomposed == chr(c), hex(c)
            whole.append(c)
        if decomposed == chr(c):
            if (between_letters(STRIP, c) == "") != (kind == "Mn"):
                mark.append(c)
        if combining_class(c) != 0:
            if starter_in_package(c):
                starter.append(c)
        elif kind[0] == "M" and decomposed == chr(c):
            assert starter_in_package(c), hex(c)
        if c != 0x130:  # two code points, in the code
            lowered = LOWER.normalize_str(chr(c))
            assert len(lowered) == 1, hex(c)
            if ord(lowered) != utf8proc.utf8proc_tolower(c):
                lower.append((c, ord(lowered)))

    print(f"""\
// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Generated by tools/dev/generate_unicode_exceptions.py: where tokenizers
// {tokenizers.__version__} differs from utf8proc {utf8proc.utf8proc_version().decode()} \
(Unicode {utf8proc.utf8proc_unicode_version().decode()}). Do not edit.""")
    print_ranges("kControlExceptions",
                 "Cc, Cf or Co for one of the two only.", control)
    print_ranges("kPunctuationExceptions",
                 "Punctuation for one of the two only.", punctuation)
    print_ranges("kMarkExceptions", "Mn for one of the two only.", mark)
    print_ranges("kUndecomposed",
                 "Canonical decompositions that the package does not know.",
                 whole)
    print_ranges("kStarters",
                 "Combining classes that the package does not know.", starter)
    print_ranges("kWordExceptions",
                 "Characters of words for one of the two only.", words)
    print("\n// Lower-case letters that differ from utf8proc's.\n"
          "inline constexpr LowerCase kLowerExceptions[] = {")
    for upper, low in lower:
        print(f"    {{0x{upper:X}, 0x{low:X}}},")
    print("};")


if __name__ == "__main__":
    sys.exit(main())

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/formats/json.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "nlohmann/json.hpp"
#include "runtime/base/message.h"

namespace graft {
namespace {

using nlohmann::json;
using Event = json::parse_event_t;

// A phrase of the library and what messages say instead.
struct Phrase {
  absl::string_view from, to;
};

// What makes a text no JSON.
constexpr Phrase kCauses[] = {
    {"missing closing quote", "a string without a closing quote"},
    {"control character",
     "a line break or another control character within a string"},
    {"ill-formed UTF-8", "bytes that are not UTF-8"},
    {"must be followed by 4 hex digits",
     "\\u without four hexadecimal digits behind it"},
    {"surrogate", "half of a pair of \\u escapes"},
    {"forbidden character after backslash",
     "an escape that JSON does not have"},
    {"expected digit", "a number that lacks digits"},
    {"number overflow", "a number that is too large"},
    {"unexpected end of input", "the end of the text"},
    {"unexpected string literal", "a string"},
    {"unexpected number literal", "a number"},
    {"invalid comment", "'/'"},
};

// What could stand there. The library knows one token only; a comma may always
// stand where a list or an object may end.
constexpr Phrase kExpected[] = {
    {"; expected string literal", "a key in quotes"},
    {"; expected ':'", "a colon behind the key"},
    {"; expected '}'", "a comma or }"},
    {"; expected ']'", "a comma or ]"},
    {"; expected end of input", "the end of the text"},
    {"; expected '[', '{', or a literal", "a value"},
};

// What the cause of an error is called here, or "".
absl::string_view DescribeCause(absl::string_view error) {
  // Behind "last read" the library quotes the text, which may say anything.
  error = error.substr(0, error.find("; last read: '"));
  for (const Phrase& phrase : kCauses)
    if (absl::StrContains(error, phrase.from)) return phrase.to;
  return "";
}

absl::string_view DescribeExpected(absl::string_view error) {
  for (const Phrase& phrase : kExpected)
    if (absl::EndsWith(error, phrase.from)) return phrase.to;
  return "";
}

bool InWord(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
}

// Where the word around text[at] begins; `at` if none is there.
size_t WordBegin(absl::string_view text, size_t at) {
  if (at >= text.size() || !InWord(text[at])) return at;
  while (at > 0 && InWord(text[at - 1])) --at;
  return at;
}

// The word or character at a place, as messages show it.
std::string DescribeToken(absl::string_view text, size_t begin) {
  size_t end = begin;
  while (end < text.size() && InWord(text[end])) ++end;
  if (end == begin) {
    // With the bytes that continue a character.
    ++end;
    while (end < text.size() && (static_cast<uint8_t>(text[end]) >> 6) == 2)
      ++end;
  }
  return absl::StrCat("'", Shorten(text.substr(begin, end - begin)), "'");
}

}  // namespace

std::string DescribeJsonError(absl::string_view text, size_t bytes,
                              absl::string_view error, JsonText kind) {
  size_t at = std::min(bytes - std::min<size_t>(bytes, 1), text.size());
  std::string got(DescribeCause(error));
  // The library takes a NUL for the end.
  if (at < text.size() && text[at] == '\0') got = "a NUL";
  if (at == text.size() && got.empty()) got = "the end of the text";
  if (got.empty()) {
    at = WordBegin(text, at);
    got = DescribeToken(text, at);
  }
  const absl::string_view before = text.substr(0, at);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t column = at - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
  const absl::string_view expected = DescribeExpected(error);
  return absl::StrCat(
      "expects JSON, got ", got, " at ",
      kind == JsonText::kFile ? absl::StrCat("line ", line, ", ") : "",
      "column ", column, expected.empty() ? "" : ", instead of ", expected);
}

absl::StatusOr<json> ParseJson(absl::string_view text,
                               absl::string_view where) {
  // What the parser itself lets pass, found while it runs.
  std::string refusal;
  std::vector<std::set<std::string>> keys;
  const auto watch = [&](int depth, Event event, json& parsed) {
    switch (event) {
      case Event::object_start:
        keys.emplace_back();
        break;
      case Event::object_end:
        keys.pop_back();
        break;
      case Event::key: {
        const auto& key = parsed.get_ref<const std::string&>();
        if (refusal.empty() && !keys.back().insert(key).second) {
          refusal = absl::StrCat("expects each key once, got a second ",
                                 DescribeJson(parsed));
        }
        break;
      }
      case Event::array_start:
      case Event::array_end:
      case Event::value:
        break;
    }
    if (refusal.empty() && depth > kMaxJsonDepth) {
      refusal = absl::StrCat("expects at most ", kMaxJsonDepth,
                             " nested values, got more");
    }
    return true;
  };
  try {
    json value = json::parse(text.begin(), text.end(), watch);
    // The parser takes a NUL for the end, and what follows for nothing.
    if (const size_t nul = text.find('\0');
        refusal.empty() && nul != absl::string_view::npos) {
      refusal = DescribeJsonError(text, nul + 1, "; expected end of input");
    }
    if (!refusal.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(where, ": ", refusal));
    }
    return value;
  } catch (const json::parse_error& error) {
    return absl::InvalidArgumentError(absl::StrCat(
        where, ": ", DescribeJsonError(text, error.byte, error.what())));
  } catch (const json::exception& error) {
    // The only kind without a place: a number that no double holds.
    const std::string message = error.what();
    const size_t quote = std::min(message.find('\''), message.size());
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": expects JSON, got a number that is too large, ",
                     Shorten(message.substr(quote))));
  }
}

std::string DescribeJson(const json& value) {
  return Shorten(value.dump(-1, ' ', /*ensure_ascii=*/false,
                            json::error_handler_t::replace));
}

}  // namespace graft

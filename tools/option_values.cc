// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/option_values.h"

#include <cmath>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/message.h"
#include "runtime/base/number.h"

namespace graft {
namespace {

std::string Expected(absl::string_view what, absl::string_view text) {
  return absl::StrCat("expects ", what, ", got ", DescribeValue(text));
}

}  // namespace

std::string DescribeValue(absl::string_view text) {
  if (text.empty()) return "an empty value";
  const bool blanks =
      absl::ascii_isspace(text.front()) || absl::ascii_isspace(text.back());
  return blanks ? absl::StrCat("\"", Shorten(text), "\"") : Shorten(text);
}

std::string ListChoices(absl::Span<const std::string> choices) {
  std::string list;
  for (size_t i = 0; i < choices.size(); ++i)
    absl::StrAppend(&list,
                    i == 0                    ? ""
                    : i + 1 == choices.size() ? " or "
                                              : ", ",
                    choices[i]);
  return list;
}

std::string WholeNumberError(absl::string_view text, uint64_t least,
                             uint64_t most) {
  uint64_t number = 0;
  const bool digits = !text.empty() &&
                      absl::c_all_of(text, absl::ascii_isdigit) &&
                      (text.size() == 1 || text.front() != '0');
  if (digits && absl::SimpleAtoi(text, &number) && number >= least &&
      number <= most)
    return "";
  // The upper bound is news only to those who exceed it.
  const bool large =
      digits && !(absl::SimpleAtoi(text, &number) && number < least);
  return Expected(
      large || most <= kMostThreads
          ? absl::StrCat("a whole number from ", least, " to ", most)
          : absl::StrCat("a whole number of at least ", least),
      text);
}

std::string NumberError(absl::string_view text, double least, double most) {
  double number = 0;
  if (ParseDecimal(text, number) && number >= least && number <= most)
    return "";
  const std::string range =
      std::isinf(least) && std::isinf(most) ? ""
      : std::isinf(most)  ? absl::StrCat(" of at least ", least)
      : std::isinf(least) ? absl::StrCat(" of at most ", most)
                          : absl::StrCat(" from ", least, " to ", most);
  return Expected(absl::StrCat("a number", range), text);
}

std::string ChoiceError(absl::string_view text,
                        absl::Span<const std::string> choices) {
  if (absl::c_linear_search(choices, text)) return "";
  return absl::StrCat(Expected(ListChoices(choices), text),
                      DidYouMean(text, choices));
}

std::string PowerOfTwoError(absl::string_view text) {
  double number = 0;
  int exponent = 0;
  if (ParseDecimal(text, number) && std::frexp(number, &exponent) == 0.5)
    return "";
  return Expected("a power of two", text);
}

std::string ByteSizeError(absl::string_view text, double& bytes) {
  static constexpr std::pair<absl::string_view, double> kUnits[] = {
      {"kB", 1e3},
      {"MB", 1e6},
      {"GB", 1e9},
      {"KiB", 1024.0},
      {"MiB", 1024.0 * 1024},
      {"GiB", 1024.0 * 1024 * 1024},
      {"B", 1}};
  absl::string_view digits = text;
  double factor = 1;
  for (const auto& [unit, size] : kUnits) {
    if (!absl::EndsWithIgnoreCase(text, unit)) continue;
    digits = absl::StripTrailingAsciiWhitespace(
        text.substr(0, text.size() - unit.size()));
    factor = size;
    break;
  }
  // A budget is passed on as a whole number of 64 bits.
  constexpr double kMost = 0x1p62;
  double number = 0;
  if (ParseDecimal(digits, number) && number >= 0 && number * factor <= kMost) {
    bytes = number * factor;
    return "";
  }
  return Expected("a size such as 200MB or 1.2GiB", text);
}

}  // namespace graft

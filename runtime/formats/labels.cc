// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/formats/labels.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "nlohmann/json.hpp"
#include "runtime/base/message.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/utf8.h"
#include "runtime/formats/json.h"

namespace graft {
namespace {

using nlohmann::json;

absl::StatusOr<std::vector<std::string>> ParseList(const std::string& text,
                                                   const std::string& path) {
  GRAFT_ASSIGN_OR_RETURN(const json list, ParseJson(text, path));
  std::vector<std::string> labels;
  bool strings = list.is_array();
  for (const json& label : list) {
    strings = strings && label.is_string();
    if (strings) labels.push_back(label.get<std::string>());
  }
  if (strings) return labels;
  return absl::InvalidArgumentError(absl::StrCat(
      path, ": expects a list of strings, got ", DescribeJson(list)));
}

}  // namespace

std::string DescribeLabel(absl::string_view label) {
  // Quoted and escaped as in JSON where a plain word would mislead.
  const bool plain =
      label.size() <= 40 && !label.empty() &&
      absl::StripAsciiWhitespace(label) == label &&
      std::none_of(label.begin(), label.end(), [](char c) {
        return absl::ascii_iscntrl(static_cast<unsigned char>(c));
      });
  return plain ? std::string(label) : DescribeJson(json(std::string(label)));
}

std::string DescribeLabels(const std::vector<std::string>& labels) {
  constexpr size_t kShown = 10;
  std::vector<std::string> shown;
  for (size_t i = 0; i < std::min(kShown, labels.size()); ++i)
    shown.push_back(DescribeLabel(labels[i]));
  return absl::StrCat(
      "(", absl::StrJoin(shown, ", "),
      labels.size() > kShown
          ? absl::StrCat(", and ", labels.size() - kShown, " more)")
          : ")");
}

absl::StatusOr<std::vector<std::string>> ReadLabels(FileSystem& files,
                                                    const std::string& path) {
  GRAFT_ASSIGN_OR_RETURN(const std::string text, ReadFile(files, path));
  const bool list = absl::EndsWith(path, ".json");
  std::vector<std::string> labels;
  if (list) {
    GRAFT_ASSIGN_OR_RETURN(labels, ParseList(text, path));
  } else {
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      absl::ConsumeSuffix(&line, "\r");
      labels.emplace_back(line);
    }
    if (labels.back().empty()) labels.pop_back();
  }
  if (labels.size() < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expects at least two labels, ",
                     list ? "in a list of strings" : "one per line", ", got ",
                     labels.size()));
  }
  std::set<absl::string_view> seen;
  for (size_t i = 0; i < labels.size(); ++i) {
    const std::string place = list ? absl::StrCat(path, ": label ", i)
                                   : absl::StrCat(path, ":", i + 1);
    if (FindInvalidUtf8(labels[i]) != absl::string_view::npos)
      return absl::InvalidArgumentError(absl::StrCat(
          place, ": expects UTF-8, got '", Shorten(labels[i]), "'"));
    if (labels[i].empty())
      return absl::InvalidArgumentError(
          absl::StrCat(place, ": expects a label, got an empty one"));
    if (!seen.insert(labels[i]).second)
      return absl::InvalidArgumentError(
          absl::StrCat(place, ": expects each label once, got a second ",
                       DescribeLabel(labels[i])));
  }
  return labels;
}

absl::Status WriteLabels(FileSystem& files, const std::string& path,
                         const std::vector<std::string>& labels) {
  try {
    return WriteFile(files, path,
                     absl::StrCat(json(labels).dump(1, ' '), "\n"));
  } catch (const json::exception&) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expects labels in UTF-8, got other bytes"));
  }
}

std::string LooseKey(absl::string_view label) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(label, absl::ByAnyChar(" \t\r\n\v\f"), absl::SkipEmpty());
  const std::string text = absl::StrJoin(words, " ");
  double number;
  if (!absl::SimpleAtod(text, &number)) return text;
  if (!std::isfinite(number)) return absl::AsciiStrToLower(text);
  // Beyond 2^53 two whole numbers may be one double.
  if (std::abs(number) >= 9007199254740992.0) return text;
  return absl::StrFormat("%.17g", number == 0 ? 0.0 : number);
}

}  // namespace graft

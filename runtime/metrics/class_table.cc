// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/metrics/class_table.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "runtime/base/message.h"

namespace graft {
namespace {

struct Line {
  std::string name;
  ClassScores scores;
  int64_t rows;
};

// Code points of well-formed UTF-8: those bytes that begin one.
size_t Width(absl::string_view text) {
  return std::count_if(text.begin(), text.end(),
                       [](char byte) { return (byte & 0xC0) != 0x80; });
}

}  // namespace

std::string ClassTable(const ClassCounts& counts,
                       absl::Span<const std::string> labels) {
  std::vector<Line> lines;
  // Indented, so that no label is taken for an average.
  for (int64_t c = 0; c < counts.classes(); ++c)
    lines.push_back({absl::StrCat("  ", Shorten(labels[c])),
                     ScoresOf(counts, c), counts.truth(c)});
  int64_t truth = 0;  // of sets, not the number of examples
  for (int64_t c = 0; c < counts.classes(); ++c) truth += counts.truth(c);
  lines.push_back({"micro average", MicroAverage(counts), truth});
  lines.push_back({"macro average", MacroAverage(counts), truth});
  lines.push_back({"weighted average", WeightedAverage(counts), truth});
  size_t width = 0;
  for (const Line& line : lines) width = std::max(width, Width(line.name));
  std::string table = absl::StrFormat(
      "label%*s  precision    recall        F1"
      "      rows\n",
      width - 5, "");
  for (const auto& [name, scores, rows] : lines)
    absl::StrAppendFormat(&table, "%s%*s  %7.2f %%  %6.2f %%  %6.2f %%  %8d\n",
                          name, width - Width(name), "", 100 * scores.precision,
                          100 * scores.recall, 100 * scores.f1, rows);
  return table;
}

}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/match_labels.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/labels.h"

namespace graft {
namespace {

absl::Status CheckUnique(const HeadLabels& head) {
  std::map<absl::string_view, size_t> rows;
  for (size_t i = 0; i < head.names.size(); ++i) {
    const auto [other, is_new] = rows.try_emplace(head.names[i], i);
    if (is_new) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(head.owner,
                     "/config.json: id2label expects each name once for a head "
                     "that is trained further, got ",
                     DescribeLabel(head.names[i]), " for ", other->second,
                     " and ", i, "; --new-head makes a new head"));
  }
  return absl::OkStatus();
}

// Whether each label is a number below `rows`, written without anything else.
bool AreRows(const std::vector<std::string>& labels, size_t rows) {
  return std::all_of(labels.begin(), labels.end(),
                     [&](const std::string& label) {
                       uint64_t number;
                       return absl::SimpleAtoi(label, &number) &&
                              number < rows && absl::StrCat(number) == label;
                     });
}

// The labels 0, 1, ... of a head whose rows have no names of their own.
std::vector<std::string> Numbers(size_t rows) {
  std::vector<std::string> labels;
  for (size_t i = 0; i < rows; ++i) labels.push_back(absl::StrCat(i));
  return labels;
}

bool Contains(const std::vector<std::string>& names,
              const std::vector<std::string>& labels) {
  const std::set<absl::string_view> set(names.begin(), names.end());
  return std::all_of(
      labels.begin(), labels.end(),
      [&](const std::string& label) { return set.count(label) > 0; });
}

absl::Status OtherNames(const HeadLabels& head,
                        const std::vector<std::string>& labels,
                        absl::string_view where) {
  return absl::InvalidArgumentError(absl::StrCat(
      where, ": expects the labels of the head of ", head.owner, ", ",
      DescribeLabels(head.names), ", got as many others, ",
      DescribeLabels(labels), "; --new-head makes a new head for them"));
}

std::string Count(size_t labels) {
  return absl::StrCat(labels, labels == 1 ? " label " : " labels ");
}

}  // namespace

absl::StatusOr<LabelMatch> MatchLabels(const HeadLabels& head,
                                       const std::vector<std::string>& table,
                                       absl::string_view where) {
  GRAFT_RETURN_IF_ERROR(CheckUnique(head));
  if (Contains(head.names, table)) return LabelMatch{true, head.names, ""};
  const size_t rows = head.names.size();
  if (!head.named && AreRows(table, rows))
    return LabelMatch{true, Numbers(rows), ""};
  if (rows == table.size()) return OtherNames(head, table, where);
  return LabelMatch{
      false, table,
      absl::StrCat(head.owner, " has ", Count(rows), DescribeLabels(head.names),
                   ", the table ", table.size(), " ", DescribeLabels(table))};
}

absl::StatusOr<LabelMatch> MatchRows(const HeadLabels& head,
                                     const std::vector<std::string>& labels,
                                     absl::string_view where) {
  if (head.names == labels ||
      (!head.named && labels == Numbers(head.names.size())))
    return LabelMatch{true, labels, ""};
  LabelMatch match{false, labels,
                   absl::StrCat(head.owner, " has ", Count(head.names.size()),
                                DescribeLabels(head.names), ", ", where, " ",
                                labels.size(), " ", DescribeLabels(labels))};
  // In another order they are the same, but no row may move.
  if (head.names.size() != labels.size() || Contains(head.names, labels))
    return match;
  return OtherNames(head, labels, where);
}

std::vector<std::string> DescribeLookalikes(const LabelMap& labels) {
  constexpr size_t kMost = 10;
  std::map<std::string, std::string> first;
  std::vector<std::string> sentences;
  const auto describe = [&](const std::string& label) {
    const absl::string_view where = labels.Where(label);
    const std::string shown = DescribeLabel(label);
    return absl::StrCat(shown == label ? absl::StrCat("'", label, "'") : shown,
                        where.empty() ? "" : absl::StrCat(" (", where, ")"));
  };
  for (const std::string& label : labels.labels()) {
    const auto [other, is_new] = first.try_emplace(LooseKey(label), label);
    if (is_new) continue;
    if (sentences.size() == kMost) {
      sentences.push_back("more labels differ so little");
      break;
    }
    sentences.push_back(absl::StrCat(
        "the labels ", describe(other->second), " and ", describe(label),
        " differ only by blanks or by how a number is written, "
        "and are two classes"));
  }
  return sentences;
}

std::string DescribeManyLabels(int64_t labels, int64_t rows,
                               absl::string_view where,
                               absl::string_view regression) {
  constexpr int64_t kFewRows = 20;
  if (rows < kFewRows || 2 * labels <= rows) return "";
  return absl::StrCat(where, ": has ", labels, " labels in ", rows,
                      " rows; --label-column chooses another column",
                      regression.empty() ? "" : absl::StrCat(", ", regression));
}

}  // namespace graft

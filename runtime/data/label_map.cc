// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/label_map.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/message.h"
#include "runtime/base/number.h"

namespace graft {

absl::StatusOr<LabelMap> LabelMap::FromLabels(std::vector<std::string> labels) {
  LabelMap map;
  for (const std::string& label : labels) {
    if (map.Find(label).has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("label map expects each label once, got a second '",
                       Shorten(label), "'"));
    }
    map.Add(label);
  }
  return map;
}

int32_t LabelMap::Add(absl::string_view label, absl::string_view where) {
  const auto [it, is_new] =
      ids_.try_emplace(std::string(label), static_cast<int32_t>(size()));
  if (is_new) labels_.emplace_back(label);
  if (is_new && !where.empty()) places_[label] = std::string(where);
  return it->second;
}

absl::string_view LabelMap::Where(absl::string_view label) const {
  const auto it = places_.find(label);
  return it == places_.end() ? "" : absl::string_view(it->second);
}

void LabelMap::Sort() {
  int64_t number;
  const bool numeric = std::all_of(labels_.begin(), labels_.end(),
                                   [&](const std::string& label) {
                                     return absl::SimpleAtoi(label, &number);
                                   });
  std::sort(labels_.begin(), labels_.end(),
            [&](const std::string& a, const std::string& b) {
              int64_t x = 0, y = 0;
              if (numeric && absl::SimpleAtoi(a, &x) &&
                  absl::SimpleAtoi(b, &y) && x != y) {
                return x < y;
              }
              return a < b;  // also orders "1" and "01"
            });
  for (size_t i = 0; i < labels_.size(); ++i) {
    ids_[labels_[i]] = static_cast<int32_t>(i);
  }
}

std::optional<int32_t> LabelMap::Find(absl::string_view label) const {
  const auto it = ids_.find(label);
  if (it == ids_.end()) return std::nullopt;
  return it->second;
}

absl::StatusOr<int32_t> LabelMap::Id(absl::string_view label,
                                     absl::string_view where) const {
  if (const std::optional<int32_t> id = Find(label)) return *id;
  constexpr size_t kShown = 10;
  const size_t shown = std::min(kShown, labels_.size());
  return absl::InvalidArgumentError(absl::StrCat(
      where, ": expects one of ", labels_.size(), " labels (",
      absl::StrJoin(labels_.begin(),
                    labels_.begin() + static_cast<std::ptrdiff_t>(shown), ", ",
                    [](std::string* out, const std::string& name) {
                      absl::StrAppend(out, Shorten(name));
                    }),
      shown < labels_.size() ? ", ..." : "", "), got '", Shorten(label), "'"));
}

absl::StatusOr<float> ParseScore(absl::string_view text,
                                 absl::string_view column,
                                 absl::string_view where) {
  float value;
  if (ParseDecimal(absl::StripAsciiWhitespace(text), value)) return value;
  return absl::InvalidArgumentError(
      absl::StrCat(where, ": column '", column,
                   "' expects a finite number, got '", Shorten(text), "'"));
}

}  // namespace graft

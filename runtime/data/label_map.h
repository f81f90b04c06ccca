// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_RUNTIME_DATA_LABEL_MAP_H_
#define GRAFT_RUNTIME_DATA_LABEL_MAP_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace graft {

// Names of classes and their ids 0 .. size() - 1. Immutable once built, then
// thread-safe for reading.
class LabelMap {
 public:
  LabelMap() = default;
  // Label i of `labels` gets id i. INVALID_ARGUMENT for a label given twice.
  static absl::StatusOr<LabelMap> FromLabels(std::vector<std::string> labels);

  // Gives a new label the next id; returns the id of an old one. `where` is
  // kept of a new one.
  int32_t Add(absl::string_view label, absl::string_view where = "");
  // Where a label was first seen ("path:line"), or empty.
  absl::string_view Where(absl::string_view label) const;
  // Renumbers in sorted order, so that ids do not depend on the order of rows:
  // as numbers when all labels are whole numbers, else by bytes.
  void Sort();

  int64_t size() const { return static_cast<int64_t>(labels_.size()); }
  const std::vector<std::string>& labels() const { return labels_; }
  std::optional<int32_t> Find(absl::string_view label) const;
  // As Find; INVALID_ARGUMENT begins with `where` ("path:line") and names the
  // label and up to ten known ones.
  absl::StatusOr<int32_t> Id(absl::string_view label,
                             absl::string_view where) const;

 private:
  std::vector<std::string> labels_;
  absl::flat_hash_map<std::string, int32_t> ids_;
  absl::flat_hash_map<std::string, std::string> places_;
};

// The number of a regression label, which blanks may surround. INVALID_ARGUMENT
// begins with `where` and names the `column` if `text` is not a decimal number
// that a float can hold.
absl::StatusOr<float> ParseScore(absl::string_view text,
                                 absl::string_view column,
                                 absl::string_view where);

}  // namespace graft

#endif  // GRAFT_RUNTIME_DATA_LABEL_MAP_H_

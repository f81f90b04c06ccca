// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The labels of a table and those of a head that was trained before.

#ifndef GRAFT_RUNTIME_DATA_MATCH_LABELS_H_
#define GRAFT_RUNTIME_DATA_MATCH_LABELS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/data/label_map.h"

namespace graft {

// The rows of a classifier.
struct HeadLabels {
  std::string owner;               // directory, for messages
  std::vector<std::string> names;  // of each row
  bool named = false;              // else they are LABEL_0, LABEL_1, ...
};

struct LabelMatch {
  bool keep = false;  // the head fits to the table
  // Of the classes 0, 1, ...: those of the head where it is kept, else those of
  // the table, in its order.
  std::vector<std::string> labels;
  std::string reason;  // why a head is not kept; for messages
};

// Whether a head can be trained further with the labels of a table. It is kept
// where each label of the table is one of its names. Names that are only
// LABEL_0, LABEL_1, ... say nothing, so that labels 0, 1, ... of a table are
// taken for the rows of that number. INVALID_ARGUMENT: the table, which `where`
// names, has as many labels as the head, but not the same; or two rows of the
// head have one name.
absl::StatusOr<LabelMatch> MatchLabels(const HeadLabels& head,
                                       const std::vector<std::string>& table,
                                       absl::string_view where);

// As MatchLabels for a head whose rows must be exactly `labels`, in this order,
// such as those of a teacher, which `where` names. Rows LABEL_0, LABEL_1, ...
// are 0, 1, ...
absl::StatusOr<LabelMatch> MatchRows(const HeadLabels& head,
                                     const std::vector<std::string>& labels,
                                     absl::string_view where);

// Pairs of labels that a person may take for one (LooseKey), as sentences that
// name both and where each was first seen. At most ten.
std::vector<std::string> DescribeLookalikes(const LabelMap& labels);

// What is to be said of a column, which `where` names, with so many labels in
// `rows` rows that these are hardly classes: more than half as many, in at
// least 20 rows. Empty for others. `regression` is what to do about numbers, or
// empty.
std::string DescribeManyLabels(int64_t labels, int64_t rows,
                               absl::string_view where,
                               absl::string_view regression);

}  // namespace graft

#endif  // GRAFT_RUNTIME_DATA_MATCH_LABELS_H_

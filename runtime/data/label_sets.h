// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Rows with any number of labels.

#ifndef GRAFT_RUNTIME_DATA_LABEL_SETS_H_
#define GRAFT_RUNTIME_DATA_LABEL_SETS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/file.h"
#include "runtime/data/example_table.h"
#include "runtime/data/label_map.h"

namespace graft {

// The labels of a text such as "art, music", without the blanks around them;
// none of a blank one. INVALID_ARGUMENT begins with `where` if nothing is
// between two commas.
absl::StatusOr<std::vector<absl::string_view>> SplitLabels(
    absl::string_view text, absl::string_view where);

// All labels of rows that have sets of them, in the order of LabelMap::Sort.
// Reads the whole table. INVALID_ARGUMENT: a pipe, of which nothing would be
// left, or no row has a label; else errors of TableReader and SplitLabels.
absl::StatusOr<LabelMap> ReadSetLabels(FileSystem& files,
                                       const std::vector<std::string>& paths,
                                       const TableOptions& options);

}  // namespace graft

#endif  // GRAFT_RUNTIME_DATA_LABEL_SETS_H_

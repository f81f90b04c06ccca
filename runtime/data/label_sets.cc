// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/label_sets.h"

#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/message.h"
#include "runtime/base/status_macros.h"
#include "runtime/data/table/blank.h"
#include "runtime/data/table/table_paths.h"
#include "runtime/data/table/table_reader.h"

namespace graft {

absl::StatusOr<std::vector<absl::string_view>> SplitLabels(
    absl::string_view text, absl::string_view where) {
  std::vector<absl::string_view> labels;
  if (IsBlank(text)) return labels;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    labels.push_back(StripBlanks(part));
    if (labels.back().empty())
      return absl::InvalidArgumentError(
          absl::StrCat(where,
                       ": expects a label before and behind each comma, "
                       "got '",
                       Shorten(text), "'"));
  }
  return labels;
}

absl::StatusOr<LabelMap> ReadSetLabels(FileSystem& files,
                                       const std::vector<std::string>& paths,
                                       const TableOptions& options) {
  const TableSource source{.format = options.format};
  // Refuses pipes before one is opened.
  GRAFT_RETURN_IF_ERROR(ReadColumnNames(files, paths, source).status());
  GRAFT_ASSIGN_OR_RETURN(
      std::unique_ptr<TableReader> reader,
      TableReader::Open(files, paths,
                        {{options.label_column, TableColumn::Kind::kText,
                          /*allow_empty=*/true, /*lists=*/true}},
                        source));
  LabelMap map;
  absl::Status bad;  // the first row that is left out
  while (true) {
    const absl::StatusOr<bool> more = reader->Next();
    // Bad rows are told of where the rows are read.
    if (!more.ok() && options.skip_bad_rows && reader->bad_row()) {
      bad.Update(more.status());
      continue;
    }
    GRAFT_RETURN_IF_ERROR(more.status());
    if (!*more) break;
    const absl::StatusOr<std::vector<absl::string_view>> labels =
        SplitLabels(reader->Text(0), reader->Where());
    if (!labels.ok() && options.skip_bad_rows) {
      bad.Update(labels.status());
      continue;
    }
    GRAFT_RETURN_IF_ERROR(labels.status());
    for (const absl::string_view label : *labels)
      if (!map.Find(label)) map.Add(label, reader->Where());
  }
  if (map.size() == 0)
    return absl::InvalidArgumentError(absl::StrCat(
        DescribePaths(paths), ": column '", options.label_column,
        "' expects labels, got none in any row",
        bad.ok() ? ""
                 : absl::StrCat(" that is not left out; the first is ",
                                bad.message())));
  map.Sort();
  return map;
}

}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The formats of tables, by name.

#ifndef GRAFT_RUNTIME_DATA_TABLE_TABLE_FORMAT_H_
#define GRAFT_RUNTIME_DATA_TABLE_TABLE_FORMAT_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/data/table/row_reader.h"
#include "runtime/data/table/source.h"

namespace graft {

// A format of tables. Immutable, lives as long as the process.
struct TableFormat {
  absl::string_view name;       // of --format: "tsv"
  absl::string_view extension;  // ".tsv"
  // A reader whose Start was not called yet.
  std::unique_ptr<RowReader> (*create)(std::unique_ptr<SequentialFile> file,
                                       std::vector<TableColumn> columns,
                                       size_t max_line_bytes);
};

// Each is in a file of its own, NAME_reader.cc.
extern const TableFormat kTsvFormat, kCsvFormat, kJsonlFormat;

// All formats.
absl::Span<const TableFormat* const> TableFormats();

// The format `name`, or if that is empty the one that the end of the path of
// `source` tells (before the extension of a compression), or of a nameless
// source its first byte that is not blank: "{" begins JSONL, else it is TSV.
// INVALID_ARGUMENT: none of these.
absl::StatusOr<const TableFormat*> ChooseFormat(Source& source,
                                                absl::string_view name);

}  // namespace graft

#endif  // GRAFT_RUNTIME_DATA_TABLE_TABLE_FORMAT_H_

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What formats share whose first line names the columns of fields.

#ifndef GRAFT_RUNTIME_DATA_TABLE_FIELD_READER_H_
#define GRAFT_RUNTIME_DATA_TABLE_FIELD_READER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/data/table/row_reader.h"

namespace graft {

// Rows of fields behind a header. Empty lines may only end the file. Columns
// without a name are never used, and there may be several.
// Thread-compatible.
class FieldReader : public RowReader {
 public:
  absl::Status Start() final;
  absl::StatusOr<std::vector<std::string>> Names() final;
  absl::string_view Text(size_t column) const final {
    return fields_[places_[column]];
  }
  absl::Status Seek(uint64_t offset) final;

 protected:
  // `format` is its extension, `separator` what lies between fields: "tabs".
  FieldReader(std::unique_ptr<SequentialFile> file,
              std::vector<TableColumn> columns, size_t max_line_bytes,
              absl::string_view extension, absl::string_view separator)
      : RowReader(std::move(file), std::move(columns), max_line_bytes),
        extension_(extension),
        separator_(separator) {}

  absl::StatusOr<bool> ReadRow() final;

  // Reads a line, or several that are one row.
  virtual absl::StatusOr<bool> NextRecord() = 0;
  // Splits `line`, the record or an end of it, into fields_, views that are
  // valid until the next call.
  virtual absl::Status Split(absl::string_view line) = 0;
  // What a header without a needed column, or a row with too few fields, says
  // about the file: "; is it ...?", or nothing.
  virtual std::string Advice() const = 0;
  // Looks at a good row for what deserves a hint.
  virtual void Look() {}

  std::vector<absl::string_view> fields_;

 private:
  absl::Status FindColumns();
  // Splits the current record; an error if it is the header again.
  absl::Status SplitRow();
  bool IsHeader() const;
  // Whether the current record is a row that empty lines came before.
  bool waiting_ = false;
  int64_t empty_line_ = 0;   // the first line of those that are to be refused
  int64_t empty_lines_ = 0;  // how many of them

  const absl::string_view extension_, separator_;
  std::vector<std::string> header_;
  std::vector<size_t> places_;  // of each column among the fields
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_DATA_TABLE_FIELD_READER_H_

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Tables of examples, read row by row: TSV (a header line, fields separated by
// one tab, no quoting) and JSONL (one object per line).

#ifndef GRAFT_RUNTIME_DATA_TABLE_READER_H_
#define GRAFT_RUNTIME_DATA_TABLE_READER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "nlohmann/json_fwd.hpp"
#include "runtime/base/file.h"
#include "runtime/data/line_reader.h"

namespace graft {

// A column that a task needs of a table.
struct TableColumn {
  enum class Kind {
    kText,    // a TSV field; in JSONL a string, a number or a boolean
    kWeight,  // a finite number of at least 0; in JSONL it may be a string
    kWords,   // a list of strings, in JSONL only
    kJson,    // any value, in JSONL only
  };
  std::string name;
  Kind kind = Kind::kText;
  // Whether a text may be empty or blank, or a list have no words. A weight
  // never is.
  bool allow_empty = false;
};

// A table whose rows are read from first to last, or from where Seek went.
// Errors begin with "path:line: ". Thread-compatible.
class TableReader {
 public:
  // Opens a .tsv or .jsonl file (by the end of its name) and checks that it has
  // the columns. INVALID_ARGUMENT for another format or, of a TSV, a column
  // that is missing (the existing ones are listed); else errors of the file
  // system.
  static absl::StatusOr<std::unique_ptr<TableReader>> Open(
      FileSystem& files, const std::string& path,
      std::vector<TableColumn> columns,
      size_t max_line_bytes = LineReader::kDefaultMaxLineBytes);

  virtual ~TableReader() = default;
  TableReader(const TableReader&) = delete;
  TableReader& operator=(const TableReader&) = delete;

  // Moves to the next row; false after the last. INVALID_ARGUMENT: a row with
  // too few or too many fields, a column that is missing, empty or of another
  // kind, an empty line inside a TSV, what LineReader refuses, and a table
  // without any row. After an error the reader must not be used further.
  absl::StatusOr<bool> Next();

  // Values of the current row, by place in the `columns` given to Open; valid
  // until the next call of Next. Each fits the kind of its column.
  virtual absl::string_view Text(size_t column) const = 0;
  float Weight(size_t column) const { return weights_[column]; }
  virtual absl::Span<const std::string> Words(size_t column) const = 0;
  virtual const nlohmann::json& Json(size_t column) const = 0;

  absl::Span<const TableColumn> columns() const { return columns_; }
  // The current row's line as it is in the file, without its end, and where it
  // begins there, in bytes.
  absl::string_view bytes() const { return lines_.line(); }
  uint64_t offset() const { return lines_.offset(); }
  const std::string& path() const { return lines_.path(); }

  // Makes the row that begins at `offset`, which must be that of a row before,
  // the next one. Lines then count from there.
  absl::Status Seek(uint64_t offset) { return lines_.Seek(offset); }
  // FAILED_PRECONDITION: a pipe.
  absl::Status CheckSeekable() { return lines_.CheckSeekable(); }
  // The number of the line at `offset`, or of the one that a file which is
  // shorter now lacks; reads all before. Only Seek may follow.
  absl::StatusOr<int64_t> LineAt(uint64_t offset);

  // Number of the current row's line, from 1, and "path:line" for messages.
  int64_t line() const { return lines_.number(); }
  std::string Where() const { return lines_.Where(); }

 protected:
  TableReader(std::unique_ptr<SequentialFile> file,
              std::vector<TableColumn> columns, size_t max_line_bytes)
      : columns_(std::move(columns)),
        lines_(std::move(file), max_line_bytes),
        weights_(columns_.size()) {}

  // Reads a row, as Next; `false` at the end of the file. Weights need not be
  // numbers; Next takes them from Text.
  virtual absl::StatusOr<bool> ReadRow() = 0;
  // "path:line: column 'name' expects ..., got ..."
  absl::Status ColumnError(size_t column, absl::string_view expected,
                           absl::string_view got) const;

  const std::vector<TableColumn> columns_;
  LineReader lines_;

 private:
  absl::Status ReadWeight(size_t column);

  std::vector<float> weights_;  // of the current row, by column
  bool any_row_ = false;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_DATA_TABLE_READER_H_

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The rows of one file. Each format has a subclass (table_format.h).

#ifndef GRAFT_RUNTIME_DATA_TABLE_ROW_READER_H_
#define GRAFT_RUNTIME_DATA_TABLE_ROW_READER_H_

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
#include "runtime/data/table/line_reader.h"

namespace graft {

// A column that a task needs of a table.
struct TableColumn {
  enum class Kind {
    kText,         // a field; in JSONL a string, a number or a boolean
    kNumber,       // a finite number; in JSONL it may be a string
    kWeight,       // the same, of at least 0
    kProbability,  // the same, from 0 to 1
    kWords,        // a list of strings, in JSONL only
    kJson,         // any value, in JSONL only
  };
  // In JSONL OUTER.INNER is also the key INNER of an object under OUTER.
  std::string name;
  Kind kind = Kind::kText;
  // Whether a text may be empty or blank, or a list have no words. A number
  // never is.
  bool allow_empty = false;
  // Of a text: in JSONL it may be a list of strings, which is read as a text
  // with commas between them.
  bool lists = false;
};

// Reads rows from first to last, or from where Seek went. Errors begin with
// "path:line: ". Thread-compatible.
class RowReader {
 public:
  virtual ~RowReader() = default;
  RowReader(const RowReader&) = delete;
  RowReader& operator=(const RowReader&) = delete;

  // The names of all columns that the file has, in their order, except those
  // without a name; of JSONL those of the first row, sorted, and of objects in
  // it also OUTER.INNER. To be called once, of a reader without columns that
  // Start was called for.
  virtual absl::StatusOr<std::vector<std::string>> Names() = 0;

  // Reads the header of a format that has one; to be called once, first.
  // INVALID_ARGUMENT: a column is missing (the existing ones are listed) or
  // named twice, or the format does not have its kind.
  virtual absl::Status Start() = 0;

  // Moves to the next row; false after the last. INVALID_ARGUMENT: a row with
  // too few or too many fields, a column that is missing, empty or of another
  // kind, an empty line or the header inside a table of fields, and what
  // LineReader refuses.
  // After an error the reader must not be used further, unless bad_row() says
  // so.
  absl::StatusOr<bool> Next();
  // Whether the error of Next was one of the row, so that Next may be called
  // for the row after it.
  bool bad_row() const { return bad_row_; }

  // Lines of the current row, or of the one that Next refused; 1 for a row that
  // is too long to be read to its end.
  int64_t line_count() const { return line_count_; }

  // Values of the current row, by place in the columns; valid until the next
  // call of Next. Each fits the kind of its column.
  virtual absl::string_view Text(size_t column) const = 0;
  float Number(size_t column) const { return numbers_[column]; }
  virtual absl::Span<const std::string> Words(size_t column) const;
  virtual const nlohmann::json& Json(size_t column) const;

  // A word of advice about the rows so far, or none: "path:line: ...".
  const std::string& hint() const { return hint_; }

  // The lines of the file. The current row's is its line as it is in the file,
  // without its end.
  const LineReader& lines() const { return lines_; }
  LineReader& lines() { return lines_; }

  // Makes the row that begins at `offset`, which must be that of a row before,
  // the next one. Lines then count from there.
  virtual absl::Status Seek(uint64_t offset) { return lines_.Seek(offset); }

 protected:
  RowReader(std::unique_ptr<SequentialFile> file,
            std::vector<TableColumn> columns, size_t max_line_bytes)
      : columns_(std::move(columns)),
        lines_(std::move(file), max_line_bytes),
        max_line_bytes_(max_line_bytes),
        numbers_(columns_.size()) {}

  // Reads a row, as Next; false at the end of the file. Those that are
  // numbers may be other texts; Next takes them from Text.
  virtual absl::StatusOr<bool> ReadRow() = 0;
  // LineReader::Next, for ReadRow; sets line_count_.
  absl::StatusOr<bool> NextLine(FindRecordEnd find_end);
  absl::StatusOr<bool> NextLine();
  int64_t CountLines() const;
  // The error of a row: "path:line: " of its first line, then `message`.
  absl::Status BadRow(absl::string_view message);
  // The same: "column 'name' expects ..., got ..."
  absl::Status ColumnError(size_t column, absl::string_view expected,
                           absl::string_view got);
  // INVALID_ARGUMENT for a text that is blank and must not be.
  absl::Status CheckText(size_t column, absl::string_view text);

  // Whether a column has numbers, and which.
  bool IsNumber(size_t column) const {
    return columns_[column].kind == TableColumn::Kind::kNumber ||
           columns_[column].kind == TableColumn::Kind::kWeight ||
           columns_[column].kind == TableColumn::Kind::kProbability;
  }
  absl::string_view ExpectedNumber(size_t column) const {
    return columns_[column].kind == TableColumn::Kind::kWeight
               ? "a finite number of at least 0"
           : columns_[column].kind == TableColumn::Kind::kProbability
               ? "a probability from 0 to 1"
               : "a finite number";
  }

  const std::vector<TableColumn> columns_;
  LineReader lines_;
  const size_t max_line_bytes_;
  std::string hint_;
  bool bad_row_ = false;
  int64_t line_count_ = 1;

 private:
  absl::Status ReadNumber(size_t column);

  std::vector<float> numbers_;  // of the current row, by column
};

// "expects a column 'name', got a, b", with the one that differs by case or
// blanks only.
std::string MissingColumn(absl::string_view name,
                          absl::Span<const absl::string_view> existing);

}  // namespace graft

#endif  // GRAFT_RUNTIME_DATA_TABLE_ROW_READER_H_

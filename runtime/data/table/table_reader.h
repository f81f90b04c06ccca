// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Tables of examples, read row by row from one file or several.

#ifndef GRAFT_RUNTIME_DATA_TABLE_TABLE_READER_H_
#define GRAFT_RUNTIME_DATA_TABLE_TABLE_READER_H_

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
#include "runtime/data/table/row_reader.h"
#include "runtime/data/table/table_format.h"

namespace graft {

// How the files of a table are read.
struct TableSource {
  std::string format;   // of all files; empty: told by each (table_format.h)
  bool reread = false;  // rows are read again, so pipes are copied (source.h)
  size_t max_line_bytes = LineReader::kDefaultMaxLineBytes;
};

// The names of the columns of a table's first file (RowReader::Names).
// INVALID_ARGUMENT: the file is a pipe or the like, of which nothing would be
// left; else errors of TableReader::Open.
absl::StatusOr<std::vector<std::string>> ReadColumnNames(
    FileSystem& files, const std::vector<std::string>& paths,
    const TableSource& source);

// A table whose rows are read from first to last, or from where Seek went: the
// rows of several files one after the other, as if they were one. Files may
// have different formats; each has the columns. Errors begin with
// "path:line: ", of the line in its file. Thread-compatible.
class TableReader {
 public:
  // Opens the first of the files, which ExpandPaths expands `paths` to; others
  // when their rows are reached, and all stay open. INVALID_ARGUMENT: errors of
  // ExpandPaths, OpenSource, ChooseFormat and RowReader::Start; else errors of
  // the file system.
  static absl::StatusOr<std::unique_ptr<TableReader>> Open(
      FileSystem& files, const std::vector<std::string>& paths,
      std::vector<TableColumn> columns, TableSource source = {});

  TableReader(const TableReader&) = delete;
  TableReader& operator=(const TableReader&) = delete;

  // Moves to the next row; false after the last. Errors are those of
  // RowReader::Next, those of Open for a file that is opened now, and
  // INVALID_ARGUMENT for a table without any row. After an error the reader
  // must not be used further, unless bad_row() says so.
  absl::StatusOr<bool> Next();
  // Whether the error of Next was one of the row, so that Next may be called
  // for the row after it.
  bool bad_row() const { return bad_row_; }

  // Values of the current row, by place in the `columns` given to Open; valid
  // until the next call of Next. Each fits the kind of its column.
  absl::string_view Text(size_t column) const { return rows().Text(column); }
  float Number(size_t column) const { return rows().Number(column); }
  absl::Span<const std::string> Words(size_t column) const {
    return rows().Words(column);
  }
  const nlohmann::json& Json(size_t column) const {
    return rows().Json(column);
  }

  absl::Span<const TableColumn> columns() const { return columns_; }
  // The current row's line as it is in the file, without its end, and where it
  // begins in all files end to end, in bytes.
  absl::string_view bytes() const { return rows().lines().line(); }
  uint64_t offset() const { return file().begin + rows().lines().offset(); }
  // Of the current row.
  const std::string& path() const { return rows().lines().path(); }
  // The format of the first file, and how many files there are.
  const TableFormat& format() const { return *files_.front().format; }
  size_t file_count() const { return files_.size(); }
  // A word of advice about the current file, or none: "path:line: ...".
  const std::string& hint() const { return rows().hint(); }
  // How much of all files was read, from 0 to 1; negative if not known.
  double fraction() const;

  // Makes the row that begins at `offset`, which must be that of a row before,
  // the next one. Lines then count from there.
  absl::Status Seek(uint64_t offset);
  // FAILED_PRECONDITION: a pipe or the like that is not reread.
  absl::Status CheckSeekable();
  // "path:line" of the line at `offset`, or of the one that a file which is
  // shorter now lacks; reads all of the file before. Only Seek may follow.
  absl::StatusOr<std::string> WhereAt(uint64_t offset);

  // Number of the current row's line in its file, from 1, and "path:line" for
  // messages.
  int64_t line() const { return rows().lines().number(); }
  std::string Where() const { return rows().lines().Where(); }
  // Lines of the current row, or of the one that Next refused (row_reader.h).
  int64_t line_count() const { return rows().line_count(); }

 private:
  struct File {
    std::string path;
    const TableFormat* format = nullptr;
    std::unique_ptr<RowReader> rows = nullptr;  // until it is its turn
    bool plain = false;      // a file that is neither a pipe nor compressed
    uint64_t begin = 0;      // offset of its beginning, the files end to end
    uint64_t first_row = 0;  // where its rows begin
  };

  TableReader(FileSystem& file_system, std::vector<TableColumn> columns,
              TableSource source)
      : file_system_(file_system),
        columns_(std::move(columns)),
        source_(std::move(source)) {}

  absl::Status OpenFile(size_t index);
  const File& file() const { return files_[current_]; }
  const RowReader& rows() const { return *files_[current_].rows; }
  // The file that `offset` lies in.
  size_t FileAt(uint64_t offset) const;

  FileSystem& file_system_;
  const std::vector<TableColumn> columns_;
  const TableSource source_;
  std::vector<File> files_;
  size_t current_ = 0;
  bool any_row_ = false;
  bool bad_row_ = false;
};

}  // namespace graft

#endif  // GRAFT_RUNTIME_DATA_TABLE_TABLE_READER_H_

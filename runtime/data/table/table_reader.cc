// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/table/table_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/data/table/source.h"
#include "runtime/data/table/table_paths.h"

namespace graft {

absl::StatusOr<std::unique_ptr<TableReader>> TableReader::Open(
    FileSystem& files, const std::vector<std::string>& paths,
    std::vector<TableColumn> columns, TableSource source) {
  GRAFT_ASSIGN_OR_RETURN(std::vector<std::string> expanded,
                         ExpandPaths(files, paths));
  std::unique_ptr<TableReader> reader(
      new TableReader(files, std::move(columns), std::move(source)));
  for (std::string& path : expanded)
    reader->files_.push_back({.path = std::move(path)});
  GRAFT_RETURN_IF_ERROR(reader->OpenFile(0));
  return reader;
}

absl::StatusOr<std::vector<std::string>> ReadColumnNames(
    FileSystem& files, const std::vector<std::string>& paths,
    const TableSource& source) {
  GRAFT_ASSIGN_OR_RETURN(const std::vector<std::string> expanded,
                         ExpandPaths(files, paths));
  const std::string& path = expanded.front();
  if (IsStandardInput(path))
    return absl::InvalidArgumentError(
        absl::StrCat(path,
                     ": expects a file, whose columns are looked at before it "
                     "is read, got standard input"));
  // To open a pipe would wait for somebody who writes.
  GRAFT_RETURN_IF_ERROR(files.Size(path).status());
  GRAFT_ASSIGN_OR_RETURN(Source opened,
                         OpenSource(files, path, /*reread=*/false));
  GRAFT_ASSIGN_OR_RETURN(const TableFormat* format,
                         ChooseFormat(opened, source.format));
  std::unique_ptr<RowReader> rows =
      format->create(std::move(opened.file), {}, source.max_line_bytes);
  GRAFT_RETURN_IF_ERROR(rows->Start());
  return rows->Names();
}

absl::Status TableReader::OpenFile(size_t index) {
  File& file = files_[index];
  GRAFT_ASSIGN_OR_RETURN(Source source,
                         OpenSource(file_system_, file.path, source_.reread));
  GRAFT_ASSIGN_OR_RETURN(file.format, ChooseFormat(source, source_.format));
  std::unique_ptr<RowReader> rows = file.format->create(
      std::move(source.file), columns_, source_.max_line_bytes);
  GRAFT_RETURN_IF_ERROR(rows->Start());
  if (index > 0)
    file.begin =
        files_[index - 1].begin + files_[index - 1].rows->lines().end();
  file.first_row = rows->lines().end();
  file.plain = source.plain;
  file.rows = std::move(rows);
  return absl::OkStatus();
}

absl::StatusOr<bool> TableReader::Next() {
  while (true) {
    RowReader& rows = *files_[current_].rows;
    const absl::StatusOr<bool> more = rows.Next();
    bad_row_ = !more.ok() && rows.bad_row();
    any_row_ |= !more.ok() || *more;
    if (!more.ok() || *more) return more;
    if (current_ + 1 == files_.size()) break;
    File& next = files_[current_ + 1];
    if (next.rows == nullptr)
      GRAFT_RETURN_IF_ERROR(OpenFile(current_ + 1));
    else
      GRAFT_RETURN_IF_ERROR(next.rows->Seek(next.first_row));
    ++current_;
  }
  if (any_row_) return false;
  return absl::InvalidArgumentError(absl::StrCat(
      files_.front().rows->lines().path(),
      files_.size() == 1 ? ""
                         : absl::StrCat(" and ", files_.size() - 1, " more"),
      ": expects at least one row, got none"));
}

double TableReader::fraction() const {
  double part = 0;
  if (file().plain) {
    const uint64_t size = file_system_.Size(path()).value_or(0);
    if (size > 0)
      part =
          static_cast<double>(rows().lines().end()) / static_cast<double>(size);
  } else if (files_.size() == 1) {
    return -1;
  }
  return (static_cast<double>(current_) + std::min(part, 1.0)) /
         static_cast<double>(files_.size());
}

size_t TableReader::FileAt(uint64_t offset) const {
  size_t index = 0;
  while (index + 1 < files_.size() && files_[index + 1].rows != nullptr &&
         files_[index + 1].begin <= offset)
    ++index;
  return index;
}

absl::Status TableReader::Seek(uint64_t offset) {
  current_ = FileAt(offset);
  return files_[current_].rows->Seek(offset - file().begin);
}

absl::Status TableReader::CheckSeekable() {
  return files_[current_].rows->lines().CheckSeekable();
}

absl::StatusOr<std::string> TableReader::WhereAt(uint64_t offset) {
  current_ = FileAt(offset);
  GRAFT_ASSIGN_OR_RETURN(
      const int64_t before,
      files_[current_].rows->lines().CountLines(offset - file().begin));
  return absl::StrCat(path(), ":", before + 1);
}

}  // namespace graft

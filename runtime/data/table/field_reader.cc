// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/table/field_reader.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/status_macros.h"

namespace graft {

using Kind = TableColumn::Kind;

absl::Status FieldReader::Start() {
  const std::string& path = lines_.path();
  for (const TableColumn& column : columns_) {
    if (column.kind != Kind::kWords && column.kind != Kind::kJson) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": column '", column.name,
                     "' holds a list and expects a .jsonl file, got a ",
                     extension_, " file"));
  }
  GRAFT_ASSIGN_OR_RETURN(const bool has_header, NextRecord());
  if (!has_header || lines_.line().empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expects a header line, got ",
                     has_header ? "an empty line" : "an empty file"));
  }
  if (lines_.line().find('\r') != absl::string_view::npos)
    return absl::InvalidArgumentError(absl::StrCat(
        lines_.Where(),
        ": expects lines that end in LF or CR LF, got a CR within "
        "the header; tr '\\r' '\\n' converts lines that end in CR"));
  GRAFT_RETURN_IF_ERROR(Split(lines_.line()));
  return FindColumns();
}

absl::StatusOr<std::vector<std::string>> FieldReader::Names() {
  std::vector<std::string> names;
  std::copy_if(header_.begin(), header_.end(), std::back_inserter(names),
               [](const std::string& name) { return !name.empty(); });
  return names;
}

absl::Status FieldReader::FindColumns() {
  for (const absl::string_view field : fields_) header_.emplace_back(field);
  std::vector<absl::string_view> names;
  std::copy_if(fields_.begin(), fields_.end(), std::back_inserter(names),
               [](absl::string_view field) { return !field.empty(); });
  for (const absl::string_view field : names) {
    if (std::count(names.begin(), names.end(), field) > 1)
      return absl::InvalidArgumentError(absl::StrCat(
          lines_.Where(), ": expects each column once, got a second '", field,
          "'"));
  }
  for (const TableColumn& column : columns_) {
    const auto it = std::find(fields_.begin(), fields_.end(), column.name);
    if (it == fields_.end())
      return absl::InvalidArgumentError(absl::StrCat(
          lines_.Where(), ": ", MissingColumn(column.name, names), Advice()));
    places_.push_back(static_cast<size_t>(it - fields_.begin()));
  }
  Look();
  return absl::OkStatus();
}

bool FieldReader::IsHeader() const {
  // A single field may well be a text that is called as the column.
  return header_.size() > 1 && std::equal(fields_.begin(), fields_.end(),
                                          header_.begin(), header_.end());
}

absl::Status FieldReader::SplitRow() {
  constexpr absl::string_view kHeader = "expects a row, got the header again";
  // A file that was put behind another one may begin with a byte order mark.
  // Before other rows it is a part of the text.
  absl::string_view line = lines_.line();
  if (absl::ConsumePrefix(&line, kByteOrderMark) && Split(line).ok() &&
      IsHeader())
    return BadRow(kHeader);
  GRAFT_RETURN_IF_ERROR(Split(lines_.line()));
  return IsHeader() ? BadRow(kHeader) : absl::OkStatus();
}

absl::Status FieldReader::Seek(uint64_t offset) {
  waiting_ = false;
  empty_lines_ = 0;
  return RowReader::Seek(offset);
}

absl::StatusOr<bool> FieldReader::ReadRow() {
  while (!waiting_) {
    GRAFT_ASSIGN_OR_RETURN(const bool more, NextRecord());
    if (!more) return false;  // empty lines before are its end
    waiting_ = !lines_.line().empty();
    if (!waiting_ && ++empty_lines_ == 1) empty_line_ = lines_.number();
  }
  if (empty_lines_ > 0) {
    --empty_lines_;
    bad_row_ = true;
    line_count_ = 1;
    return absl::InvalidArgumentError(
        absl::StrCat(lines_.path(), ":", empty_line_++,
                     ": expects a row, got an empty line"));
  }
  waiting_ = false;
  line_count_ = CountLines();
  GRAFT_RETURN_IF_ERROR(SplitRow());
  if (fields_.size() != header_.size())
    return BadRow(absl::StrCat("expects ", header_.size(),
                               " fields separated by ", separator_, ", got ",
                               fields_.size(), Advice()));
  for (size_t i = 0; i < columns_.size(); ++i)
    if (columns_[i].kind == Kind::kText)
      GRAFT_RETURN_IF_ERROR(CheckText(i, Text(i)));
  Look();
  return true;
}

}  // namespace graft

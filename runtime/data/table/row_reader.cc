// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/table/row_reader.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"
#include "runtime/base/number.h"
#include "runtime/base/status_macros.h"
#include "runtime/data/table/blank.h"
#include "runtime/formats/json.h"

namespace graft {

absl::Span<const std::string> RowReader::Words(size_t) const { return {}; }

const nlohmann::json& RowReader::Json(size_t) const {
  static const auto* const kNone = new nlohmann::json();
  return *kNone;
}

absl::StatusOr<bool> RowReader::Next() {
  bad_row_ = false;
  GRAFT_ASSIGN_OR_RETURN(const bool more, ReadRow());
  for (size_t i = 0; more && i < columns_.size(); ++i)
    if (IsNumber(i)) GRAFT_RETURN_IF_ERROR(ReadNumber(i));
  return more;
}

absl::StatusOr<bool> RowReader::NextLine(FindRecordEnd find_end) {
  absl::StatusOr<bool> more = lines_.Next(find_end);
  bad_row_ = lines_.bad_line();
  line_count_ = CountLines();
  return more;
}

absl::StatusOr<bool> RowReader::NextLine() {
  absl::StatusOr<bool> more = lines_.Next();
  bad_row_ = lines_.bad_line();
  line_count_ = CountLines();
  return more;
}

int64_t RowReader::CountLines() const {
  return lines_.line().size() > max_line_bytes_
             ? 1
             : lines_.last_number() - lines_.number() + 1;
}

absl::Status RowReader::BadRow(absl::string_view message) {
  bad_row_ = true;
  return absl::InvalidArgumentError(
      absl::StrCat(lines_.Where(), ": ", message));
}

absl::Status RowReader::ColumnError(size_t column, absl::string_view expected,
                                    absl::string_view got) {
  return BadRow(absl::StrCat("column '", columns_[column].name, "' expects ",
                             expected, ", got ", got));
}

absl::Status RowReader::CheckText(size_t column, absl::string_view text) {
  if (columns_[column].allow_empty || !IsBlank(text)) return absl::OkStatus();
  return ColumnError(column, "a text",
                     text.empty() ? "an empty one" : "a blank one");
}

absl::Status RowReader::ReadNumber(size_t column) {
  const absl::string_view text = Text(column);
  if (IsBlank(text))
    return ColumnError(column, ExpectedNumber(column), "an empty text");
  float& number = numbers_[column];
  const TableColumn::Kind kind = columns_[column].kind;
  const bool any = kind == TableColumn::Kind::kNumber;
  const bool probability = kind == TableColumn::Kind::kProbability;
  if (ParseDecimal(absl::StripAsciiWhitespace(text), number) &&
      (any || number >= 0) && (!probability || number <= 1)) {
    if (!any) number = std::abs(number);  // -0
    return absl::OkStatus();
  }
  return ColumnError(column, ExpectedNumber(column),
                     DescribeJson(nlohmann::json(std::string(text))));
}

namespace {

// The beginning of a name that is too long for a message.
std::string ShortName(absl::string_view name) {
  size_t end = 40;
  if (name.size() <= end) return std::string(name);
  // Not inside a UTF-8 sequence.
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80)
    --end;
  return absl::StrCat(name.substr(0, end), "...");
}

}  // namespace

std::string MissingColumn(absl::string_view name,
                          absl::Span<const absl::string_view> existing) {
  constexpr size_t kShown = 20;
  std::string message = absl::StrCat(
      "expects a column '", name, "', got ",
      existing.empty()
          ? "none"
          : absl::StrJoin(existing.subspan(0, kShown), ", ",
                          [](std::string* out, absl::string_view other) {
                            absl::StrAppend(out, ShortName(other));
                          }),
      existing.size() > kShown ? ", ..." : "");
  for (const absl::string_view other : existing)
    if (absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(other),
                               absl::StripAsciiWhitespace(name)))
      absl::StrAppend(&message, "; did you mean '", other, "'?");
  return message;
}

}  // namespace graft

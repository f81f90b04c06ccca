// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// RFC 4180: fields separated by a comma; a field may be in double quotes, and
// then have commas, line breaks and doubled quotes. As in most readers, a quote
// within a field that has none at its beginning is a part of it.

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/data/table/field_reader.h"
#include "runtime/data/table/table_format.h"

namespace graft {
namespace {

// Follows the quotes of a record to its end.
class RecordEnd {
 public:
  // Of quotes that are open for more than `most_quoted` bytes the end is never
  // found.
  explicit RecordEnd(size_t most_quoted) : most_quoted_(most_quoted) {}

  size_t Find(absl::string_view bytes, size_t searched) {
    if (searched == 0 && !bytes.empty()) state_ = State::kFieldStart;
    for (size_t i = searched; i < bytes.size(); ++i) {
      if (state_ == State::kFieldStart && bytes[i] == '"') opened_ = i;
      if (lost() || Step(bytes[i])) return i;
    }
    return absl::string_view::npos;
  }
  // Whether the bytes that were last searched end within quotes.
  bool quoted() const { return state_ == State::kQuoted; }
  // Where these began.
  size_t opened() const { return opened_; }
  // Whether quotes were open for too long, so that nothing may follow.
  bool lost() const { return quoted_bytes_ > most_quoted_; }

 private:
  enum class State { kFieldStart, kPlain, kQuoted, kQuote };

  // Whether `c` ends the record.
  bool Step(char c) {
    if (state_ == State::kQuoted) {
      ++quoted_bytes_;
      if (c == '"') state_ = State::kQuote;
      return false;
    }
    if (c == '\n') return true;
    if (state_ == State::kFieldStart) quoted_bytes_ = 0;
    const bool opens = state_ == State::kFieldStart || state_ == State::kQuote;
    state_ = c == '"' && opens ? State::kQuoted
             : c == ','        ? State::kFieldStart
                               : State::kPlain;
    return false;
  }

  const size_t most_quoted_;
  State state_ = State::kFieldStart;
  size_t opened_ = 0;
  size_t quoted_bytes_ = 0;  // of the field
};

class CsvReader final : public FieldReader {
 public:
  CsvReader(std::unique_ptr<SequentialFile> file,
            std::vector<TableColumn> columns, size_t max_line_bytes)
      : FieldReader(std::move(file), std::move(columns), max_line_bytes, ".csv",
                    "commas"),
        end_(max_line_bytes) {}

 protected:
  absl::StatusOr<bool> NextRecord() override {
    absl::StatusOr<bool> more =
        NextLine([this](absl::string_view bytes, size_t searched) {
          return end_.Find(bytes, searched);
        });
    // In the rest of a row that was too long, which was skipped.
    if (!long_row_.empty() &&
        (end_.lost() || (more.ok() && !*more && end_.quoted())))
      return NeverClosed(long_row_);
    long_row_.clear();
    if (!more.ok() && !bad_row_) return more;
    if (!more.ok() && lines_.line().size() > max_line_bytes_)
      return TooLong(more.status());
    // Bytes that are no text may end it, too.
    if ((!more.ok() || *more) && end_.quoted())
      return NeverClosed(absl::StrCat(
          lines_.path(), ":", lines_.number() + LinesBefore(end_.opened())));
    return more;
  }

  // Fields without doubled quotes are views of the line, others of text_.
  absl::Status Split(absl::string_view rest) override {
    fields_.clear();
    text_.clear();
    text_.reserve(rest.size());  // so that views stay valid
    while (true) {
      if (absl::StartsWith(rest, "\"")) {
        GRAFT_RETURN_IF_ERROR(TakeQuoted(rest));
      } else {
        fields_.push_back(rest.substr(0, rest.find(',')));
        rest.remove_prefix(fields_.back().size());
      }
      if (rest.empty()) return absl::OkStatus();
      rest.remove_prefix(1);
    }
  }

  std::string Advice() const override {
    if (fields_.size() != 1) return "";
    if (absl::StrContains(fields_[0], "\t"))
      return "; is it a .tsv, whose fields are separated by tabs? "
             "--format tsv reads it";
    if (absl::StrContains(fields_[0], ";"))
      return "; the fields of a .csv are separated by commas, not semicolons";
    return "";
  }

 private:
  bool EndsInQuotes(absl::string_view bytes) const {
    RecordEnd end(max_line_bytes_);
    end.Find(bytes, 0);
    return end.quoted();
  }

  // The error of a row that is too long. If a quote is open there, what comes
  // up to the next one may be good rows, which must not be skipped in silence.
  absl::Status TooLong(const absl::Status& error) {
    long_row_ = lines_.Where();
    // Whatever was read behind the longest line that is allowed.
    if (!EndsInQuotes(lines_.line().substr(0, max_line_bytes_))) return error;
    bad_row_ = false;
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(error.message()),
                     "; is a quote that begins a field never closed?"));
  }

  // Ends the reading, for the same reason.
  absl::Status NeverClosed(absl::string_view where) {
    bad_row_ = false;
    return absl::InvalidArgumentError(absl::StrCat(
        where,
        ": expects a quote at the end of the field that begins with one, got "
        "none in ",
        end_.lost() ? absl::StrCat(max_line_bytes_, " bytes")
                    : "the rest of the file"));
  }

  // Line ends in the first `bytes` of the record.
  int64_t LinesBefore(size_t bytes) const {
    const absl::string_view before = lines_.line().substr(0, bytes);
    return std::count(before.begin(), before.end(), '\n');
  }

  // Moves a field in quotes from the beginning of `rest` to fields_.
  absl::Status TakeQuoted(absl::string_view& rest) {
    const size_t begin = text_.size();
    rest.remove_prefix(1);
    while (true) {
      const size_t quote = rest.find('"');
      if (quote == absl::string_view::npos) return NeverClosed(lines_.Where());
      text_.append(rest.data(), quote);
      rest.remove_prefix(quote + 1);
      if (!absl::StartsWith(rest, "\"")) break;
      text_.push_back('"');
      rest.remove_prefix(1);
    }
    if (!rest.empty() && rest.front() != ',') {
      const int64_t lines = LinesBefore(lines_.line().size() - rest.size());
      return BadRow(absl::StrCat(
          "expects a comma or the end of the line behind a field in quotes, "
          "got more text",
          lines > 0 ? absl::StrCat(" in line ", lines_.number() + lines) : "",
          "; a quote within it is doubled"));
    }
    fields_.push_back(absl::string_view(text_).substr(begin));
    return absl::OkStatus();
  }

  RecordEnd end_;
  std::string long_row_;  // where the row before is, if it was too long
  std::string text_;
};

}  // namespace

const TableFormat kCsvFormat = {
    "csv", ".csv",
    [](std::unique_ptr<SequentialFile> file, std::vector<TableColumn> columns,
       size_t max_line_bytes) -> std::unique_ptr<RowReader> {
      return std::make_unique<CsvReader>(std::move(file), std::move(columns),
                                         max_line_bytes);
    }};

}  // namespace graft

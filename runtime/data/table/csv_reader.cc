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
  size_t Find(absl::string_view bytes, size_t searched) {
    if (searched == 0 && !bytes.empty()) state_ = State::kFieldStart;
    for (size_t i = searched; i < bytes.size(); ++i)
      if (Step(bytes[i])) return i;
    return absl::string_view::npos;
  }
  // Whether the bytes that were last searched end within quotes.
  bool quoted() const { return state_ == State::kQuoted; }

 private:
  enum class State { kFieldStart, kPlain, kQuoted, kQuote };

  // Whether `c` ends the record.
  bool Step(char c) {
    if (state_ == State::kQuoted) {
      if (c == '"') state_ = State::kQuote;
      return false;
    }
    if (c == '\n') return true;
    const bool opens = state_ == State::kFieldStart || state_ == State::kQuote;
    state_ = c == '"' && opens ? State::kQuoted
             : c == ','        ? State::kFieldStart
                               : State::kPlain;
    return false;
  }

  State state_ = State::kFieldStart;
};

class CsvReader final : public FieldReader {
 public:
  CsvReader(std::unique_ptr<SequentialFile> file,
            std::vector<TableColumn> columns, size_t max_line_bytes)
      : FieldReader(std::move(file), std::move(columns), max_line_bytes, ".csv",
                    "commas"),
        max_line_bytes_(max_line_bytes) {}

 protected:
  absl::StatusOr<bool> NextRecord() override {
    absl::StatusOr<bool> more =
        NextLine([this](absl::string_view bytes, size_t searched) {
          return end_.Find(bytes, searched);
        });
    if (more.ok() && *more) unclosed_.clear();
    // What was skipped to the end of the file may have been good rows.
    if (more.ok() && !*more && !unclosed_.empty() && end_.quoted())
      return absl::InvalidArgumentError(absl::StrCat(
          unclosed_,
          ": expects a quote at the end of the field that begins with one, got "
          "none in the rest of the file"));
    // Whatever was read behind the longest line that is allowed.
    if (absl::IsInvalidArgument(more.status()) &&
        lines_.line().size() > max_line_bytes_ &&
        EndsInQuotes(lines_.line().substr(0, max_line_bytes_))) {
      unclosed_ = lines_.Where();
      return absl::InvalidArgumentError(
          absl::StrCat(std::string(more.status().message()),
                       "; is a quote that begins a field never closed?"));
    }
    return more;
  }

  // Fields without doubled quotes are views of the line, others of text_.
  absl::Status Split() override {
    absl::string_view rest = lines_.line();
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
  static bool EndsInQuotes(absl::string_view bytes) {
    RecordEnd end;
    end.Find(bytes, 0);
    return end.quoted();
  }

  // Moves a field in quotes from the beginning of `rest` to fields_.
  absl::Status TakeQuoted(absl::string_view& rest) {
    const absl::string_view all = rest;
    const size_t begin = text_.size();
    rest.remove_prefix(1);
    while (true) {
      const size_t quote = rest.find('"');
      if (quote == absl::string_view::npos)
        return QuoteError(all,
                          "expects a quote at the end of the field that "
                          "begins with one, got none");
      text_.append(rest.data(), quote);
      rest.remove_prefix(quote + 1);
      if (!absl::StartsWith(rest, "\"")) break;
      text_.push_back('"');
      rest.remove_prefix(1);
    }
    if (!rest.empty() && rest.front() != ',')
      return QuoteError(rest,
                        "expects a comma or the end of the line behind a "
                        "field in quotes, got more text; a quote within it is "
                        "doubled");
    fields_.push_back(absl::string_view(text_).substr(begin));
    return absl::OkStatus();
  }

  // An error at the beginning of `at`, a part of the record.
  absl::Status QuoteError(absl::string_view at, absl::string_view message) {
    const absl::string_view before = lines_.line().substr(
        0, static_cast<size_t>(at.data() - lines_.line().data()));
    const auto lines = std::count(before.begin(), before.end(), '\n');
    bad_row_ = true;
    return absl::InvalidArgumentError(absl::StrCat(
        lines_.path(), ":", lines_.number() + lines, ": ", message));
  }

  const size_t max_line_bytes_;
  RecordEnd end_;
  std::string unclosed_;  // where a record too long ended in quotes, or ""
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

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Fields separated by one tab, without quoting.

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/data/table/field_reader.h"
#include "runtime/data/table/table_format.h"

namespace graft {
namespace {

constexpr absl::string_view kNoQuoting =
    "a .tsv has no quoting, and quotes are part of its texts; a .csv has";
// Rows whose text a person may have quoted.
constexpr int kMostQuoted = 10;

bool IsQuoted(absl::string_view field) {
  return field.size() >= 2 && field.front() == '"' && field.back() == '"';
}

// Whether quotes within the quotes are doubled, of which there is one.
bool HasDoubledQuotes(absl::string_view field) {
  size_t quotes = 0, run = 0;
  bool doubled = true;
  for (const char c : field.substr(1, field.size() - 2)) {
    if (c == '"') {
      ++quotes;
      ++run;
      continue;
    }
    doubled &= run % 2 == 0;
    run = 0;
  }
  return quotes > 0 && doubled && run % 2 == 0;
}

class TsvReader final : public FieldReader {
 public:
  TsvReader(std::unique_ptr<SequentialFile> file,
            std::vector<TableColumn> columns, size_t max_line_bytes)
      : FieldReader(std::move(file), std::move(columns), max_line_bytes, ".tsv",
                    "tabs") {}

 protected:
  absl::StatusOr<bool> NextRecord() override { return NextLine(); }

  absl::Status Split(absl::string_view line) override {
    fields_.clear();
    while (true) {
      const size_t tab = line.find('\t');
      fields_.push_back(line.substr(0, tab));
      if (tab == absl::string_view::npos) return absl::OkStatus();
      line.remove_prefix(tab + 1);
    }
  }

  std::string Advice() const override {
    for (const absl::string_view field : fields_)
      if (absl::StartsWith(field, "\"")) return absl::StrCat("; ", kNoQuoting);
    if (fields_.size() == 1 && absl::StrContains(fields_[0], ","))
      return "; is it a .csv, whose fields are separated by commas? "
             "--format csv reads it";
    return "";
  }

  void Look() override {
    if (!hint_.empty()) return;
    const bool header = !header_seen_;
    header_seen_ = true;
    for (const absl::string_view field : fields_) {
      if (!IsQuoted(field)) continue;
      if (header || HasDoubledQuotes(field) || ++quoted_ == kMostQuoted) {
        hint_ = absl::StrCat(lines_.Where(), ": has a field in quotes; ",
                             kNoQuoting);
        return;
      }
    }
  }

 private:
  bool header_seen_ = false;
  int quoted_ = 0;  // fields so far
};

}  // namespace

const TableFormat kTsvFormat = {
    "tsv", ".tsv",
    [](std::unique_ptr<SequentialFile> file, std::vector<TableColumn> columns,
       size_t max_line_bytes) -> std::unique_ptr<RowReader> {
      return std::make_unique<TsvReader>(std::move(file), std::move(columns),
                                         max_line_bytes);
    }};

}  // namespace graft

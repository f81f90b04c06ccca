// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/table_reader.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status_macros.h"
#include "runtime/formats/json.h"

namespace graft {
namespace {

using nlohmann::json;
using Kind = TableColumn::Kind;

constexpr absl::string_view kExpectedWeight = "a finite number of at least 0";

// Splits at each tab, into views of `line`.
void SplitTabs(absl::string_view line, std::vector<absl::string_view>& fields) {
  fields.clear();
  while (true) {
    const size_t tab = line.find('\t');
    fields.push_back(line.substr(0, tab));
    if (tab == absl::string_view::npos) return;
    line.remove_prefix(tab + 1);
  }
}

bool IsBlank(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), absl::ascii_isspace);
}

class TsvReader final : public TableReader {
 public:
  TsvReader(std::unique_ptr<SequentialFile> file,
            std::vector<TableColumn> columns, size_t max_line_bytes)
      : TableReader(std::move(file), std::move(columns), max_line_bytes) {}

  absl::Status ReadHeader() {
    for (const TableColumn& column : columns_) {
      if (column.kind == Kind::kText || column.kind == Kind::kWeight) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          lines_.path(), ": column '", column.name,
          "' holds a list and expects a .jsonl file, got a .tsv file"));
    }
    GRAFT_ASSIGN_OR_RETURN(const bool has_header, lines_.Next());
    if (!has_header || lines_.line().empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(lines_.path(), ": expects a header line, got ",
                       has_header ? "an empty line" : "an empty file"));
    }
    SplitTabs(lines_.line(), fields_);
    field_count_ = fields_.size();
    for (size_t i = 0; i < fields_.size(); ++i) {
      if (std::count(fields_.begin(), fields_.end(), fields_[i]) > 1) {
        return absl::InvalidArgumentError(
            absl::StrCat(Where(), ": expects each column once, got a second '",
                         fields_[i], "'"));
      }
    }
    for (const TableColumn& column : columns_) {
      const auto it = std::find(fields_.begin(), fields_.end(), column.name);
      if (it == fields_.end()) {
        return absl::InvalidArgumentError(
            absl::StrCat(Where(), ": expects a column '", column.name,
                         "', got ", absl::StrJoin(fields_, ", ")));
      }
      places_.push_back(static_cast<size_t>(it - fields_.begin()));
    }
    return absl::OkStatus();
  }

  absl::string_view Text(size_t column) const override {
    return fields_[places_[column]];
  }
  absl::Span<const std::string> Words(size_t) const override { return {}; }
  const json& Json(size_t) const override {
    static const json kNone;
    return kNone;
  }

 protected:
  absl::StatusOr<bool> ReadRow() override {
    // Empty lines may only end the file.
    std::string empty_line;
    do {
      if (lines_.number() > 1 && lines_.line().empty() && empty_line.empty()) {
        empty_line = Where();
      }
      GRAFT_ASSIGN_OR_RETURN(const bool more, lines_.Next());
      if (!more) return false;
    } while (lines_.line().empty());
    if (!empty_line.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(empty_line, ": expects a row, got an empty line"));
    }
    SplitTabs(lines_.line(), fields_);
    if (fields_.size() != field_count_) {
      return absl::InvalidArgumentError(
          absl::StrCat(Where(), ": expects ", field_count_,
                       " fields separated by tabs, got ", fields_.size()));
    }
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].kind == Kind::kText && !columns_[i].allow_empty &&
          IsBlank(Text(i))) {
        return ColumnError(i, "a text", "an empty one");
      }
    }
    return true;
  }

 private:
  size_t field_count_ = 0;
  std::vector<size_t> places_;  // of each column among the fields
  std::vector<absl::string_view> fields_;
};

class JsonlReader final : public TableReader {
 public:
  JsonlReader(std::unique_ptr<SequentialFile> file,
              std::vector<TableColumn> columns, size_t max_line_bytes)
      : TableReader(std::move(file), std::move(columns), max_line_bytes),
        cells_(columns_.size()) {}

  absl::string_view Text(size_t column) const override {
    return cells_[column].text;
  }
  absl::Span<const std::string> Words(size_t column) const override {
    return cells_[column].words;
  }
  const json& Json(size_t column) const override {
    return cells_[column].value;
  }

 protected:
  absl::StatusOr<bool> ReadRow() override {
    do {
      GRAFT_ASSIGN_OR_RETURN(const bool more, lines_.Next());
      if (!more) return false;
    } while (IsBlank(lines_.line()));
    GRAFT_ASSIGN_OR_RETURN(json row, ParseJson(lines_.line(), Where()));
    if (!row.is_object()) {
      return absl::InvalidArgumentError(absl::StrCat(
          Where(), ": expects an object, got ", DescribeJson(row)));
    }
    for (size_t i = 0; i < columns_.size(); ++i) {
      const auto it = row.find(columns_[i].name);
      if (it == row.end()) {
        std::vector<std::string> keys;
        for (const auto& [key, unused] : row.items()) keys.push_back(key);
        return absl::InvalidArgumentError(absl::StrCat(
            Where(), ": expects a column '", columns_[i].name, "', got ",
            keys.empty() ? "none" : absl::StrJoin(keys, ", ")));
      }
      GRAFT_RETURN_IF_ERROR(FillCell(i, std::move(*it)));
    }
    return true;
  }

 private:
  struct Cell {
    std::string text;
    std::vector<std::string> words;
    json value;
  };

  absl::Status FillCell(size_t column, json value) {
    const TableColumn& spec = columns_[column];
    Cell& cell = cells_[column];
    switch (spec.kind) {
      case Kind::kJson:
        cell.value = std::move(value);
        return absl::OkStatus();
      case Kind::kWeight:
        if (value.is_string()) {
          cell.text = value.get_ref<const std::string&>();
        } else if (value.is_number()) {
          cell.text = value.dump();
        } else {
          return ColumnError(column, kExpectedWeight, DescribeJson(value));
        }
        return absl::OkStatus();
      case Kind::kText:
        if (value.is_string()) {
          cell.text = value.get_ref<const std::string&>();
        } else if (value.is_number() || value.is_boolean()) {
          cell.text = value.dump();
        } else {
          return ColumnError(column, "a text", DescribeJson(value));
        }
        if (cell.text.find('\0') != std::string::npos) {
          return ColumnError(column, "a text", "one with a NUL");
        }
        if (!spec.allow_empty && IsBlank(cell.text)) {
          return ColumnError(column, "a text", "an empty one");
        }
        return absl::OkStatus();
      case Kind::kWords:
        break;
    }
    if (!value.is_array() || (value.empty() && !spec.allow_empty)) {
      return ColumnError(column, "a list of words", DescribeJson(value));
    }
    cell.words.resize(value.size());
    for (size_t i = 0; i < value.size(); ++i) {
      if (!value[i].is_string()) {
        return ColumnError(column, "a list of words", DescribeJson(value[i]));
      }
      cell.words[i] = value[i].get_ref<const std::string&>();
      if (cell.words[i].find('\0') != std::string::npos) {
        return ColumnError(column, "words", "one with a NUL");
      }
    }
    return absl::OkStatus();
  }

  std::vector<Cell> cells_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<TableReader>> TableReader::Open(
    FileSystem& files, const std::string& path,
    std::vector<TableColumn> columns, size_t max_line_bytes) {
  const bool tsv = absl::EndsWithIgnoreCase(path, ".tsv");
  if (!tsv && !absl::EndsWithIgnoreCase(path, ".jsonl")) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": expects a table whose name ends in .tsv or .jsonl"));
  }
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<SequentialFile> file,
                         files.OpenSequential(path));
  if (!tsv) {
    return std::make_unique<JsonlReader>(std::move(file), std::move(columns),
                                         max_line_bytes);
  }
  auto reader = std::make_unique<TsvReader>(std::move(file), std::move(columns),
                                            max_line_bytes);
  GRAFT_RETURN_IF_ERROR(reader->ReadHeader());
  return reader;
}

absl::StatusOr<int64_t> TableReader::LineAt(uint64_t offset) {
  GRAFT_ASSIGN_OR_RETURN(const int64_t before, lines_.CountLines(offset));
  return before + 1;
}

absl::StatusOr<bool> TableReader::Next() {
  GRAFT_ASSIGN_OR_RETURN(const bool more, ReadRow());
  if (!more && !any_row_) {
    return absl::InvalidArgumentError(
        absl::StrCat(lines_.path(), ": expects at least one row, got none"));
  }
  any_row_ = true;
  for (size_t i = 0; more && i < columns_.size(); ++i)
    if (columns_[i].kind == Kind::kWeight) GRAFT_RETURN_IF_ERROR(ReadWeight(i));
  return more;
}

absl::Status TableReader::ReadWeight(size_t column) {
  const absl::string_view text = Text(column);
  if (IsBlank(text))
    return ColumnError(column, kExpectedWeight, "an empty text");
  // SimpleAtof gives an infinity for what is too large.
  float& weight = weights_[column];
  if (absl::SimpleAtof(text, &weight) && std::isfinite(weight) && weight >= 0) {
    weight = std::abs(weight);  // -0
    return absl::OkStatus();
  }
  return ColumnError(column, kExpectedWeight,
                     DescribeJson(json(std::string(text))));
}

absl::Status TableReader::ColumnError(size_t column, absl::string_view expected,
                                      absl::string_view got) const {
  return absl::InvalidArgumentError(
      absl::StrCat(Where(), ": column '", columns_[column].name, "' expects ",
                   expected, ", got ", got));
}

}  // namespace graft

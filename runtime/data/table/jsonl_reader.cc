// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// One JSON object per line.

#include <memory>
#include <set>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status_macros.h"
#include "runtime/data/table/blank.h"
#include "runtime/data/table/row_reader.h"
#include "runtime/data/table/table_format.h"
#include "runtime/formats/json.h"

namespace graft {
namespace {

using nlohmann::json;
using Kind = TableColumn::Kind;

// The value of a key of a row.
struct JsonCell {
  bool found = false;
  json value;
  std::string number;  // as it is written
};

// Takes the values of some keys of an object, and numbers among them as they
// are written. Refuses what ParseJson refuses.
class RowParser final : public nlohmann::json_sax<json> {
 public:
  explicit RowParser(const std::vector<TableColumn>& columns)
      : columns_(columns),
        reads_inner_(columns.empty() ||
                     absl::c_any_of(columns,
                                    [](const TableColumn& column) {
                                      return absl::StrContains(column.name,
                                                               '.');
                                    })),
        cells_(columns.size()) {
    for (const TableColumn& column : columns)
      first_.push_back(absl::c_find_if(columns,
                                       [&](const TableColumn& other) {
                                         return other.name == column.name;
                                       }) -
                       columns.begin());
  }

  // INVALID_ARGUMENT says what is expected, without a place.
  absl::Status Parse(absl::string_view line) {
    for (JsonCell& cell : cells_) cell.found = false;
    line_ = line;
    error_.clear();
    keys_.clear();
    parents_.clear();
    root_ = nullptr;
    inner_names_.clear();
    if (!json::sax_parse(line.begin(), line.end(), this) && error_.empty())
      error_ = "expects JSON";
    if (!error_.empty()) return absl::InvalidArgumentError(error_);
    // A key that several columns ask for is found for the first of them.
    for (size_t i = 0; i < cells_.size(); ++i)
      if (first_[i] != i) cells_[i] = cells_[first_[i]];
    if (root_.is_object()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("expects an object, got ", DescribeJson(root_)));
  }

  std::vector<JsonCell>& cells() { return cells_; }
  // The keys of the object, after Parse.
  std::vector<absl::string_view> names() const {
    return {names_.begin(), names_.end()};
  }
  // Those of objects in it, as OUTER.INNER.
  const std::set<std::string>& inner_names() const { return inner_names_; }

  bool null() override { return Add(nullptr, ""); }
  bool boolean(bool value) override { return Add(value, ""); }
  // Numbers that are not negative are unsigned, except -0.
  bool number_integer(number_integer_t value) override {
    return Add(value, value == 0 ? "-0" : absl::StrCat(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    return Add(value, absl::StrCat(value));
  }
  bool number_float(number_float_t value, const string_t& text) override {
    return Add(value, text);
  }
  bool string(string_t& value) override { return Add(std::move(value), ""); }
  bool binary(binary_t&) override { return false; }  // not in JSON

  bool start_object(std::size_t) override {
    if (!Open(json::object())) return false;
    keys_.emplace_back();
    return true;
  }
  bool end_object() override {
    if (parents_.size() == 1) names_ = std::move(keys_.back());
    keys_.pop_back();
    parents_.pop_back();
    return true;
  }
  bool start_array(std::size_t) override { return Open(json::array()); }
  bool end_array() override {
    parents_.pop_back();
    return true;
  }
  bool key(string_t& key) override {
    if (!keys_.back().insert(key).second) {
      error_ = absl::StrCat("expects each key once, got a second ",
                            DescribeJson(json(key)));
      return false;
    }
    key_ = std::move(key);
    // Of the object, or of one that it has under a key.
    if (reads_inner_ && keys_.size() == 1 && parents_.size() == 1)
      outer_ = key_;
    if (IsInner()) inner_names_.insert(absl::StrCat(outer_, ".", key_));
    return true;
  }
  bool parse_error(std::size_t bytes, const std::string&,
                   const nlohmann::detail::exception& error) override {
    error_ = DescribeJsonError(line_, bytes, error.what(), JsonText::kLine);
    return false;
  }

 private:
  bool Open(json container) {
    if (static_cast<int>(parents_.size()) >= kMaxJsonDepth) {
      error_ = absl::StrCat("expects at most ", kMaxJsonDepth,
                            " nested values, got more");
      return false;
    }
    parents_.push_back(Place(std::move(container), ""));
    return true;
  }
  bool Add(json value, absl::string_view number) {
    Place(std::move(value), number);
    return true;
  }

  // Whether the last key is one of an object that is a value of the object, and
  // somebody asks for such keys.
  bool IsInner() const {
    return reads_inner_ && keys_.size() == 2 && parents_.size() == 2 &&
           root_.is_object();
  }

  // Puts a value into the one that is open, if that is needed; null if not.
  json* Place(json value, absl::string_view number) {
    if (parents_.empty()) return &(root_ = std::move(value));
    json* const parent = parents_.back();
    if (parents_.size() == 1 && root_.is_object())
      return PlaceInCells(key_, std::move(value), number);
    if (IsInner())
      if (JsonCell* cell = FindCell(absl::StrCat(outer_, ".", key_));
          cell && !cell->found) {
        if (parent == nullptr) return FillCell(*cell, std::move(value), number);
        FillCell(*cell, value, number);
      }
    if (parent == nullptr) return nullptr;
    if (!parent->is_array()) return &((*parent)[key_] = std::move(value));
    parent->push_back(std::move(value));
    return &parent->back();
  }

  JsonCell* FindCell(absl::string_view name) {
    for (size_t i = 0; i < columns_.size(); ++i)
      if (columns_[i].name == name) return &cells_[i];
    return nullptr;
  }

  static json* FillCell(JsonCell& cell, json value, absl::string_view number) {
    cell.found = true;
    cell.number.assign(number.data(), number.size());
    return &(cell.value = std::move(value));
  }

  json* PlaceInCells(absl::string_view name, json value,
                     absl::string_view number) {
    JsonCell* const cell = FindCell(name);
    return cell ? FillCell(*cell, std::move(value), number) : nullptr;
  }

  const std::vector<TableColumn>& columns_;
  const bool reads_inner_;  // keys of objects in the object
  std::vector<JsonCell> cells_;
  std::vector<size_t> first_;  // the first column of the same name, by column
  absl::string_view line_;     // during Parse
  std::string error_;
  json root_;
  // The open containers, null for those that no column needs, and the keys of
  // the objects among them.
  std::vector<json*> parents_;
  std::vector<std::set<std::string>> keys_;
  std::set<std::string> names_, inner_names_;
  std::string key_, outer_;
};

class JsonlReader final : public RowReader {
 public:
  JsonlReader(std::unique_ptr<SequentialFile> file,
              std::vector<TableColumn> columns, size_t max_line_bytes)
      : RowReader(std::move(file), std::move(columns), max_line_bytes),
        parser_(columns_),
        cells_(columns_.size()) {}

  absl::Status Start() override { return absl::OkStatus(); }
  absl::StatusOr<std::vector<std::string>> Names() override {
    std::vector<std::string> names;
    GRAFT_ASSIGN_OR_RETURN(const bool more, ReadRow());
    if (!more) return names;
    for (const absl::string_view name : parser_.names())
      names.emplace_back(name);
    names.insert(names.end(), parser_.inner_names().begin(),
                 parser_.inner_names().end());
    return names;
  }
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
      GRAFT_ASSIGN_OR_RETURN(const bool more, NextLine());
      if (!more) return false;
    } while (IsBlank(lines_.line()));
    const absl::Status status = parser_.Parse(lines_.line());
    if (!status.ok())
      return BadRow(absl::StrCat(std::string(status.message()), Advice()));
    for (size_t i = 0; i < columns_.size(); ++i) {
      JsonCell& cell = parser_.cells()[i];
      if (!cell.found)
        return BadRow(MissingColumn(columns_[i].name, NamesLike(i)));
      GRAFT_RETURN_IF_ERROR(FillCell(i, cell));
    }
    return true;
  }

 private:
  struct Cell {
    std::string text;
    std::vector<std::string> words;
    json value;
  };

  // The keys that the name of a column may be, if it is none.
  std::vector<absl::string_view> NamesLike(size_t column) const {
    std::vector<absl::string_view> names = parser_.names();
    if (absl::StrContains(columns_[column].name, "."))
      names.insert(names.end(), parser_.inner_names().begin(),
                   parser_.inner_names().end());
    return names;
  }

  // About a line that is no object.
  std::string Advice() const {
    const absl::string_view line = lines_.line();
    if (line.find('\r') != absl::string_view::npos)
      return "; tr '\\r' '\\n' converts lines that end in CR";
    if (line == "{" || absl::StartsWith(line, "["))
      return "; a .jsonl has one object per line, and no list around them";
    return "";
  }

  absl::Status FillCell(size_t column, JsonCell& source) {
    Cell& cell = cells_[column];
    const json& value = source.value;
    switch (columns_[column].kind) {
      case Kind::kJson:
        cell.value = std::move(source.value);
        return absl::OkStatus();
      case Kind::kNumber:
      case Kind::kWeight:
      case Kind::kProbability:
        if (value.is_boolean() || !TakeText(source, cell.text))
          return ColumnError(column, ExpectedNumber(column),
                             DescribeJson(value));
        return absl::OkStatus();
      case Kind::kText:
        if (columns_[column].lists && value.is_array()) {
          GRAFT_RETURN_IF_ERROR(JoinList(column, value));
        } else if (!TakeText(source, cell.text))
          return ColumnError(column, "a text", DescribeJson(value));
        if (cell.text.find('\0') != std::string::npos)
          return ColumnError(column, "a text", "one with a NUL");
        return CheckText(column, cell.text);
      case Kind::kWords:
        break;
    }
    return FillWords(column, value);
  }

  // A string, a number as it is written, or a boolean; false for others.
  static bool TakeText(JsonCell& source, std::string& text) {
    if (source.value.is_string())
      text = std::move(source.value.get_ref<std::string&>());
    else if (source.value.is_number())
      text = source.number;
    else if (source.value.is_boolean())
      text = source.value.get<bool>() ? "true" : "false";
    else
      return false;
    return true;
  }

  // The strings of a list as a text, with commas between them.
  absl::Status JoinList(size_t column, const json& value) {
    std::string& text = cells_[column].text;
    text.clear();
    for (const json& item : value) {
      const std::string* word = item.get_ptr<const std::string*>();
      if (!word || IsBlank(*word) || absl::StrContains(*word, ","))
        return ColumnError(
            column, "a list of texts that are not blank and have no commas",
            DescribeJson(item));
      absl::StrAppend(&text, text.empty() ? "" : ",", *word);
    }
    return absl::OkStatus();
  }

  absl::Status FillWords(size_t column, const json& value) {
    std::vector<std::string>& words = cells_[column].words;
    if (!value.is_array() || (value.empty() && !columns_[column].allow_empty))
      return ColumnError(column, "a list of words", DescribeJson(value));
    words.resize(value.size());
    for (size_t i = 0; i < value.size(); ++i) {
      if (!value[i].is_string())
        return ColumnError(column, "a list of words", DescribeJson(value[i]));
      words[i] = value[i].get_ref<const std::string&>();
      if (words[i].find('\0') != std::string::npos)
        return ColumnError(column, "words", "one with a NUL");
    }
    return absl::OkStatus();
  }

  RowParser parser_;
  std::vector<Cell> cells_;
};

}  // namespace

const TableFormat kJsonlFormat = {
    "jsonl", ".jsonl",
    [](std::unique_ptr<SequentialFile> file, std::vector<TableColumn> columns,
       size_t max_line_bytes) -> std::unique_ptr<RowReader> {
      return std::make_unique<JsonlReader>(std::move(file), std::move(columns),
                                           max_line_bytes);
    }};

}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/example_table.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"
#include "runtime/artifact/checksum.h"
#include "runtime/base/hash.h"
#include "runtime/base/message.h"
#include "runtime/base/status_macros.h"
#include "runtime/data/label_sets.h"
#include "runtime/data/table/blank.h"
#include "runtime/data/table/table_paths.h"

namespace graft {
namespace {

constexpr int kHashBits = 24;
constexpr uint64_t kHashMask = (uint64_t{1} << kHashBits) - 1;
constexpr int64_t kRowsBetweenProgress = 1024;

uint64_t Fold(uint64_t hash) {
  return (hash ^ (hash >> kHashBits) ^ (hash >> (2 * kHashBits))) & kHashMask;
}

// Lines hash as they stand in the file, each with an end.
uint64_t HashLine(absl::string_view line, uint64_t state) {
  return Fnv1a64("\n", Fnv1a64(line, state));
}

template <typename T>
absl::Span<const uint8_t> Bytes(absl::Span<const T> values) {
  return absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(values.data()),
                             values.size() * sizeof(T));
}

template <typename T>
absl::Span<const uint8_t> Bytes(const T& value) {
  return Bytes(absl::MakeConstSpan(&value, 1));
}

}  // namespace

Schema TableSchema(const ExampleOptions& options) {
  std::vector<ColumnSpec> columns;
  using Labels = ExampleOptions::Labels;
  if (options.labels != Labels::kNone) {
    if (options.labels == Labels::kSets)
      columns.push_back({std::string(kMultiHotColumn), DType::kF32,
                         ColumnSpec::Per::kExample, options.set_labels});
    else
      columns.push_back(
          {std::string(kLabelsColumn),
           options.labels == Labels::kClasses ? DType::kI32 : DType::kF32});
    if (!options.table.weight_column.empty())
      columns.push_back({std::string(kWeightsColumn), DType::kF32});
  }
  const auto add_row = [&](absl::string_view name, int64_t width) {
    if (width > 0)
      columns.push_back(
          {std::string(name), DType::kF32, ColumnSpec::Per::kExample, width});
  };
  add_row(kFeaturesColumn,
          static_cast<int64_t>(options.table.feature_columns.size()));
  add_row(kSoftColumn, options.soft_labels);
  if (!options.heads.names.empty())
    columns.push_back(
        {std::string(kHeadsColumn), DType::kI32, ColumnSpec::Per::kToken});
  return options.texts ? TextSchema(std::move(columns))
                       : Schema(std::move(columns));
}

absl::Status CheckColumnNames(const TableOptions& names, bool labelled,
                              bool texts) {
  std::vector<std::pair<absl::string_view, absl::string_view>> columns;
  if (texts) {
    columns.emplace_back("--text-column", names.text_column);
    columns.emplace_back("--pair-column", names.pair_column);
  }
  for (const std::string& feature : names.feature_columns)
    columns.emplace_back("--features", feature);
  if (labelled) {
    columns.emplace_back("--label-column", names.label_column);
    columns.emplace_back("--weight-column", names.weight_column);
  }
  columns.emplace_back("--task-column", names.task_column);
  for (size_t i = 1; i < columns.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (!columns[i].second.empty() && columns[i].second == columns[j].second)
        return absl::InvalidArgumentError(
            columns[i].first == columns[j].first
                ? absl::StrCat(columns[i].first,
                               ": expects each column once, got '",
                               columns[i].second, "' twice")
                : absl::StrCat(columns[i].first,
                               ": expects another column than ",
                               columns[j].first, ", got '", columns[i].second,
                               "' for both"));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<ExampleTable>> ExampleTable::Open(
    FileSystem& files, const std::vector<std::string>& paths,
    const Tokenizer* tokenizer, const LabelMap* labels,
    ExampleOptions options) {
  const TableOptions& names = options.table;
  GRAFT_RETURN_IF_ERROR(CheckColumnNames(
      names, options.labels != ExampleOptions::Labels::kNone, options.texts));
  std::unique_ptr<ExampleTable> table(
      new ExampleTable(tokenizer, labels, options));
  table->files_ = DescribePaths(paths);
  GRAFT_ASSIGN_OR_RETURN(
      table->reader_,
      TableReader::Open(files, paths, table->FindColumns(),
                        {.format = names.format, .reread = options.reread}));
  return table;
}

std::vector<TableColumn> ExampleTable::FindColumns() {
  using Kind = TableColumn::Kind;
  const TableOptions& names = options_.table;
  std::vector<TableColumn> columns;
  const auto next = [&](absl::string_view values) -> std::optional<Place> {
    const std::optional<size_t> example = schema_.Find(values);
    if (!example) return std::nullopt;
    return Place{columns.size(), *example};
  };
  if (options_.texts) {
    columns.push_back({names.text_column});
    if (!names.pair_column.empty()) {
      pair_column_ = columns.size();
      columns.push_back({names.pair_column});
    }
  }
  if ((label_ = next(kLabelsColumn)))
    columns.push_back({names.label_column, Kind::kText,
                       /*allow_empty=*/names.partly_labelled});
  if ((set_ = next(kMultiHotColumn)))
    columns.push_back({names.label_column, Kind::kText, /*allow_empty=*/true,
                       /*lists=*/true});
  if ((weight_ = next(kWeightsColumn)))
    columns.push_back({names.weight_column, Kind::kWeight});
  if ((features_ = next(kFeaturesColumn)))
    for (const std::string& name : names.feature_columns)
      columns.push_back({name, Kind::kNumber});
  if ((soft_ = next(kSoftColumn))) {
    soft_names_ = labels_->labels();
    for (const std::string& label : soft_names_)
      columns.push_back(
          {absl::StrCat(names.soft_column, ".", label),
           options_.probabilities ? Kind::kProbability : Kind::kNumber});
  }
  if (const HeadOptions& heads = options_.heads; !heads.names.empty()) {
    heads_ = next(kHeadsColumn);
    if (!heads.column.empty()) columns.push_back({heads.column});
  }
  if (!names.task_column.empty()) {
    task_ = columns.size();
    columns.push_back({names.task_column});
  }
  kept_ = columns.size();
  for (const std::string& name : options_.keep_columns)
    columns.push_back(
        {name, Kind::kText, /*allow_empty=*/true, /*lists=*/true});
  return columns;
}

absl::StatusOr<int32_t> ExampleTable::Class(LabelMap* new_labels) {
  const absl::string_view label = reader_->Text(label_->reader);
  if (IsBlank(label)) return kNoLabel;
  if (new_labels) {
    if (const std::optional<int32_t> id = new_labels->Find(label)) return *id;
    return new_labels->Add(label, reader_->Where());
  }
  if (const std::optional<int32_t> id = labels_->Find(label)) return *id;
  return labels_->Id(label, reader_->Where());
}

absl::Status ExampleTable::AddText(int64_t row, Examples& examples) {
  std::optional<absl::string_view> pair;
  if (pair_column_ > 0) pair = reader_->Text(pair_column_);
  GRAFT_RETURN_IF_ERROR(EncodeText(
      *tokenizer_, reader_->Text(0), pair, options_.max_length,
      options_.table.strict, [&] { return reader_->Where(); }, encoding_));
  examples.Add(encoding_.ids, encoding_.type_ids, row,
               options_.keep_texts ? reader_->Text(0) : "");
  if (options_.keep_texts && pair) examples.SetPair(*pair);
  return absl::OkStatus();
}

absl::Status ExampleTable::Add(int64_t row, LabelMap* new_labels,
                               Examples& examples) {
  if (options_.texts)
    GRAFT_RETURN_IF_ERROR(AddText(row, examples));
  else
    examples.Add(/*length=*/0, row);
  if (options_.keep_where) examples.SetWhere(reader_->Where());
  if (!options_.keep_columns.empty()) examples.SetKept(Kept());
  SetNumbers(examples);
  if (heads_) GRAFT_RETURN_IF_ERROR(SetHead(examples));
  if (label_) GRAFT_RETURN_IF_ERROR(SetLabel(new_labels, examples));
  if (set_) GRAFT_RETURN_IF_ERROR(SetLabels(examples));
  if (options_.texts) truncated_ += encoding_.truncated();
  return absl::OkStatus();
}

std::string ExampleTable::Kept() const {
  nlohmann::json kept = nlohmann::json::object();
  for (size_t i = 0; i < options_.keep_columns.size(); ++i)
    kept[options_.keep_columns[i]] = std::string(reader_->Text(kept_ + i));
  return kept.dump();
}

void ExampleTable::SetNumbers(Examples& examples) const {
  const int64_t last = examples.size() - 1;
  if (weight_)
    examples.mutable_floats(weight_->example, last)[0] =
        reader_->Number(weight_->reader);
  if (features_) {
    const absl::Span<float> values =
        examples.mutable_floats(features_->example, last);
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = reader_->Number(features_->reader + i);
  }
  if (!soft_) return;
  // In the order of the classes, which may have changed since the table was
  // opened: that of a head.
  const absl::Span<float> values =
      examples.mutable_floats(soft_->example, last);
  for (size_t i = 0; i < values.size(); ++i)
    values[*labels_->Find(soft_names_[i])] = reader_->Number(soft_->reader + i);
}

absl::Status ExampleTable::SetHead(Examples& examples) const {
  const HeadOptions& heads = options_.heads;
  int32_t head = heads.all;
  if (!heads.column.empty()) {
    const absl::string_view name = reader_->Text(heads_->reader);
    const auto found = std::find(heads.names.begin(), heads.names.end(), name);
    if (found == heads.names.end())
      return absl::InvalidArgumentError(
          absl::StrCat(reader_->Where(), ": column '", heads.column,
                       "' expects a head of ", absl::StrJoin(heads.names, ", "),
                       ", got ", name.empty() ? "none" : Shorten(name)));
    head = static_cast<int32_t>(found - heads.names.begin());
  }
  for (int32_t& of_token :
       examples.mutable_ints(heads_->example, examples.size() - 1))
    of_token = head;
  return absl::OkStatus();
}

absl::Status ExampleTable::SetLabel(LabelMap* new_labels, Examples& examples) {
  const int64_t last = examples.size() - 1;
  if (options_.labels == ExampleOptions::Labels::kClasses) {
    GRAFT_ASSIGN_OR_RETURN(examples.mutable_ints(label_->example, last)[0],
                           Class(new_labels));
  } else {
    GRAFT_ASSIGN_OR_RETURN(
        examples.mutable_floats(label_->example, last)[0],
        ParseScore(reader_->Text(label_->reader), options_.table.label_column,
                   reader_->Where()));
  }
  return absl::OkStatus();
}

absl::Status ExampleTable::SetLabels(Examples& examples) {
  const absl::Span<float> values =
      examples.mutable_floats(set_->example, examples.size() - 1);
  GRAFT_ASSIGN_OR_RETURN(
      const std::vector<absl::string_view> labels,
      SplitLabels(reader_->Text(set_->reader), reader_->Where()));
  for (const absl::string_view label : labels) {
    GRAFT_ASSIGN_OR_RETURN(const int32_t id,
                           labels_->Id(label, reader_->Where()));
    values[id] = 1;
  }
  return absl::OkStatus();
}

void ExampleTable::Tell(const std::string& text) const {
  if (options_.table.tell) options_.table.tell(text);
}

absl::Status ExampleTable::RowError(const absl::Status& error) const {
  const int64_t lines = reader_->line_count();
  if (lines == 1) return error;
  const absl::string_view message = error.message();
  const bool at_first =
      absl::StartsWith(message, absl::StrCat(reader_->Where(), ":"));
  return absl::Status(
      error.code(),
      absl::StrCat(
          message, "; the row goes ",
          at_first ? "" : absl::StrCat("from line ", reader_->line(), " "),
          "to line ", reader_->line() + lines - 1));
}

absl::Status ExampleTable::Skip(const absl::Status& error) {
  constexpr int64_t kTold = 3;
  if (!options_.table.skip_bad_rows) return error;
  if (skipped_ == 0) first_skipped_ = std::string(error.message());
  skipped_lines_ += reader_->line_count();
  if (++skipped_ <= kTold)
    Tell(absl::StrCat(std::string(error.message()), "; skipped"));
  return absl::OkStatus();
}

absl::Status ExampleTable::CheckEnd(int64_t rows) {
  if (skipped_ == 0) return absl::OkStatus();
  if (rows == 0)
    return absl::InvalidArgumentError(
        absl::StrCat(first_skipped_, "; so are all ", skipped_,
                     " rows, and at least one is needed"));
  // Next may be called again at the end.
  if (!std::exchange(end_told_, true))
    Tell(absl::StrCat(
        files_, ": skipped ", skipped_, " of ", rows + skipped_, " rows",
        skipped_lines_ > skipped_ ? absl::StrCat(", ", skipped_lines_, " lines")
                                  : ""));
  return absl::OkStatus();
}

absl::StatusOr<bool> ExampleTable::AddNext(int64_t row, LabelMap* new_labels,
                                           Examples& examples) {
  const int64_t before = examples.size();
  while (true) {
    const absl::StatusOr<bool> more = reader_->Next();
    if (!hint_told_ && !reader_->hint().empty()) {
      Tell(reader_->hint());
      hint_told_ = true;
    }
    if (!more.ok() && !reader_->bad_row()) return more.status();
    if (more.ok() && !*more) return false;
    const absl::Status status =
        more.ok() ? Add(row, new_labels, examples) : more.status();
    if (status.ok()) return true;
    if (examples.size() > before) examples.RemoveLast();
    GRAFT_RETURN_IF_ERROR(Skip(RowError(status)));
  }
}

absl::StatusOr<bool> ExampleTable::Next(Examples& examples) {
  GRAFT_ASSIGN_OR_RETURN(const bool more,
                         AddNext(next_row_, nullptr, examples));
  if (!more) {
    GRAFT_RETURN_IF_ERROR(CheckEnd(next_row_));
    return false;
  }
  ++next_row_;
  return true;
}

absl::Status ExampleTable::AddToIndex(int64_t row) {
  if (row % stride_ == 0) {
    if (reader_->offset() >> (64 - kHashBits) != 0)
      return absl::ResourceExhaustedError(
          absl::StrCat(reader_->Where(), ": expects a table of at most 1 TiB"));
    if (row > 0) index_.back() |= Fold(hash_);
    index_.push_back(reader_->offset() << kHashBits);
    hash_ = kFnv1a64Offset;
  }
  hash_ = HashLine(reader_->bytes(), hash_);
  return absl::OkStatus();
}

void ExampleTable::CountRow(const Examples& one,
                            absl::flat_hash_set<int32_t>& labels) {
  const int64_t length = one.tokens();
  ++scan_.examples;
  scan_.tokens += length;
  if (length > scan_.longest) {
    scan_.longest = length;
    scan_.longest_where = reader_->Where();
  }
  if (set_) {
    const absl::Span<const float> has = one.floats(set_->example, 0);
    bool any = false;
    for (size_t label = 0; label < has.size(); ++label) {
      if (has[label] == 0) continue;
      labels.insert(static_cast<int32_t>(label));
      any = true;
    }
    scan_.unlabelled += !any;
  }
  if (options_.labels != ExampleOptions::Labels::kClasses) return;
  const int32_t label = one.ints(label_->example, 0)[0];
  if (label == kNoLabel)
    ++scan_.unlabelled;
  else
    labels.insert(label);
}

absl::Status ExampleTable::Scan(const ScanOptions& options) {
  // Rows between good ones are never read again.
  const bool each = options.any_order || options_.table.skip_bad_rows;
  stride_ = each ? 1 : options.batch_size;
  if (!options_.reread) GRAFT_RETURN_IF_ERROR(reader_->CheckSeekable());
  CapacityMeter capacity(options.batch_size);
  ChecksumStream tokens, labels, task_names;
  TaskCollector tasks;
  absl::flat_hash_set<int32_t> classes;
  Examples one(schema_);
  for (int64_t row = 0;; ++row) {
    one.Clear();
    GRAFT_ASSIGN_OR_RETURN(const bool more,
                           AddNext(row, options.new_labels, one));
    if (!more) break;
    GRAFT_RETURN_IF_ERROR(AddToIndex(row));
    CountRow(one, classes);
    const int64_t length = one.tokens();
    capacity.Add(length);
    tokens.Add(Bytes(length));
    if (options_.texts) {
      tokens.Add(Bytes(one.ints(kIds, 0)));
      tokens.Add(Bytes(one.ints(kTypes, 0)));
    }
    if (features_) tokens.Add(Bytes(one.floats(features_->example, 0)));
    if (label_)
      labels.Add(Bytes(absl::MakeConstSpan(reader_->Text(label_->reader))));
    if (set_) labels.Add(Bytes(one.floats(set_->example, 0)));
    if (weight_) {
      labels.Add(Bytes(reader_->Number(weight_->reader)));
      scan_.weighs |= reader_->Number(weight_->reader) > 0;
    }
    if (soft_) labels.Add(Bytes(one.floats(soft_->example, 0)));
    if (task_) {
      tasks.Add(reader_->Text(*task_));
      task_names.Add(Bytes(absl::MakeConstSpan(reader_->Text(*task_))));
      task_names.Add(Bytes('\n'));
    }
    labels.Add(Bytes('\n'));
    if (options.progress && scan_.examples % kRowsBetweenProgress == 0)
      GRAFT_RETURN_IF_ERROR(
          options.progress(scan_.examples, reader_->fraction()));
  }
  GRAFT_RETURN_IF_ERROR(CheckEnd(scan_.examples));
  index_.back() |= Fold(hash_);
  index_.shrink_to_fit();
  GRAFT_ASSIGN_OR_RETURN(tasks_, tasks.Finish());
  scan_.labels = static_cast<int64_t>(classes.size());
  scan_.truncated = truncated_;
  scan_.capacity = capacity.capacity();
  scan_.any_order = capacity.any_order();
  scan_.token_hash = tokens.value();
  scan_.label_hash = labels.value();
  scan_.task_hash = task_names.value();
  next_row_ = scan_.examples;
  return absl::OkStatus();
}

int64_t ExampleTable::EntryEnd(int64_t row) const {
  return std::min((row / stride_ + 1) * stride_, scan_.examples);
}

absl::Status ExampleTable::SeekTo(int64_t row) {
  const int64_t entry = row / stride_;
  GRAFT_RETURN_IF_ERROR(reader_->Seek(index_[entry] >> kHashBits));
  next_row_ = entry * stride_;
  while (next_row_ < row) GRAFT_RETURN_IF_ERROR(ReadRow(next_row_, nullptr));
  return absl::OkStatus();
}

// Reads the row that the reader comes to next; null skips it.
absl::Status ExampleTable::ReadRow(int64_t row, Examples* examples) {
  if (row % stride_ == 0) hash_ = kFnv1a64Offset;
  GRAFT_ASSIGN_OR_RETURN(const bool more, reader_->Next());
  if (!more) return Changed(row);
  hash_ = HashLine(reader_->bytes(), hash_);
  next_row_ = row + 1;
  if (next_row_ == EntryEnd(row) &&
      Fold(hash_) != (index_[row / stride_] & kHashMask))
    return Changed(row);
  return examples ? Add(row, nullptr, *examples) : absl::OkStatus();
}

absl::Status ExampleTable::Append(int64_t row, Examples& examples) {
  // A row that is skipped may lie before the next one.
  const bool seek = row != next_row_ || options_.table.skip_bad_rows;
  absl::Status status = seek ? SeekTo(row) : absl::OkStatus();
  if (status.ok()) status = ReadRow(row, &examples);
  // What the scan took cannot be wrong now.
  return absl::IsInvalidArgument(status) ? Changed(row) : status;
}

absl::Status ExampleTable::Changed(int64_t row) {
  const int64_t begin = row / stride_ * stride_;
  const int64_t rows = EntryEnd(row) - begin;
  GRAFT_ASSIGN_OR_RETURN(const std::string where,
                         reader_->WhereAt(index_[row / stride_] >> kHashBits));
  return absl::FailedPreconditionError(absl::StrCat(
      where, ": expects ",
      rows == 1 ? std::string("the row that was here")
                : absl::StrCat("the ", rows, " rows that were here"),
      " when the table was first read, got others; a table must stay as it is "
      "while it is used"));
}

ExampleFeed FeedRows(ExampleTable& table) {
  return {table.schema(),
          [&table](Examples& examples) { return table.Next(examples); }};
}

}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Tokenised examples of a table, read from its file each time they are needed.

#ifndef GRAFT_RUNTIME_DATA_EXAMPLE_TABLE_H_
#define GRAFT_RUNTIME_DATA_EXAMPLE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/file.h"
#include "runtime/data/examples.h"
#include "runtime/data/label_map.h"
#include "runtime/data/table/table_reader.h"
#include "runtime/data/tasks.h"
#include "runtime/tokenize/tokenizer.h"

namespace graft {

// The columns of a table that hold texts, labels, weights, numbers and tasks,
// and how it is read.
struct TableOptions {
  std::string text_column = "text";
  std::string pair_column;  // empty: single texts
  std::string label_column = "label";
  std::string weight_column;  // empty: no weights; read with labels only
  // Those of a row of numbers, in their order; empty: none.
  std::vector<std::string> feature_columns;
  // Soft targets: the column NAME.LABEL for each class. Empty: none.
  std::string soft_column;
  std::string task_column;       // empty: rows have no tasks
  bool partly_labelled = false;  // a row may have an empty label
  bool strict = false;           // too long a text is an error instead of cut
  std::string format;            // of all files; empty: told by each
  // A row that cannot be read is left out instead of an error.
  bool skip_bad_rows = false;
  // Takes a line of advice, or about rows that were skipped. May be empty.
  std::function<void(const std::string&)> tell;
};

// INVALID_ARGUMENT, naming the options, if two columns that are read have one
// name. Labels and weights are read if `labelled`, texts if `texts`.
absl::Status CheckColumnNames(const TableOptions& names, bool labelled,
                              bool texts = true);

// Heads of which one answers for each text: by the name in a column of the
// table, or for all of them the one of index `all`.
struct HeadOptions {
  std::vector<std::string> names;  // empty: there is nothing to choose
  std::string column;              // empty: `all`
  int32_t all = 0;
};

// How rows become examples.
struct ExampleOptions {
  // A class, a number, or any number of labels, with commas between them.
  enum class Labels { kNone, kClasses, kScores, kSets };

  TableOptions table;
  bool texts = true;  // else rows have no texts
  Labels labels = Labels::kNone;
  int64_t set_labels = 0;      // how many labels sets are of
  int64_t soft_labels = 0;     // how many soft targets, those of all classes
  bool probabilities = false;  // soft targets are, from 0 to 1
  HeadOptions heads;           // of texts
  int64_t max_length = 0;      // tokens of an example
  bool keep_texts = false;     // in Examples::text and pair
  bool keep_where = false;     // "path:line", in Examples::where
  // Columns whose texts stay in Examples::kept, by their names.
  std::vector<std::string> keep_columns;
  bool reread = false;  // Scan is called: pipes are copied (TableSource)
};

// The columns of examples of a table: those of TextSchema, if it has texts,
// then "labels", the class or kNoLabel (I32), or the number of a regression
// (F32), or instead "multi_hot", 1 for each label that the row has (F32, one
// per label), if it is read, "weights" (F32) if there is a column of weights,
// "features" and "soft" (F32, several per example) if there are such columns,
// and kHeadsColumn if there are heads to choose from.
Schema TableSchema(const ExampleOptions& options);

// Sizes and hashes of a table, found by a scan.
struct TableScan {
  int64_t examples = 0;
  int64_t tokens = 0;
  int64_t longest = 0;        // tokens of one example
  std::string longest_where;  // "path:line" of the first such
  int64_t truncated = 0;      // texts that were cut to max_length
  int64_t unlabelled = 0;     // rows of kNoLabel, or of an empty set
  int64_t labels = 0;         // classes that rows have
  bool weighs = false;        // a row has a weight above 0
  BatchCapacity capacity;     // of consecutive batches
  BatchCapacity any_order;    // of batches of any rows
  uint64_t token_hash = 0;    // of texts and features
  uint64_t label_hash = 0;    // of labels, weights and soft targets
  uint64_t task_hash = 0;     // of the tasks of rows
};

struct ScanOptions {
  int64_t batch_size = 1;
  // Whether Append is called for rows in any order, not only in that of the
  // file. The index then has an entry per row, not per batch.
  bool any_order = false;
  // Receives classes that are not known yet, which are otherwise refused.
  LabelMap* new_labels = nullptr;
  // Called now and then with the rows read and their share of the table, from
  // 0 to 1, or negative if that is not known. An error that it returns ends the
  // scan.
  std::function<absl::Status(int64_t rows, double share)> progress;
};

// Examples of a table, of one file or several, with texts that are tokenised.
// Keeps the files open and an index of 8 bytes per entry in memory, but no
// rows. Errors begin with "path:line: ". With TableOptions::skip_bad_rows rows
// that are refused do not count, except where none is good; Scan knows only the
// others. Thread-compatible.
class ExampleTable final : public ExampleSource {
 public:
  // Opens the files that `paths` name (ExpandPaths). INVALID_ARGUMENT: two
  // columns have one name; else errors of TableReader::Open. `tokenizer` (null
  // without texts) and `labels` (null but for classes, sets and soft targets,
  // of which it has all) are borrowed.
  static absl::StatusOr<std::unique_ptr<ExampleTable>> Open(
      FileSystem& files, const std::vector<std::string>& paths,
      const Tokenizer* tokenizer, const LabelMap* labels,
      ExampleOptions options);

  // Appends the next row; false after the last. INVALID_ARGUMENT: what
  // TableReader::Next refuses, a label that is unknown or not a number, and
  // with `strict` a text that is too long. After an error `examples` may have
  // got a part of the row, and this must not be called again; nor may it be on
  // a table that Append is called on. With skip_bad_rows, INVALID_ARGUMENT at
  // the end if no row was good.
  absl::StatusOr<bool> Next(Examples& examples);

  // Reads all rows and makes the index; must be called once before the table is
  // used as a source. FAILED_PRECONDITION: a file is a pipe or the like and
  // ExampleOptions::reread is not set. RESOURCE_EXHAUSTED: it is larger than 1
  // TiB. Else errors as Next.
  absl::Status Scan(const ScanOptions& options);
  const TableScan& scan() const { return scan_; }
  // Texts that Next and Scan have cut so far.
  int64_t truncated() const { return truncated_; }
  // Rows that were skipped so far.
  int64_t skipped() const { return skipped_; }
  // The name of the format of the first file.
  absl::string_view format() const { return reader_->format().name; }
  // The rows of each task that Scan has found; empty without such a column.
  const TaskRows& tasks() const { return tasks_; }
  // Whether both tables were scanned for rows in any order and have the same
  // rows, as they stand in their files.
  bool HasRowsOf(const ExampleTable& other) const {
    return stride_ == 1 && other.stride_ == 1 && index_ == other.index_;
  }
  size_t index_bytes() const { return index_.capacity() * sizeof(index_[0]); }

  // Of ExampleSource. FAILED_PRECONDITION: the row, or another one of its
  // entry, is no longer what Scan read. A hash of 24 bits per entry detects
  // that when the last row of an entry is read.
  const Schema& schema() const override { return schema_; }
  int64_t size() const override { return scan_.examples; }
  int64_t longest() const override { return scan_.longest; }
  absl::Status Append(int64_t row, Examples& examples) override;

 private:
  // A column of the table, where it is read, and that of examples for it.
  struct Place {
    size_t reader = 0;  // the first of several
    size_t example = 0;
  };

  ExampleTable(const Tokenizer* tokenizer, const LabelMap* labels,
               ExampleOptions options)
      : tokenizer_(tokenizer),
        labels_(labels),
        options_(std::move(options)),
        schema_(TableSchema(options_)) {}

  // The columns that the reader must find, whose places it notes.
  std::vector<TableColumn> FindColumns();

  // Moves to the next row that is good, and appends it; false after the last.
  absl::StatusOr<bool> AddNext(int64_t row, LabelMap* new_labels,
                               Examples& examples);
  // The error of the current row, which says so if that has several lines.
  absl::Status RowError(const absl::Status& error) const;
  // Counts a row that was refused; its error if it must not be skipped.
  absl::Status Skip(const absl::Status& error);
  void Tell(const std::string& text) const;
  // What is said after the last row; an error if none was good.
  absl::Status CheckEnd(int64_t rows);
  // Counts a row of the scan, and adds its class to those that were seen.
  void CountRow(const Examples& one, absl::flat_hash_set<int32_t>& labels);
  absl::Status AddToIndex(int64_t row);
  // Appends the reader's current row.
  absl::Status Add(int64_t row, LabelMap* new_labels, Examples& examples);
  // Appends what an example has of texts, without their values in columns.
  absl::Status AddText(int64_t row, Examples& examples);
  // The columns of the current row that are kept.
  std::string Kept() const;
  // Sets the numbers of the last example.
  void SetNumbers(Examples& examples) const;
  // Sets the head that answers for the last example.
  absl::Status SetHead(Examples& examples) const;
  // Sets the label of the last example.
  absl::Status SetLabel(LabelMap* new_labels, Examples& examples);
  absl::Status SetLabels(Examples& examples);
  absl::StatusOr<int32_t> Class(LabelMap* new_labels);
  absl::Status ReadRow(int64_t row, Examples* examples);
  absl::Status SeekTo(int64_t row);
  // The error of a file that differs from the one scanned, at `row`.
  absl::Status Changed(int64_t row);
  int64_t EntryEnd(int64_t row) const;

  const Tokenizer* const tokenizer_;
  const LabelMap* const labels_;
  const ExampleOptions options_;
  const Schema schema_;
  std::unique_ptr<TableReader> reader_;
  size_t pair_column_ = 0;  // of the reader; 0: none
  std::optional<Place> label_, set_, weight_, features_, soft_, heads_;
  std::optional<size_t> task_;  // of the reader
  size_t kept_ = 0;             // the first that is kept, of the reader
  std::vector<std::string> soft_names_;  // the label of each column of soft_
  int64_t next_row_ = 0;                 // the reader's next row
  int64_t truncated_ = 0;
  std::string files_;  // in words
  int64_t skipped_ = 0;
  int64_t skipped_lines_ = 0;
  std::string first_skipped_;  // its error
  bool hint_told_ = false;
  bool end_told_ = false;
  Encoding encoding_;
  TableScan scan_;
  TaskRows tasks_;
  // One entry per `stride_` rows: offset of the first in the files end to end
  // (40 bits), and a hash of their lines.
  int64_t stride_ = 1;
  std::vector<uint64_t> index_;
  uint64_t hash_ = 0;  // of the rows of the entry so far
};

// The rows of `table`, which is borrowed, from its next one on.
ExampleFeed FeedRows(ExampleTable& table);

}  // namespace graft

#endif  // GRAFT_RUNTIME_DATA_EXAMPLE_TABLE_H_

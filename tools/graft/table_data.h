// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// From a table of texts to tokenised examples.

#ifndef GRAFT_TOOLS_GRAFT_TABLE_DATA_H_
#define GRAFT_TOOLS_GRAFT_TABLE_DATA_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/artifact/artifact.h"
#include "runtime/base/file.h"
#include "runtime/data/label_map.h"
#include "runtime/formats/wordpiece.h"
#include "runtime/train/dataset.h"

namespace CLI {
class App;
}  // namespace CLI

namespace graft {

// Where texts and labels stand in a table.
struct TableOptions {
  std::string text_column = "text";
  std::string pair_column;  // empty: single texts
  std::string label_column = "label";
  bool partly_labelled = false;  // a row may have an empty label
  bool strict = false;           // too long a text is an error instead of cut
};

// Adds --text-column and the others.
void AddTableOptions(CLI::App& command, TableOptions& options);

// The texts of a table in its order, and their labels.
struct TableData {
  std::string path;
  std::vector<std::string> texts;
  std::vector<std::string> pairs;   // empty without a pair column
  std::vector<std::string> labels;  // empty when not asked for
  std::vector<int64_t> lines;       // line of each row, for errors
};

// Reads a .tsv or .jsonl file. Errors name file, line and column.
absl::StatusOr<TableData> ReadTable(FileSystem& files, const std::string& path,
                                    const TableOptions& options,
                                    bool with_labels);

// Tokenised examples; `truncated` counts texts that were cut to `max_length`.
struct TokenizedTable {
  Dataset dataset;
  int64_t truncated = 0;
};

// Tokenises all rows. `labels` maps them to classes, an empty one to kNoLabel;
// null takes labels as numbers (a regression), or none where the table has
// none. Errors name the line.
absl::StatusOr<TokenizedTable> Tokenize(const TableData& table,
                                        const WordPieceTokenizer& tokenizer,
                                        const LabelMap* labels,
                                        int64_t max_length, bool strict);

// The tokenizer that an artifact carries.
absl::StatusOr<std::unique_ptr<WordPieceTokenizer>> ArtifactTokenizer(
    const Artifact& artifact);

// Most tokens of one example that the artifact's model takes.
absl::StatusOr<int64_t> ArtifactMaxLength(const Artifact& artifact);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_TABLE_DATA_H_

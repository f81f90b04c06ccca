// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/table_data.h"

#include <optional>

#include "CLI/App.hpp"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/data/table_reader.h"
#include "runtime/formats/config.h"

namespace graft {

void AddTableOptions(CLI::App& command, TableOptions& options) {
  command.add_option("--text-column", options.text_column)
      ->capture_default_str();
  command.add_option("--pair-column", options.pair_column,
                     "column of the second text, for pairs");
  command.add_option("--label-column", options.label_column)
      ->capture_default_str();
  command.add_flag("--strict", options.strict,
                   "refuse a text that is too long instead of cutting it");
}

absl::StatusOr<TableData> ReadTable(FileSystem& files, const std::string& path,
                                    const TableOptions& options,
                                    bool with_labels) {
  std::vector<ColumnSpec> columns = {{options.text_column}};
  const size_t pair = columns.size();
  if (!options.pair_column.empty()) columns.push_back({options.pair_column});
  const size_t label = columns.size();
  if (with_labels)
    columns.push_back({options.label_column, ColumnSpec::Kind::kText,
                       /*allow_empty=*/options.partly_labelled});
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<TableReader> reader,
                         TableReader::Open(files, path, columns));
  TableData table;
  table.path = path;
  while (true) {
    GRAFT_ASSIGN_OR_RETURN(bool more, reader->Next());
    if (!more) return table;
    table.texts.emplace_back(reader->Text(0));
    if (pair < label) table.pairs.emplace_back(reader->Text(pair));
    if (with_labels) table.labels.emplace_back(reader->Text(label));
    table.lines.push_back(reader->line());
  }
}

absl::StatusOr<TokenizedTable> Tokenize(const TableData& table,
                                        const WordPieceTokenizer& tokenizer,
                                        const LabelMap* labels,
                                        int64_t max_length, bool strict) {
  // Long enough that no text is cut, to count those that must be.
  constexpr int64_t kUncut = int64_t{1} << 40;
  TokenizedTable result;
  Encoding encoding;
  for (size_t row = 0; row < table.texts.size(); ++row) {
    const std::string where = absl::StrCat(table.path, ":", table.lines[row]);
    std::optional<absl::string_view> pair;
    if (!table.pairs.empty()) pair = table.pairs[row];
    auto encode = [&](int64_t limit) {
      absl::Status status =
          tokenizer.Encode(table.texts[row], pair, limit, encoding);
      if (status.ok()) return status;
      return absl::Status(
          status.code(),
          absl::StrCat(where, ": ", std::string(status.message())));
    };
    GRAFT_RETURN_IF_ERROR(encode(kUncut));
    const auto length = static_cast<int64_t>(encoding.ids.size());
    if (length > max_length) {
      if (strict)
        return absl::InvalidArgumentError(absl::StrCat(
            where, ": expects at most ", max_length, " tokens, got ", length));
      ++result.truncated;
      GRAFT_RETURN_IF_ERROR(encode(max_length));
    }
    int32_t label = 0;
    float score = 0;
    if (!table.labels.empty()) {
      if (labels && absl::StripAsciiWhitespace(table.labels[row]).empty()) {
        label = kNoLabel;
      } else if (labels) {
        GRAFT_ASSIGN_OR_RETURN(label, labels->Id(table.labels[row], where));
      } else {
        GRAFT_ASSIGN_OR_RETURN(score, ParseScore(table.labels[row], where));
      }
    }
    result.dataset.Add(encoding.ids, encoding.type_ids, label, score);
  }
  return result;
}

absl::StatusOr<std::unique_ptr<WordPieceTokenizer>> ArtifactTokenizer(
    const Artifact& artifact) {
  const std::optional<TokenizerSpec>& spec = artifact.spec().tokenizer;
  if (!spec || spec->kind != "wordpiece")
    return absl::InvalidArgumentError(
        absl::StrCat(artifact.path(), ": expects a wordpiece tokenizer, got ",
                     spec ? spec->kind : "none"));
  WordPieceOptions options;
  options.lowercase = spec->lower_case;
  options.strip_accents = spec->strip_accents;
  options.handle_chinese_chars = spec->split_chinese;
  absl::string_view vocabulary(
      reinterpret_cast<const char*>(spec->vocabulary.data()),
      spec->vocabulary.size());
  return WordPieceTokenizer::FromVocabulary(
      vocabulary, absl::StrCat(artifact.path(), ": vocabulary"), options);
}

absl::StatusOr<int64_t> ArtifactMaxLength(const Artifact& artifact) {
  GRAFT_ASSIGN_OR_RETURN(
      BertConfig config,
      ParseBertConfig(artifact.spec().config,
                      absl::StrCat(artifact.path(), ": config")));
  int64_t limit = config.max_position_embeddings;
  for (const SizeSpec& size : artifact.spec().sizes)
    if (size.name == "T") limit = std::min(limit, size.bound);
  return limit;
}

}  // namespace graft

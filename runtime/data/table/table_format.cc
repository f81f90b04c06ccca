// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/table/table_format.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "runtime/data/table/compression.h"

namespace graft {

namespace {

// One for each.
const TableFormat* const kFormats[] = {&kTsvFormat, &kCsvFormat, &kJsonlFormat};

// ".tsv, .csv or .jsonl", or the names.
std::string ListFormats(absl::string_view TableFormat::* part) {
  std::string list;
  const absl::Span<const TableFormat* const> formats = TableFormats();
  for (size_t i = 0; i < formats.size(); ++i)
    absl::StrAppend(&list,
                    i == 0                    ? ""
                    : i + 1 == formats.size() ? " or "
                                              : ", ",
                    formats[i]->*part);
  return list;
}

absl::StatusOr<const TableFormat*> GuessFormat(PeekFile& file) {
  // Blank lines before the first row; more than this are none of JSONL.
  constexpr size_t kMost = 4096;
  for (size_t count = 8;; count *= 2) {
    GRAFT_ASSIGN_OR_RETURN(absl::string_view first, file.Peek(count));
    const bool all = first.size() < count || count >= kMost;
    if (absl::StartsWith(first, "\xEF\xBB\xBF")) first.remove_prefix(3);
    const size_t at = first.find_first_not_of(" \t\r\n");
    if (at != absl::string_view::npos)
      return first[at] == '{' ? &kJsonlFormat : &kTsvFormat;
    if (all) return &kTsvFormat;
  }
}

}  // namespace

absl::Span<const TableFormat* const> TableFormats() { return kFormats; }

absl::StatusOr<const TableFormat*> ChooseFormat(Source& source,
                                                absl::string_view name) {
  for (const TableFormat* format : TableFormats())
    if (!name.empty() && format->name == name) return format;
  if (!name.empty())
    return absl::InvalidArgumentError(absl::StrCat(
        "--format: expects ", ListFormats(&TableFormat::name), ", got ", name));
  const absl::string_view path = WithoutCompression(source.file->path());
  for (const TableFormat* format : TableFormats())
    if (absl::EndsWithIgnoreCase(path, format->extension)) return format;
  if (source.nameless) return GuessFormat(*source.file);
  return absl::InvalidArgumentError(
      absl::StrCat(source.file->path(), ": expects a table whose name ends in ",
                   ListFormats(&TableFormat::extension),
                   ", or --format, which names its format"));
}

}  // namespace graft

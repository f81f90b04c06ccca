// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_TEST_FUZZ_TABLE_FUZZ_H_
#define GRAFT_TEST_FUZZ_TABLE_FUZZ_H_

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "runtime/base/utf8.h"
#include "runtime/data/table/compression.h"
#include "runtime/data/table/table_reader.h"
#include "test/fuzz/check.h"
#include "test/fuzz/one_file.h"

namespace graft {

// What the first rows of a table yield, as one string, with the errors of rows
// and the one at its end. `step` is the size of reads.
inline std::string DrainTable(absl::string_view bytes, const std::string& name,
                              const std::vector<TableColumn>& columns,
                              size_t step) {
  constexpr size_t kMaxLine = 512;
  // A few compressed bytes may be millions of rows.
  constexpr int kMostRows = 10000;
  OneFile files(bytes, step);
  TableSource source;
  source.max_line_bytes = kMaxLine;
  std::string out;
  const auto append = [&](const absl::Status& status) {
    GRAFT_FUZZ_CHECK(absl::IsInvalidArgument(status));
    GRAFT_FUZZ_CHECK(absl::StartsWith(status.message(), name));
    absl::StrAppend(&out, status.message());
  };
  const auto names = ReadColumnNames(files, {name}, source);
  if (!names.ok())
    append(names.status());
  else
    for (const std::string& column : *names) {
      GRAFT_FUZZ_CHECK(FindInvalidUtf8(column) == absl::string_view::npos);
      absl::StrAppend(&out, column, "|");
    }
  const auto reader = TableReader::Open(files, {name}, columns, source);
  if (!reader.ok()) {
    append(reader.status());
    return out;
  }
  for (int row = 0; row < kMostRows; ++row) {
    const auto more = (*reader)->Next();
    if (!more.ok()) {
      append(more.status());
      if (!(*reader)->bad_row()) return out;
      absl::StrAppend(&out, " +", (*reader)->line_count());
      continue;
    }
    if (!*more) return out;
    absl::StrAppend(&out, (*reader)->line());
    for (size_t i = 0; i < columns.size(); ++i) {
      switch (columns[i].kind) {
        case TableColumn::Kind::kText: {
          const absl::string_view text = (*reader)->Text(i);
          GRAFT_FUZZ_CHECK(columns[i].allow_empty || !text.empty());
          GRAFT_FUZZ_CHECK(text.find('\0') == absl::string_view::npos);
          GRAFT_FUZZ_CHECK(FindInvalidUtf8(text) == absl::string_view::npos);
          absl::StrAppend(&out, "|", text);
          break;
        }
        case TableColumn::Kind::kNumber:
        case TableColumn::Kind::kWeight:
        case TableColumn::Kind::kProbability: {
          const float number = (*reader)->Number(i);
          GRAFT_FUZZ_CHECK(std::isfinite(number));
          if (columns[i].kind != TableColumn::Kind::kNumber)
            GRAFT_FUZZ_CHECK(!std::signbit(number));
          if (columns[i].kind == TableColumn::Kind::kProbability)
            GRAFT_FUZZ_CHECK(number <= 1);
          absl::StrAppend(&out, "|", number);
          break;
        }
        case TableColumn::Kind::kWords:
          for (const std::string& word : (*reader)->Words(i)) {
            absl::StrAppend(&out, " ", word);
          }
          break;
        case TableColumn::Kind::kJson:
          absl::StrAppend(&out, (*reader)->Json(i).dump());
          break;
      }
    }
    out.push_back('\n');
  }
  return out;
}

// Reads the table in two step sizes, which must make no difference, but for
// one: how much of a compressed stream is decoded before its damage is seen.
inline int FuzzTable(const uint8_t* data, size_t size, const std::string& name,
                     const std::vector<TableColumn>& columns) {
  if (size == 0) return 0;
  const size_t step = data[0] % 64 + 1;
  const absl::string_view bytes(reinterpret_cast<const char*>(data) + 1,
                                size - 1);
  const std::string steps = DrainTable(bytes, name, columns, step);
  const std::string whole = DrainTable(bytes, name, columns, SIZE_MAX);
  constexpr absl::string_view kDamaged = "expects a whole ";
  const bool damaged = FindCompression(bytes) != nullptr &&
                       (absl::StrContains(steps, kDamaged) ||
                        absl::StrContains(whole, kDamaged));
  if (!damaged) GRAFT_FUZZ_CHECK(steps == whole);
  return 0;
}

}  // namespace graft

#endif  // GRAFT_TEST_FUZZ_TABLE_FUZZ_H_

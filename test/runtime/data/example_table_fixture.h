// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Tables of a few words, in a directory of each test.

#ifndef GRAFT_TEST_RUNTIME_DATA_EXAMPLE_TABLE_FIXTURE_H_
#define GRAFT_TEST_RUNTIME_DATA_EXAMPLE_TABLE_FIXTURE_H_

#include <stdlib.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/base/faulty_file_system.h"
#include "runtime/data/example_table.h"
#include "runtime/tokenize/registry.h"

namespace graft {

inline constexpr int kWords = 20;
inline constexpr size_t kLabels = 2;  // of the columns
inline constexpr int32_t kCls = 2, kSep = 3, kFirstWord = 5;

class ExampleTableTest : public ::testing::Test {
 protected:
  ExampleTableTest() {
    std::string pattern = ::testing::TempDir() + "/graft_examples_XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    std::string vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
    for (int i = 0; i < kWords; ++i) absl::StrAppend(&vocabulary, "w", i, "\n");
    Write("vocab.txt", vocabulary);
    tokenizer_ = LoadTokenizer(files_, directory_).value();
    options_.labels = ExampleOptions::Labels::kClasses;
    options_.max_length = 16;
  }
  ~ExampleTableTest() override { RemoveTree(posix_, directory_).IgnoreError(); }

  std::string Path(absl::string_view name) {
    return JoinPath(directory_, name);
  }
  std::string Write(absl::string_view name, absl::string_view text) {
    EXPECT_TRUE(WriteFile(posix_, Path(name), text).ok());
    return Path(name);
  }

  // Overwrites bytes of a file as they lie there.
  void Patch(const std::string& path, int64_t offset, absl::string_view bytes) {
    std::FILE* file = std::fopen(path.c_str(), "r+");
    ASSERT_NE(file, nullptr);
    std::fseek(file, offset, SEEK_SET);
    std::fwrite(bytes.data(), 1, bytes.size(), file);
    std::fclose(file);
  }

  absl::StatusOr<std::unique_ptr<ExampleTable>> Open(const std::string& path) {
    return ExampleTable::Open(files_, {path}, tokenizer_.get(), &labels_,
                              options_);
  }

  // Opens and scans; new labels are taken.
  absl::StatusOr<std::unique_ptr<ExampleTable>> Scan(const std::string& path,
                                                     int64_t batch_size = 4,
                                                     bool any_order = false) {
    auto table = Open(path);
    if (!table.ok()) return table;
    ScanOptions scan;
    scan.batch_size = batch_size;
    scan.any_order = any_order;
    scan.new_labels = &labels_;
    const absl::Status status = (*table)->Scan(scan);
    if (!status.ok()) return status;
    return table;
  }

  // One table twice: `rows` rows of text of 1 to 12 words in 3 classes, all
  // known by their numbers, as TSV and, with blank lines between, as JSONL.
  // A row of the TSV is `width` bytes long.
  static std::string Text(int64_t row) {
    std::string text = absl::StrCat("w", row % kWords);
    for (int64_t i = 0; i < row % 12; ++i)
      absl::StrAppend(&text, " w", (row / 12 + i) % kWords);
    return text;
  }
  static std::string Tsv(int64_t rows) {
    std::string table = "label\ttext\n";
    for (int64_t row = 0; row < rows; ++row)
      absl::StrAppend(&table, "c", row % 3, "\t", Text(row), "\n");
    return table;
  }
  static std::string Jsonl(int64_t rows) {
    std::string table = "\xEF\xBB\xBF";
    for (int64_t row = 0; row < rows; ++row)
      absl::StrAppend(&table, row % 5 == 0 ? "\n" : "", "{\"text\": \"",
                      Text(row), "\", \"label\": \"c", row % 3, "\"}\r\n");
    return table;
  }
  static std::vector<int32_t> Ids(int64_t row) {
    std::vector<int32_t> ids = {kCls};
    ids.push_back(kFirstWord + static_cast<int32_t>(row % kWords));
    for (int64_t i = 0; i < row % 12; ++i)
      ids.push_back(kFirstWord + static_cast<int32_t>((row / 12 + i) % kWords));
    ids.push_back(kSep);
    return ids;
  }

  FileSystem& posix_ = FileSystem::Posix();
  FaultyFileSystem files_{posix_};
  std::string directory_;
  std::unique_ptr<Tokenizer> tokenizer_;
  LabelMap labels_;
  ExampleOptions options_;
};

}  // namespace graft

#endif  // GRAFT_TEST_RUNTIME_DATA_EXAMPLE_TABLE_FIXTURE_H_

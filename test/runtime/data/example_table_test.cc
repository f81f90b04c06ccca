// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/example_table.h"

#include <malloc.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <numeric>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/data/batch_stream.h"
#include "runtime/data/sampler.h"
#include "test/runtime/data/example_table_fixture.h"
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/allocator_interface.h>
#define GRAFT_ASAN 1
#endif

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Labels = ExampleOptions::Labels;

// Bytes on the heap that are in use.
int64_t HeapBytes() {
#ifdef GRAFT_ASAN
  return static_cast<int64_t>(__sanitizer_get_current_allocated_bytes());
#else
  const struct mallinfo2 info = mallinfo2();
  return static_cast<int64_t>(info.uordblks + info.hblkhd);
#endif
}

TEST_F(ExampleTableTest, ReadsForward) {
  labels_ = LabelMap::FromLabels({"a", "b"}).value();
  options_.keep_texts = true;
  auto table = Open(Write("t.tsv", "label\ttext\nb\tw1 w2\na\tw3\n"));
  ASSERT_TRUE(table.ok()) << table.status();
  Examples examples(TableSchema(options_));
  EXPECT_TRUE((*table)->Next(examples).value());
  EXPECT_TRUE((*table)->Next(examples).value());
  EXPECT_FALSE((*table)->Next(examples).value());
  EXPECT_THAT(examples.ints(kIds, 0), ElementsAre(kCls, 6, 7, kSep));
  EXPECT_THAT(examples.ints(kTypes, 0), ElementsAre(0, 0, 0, 0));
  EXPECT_EQ(examples.ints(kLabels, 0)[0], 1);
  EXPECT_EQ(examples.ints(kLabels, 1)[0], 0);
  EXPECT_EQ(examples.row(1), 1);
  EXPECT_EQ(examples.text(1), "w3");
}

TEST_F(ExampleTableTest, RowsComeAgainInAnyOrder) {
  constexpr int64_t kRows = 5000;  // more than one buffer
  for (const std::string& path :
       {Write("t.tsv", Tsv(kRows)), Write("t.jsonl", Jsonl(kRows))}) {
    for (const bool any_order : {false, true}) {
      auto table = Scan(path, /*batch_size=*/7, any_order);
      ASSERT_TRUE(table.ok()) << table.status();
      ASSERT_EQ((*table)->size(), kRows);
      Examples examples(TableSchema(options_));
      // Jumps, backwards and forwards, then all in their order, twice.
      std::vector<int64_t> rows = {4999, 0, 1, 700, 699, 6, 7, 2500, 2501};
      for (int epoch = 0; epoch < 2; ++epoch)
        for (int64_t row = 0; row < kRows; ++row) rows.push_back(row);
      for (const int64_t row : rows) {
        examples.Clear();
        const absl::Status status = (*table)->Append(row, examples);
        ASSERT_TRUE(status.ok()) << status;
        ASSERT_EQ(examples.ints(kIds, 0), absl::MakeConstSpan(Ids(row))) << row;
        ASSERT_EQ(examples.ints(kLabels, 0)[0], row % 3) << row;
        ASSERT_EQ(examples.row(0), row);
      }
    }
  }
}

TEST_F(ExampleTableTest, StreamedBatchesAreThoseOfTheTable) {
  constexpr int64_t kRows = 3000, kBatch = 32, kEpoch = (kRows + 31) / 32;
  auto table = Scan(Write("t.jsonl", Jsonl(kRows)), kBatch, true);
  ASSERT_TRUE(table.ok()) << table.status();
  for (const bool shuffle : {false, true}) {
    TrainingOrder order;
    order.batch_size = kBatch;
    order.first_step = 17;
    order.steps = 2 * kEpoch;
    order.shuffle = shuffle;
    const BatchCapacity capacity = {100, 20};
    auto stream = BatchStream::Start(TrainingBatches(**table, order, capacity),
                                     (*table)->schema(), kBatch,
                                     kBatch * (*table)->longest());
    ASSERT_TRUE(stream.ok()) << stream.status();
    std::vector<int> seen(kRows);
    for (int64_t step = order.first_step; step < order.steps; ++step) {
      auto batch = (*stream)->Next();
      ASSERT_TRUE(batch.ok()) << batch.status();
      const Examples& examples = (*batch)->examples;
      for (int64_t i = 0; i < examples.size(); ++i) {
        const int64_t row = examples.row(i);
        if (!shuffle) ASSERT_EQ(row, step % kEpoch * kBatch + i);
        ASSERT_EQ(examples.ints(kIds, i), absl::MakeConstSpan(Ids(row)));
        ASSERT_EQ(examples.ints(kLabels, i)[0], row % 3);
        seen[row] += step >= kEpoch;  // of the epoch that is whole
      }
      std::vector<BatchRange> micro_batches;
      ASSERT_TRUE(SplitBatch(examples, capacity, micro_batches).ok());
      ASSERT_EQ((*batch)->micro_batches.size(), micro_batches.size());
      for (size_t i = 0; i < micro_batches.size(); ++i)
        ASSERT_EQ((*batch)->micro_batches[i].end, micro_batches[i].end);
    }
    EXPECT_EQ(*(*stream)->Next(), nullptr);
    EXPECT_EQ(seen, std::vector<int>(kRows, 1));
  }
}

TEST_F(ExampleTableTest, MemoryDoesNotGrowWithTheRows) {
  // What reading takes beside the index, at its most.
  const auto most = [&](int64_t rows, bool shuffle) {
    const std::string path = Write("t.tsv", Tsv(rows));
    const int64_t before = HeapBytes();
    int64_t most = 0;
    auto table = Open(path).value();
    ScanOptions scan;
    scan.batch_size = 32;
    scan.any_order = shuffle;
    scan.new_labels = &labels_;
    scan.progress = [&](int64_t, double) {
      most = std::max(most, HeapBytes() - before);
      return absl::OkStatus();
    };
    EXPECT_TRUE(table->Scan(scan).ok());
    TrainingOrder order;
    order.batch_size = 32;
    order.steps = 2 * ((rows + 31) / 32);
    order.shuffle = shuffle;
    auto stream = BatchStream::Start(TrainingBatches(*table, order, {512, 32}),
                                     table->schema(), 32, 32 * table->longest())
                      .value();
    while (stream->Next().value() != nullptr)
      most = std::max(most, HeapBytes() - before);
    const auto index = static_cast<int64_t>(table->index_bytes());
    EXPECT_EQ(index, 8 * (shuffle ? rows : (rows + 31) / 32));
    // An index that grows is there twice.
    return most - 3 * index - (shuffle ? 4 * rows : 0);
  };
  constexpr int64_t kFew = 4096, kMany = 131072;
  for (const bool shuffle : {false, true}) {
    const int64_t few = most(kFew, shuffle);
    EXPECT_LT(few, int64_t{400} << 10);
    EXPECT_LE(most(kMany, shuffle), few + (int64_t{64} << 10));
  }
}

TEST_F(ExampleTableTest, ProgressMayEndTheScan) {
  auto table = Open(Write("t.tsv", Tsv(4096))).value();
  ScanOptions scan;
  scan.new_labels = &labels_;
  int64_t last = 0;
  scan.progress = [&](int64_t rows, double) {
    last = rows;
    return rows < 2048 ? absl::OkStatus() : absl::CancelledError("enough");
  };
  EXPECT_EQ(table->Scan(scan), absl::CancelledError("enough"));
  EXPECT_EQ(last, 2048);
}

TEST_F(ExampleTableTest, ErrorsOfTheScanNameTheLine) {
  const auto error = [&](const std::string& path) {
    const absl::Status status = Scan(path).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message()).substr(directory_.size() + 1);
  };
  EXPECT_EQ(error(Write("a.tsv", "label\ttext\na\tw1\na\n")),
            "a.tsv:3: expects 2 fields separated by tabs, got 1");
  options_.table.strict = true;
  options_.max_length = 3;
  EXPECT_EQ(error(Write("b.tsv", "label\ttext\na\tw1 w2\n")),
            "b.tsv:2: expects at most 3 tokens, got 4");
  options_.labels = Labels::kScores;
  EXPECT_EQ(error(Write("c.tsv", "label\ttext\nnan\tw1\n")).substr(0, 10),
            "c.tsv:2: c");
  options_.table.weight_column = "w";
  EXPECT_EQ(error(Write("w.tsv", "label\ttext\tw\n1\tw1\t-1\n")),
            "w.tsv:2: column 'w' expects a finite number of at least 0, got "
            "\"-1\"");
  EXPECT_EQ(
      error(Write("w.jsonl", "{\"label\": 1, \"text\": \"w1\", \"w\": null}")),
      "w.jsonl:1: column 'w' expects a finite number of at least 0, got "
      "null");
  options_.table.weight_column.clear();
  EXPECT_EQ(error(Write("d.tsv", "label\ttext\n")),
            "d.tsv: expects at least one row, got none");
}

TEST_F(ExampleTableTest, ARowThatChangedIsNamed) {
  constexpr int64_t kRows = 20000;
  const std::string tsv = Tsv(kRows), jsonl = Jsonl(kRows);
  // A word in the middle becomes another of the same length.
  const size_t in_tsv = tsv.find("\tw", tsv.size() / 2) + 2;
  const size_t in_jsonl = jsonl.find("\"w", jsonl.size() / 2) + 2;
  const auto first = [&](const std::string& path, const std::string& text,
                         size_t at, bool any_order) {
    Write(path, text);
    auto table = Scan(Path(path), /*batch_size=*/8, any_order).value();
    Patch(Path(path), static_cast<int64_t>(at), text[at] == '1' ? "2" : "1");
    Examples examples(TableSchema(options_));
    absl::Status status;
    int64_t row = 0;
    for (; status.ok() && row < kRows; ++row)
      status = table->Append(row, examples);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(labels_.size(), 3);
    return std::string(status.message()).substr(directory_.size() + 1);
  };
  const auto line = [](const std::string& text, size_t at) {
    return std::count(text.begin(), text.begin() + static_cast<int64_t>(at),
                      '\n') +
           1;
  };
  const int64_t tsv_line = line(tsv, in_tsv);
  EXPECT_EQ(first("t.tsv", tsv, in_tsv, true),
            absl::StrCat("t.tsv:", tsv_line,
                         ": expects the row that was here when the table was "
                         "first read, got others; a table must stay as it is "
                         "while it is used"));
  EXPECT_THAT(first("t.jsonl", jsonl, in_jsonl, true),
              StartsWith(absl::StrCat("t.jsonl:", line(jsonl, in_jsonl),
                                      ": expects the row that was here")));
  // The index has batches only: the first line of the batch.
  const int64_t batch_line = (tsv_line - 2) / 8 * 8 + 2;
  EXPECT_THAT(first("t.tsv", tsv, in_tsv, false),
              StartsWith(absl::StrCat("t.tsv:", batch_line,
                                      ": expects the 8 rows that were here")));
  // No row any more.
  EXPECT_THAT(
      first("t.tsv", tsv, in_tsv - 1, true),
      StartsWith(absl::StrCat("t.tsv:", tsv_line, ": expects the row")));
}

TEST_F(ExampleTableTest, ATableThatWasCutIsNamed) {
  const std::string path = Write("t.tsv", Tsv(20000));
  auto table = Scan(path, 8, true).value();
  ASSERT_EQ(::truncate(path.c_str(), 11 + 4), 0);  // "c0\tw" of line 2
  Examples examples(TableSchema(options_));
  EXPECT_THAT(std::string(table->Append(0, examples).message()),
              HasSubstr("t.tsv:2: expects the row that was here"));
  auto again = Scan(Write("t.tsv", Tsv(20000)), 8, true).value();
  ASSERT_EQ(::truncate(path.c_str(), 11 + 4), 0);
  EXPECT_THAT(std::string(again->Append(10000, examples).message()),
              HasSubstr("t.tsv:2: expects the row that was here"));
}

TEST_F(ExampleTableTest, ATableThatIsReplacedStaysTheOldOne) {
  auto table = Scan(Write("t.tsv", Tsv(20000)), 8, true).value();
  Write("t.tsv", "label\ttext\n");
  Examples examples(TableSchema(options_));
  ASSERT_TRUE(table->Append(19999, examples).ok());
  EXPECT_EQ(examples.ints(kIds, 0), absl::MakeConstSpan(Ids(19999)));
}

TEST_F(ExampleTableTest, ErrorsOfTheFileSystemPass) {
  auto table = Scan(Write("t.tsv", Tsv(20000)), 8, true).value();
  files_.FailReadsAfter(0, EIO);
  Examples examples(TableSchema(options_));
  const absl::Status status = table->Append(0, examples);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("t.tsv: cannot read"));
}

TEST_F(ExampleTableTest, APipeIsReadOnceOnly) {
  const std::string path = Path("pipe.tsv");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const auto with_writer = [&](auto read) {
    std::thread writer([&] {
      std::FILE* file = std::fopen(path.c_str(), "w");
      std::fputs("label\ttext\na\tw1\na\tw2\n", file);
      std::fclose(file);
    });
    auto table = Open(path);
    EXPECT_TRUE(table.ok()) << table.status();
    read(**table);
    writer.join();
  };
  labels_.Add("a");
  with_writer([&](ExampleTable& table) {
    const absl::Status status = table.Scan({});
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("pipe.tsv: expects a file that can be read more than "
                          "once, got a pipe"));
  });
  with_writer([&](ExampleTable& table) {
    Examples examples(TableSchema(options_));
    EXPECT_TRUE(table.Next(examples).value());
    EXPECT_TRUE(table.Next(examples).value());
    EXPECT_FALSE(table.Next(examples).value());
    EXPECT_THAT(examples.ints(kIds, 1), ElementsAre(kCls, 7, kSep));
  });
}

TEST_F(ExampleTableTest, BadRowsAreSkippedInEachPass) {
  options_.table.skip_bad_rows = true;
  std::vector<std::string> told;
  options_.table.tell = [&](const std::string& text) {
    told.push_back(absl::StrReplaceAll(text, {{directory_ + "/", ""}}));
  };
  labels_ = LabelMap::FromLabels({"a", "b"}).value();
  const std::string path = Write(
      "t.tsv", "label\ttext\n\na\tw1\nb\n\xFF\tw1\nb\tw2\na\t \nc\tw1\na\tw3");
  ScanOptions scan;
  scan.batch_size = 2;
  auto table = Open(path).value();
  ASSERT_EQ(table->Scan(scan), absl::OkStatus());
  EXPECT_EQ(table->size(), 3);
  EXPECT_EQ(table->skipped(), 5);
  EXPECT_THAT(told,
              ElementsAre("t.tsv:2: expects a row, got an empty line; skipped",
                          "t.tsv:4: expects 2 fields separated by tabs, got 1; "
                          "skipped",
                          StartsWith("t.tsv:5: expects UTF-8"),
                          "t.tsv: skipped 5 of 8 rows"));
  Examples examples(table->schema());
  for (const int64_t row : {2, 0, 1, 2, 0, 1, 2})
    ASSERT_EQ(table->Append(row, examples), absl::OkStatus());
  std::vector<int32_t> words;
  for (int64_t i = 0; i < examples.size(); ++i)
    words.push_back(examples.ints(kIds, i)[1] - kFirstWord);
  EXPECT_THAT(words, ElementsAre(3, 1, 2, 3, 1, 2, 3));
  // One pass forward leaves out the same.
  told.clear();
  auto once = Open(path).value();
  Examples forward(once->schema());
  while (once->Next(forward).value()) {
  }
  EXPECT_FALSE(once->Next(forward).value());
  EXPECT_EQ(told.size(), 4u);
  EXPECT_THAT(forward.columns().ints(kLabels), ElementsAre(0, 1, 0));
  EXPECT_EQ(forward.row(2), 2);
}

TEST_F(ExampleTableTest, BadRowsOfSeveralLinesSaySo) {
  std::vector<std::string> told;
  options_.table.tell = [&](const std::string& text) {
    told.push_back(absl::StrReplaceAll(text, {{directory_ + "/", ""}}));
  };
  labels_ = LabelMap::FromLabels({"a", "b"}).value();
  const std::string path =
      Write("t.csv",
            "label,text\n\"a\",\"w1\nw2\"\n\"b\nc\",w1\na,\"w1\n\xFF\n\"\n"
            "\na,\"w1\n\nw2\" w3\nb,w4\n\n\"b\",\"w5\n\"\n");
  EXPECT_THAT(std::string(Open(path).value()->Scan({}).message()),
              HasSubstr("t.csv:4: expects one of 2 labels (a, b), got 'b\\nc'; "
                        "the row goes to line 5"));
  options_.table.skip_bad_rows = true;
  auto table = Open(path).value();
  ASSERT_EQ(table->Scan({}), absl::OkStatus());
  EXPECT_EQ(table->size(), 3);
  EXPECT_EQ(table->scan().labels, 2);
  EXPECT_THAT(
      told,
      ElementsAre(
          "t.csv:4: expects one of 2 labels (a, b), got 'b\\nc'; the row goes "
          "to line 5; skipped",
          "t.csv:7: expects UTF-8, got 0xff at byte 1; if the file is Latin-1, "
          "iconv -f LATIN1 -t UTF-8 converts it; the row goes from line 6 to "
          "line 8; skipped",
          "t.csv:9: expects a row, got an empty line; skipped",
          "t.csv: skipped 5 of 8 rows, 10 lines"));
  // What follows an empty line has its own lines.
  told.clear();
  ASSERT_EQ(Open(Write("t.csv",
                       "label,text\na,w1\n\n\"a\",\"w1\nw2\"\n\n"
                       "\"c\",\"w1\n\"\n"))
                .value()
                ->Scan({}),
            absl::OkStatus());
  EXPECT_THAT(told,
              ElementsAre("t.csv:3: expects a row, got an empty line; skipped",
                          "t.csv:6: expects a row, got an empty line; skipped",
                          "t.csv:7: expects one of 2 labels (a, b), got 'c'; "
                          "the row goes to line 8; skipped",
                          "t.csv: skipped 3 of 5 rows, 4 lines"));
}

TEST_F(ExampleTableTest, ALostQuoteEndsAlsoWhereBadRowsAreSkipped) {
  options_.table.skip_bad_rows = true;
  labels_ = LabelMap::FromLabels({"a", "b"}).value();
  const std::string path =
      Write("t.csv", "label,text\na,w1\nb,\"w2\na,w3\nb,w4\n");
  EXPECT_THAT(std::string(Open(path).value()->Scan({}).message()),
              HasSubstr("t.csv:3: expects a quote at the end of the field that "
                        "begins with one, got none in the rest of the file"));
  std::string rows = "label,text\na,w1\nb,\"w2\n";
  while (rows.size() < 3 << 20) rows += "a,w1 w2 w3 w4 w5\n";
  EXPECT_THAT(std::string(Open(Write("t.csv", rows + "a,\"w1\"\n"))
                              .value()
                              ->Scan({})
                              .message()),
              HasSubstr("t.csv:3: expects a line of at most 1048576 bytes, got "
                        "a longer one; is a quote that begins a field never "
                        "closed?"));
}

TEST_F(ExampleTableTest, TheScanCountsTheLabelsOfRows) {
  labels_ = LabelMap::FromLabels({"a", "b", "c"}).value();
  options_.table.partly_labelled = true;
  auto table =
      Open(Write("t.tsv", "label\ttext\nc\tw1\n\tw2\na\tw3\nc\tw4\n")).value();
  ASSERT_EQ(table->Scan({}), absl::OkStatus());
  EXPECT_EQ(table->scan().labels, 2);
  EXPECT_EQ(table->scan().unlabelled, 1);
}

TEST_F(ExampleTableTest, NumbersNameTheirColumn) {
  options_.labels = Labels::kScores;
  for (const absl::string_view number : {"animal", "0x10", "1e39"})
    EXPECT_THAT(
        std::string(Scan(Write("t.tsv",
                               absl::StrCat("label\ttext\n", number, "\tw1\n")))
                        .status()
                        .message()),
        HasSubstr(absl::StrCat("t.tsv:2: column 'label' expects a finite "
                               "number, got '",
                               number, "'")));
}

TEST_F(ExampleTableTest, ATableOfBadRowsIsRefused) {
  options_.table.skip_bad_rows = true;
  const std::string path = Write("t.tsv", "label\ttext\na\nb\n");
  EXPECT_THAT(std::string(Scan(path).status().message()),
              HasSubstr("t.tsv:2: expects 2 fields separated by tabs, got 1; "
                        "so are all 2 rows, and at least one is needed"));
  Examples examples(TableSchema(options_));
  EXPECT_THAT(
      std::string(Open(path).value()->Next(examples).status().message()),
      HasSubstr("so are all 2 rows"));
}

TEST_F(ExampleTableTest, TwoColumnsOfOneNameAreRefused) {
  const std::string path = Write("t.tsv", "label\ttext\na\tw1\n");
  options_.table.pair_column = "text";
  EXPECT_EQ(Open(path).status().message(),
            "--pair-column: expects another column than --text-column, got "
            "'text' for both");
  options_.table.pair_column = "";
  options_.table.label_column = "text";
  EXPECT_EQ(Open(path).status().message(),
            "--label-column: expects another column than --text-column, got "
            "'text' for both");
  options_.labels = Labels::kNone;
  EXPECT_TRUE(Open(path).ok());
}

TEST_F(ExampleTableTest, RowsOfSeveralFilesComeInAnyOrder) {
  constexpr int64_t kRows = 3000;
  const std::string tsv = Tsv(kRows);
  const size_t cut = tsv.find('\n', tsv.size() / 2) + 1;
  Write("p1.tsv", tsv.substr(0, cut));
  Write("p2.tsv", "label\ttext\n" + tsv.substr(cut));
  const TableScan whole = (*Scan(Write("t.tsv", tsv)))->scan();
  options_.reread = true;
  for (const bool any_order : {false, true}) {
    auto table = Scan(Path("p*.tsv"), 7, any_order);
    ASSERT_TRUE(table.ok()) << table.status();
    EXPECT_EQ((*table)->scan().token_hash, whole.token_hash);
    EXPECT_EQ((*table)->scan().label_hash, whole.label_hash);
    Examples examples((*table)->schema());
    for (const int64_t row : {2999, 0, 1499, 1500, 1501, 1502, 7, 2998}) {
      examples.Clear();
      ASSERT_EQ((*table)->Append(row, examples), absl::OkStatus());
      EXPECT_EQ(examples.ints(kIds, 0), absl::MakeConstSpan(Ids(row)));
    }
  }
}

}  // namespace
}  // namespace graft

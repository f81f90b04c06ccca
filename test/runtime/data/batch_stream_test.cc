// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/batch_stream.h"

#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "test/runtime/base/count_allocations.h"
#include "test/runtime/data/examples_in_memory.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

std::unique_ptr<BatchStream> Start(BatchMaker make) {
  auto stream = BatchStream::Start(std::move(make), 4, 64);
  EXPECT_TRUE(stream.ok()) << stream.status();
  return *std::move(stream);
}

// Makes batches of one example, rows 0 to `end` - 1, then ends with `status`.
BatchMaker Counting(int64_t end, absl::Status status = absl::OkStatus()) {
  return [=, row = int64_t{0}](Batch& batch) mutable -> absl::StatusOr<bool> {
    EXPECT_EQ(batch.examples.size(), 0);
    EXPECT_TRUE(batch.pieces.empty());
    if (row == end) {
      if (status.ok()) return false;
      return status;
    }
    batch.examples.Add({1}, {0}, 0, 0, row++);
    return true;
  };
}

// Rows of each batch that is left in `stream`.
std::vector<std::vector<int64_t>> Drain(BatchStream& stream) {
  std::vector<std::vector<int64_t>> rows;
  while (true) {
    auto batch = stream.Next();
    EXPECT_TRUE(batch.ok()) << batch.status();
    if (!batch.ok() || !*batch) return rows;
    rows.emplace_back();
    for (int64_t i = 0; i < (*batch)->examples.size(); ++i)
      rows.back().push_back((*batch)->examples.row(i));
  }
}

ExamplesInMemory OfLengths(const std::vector<int>& lengths) {
  ExamplesInMemory source;
  for (const int length : lengths)
    source.Add(std::vector<int32_t>(length, 1), 0);
  return source;
}

TEST(BatchStreamTest, HandsOutBatchesInTheirOrder) {
  const auto stream = Start(Counting(1000));
  for (int64_t row = 0; row < 1000; ++row) {
    auto batch = stream->Next();
    ASSERT_TRUE(batch.ok()) << batch.status();
    ASSERT_NE(*batch, nullptr);
    ASSERT_EQ((*batch)->examples.row(0), row);
  }
  EXPECT_EQ(*stream->Next(), nullptr);
  EXPECT_EQ(*stream->Next(), nullptr);
}

TEST(BatchStreamTest, FewBatchesGoRound) {
  std::atomic<int64_t> made = 0;
  auto count = Counting(1000);
  const auto stream = Start([&](Batch& batch) {
    ++made;
    return count(batch);
  });
  std::set<const Batch*> seen;
  for (int64_t row = 0; row < 1000; ++row) {
    seen.insert(*stream->Next());
    // The maker is never further ahead than there are batches.
    ASSERT_LE(made, row + static_cast<int64_t>(BatchStream::kBatches));
  }
  EXPECT_EQ(seen.size(), BatchStream::kBatches);
}

TEST(BatchStreamTest, AnErrorComesAfterTheBatchesBeforeIt) {
  const auto stream = Start(Counting(2, absl::DataLossError("a.tsv:7: bad")));
  EXPECT_EQ((*stream->Next())->examples.row(0), 0);
  EXPECT_EQ((*stream->Next())->examples.row(0), 1);
  EXPECT_EQ(stream->Next().status(), absl::DataLossError("a.tsv:7: bad"));
  EXPECT_EQ(stream->Next().status(), absl::DataLossError("a.tsv:7: bad"));
}

TEST(BatchStreamTest, EndsAtAnyTime) {
  // With none, some and all batches taken, from a maker that is fast or slow.
  for (const int pause : {0, 200}) {
    for (int taken = 0; taken < 40; ++taken) {
      auto count = Counting(30);
      const auto stream = Start([&](Batch& batch) {
        std::this_thread::sleep_for(std::chrono::microseconds(pause));
        return count(batch);
      });
      for (int i = 0; i < taken; ++i) ASSERT_TRUE(stream->Next().ok());
    }
  }
}

TEST(BatchStreamTest, TellsTheTimeWaited) {
  auto count = Counting(2);
  const auto stream = Start([&](Batch& batch) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return count(batch);
  });
  ASSERT_TRUE(stream->Next().ok());
  EXPECT_GT(stream->seconds_waited(), 0.01);
  // The next one is made while this thread does something else.
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  const double before = stream->seconds_waited();
  ASSERT_TRUE(stream->Next().ok());
  EXPECT_EQ(stream->seconds_waited(), before);
}

TEST(BatchStreamTest, TakingABatchAllocatesNothing) {
  ExamplesInMemory source = OfLengths(std::vector<int>(8, 3));
  TrainingOrder order;
  order.batch_size = 4;
  order.steps = 2000;
  order.shuffle = true;
  const auto stream = Start(TrainingBatches(source, order, {64, 64}));
  ASSERT_TRUE(stream->Next().ok());
  const int64_t before = CountAllocations();
  for (int i = 1; i < 2000; ++i) ASSERT_NE(*stream->Next(), nullptr);
  EXPECT_EQ(CountAllocations(), before);
}

TEST(TrainingBatchesTest, GoesThroughTheSourceInItsOrder) {
  ExamplesInMemory source = OfLengths({1, 1, 1, 1, 1});
  TrainingOrder order;
  order.batch_size = 2;
  order.steps = 5;
  EXPECT_THAT(Drain(*Start(TrainingBatches(source, order, {64, 64}))),
              ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3), ElementsAre(4),
                          ElementsAre(0, 1), ElementsAre(2, 3)));
  order.first_step = 4;  // as a run that is resumed
  EXPECT_THAT(Drain(*Start(TrainingBatches(source, order, {64, 64}))),
              ElementsAre(ElementsAre(2, 3)));
}

TEST(TrainingBatchesTest, ShufflesEachEpochByItsSeed) {
  ExamplesInMemory source = OfLengths({1, 1, 1, 1, 1, 1});
  TrainingOrder order;
  order.batch_size = 6;
  order.steps = 3;
  order.shuffle = true;
  order.seed = 5;
  const auto rows = Drain(*Start(TrainingBatches(source, order, {64, 64})));
  // Of this seed; a checkpoint relies on them.
  EXPECT_THAT(rows, ElementsAre(ElementsAre(5, 3, 2, 4, 0, 1),
                                ElementsAre(0, 4, 1, 2, 3, 5),
                                ElementsAre(4, 1, 2, 0, 3, 5)));
  order.first_step = 2;
  EXPECT_THAT(Drain(*Start(TrainingBatches(source, order, {64, 64}))),
              ElementsAre(ElementsAreArray(rows[2])));
}

TEST(TrainingBatchesTest, CutsBatchesAtTheBounds) {
  ExamplesInMemory source = OfLengths({4, 4, 3, 8});
  TrainingOrder order;
  order.batch_size = 4;
  order.steps = 1;
  const auto stream = Start(TrainingBatches(source, order, {8, 100}));
  const Batch* batch = *stream->Next();
  ASSERT_EQ(batch->pieces.size(), 3u);
  EXPECT_EQ(batch->pieces[0].end, 2);
  EXPECT_EQ(batch->pieces[1].end, 3);
  EXPECT_EQ(batch->pieces[2].end, 4);
}

TEST(LargestPiecesTest, FillsTheBounds) {
  ExamplesInMemory source = OfLengths({4, 4, 3, 8, 1, 1, 1, 1});
  EXPECT_THAT(Drain(*Start(LargestPieces(InOrder(source), {8, 3}))),
              ElementsAre(ElementsAre(0, 1), ElementsAre(2), ElementsAre(3),
                          ElementsAre(4, 5, 6), ElementsAre(7)));
  ExamplesInMemory none;
  EXPECT_TRUE(Drain(*Start(LargestPieces(InOrder(none), {8, 3}))).empty());
}

TEST(LargestPiecesTest, RefusesAnExampleOverTheBound) {
  ExamplesInMemory source = OfLengths({4, 9, 1});
  const auto stream = Start(LargestPieces(InOrder(source), {8, 3}));
  EXPECT_EQ((*stream->Next())->examples.size(), 1);
  const absl::Status status = stream->Next().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("got 9 in example 1"));
}

}  // namespace
}  // namespace graft

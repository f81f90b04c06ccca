// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/batch_stream.h"

#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/data/sampler.h"
#include "test/runtime/base/count_allocations.h"
#include "test/runtime/data/drain.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

// Makes batches of one example, rows 0 to `end` - 1, then ends with `status`.
BatchMaker Counting(int64_t end, absl::Status status = absl::OkStatus()) {
  return [=, row = int64_t{0}](Batch& batch) mutable -> absl::StatusOr<bool> {
    EXPECT_EQ(batch.examples.size(), 0);
    EXPECT_TRUE(batch.micro_batches.empty());
    if (row == end) {
      if (status.ok()) return false;
      return status;
    }
    batch.examples.Add(/*length=*/1, row++);
    return true;
  };
}

TEST(BatchStreamTest, HandsOutBatchesInTheirOrder) {
  const auto stream = StartStream(Counting(1000));
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
  const auto stream = StartStream([&](Batch& batch) {
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
  const auto stream =
      StartStream(Counting(2, absl::DataLossError("a.tsv:7: bad")));
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
      const auto stream = StartStream([&](Batch& batch) {
        std::this_thread::sleep_for(std::chrono::microseconds(pause));
        return count(batch);
      });
      for (int i = 0; i < taken; ++i) ASSERT_TRUE(stream->Next().ok());
    }
  }
}

TEST(BatchStreamTest, TellsTheTimeWaited) {
  auto count = Counting(2);
  const auto stream = StartStream([&](Batch& batch) {
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
  const auto stream = StartStream(TrainingBatches(source, order, {64, 64}));
  ASSERT_TRUE(stream->Next().ok());
  const int64_t before = CountAllocations();
  for (int i = 1; i < 2000; ++i) ASSERT_NE(*stream->Next(), nullptr);
  EXPECT_EQ(CountAllocations(), before);
}

}  // namespace
}  // namespace graft

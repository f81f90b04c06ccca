// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/sampler.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "test/runtime/data/drain.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

TEST(TrainingBatchesTest, GoesThroughTheSourceInItsOrder) {
  ExamplesInMemory source = OfLengths({1, 1, 1, 1, 1});
  TrainingOrder order;
  order.batch_size = 2;
  order.steps = 5;
  EXPECT_THAT(Drain(*StartStream(TrainingBatches(source, order, {64, 64}))),
              ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3), ElementsAre(4),
                          ElementsAre(0, 1), ElementsAre(2, 3)));
  order.first_step = 4;  // as a run that is resumed
  EXPECT_THAT(Drain(*StartStream(TrainingBatches(source, order, {64, 64}))),
              ElementsAre(ElementsAre(2, 3)));
}

TEST(TrainingBatchesTest, ShufflesEachEpochByItsSeed) {
  ExamplesInMemory source = OfLengths({1, 1, 1, 1, 1, 1});
  TrainingOrder order;
  order.batch_size = 6;
  order.steps = 3;
  order.shuffle = true;
  order.seed = 5;
  const auto rows =
      Drain(*StartStream(TrainingBatches(source, order, {64, 64})));
  // Of this seed; a checkpoint relies on them.
  EXPECT_THAT(rows, ElementsAre(ElementsAre(5, 3, 2, 4, 0, 1),
                                ElementsAre(0, 4, 1, 2, 3, 5),
                                ElementsAre(4, 1, 2, 0, 3, 5)));
  order.first_step = 2;
  EXPECT_THAT(Drain(*StartStream(TrainingBatches(source, order, {64, 64}))),
              ElementsAre(ElementsAreArray(rows[2])));
}

TEST(TrainingBatchesTest, CutsBatchesAtTheCapacity) {
  ExamplesInMemory source = OfLengths({4, 4, 3, 8});
  TrainingOrder order;
  order.batch_size = 4;
  order.steps = 1;
  const auto stream = StartStream(TrainingBatches(source, order, {8, 100}));
  const Batch* batch = *stream->Next();
  ASSERT_EQ(batch->micro_batches.size(), 3u);
  EXPECT_EQ(batch->micro_batches[0].end, 2);
  EXPECT_EQ(batch->micro_batches[1].end, 3);
  EXPECT_EQ(batch->micro_batches[2].end, 4);
}

TEST(LargestBatchesTest, FillsTheCapacity) {
  ExamplesInMemory source = OfLengths({4, 4, 3, 8, 1, 1, 1, 1});
  EXPECT_THAT(Drain(*StartStream(LargestBatches(InOrder(source), {8, 3}))),
              ElementsAre(ElementsAre(0, 1), ElementsAre(2), ElementsAre(3),
                          ElementsAre(4, 5, 6), ElementsAre(7)));
  ExamplesInMemory none;
  EXPECT_TRUE(
      Drain(*StartStream(LargestBatches(InOrder(none), {8, 3}))).empty());
}

TEST(LargestBatchesTest, RefusesAnExampleOverTheCapacity) {
  ExamplesInMemory source = OfLengths({4, 9, 1});
  const auto stream = StartStream(LargestBatches(InOrder(source), {8, 3}));
  EXPECT_EQ((*stream->Next())->examples.size(), 1);
  const absl::Status status = stream->Next().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("got 9 in example 1"));
}

TEST(LargestBatchesTest, AsksNoFeedBeyondItsEnd) {
  ExamplesInMemory source = OfLengths({1, 1, 1, 1});
  ExampleFeed feed = InOrder(source);
  feed.next = [next = std::move(feed.next),
               left = 2](Examples& to) mutable -> absl::StatusOr<bool> {
    if (left-- == 0) return false;
    return next(to);
  };
  EXPECT_THAT(Drain(*StartStream(LargestBatches(std::move(feed), {8, 3}))),
              ElementsAre(ElementsAre(0, 1)));
}

TEST(LargestBatchesTest, GivesWhatCameBeforeAnError) {
  ExamplesInMemory source = OfLengths({4, 1, 1, 1});
  ExampleFeed feed = InOrder(source);
  feed.next = [next = std::move(feed.next),
               left = 2](Examples& to) mutable -> absl::StatusOr<bool> {
    if (left-- == 0) return absl::DataLossError("broken");
    return next(to);
  };
  const auto stream = StartStream(LargestBatches(std::move(feed), {8, 3}));
  EXPECT_EQ((*stream->Next())->examples.size(), 2);
  EXPECT_EQ(stream->Next().status().message(), "broken");
  EXPECT_EQ(stream->Next().status().message(), "broken");
}

}  // namespace
}  // namespace graft

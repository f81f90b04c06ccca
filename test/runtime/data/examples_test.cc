// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/examples.h"

#include <numeric>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Examples of the given lengths; ids count up over the whole set.
Examples MakeExamples(const std::vector<int>& lengths) {
  Examples examples;
  int32_t next = 0;
  for (size_t i = 0; i < lengths.size(); ++i) {
    std::vector<int32_t> ids(lengths[i]), types(lengths[i], 0);
    std::iota(ids.begin(), ids.end(), next);
    next += lengths[i];
    types.back() = 1;
    examples.Add(ids, types, static_cast<int32_t>(i), 0.5f * i,
                 static_cast<int64_t>(10 + i));
  }
  return examples;
}

TEST(ExamplesTest, PacksInOrder) {
  Examples examples = MakeExamples({2, 1, 3});
  PackedBatch packed;
  PackBatch(examples, {1, 3}, {}, packed);
  EXPECT_THAT(packed.ids, ElementsAre(2, 3, 4, 5));
  EXPECT_THAT(packed.types, ElementsAre(1, 0, 0, 1));
  EXPECT_THAT(packed.offsets, ElementsAre(0, 1, 4));
  // Ordinals are those of the optimiser batch.
  EXPECT_THAT(packed.ordinals, ElementsAre(1, 2));
  EXPECT_THAT(packed.labels, ElementsAre(1, 2));
  EXPECT_THAT(packed.scores, ElementsAre(0.5f, 1.0f));
  EXPECT_EQ(packed.tokens(), 4);
  EXPECT_EQ(packed.sequences(), 2);
}

TEST(ExamplesTest, PacksCachedRowsByTheirNumber) {
  Examples examples;
  for (const int64_t row : {2, 0, 1}) examples.Add({7}, {0}, 0, 0, row);
  const std::vector<CachedRows> caches = {{"said", 2, {0, 1, 10, 11, 20, 21}},
                                          {"length", 1, {2, 1, 3}}};
  PackedBatch packed;
  packed.Reserve(caches, {8, 3});
  PackBatch(examples, {1, 3}, caches, packed);
  PackBatch(examples, {0, 2}, caches, packed);
  ASSERT_EQ(packed.cached.size(), 2u);
  EXPECT_EQ(packed.cached[0].name, "said");
  EXPECT_EQ(packed.cached[0].width, 2);
  EXPECT_THAT(packed.cached[0].values, ElementsAre(20, 21, 0, 1));
  EXPECT_THAT(packed.cached[1].values, ElementsAre(3, 2));
}

TEST(ExamplesTest, MemoryIsUsedAgain) {
  Examples examples = MakeExamples({2, 3});
  const int32_t* ids = examples.ids(0).data();
  examples.RemoveLast();
  EXPECT_EQ(examples.tokens(), 2);
  examples.Add(MakeExamples({1, 1}), 1);
  EXPECT_THAT(examples.ids(1), ElementsAre(1));
  EXPECT_EQ(examples.row(1), 11);
  examples.Clear();
  EXPECT_EQ(examples.size(), 0);
  EXPECT_EQ(examples.tokens(), 0);
  examples.Add({5}, {0}, 1, 0, 0, "a text");
  EXPECT_EQ(examples.ids(0).data(), ids);
  EXPECT_EQ(examples.text(0), "a text");
}

TEST(ExamplesTest, SplitsAtTheTokenBound) {
  Examples examples = MakeExamples({4, 4, 3, 8, 1});
  std::vector<BatchRange> micro_batches;
  ASSERT_TRUE(SplitBatch(examples, {8, 100}, micro_batches).ok());
  ASSERT_EQ(micro_batches.size(), 4u);
  EXPECT_EQ(micro_batches[0].end, 2);
  EXPECT_EQ(micro_batches[1].end, 3);
  EXPECT_EQ(micro_batches[2].end, 4);
  EXPECT_EQ(micro_batches[3].end, 5);
}

TEST(ExamplesTest, SplitsAtTheSequenceBound) {
  Examples examples = MakeExamples({1, 1, 1});
  std::vector<BatchRange> micro_batches;
  ASSERT_TRUE(SplitBatch(examples, {64, 2}, micro_batches).ok());
  ASSERT_EQ(micro_batches.size(), 2u);
  EXPECT_EQ(micro_batches[0].end, 2);
}

TEST(ExamplesTest, RefusesAnExampleOverTheCapacity) {
  Examples examples = MakeExamples({3, 9});
  std::vector<BatchRange> micro_batches;
  absl::Status status = SplitBatch(examples, {8, 2}, micro_batches);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("got 9 in example 11"));
}

TEST(ExamplesTest, MeasuresTheLargestBatch) {
  CapacityMeter two(2), all(100);
  EXPECT_EQ(two.capacity().tokens, 0);
  for (const int64_t tokens : {10, 60, 5, 5, 1}) {
    two.Add(tokens);
    all.Add(tokens);
  }
  EXPECT_EQ(two.capacity().tokens, 128);  // 70, rounded up
  EXPECT_EQ(two.capacity().sequences, 2);
  EXPECT_EQ(all.capacity().sequences, 5);
}

}  // namespace
}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/examples.h"

#include <numeric>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "test/runtime/base/count_allocations.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr size_t kLabels = 2, kWeights = 3, kPairs = 4, kMarks = 5;

Schema AllKinds() {
  using Per = ColumnSpec::Per;
  return TextSchema({{"labels", DType::kI32},
                     {"weights", DType::kF32},
                     {"pairs", DType::kF32, Per::kExample, 2},
                     {"marks", DType::kI32, Per::kToken, 2}});
}

// Examples of the given lengths; ids count up over the whole set, and other
// values follow from the number of the example or of the token.
Examples MakeExamples(const std::vector<int>& lengths) {
  Examples examples(AllKinds());
  int32_t next = 0;
  for (int32_t i = 0; i < static_cast<int32_t>(lengths.size()); ++i) {
    std::vector<int32_t> ids(lengths[i]), types(lengths[i], 0);
    std::iota(ids.begin(), ids.end(), next);
    types.back() = 1;
    examples.Add(ids, types, 10 + i);
    examples.mutable_ints(kLabels, i)[0] = i;
    examples.mutable_floats(kWeights, i)[0] = 0.5f * static_cast<float>(i);
    examples.mutable_floats(kPairs, i)[1] = static_cast<float>(-i);
    const auto marks = examples.mutable_ints(kMarks, i);
    std::iota(marks.begin(), marks.end(), 2 * next);
    next += lengths[i];
  }
  return examples;
}

TEST(SchemaTest, FindsColumnsByName) {
  const Schema schema = TextSchema({{"labels", DType::kF32}});
  EXPECT_EQ(schema.size(), 3u);
  EXPECT_EQ(schema.Find("ids"), kIds);
  EXPECT_EQ(schema.Find("types"), kTypes);
  EXPECT_EQ(schema.Find("labels"), kLabels);
  EXPECT_EQ(schema.Find("label"), std::nullopt);
  EXPECT_EQ(schema.Names(), "ids, types, labels");
  EXPECT_EQ(Schema().Names(), "none");
}

TEST(SchemaTest, OnlyACopyIsACopy) {
  const Schema schema = TextSchema();
  const Schema copy = schema;
  EXPECT_TRUE(copy.IsCopyOf(schema));
  EXPECT_FALSE(copy.IsCopyOf(TextSchema()));
  EXPECT_FALSE(Schema().IsCopyOf(Schema()));
}

TEST(ExamplesTest, PacksInOrder) {
  Examples examples = MakeExamples({2, 1, 3});
  PackedBatch packed;
  packed.Reserve(examples.schema(), {}, {8, 3});
  PackBatch(examples, {0, 3}, {}, packed);
  PackBatch(examples, {1, 3}, {}, packed);
  const Columns& columns = packed.columns;
  EXPECT_THAT(columns.ints(kIds), ElementsAre(2, 3, 4, 5));
  EXPECT_THAT(columns.ints(kTypes), ElementsAre(1, 0, 0, 1));
  EXPECT_THAT(columns.ints(kLabels), ElementsAre(1, 2));
  EXPECT_THAT(columns.floats(kWeights), ElementsAre(0.5f, 1.0f));
  EXPECT_THAT(columns.floats(kPairs), ElementsAre(0, -1, 0, -2));
  EXPECT_THAT(columns.ints(kMarks), ElementsAre(4, 5, 6, 7, 8, 9, 10, 11));
  EXPECT_THAT(packed.offsets, ElementsAre(0, 1, 4));
  // Ordinals are those of the optimiser batch.
  EXPECT_THAT(packed.ordinals, ElementsAre(1, 2));
  EXPECT_EQ(packed.tokens(), 4);
  EXPECT_EQ(packed.sequences(), 2);
}

TEST(ExamplesTest, PackingAllocatesNothing) {
  const Examples examples = MakeExamples({2, 1, 3, 2});
  const std::vector<CachedRows> caches = {
      {"said", 2, std::vector<float>(2 * 14)}};
  PackedBatch packed;
  packed.Reserve(examples.schema(), caches, {8, 4});
  const int64_t before = CountAllocations();
  for (int64_t end : {1, 4, 2, 4})
    PackBatch(examples, {0, end}, caches, packed);
  EXPECT_EQ(CountAllocations(), before);
}

TEST(ExamplesTest, PacksCachedRowsByTheirNumber) {
  Examples examples(TextSchema());
  for (const int64_t row : {2, 0, 1}) examples.Add({7}, {0}, row);
  const std::vector<CachedRows> caches = {{"said", 2, {0, 1, 10, 11, 20, 21}},
                                          {"length", 1, {2, 1, 3}}};
  PackedBatch packed;
  packed.Reserve(examples.schema(), caches, {8, 3});
  PackBatch(examples, {1, 3}, caches, packed);
  PackBatch(examples, {0, 2}, caches, packed);
  ASSERT_EQ(packed.cached.size(), 2u);
  EXPECT_EQ(packed.cached[0].name, "said");
  EXPECT_EQ(packed.cached[0].width, 2);
  EXPECT_THAT(packed.cached[0].values, ElementsAre(20, 21, 0, 1));
  EXPECT_THAT(packed.cached[1].values, ElementsAre(3, 2));
}

TEST(ExamplesTest, SumsAColumn) {
  EXPECT_EQ(SumColumn(MakeExamples({1, 2, 1, 1}), kWeights), 3);
  EXPECT_EQ(SumColumn(Examples(AllKinds()), kWeights), 0);
  // A float could not hold this sum.
  Examples examples(AllKinds());
  for (const float weight : {16777216.0f, 1.0f, 1.0f}) {
    examples.Add(/*length=*/1, /*row=*/0);
    examples.mutable_floats(kWeights, examples.size() - 1)[0] = weight;
  }
  EXPECT_EQ(SumColumn(examples, kWeights), 16777218);
}

TEST(ExamplesTest, MemoryIsUsedAgain) {
  Examples examples = MakeExamples({2, 3});
  const int32_t* ids = examples.ints(kIds, 0).data();
  examples.RemoveLast();
  EXPECT_EQ(examples.tokens(), 2);
  examples.Add(MakeExamples({1, 1}), 1);
  EXPECT_THAT(examples.ints(kIds, 1), ElementsAre(1));
  EXPECT_THAT(examples.ints(kLabels, 1), ElementsAre(1));
  EXPECT_THAT(examples.floats(kPairs, 1), ElementsAre(0, -1));
  EXPECT_THAT(examples.ints(kMarks, 1), ElementsAre(2, 3));
  EXPECT_EQ(examples.row(1), 11);
  examples.Clear();
  EXPECT_EQ(examples.size(), 0);
  EXPECT_EQ(examples.tokens(), 0);
  examples.Add({5}, {0}, 0, "a text");
  EXPECT_EQ(examples.ints(kIds, 0).data(), ids);
  EXPECT_EQ(examples.text(0), "a text");
  // Values that were not set are zero, whatever was there before.
  EXPECT_THAT(examples.ints(kLabels, 0), ElementsAre(0));
  EXPECT_THAT(examples.ints(kMarks, 0), ElementsAre(0, 0));
}

TEST(ExamplesTest, SaysWhereExamplesAreFrom) {
  Examples examples = MakeExamples({1, 1, 1});
  examples.SetWhere("table.tsv:4");
  EXPECT_EQ(examples.where(0), "");
  EXPECT_EQ(examples.where(2), "table.tsv:4");
  Examples copy(examples.schema());
  for (int64_t i : {1, 2}) copy.Add(examples, i);
  EXPECT_EQ(copy.where(0), "");
  EXPECT_EQ(copy.where(1), "table.tsv:4");
  copy.RemoveLast();
  copy.Add(examples, 0);
  EXPECT_EQ(copy.where(1), "");
  copy.SetWhere("b:1");
  EXPECT_EQ(copy.where(1), "b:1");
  copy.Clear();
  copy.Add(examples, 2);
  EXPECT_EQ(copy.where(0), "table.tsv:4");
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
  for (const int64_t tokens : {1, 70}) two.Add(tokens);
  EXPECT_EQ(two.capacity().tokens, 128);
  EXPECT_EQ(two.any_order().tokens, 192);  // 60 + 70, rounded up
  EXPECT_EQ(two.any_order().sequences, 2);
}

}  // namespace
}  // namespace graft

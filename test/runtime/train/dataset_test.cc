// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/dataset.h"

#include <numeric>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Examples of the given lengths; ids count up over the whole set.
Dataset MakeDataset(const std::vector<int>& lengths) {
  Dataset dataset;
  int32_t next = 0;
  for (size_t i = 0; i < lengths.size(); ++i) {
    std::vector<int32_t> ids(lengths[i]), types(lengths[i], 0);
    std::iota(ids.begin(), ids.end(), next);
    next += lengths[i];
    types.back() = 1;
    dataset.Add(ids, types, static_cast<int32_t>(i), 0.5f * i);
  }
  return dataset;
}

std::vector<int64_t> Identity(const Dataset& dataset) {
  std::vector<int64_t> order(dataset.size());
  std::iota(order.begin(), order.end(), 0);
  return order;
}

TEST(DatasetTest, PacksInOrder) {
  Dataset dataset = MakeDataset({2, 1, 3});
  std::vector<int64_t> order = {2, 0, 1};
  PackedBatch packed;
  PackBatch(dataset, order, {0, 2}, 0, packed);
  EXPECT_THAT(packed.ids, ElementsAre(3, 4, 5, 0, 1));
  EXPECT_THAT(packed.types, ElementsAre(0, 0, 1, 0, 1));
  EXPECT_THAT(packed.offsets, ElementsAre(0, 3, 5));
  EXPECT_THAT(packed.ordinals, ElementsAre(0, 1));
  EXPECT_THAT(packed.labels, ElementsAre(2, 0));
  EXPECT_THAT(packed.scores, ElementsAre(1.0f, 0.0f));
}

TEST(DatasetTest, OrdinalsCountFromTheOptimiserBatch) {
  Dataset dataset = MakeDataset({2, 1, 3, 2});
  PackedBatch packed;
  PackBatch(dataset, Identity(dataset), {2, 4}, 1, packed);
  EXPECT_THAT(packed.ordinals, ElementsAre(1, 2));
  EXPECT_EQ(packed.tokens(), 5);
  EXPECT_EQ(packed.sequences(), 2);
}

TEST(DatasetTest, PacksCachedRowsByExample) {
  Dataset dataset = MakeDataset({2, 1, 3});
  dataset.AddCache({"said", 2, {0, 1, 10, 11, 20, 21}});
  dataset.AddCache({"length", 1, {2, 1, 3}});
  const std::vector<int64_t> order = {2, 0, 1};
  PackedBatch packed;
  packed.Reserve(dataset, {8, 3});
  PackBatch(dataset, order, {1, 3}, 0, packed);
  PackBatch(dataset, order, {0, 2}, 0, packed);
  ASSERT_EQ(packed.cached.size(), 2u);
  EXPECT_EQ(packed.cached[0].name, "said");
  EXPECT_EQ(packed.cached[0].width, 2);
  EXPECT_THAT(packed.cached[0].values, ElementsAre(20, 21, 0, 1));
  EXPECT_THAT(packed.cached[1].values, ElementsAre(3, 2));
}

TEST(DatasetTest, SplitsAtTheTokenBound) {
  Dataset dataset = MakeDataset({4, 4, 3, 8, 1});
  std::vector<BatchRange> pieces;
  ASSERT_TRUE(
      SplitBatch(dataset, Identity(dataset), {0, 5}, {8, 100}, pieces).ok());
  ASSERT_EQ(pieces.size(), 4u);
  EXPECT_EQ(pieces[0].end, 2);
  EXPECT_EQ(pieces[1].end, 3);
  EXPECT_EQ(pieces[2].end, 4);
  EXPECT_EQ(pieces[3].end, 5);
}

TEST(DatasetTest, SplitsAtTheSequenceBound) {
  Dataset dataset = MakeDataset({1, 1, 1});
  std::vector<BatchRange> pieces;
  ASSERT_TRUE(
      SplitBatch(dataset, Identity(dataset), {0, 3}, {64, 2}, pieces).ok());
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_EQ(pieces[0].end, 2);
}

TEST(DatasetTest, RefusesAnExampleOverTheBound) {
  Dataset dataset = MakeDataset({3, 9});
  std::vector<BatchRange> pieces;
  absl::Status status =
      SplitBatch(dataset, Identity(dataset), {0, 2}, {8, 2}, pieces);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("got 9 in example 1"));
}

TEST(DatasetTest, MeasuresTheLargestBatch) {
  Dataset dataset = MakeDataset({10, 60, 5, 5, 1});
  BatchBounds bounds = MeasureBounds(dataset, 2);
  EXPECT_EQ(bounds.tokens, 128);  // 70, rounded up
  EXPECT_EQ(bounds.sequences, 2);
  EXPECT_EQ(MeasureBounds(dataset, 100).sequences, 5);
}

}  // namespace
}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/loss_scale.h"

#include "gtest/gtest.h"

namespace graft {
namespace {

TEST(LossScaleTest, RisesAfterManyUpdates) {
  LossScale scale{1024, 0, 0};
  for (int64_t i = 1; i < kLossScaleGrowth; ++i) scale.Succeed();
  EXPECT_EQ(scale.scale, 1024);
  scale.Succeed();
  EXPECT_EQ(scale.scale, 2048);
  EXPECT_EQ(scale.steps, 0);
  EXPECT_EQ(scale.skipped, 0);
}

TEST(LossScaleTest, StaysAtTheLargest) {
  LossScale scale{kLargestLossScale, kLossScaleGrowth, 0};
  scale.Succeed();
  EXPECT_EQ(scale.scale, kLargestLossScale);
}

TEST(LossScaleTest, FallsAndCountsAnew) {
  LossScale scale{1024, kLossScaleGrowth - 1, 3};
  EXPECT_TRUE(scale.BackOff());
  EXPECT_EQ(scale.scale, 512);
  EXPECT_EQ(scale.skipped, 4);
  scale.Succeed();
  EXPECT_EQ(scale.scale, 512);
}

TEST(LossScaleTest, DoesNotFallForEver) {
  LossScale scale{kFirstLossScale, 0, 0};
  int64_t falls = 0;
  while (scale.BackOff()) ++falls;
  EXPECT_EQ(falls, 30);
  EXPECT_EQ(scale.scale, kSmallestLossScale);
}

}  // namespace
}  // namespace graft

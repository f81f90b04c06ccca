// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/schedule.h"

#include "gtest/gtest.h"

namespace graft {
namespace {

TEST(ScheduleTest, LinearWithoutWarmUpStartsAtThePeak) {
  Schedule schedule{ScheduleKind::kLinear, 5e-5, 0, 625};
  EXPECT_DOUBLE_EQ(schedule.Rate(0), 5e-5);
  EXPECT_DOUBLE_EQ(schedule.Rate(624), 5e-5 / 625);
  EXPECT_DOUBLE_EQ(schedule.Rate(625), 0);
  EXPECT_DOUBLE_EQ(schedule.Rate(700), 0);
}

TEST(ScheduleTest, WarmUpReachesThePeak) {
  Schedule schedule{ScheduleKind::kLinear, 1.0, 10, 100};
  EXPECT_DOUBLE_EQ(schedule.Rate(0), 0);
  EXPECT_DOUBLE_EQ(schedule.Rate(5), 0.5);
  EXPECT_DOUBLE_EQ(schedule.Rate(10), 1.0);
  EXPECT_DOUBLE_EQ(schedule.Rate(55), 0.5);
}

TEST(ScheduleTest, CosineAndConstant) {
  Schedule cosine{ScheduleKind::kCosine, 2.0, 0, 100};
  EXPECT_DOUBLE_EQ(cosine.Rate(0), 2.0);
  EXPECT_NEAR(cosine.Rate(50), 1.0, 1e-12);
  EXPECT_NEAR(cosine.Rate(100), 0.0, 1e-12);
  Schedule constant{ScheduleKind::kConstant, 2.0, 0, 100};
  EXPECT_DOUBLE_EQ(constant.Rate(99), 2.0);
}

TEST(ScheduleTest, NamesAreChecked) {
  EXPECT_TRUE(ParseScheduleKind("cosine").ok());
  absl::Status status = ParseScheduleKind("cubic").status();
  EXPECT_EQ(status.message(),
            "expects a schedule constant, linear or cosine, got \"cubic\"");
}

}  // namespace
}  // namespace graft

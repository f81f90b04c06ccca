// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Learning rates as expressions of host programs. Their bits are a promise: a
// rate that differs in the last digit is another training.

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/host/expression.h"
#include "test/runtime/host/training_program.h"

namespace graft {
namespace {

using namespace host_program;  // NOLINT: the language of a program

// Of the update after which `step` updates have been made before, from 0.
struct Formula {
  Schedule schedule;
  double peak;
  int64_t warmup_steps, total_steps;

  double Rate(int64_t step) const {
    if (step < warmup_steps)
      return peak * static_cast<double>(step) /
             static_cast<double>(warmup_steps);
    if (schedule == Schedule::kConstant) return peak;
    const double span =
        static_cast<double>(std::max<int64_t>(1, total_steps - warmup_steps));
    const double left =
        std::max(0.0, static_cast<double>(total_steps - step) / span);
    if (schedule == Schedule::kLinear) return peak * left;
    return peak * 0.5 * (1 + std::cos(std::numbers::pi * (1 - left)));
  }
};

class ScheduleTest : public ::testing::Test {
 protected:
  double RateOf(const Formula& formula, int64_t step) {
    ArtifactSpec spec;
    std::vector<std::string> fields;
    const Expression steps = Resolve(Rate(formula.schedule), spec, fields);
    std::vector<double> registers(spec.registers.size());
    for (size_t i = 0; i < registers.size(); ++i) {
      const std::string& name = spec.registers[i].name;
      registers[i] = name == "step"           ? static_cast<double>(step)
                     : name == "warmup_steps" ? formula.warmup_steps
                     : name == "total_steps"  ? formula.total_steps
                                              : formula.peak;
    }
    return EvaluateExpression(steps, registers, {}, /*seed=*/0);
  }
};

TEST_F(ScheduleTest, EqualsTheFormulaToTheBit) {
  for (const Schedule schedule :
       {Schedule::kConstant, Schedule::kLinear, Schedule::kCosine}) {
    for (const double peak : {5e-5, 0.1, 1.0 / 3}) {
      for (const int64_t total : {1, 7, 625, 100003}) {
        for (const double share : {0.0, 0.06, 0.1, 0.5, 1.0}) {
          const Formula formula = {
              schedule, peak, std::lround(share * static_cast<double>(total)),
              total};
          const int64_t stride = std::max<int64_t>(1, total / 997);
          for (int64_t step = 0; step <= total + stride; step += stride)
            ASSERT_EQ(std::bit_cast<uint64_t>(RateOf(formula, step)),
                      std::bit_cast<uint64_t>(formula.Rate(step)))
                << static_cast<int>(schedule) << " " << peak << " " << total
                << " " << share << " " << step;
        }
      }
    }
  }
}

TEST_F(ScheduleTest, LinearWithoutWarmUpStartsAtThePeak) {
  const Formula linear = {Schedule::kLinear, 5e-5, 0, 625};
  EXPECT_DOUBLE_EQ(RateOf(linear, 0), 5e-5);
  EXPECT_DOUBLE_EQ(RateOf(linear, 624), 5e-5 / 625);
  EXPECT_DOUBLE_EQ(RateOf(linear, 625), 0);
  EXPECT_DOUBLE_EQ(RateOf(linear, 700), 0);
}

TEST_F(ScheduleTest, WarmUpReachesThePeak) {
  const Formula linear = {Schedule::kLinear, 1.0, 10, 100};
  EXPECT_DOUBLE_EQ(RateOf(linear, 0), 0);
  EXPECT_DOUBLE_EQ(RateOf(linear, 5), 0.5);
  EXPECT_DOUBLE_EQ(RateOf(linear, 10), 1.0);
  EXPECT_DOUBLE_EQ(RateOf(linear, 55), 0.5);
}

TEST_F(ScheduleTest, CosineAndConstant) {
  const Formula cosine = {Schedule::kCosine, 2.0, 0, 100};
  EXPECT_DOUBLE_EQ(RateOf(cosine, 0), 2.0);
  EXPECT_NEAR(RateOf(cosine, 50), 1.0, 1e-12);
  EXPECT_NEAR(RateOf(cosine, 100), 0.0, 1e-12);
  EXPECT_DOUBLE_EQ(RateOf({Schedule::kConstant, 2.0, 0, 100}, 99), 2.0);
}

}  // namespace
}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/formats/initial_values.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace graft {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

std::vector<float> Normal(size_t count, uint64_t seed, absl::string_view name) {
  std::vector<float> values(count);
  EXPECT_TRUE(
      FillInitialValues("normal", 0.02f, seed, name, absl::MakeSpan(values))
          .ok());
  return values;
}

TEST(InitialValuesTest, FillsConstants) {
  std::vector<float> values(5, 7.0f);
  ASSERT_TRUE(
      FillInitialValues("zeros", 1.0f, 1, "b", absl::MakeSpan(values)).ok());
  EXPECT_THAT(values, Each(0.0f));
  ASSERT_TRUE(
      FillInitialValues("ones", 1.0f, 1, "b", absl::MakeSpan(values)).ok());
  EXPECT_THAT(values, Each(1.0f));
}

TEST(InitialValuesTest, NormalHasItsMoments) {
  constexpr size_t kCount = 200000;
  const std::vector<float> values = Normal(kCount, 42, "classifier.weight");
  double sum = 0, squares = 0, fourth = 0;
  for (float value : values) {
    const double z = value / 0.02;
    sum += z;
    squares += z * z;
    fourth += z * z * z * z;
  }
  // Five standard errors each: 1, 2 and 96 are the variances of z, z^2, z^4.
  EXPECT_NEAR(sum / kCount, 0, 5 * std::sqrt(1.0 / kCount));
  EXPECT_NEAR(squares / kCount, 1, 5 * std::sqrt(2.0 / kCount));
  EXPECT_NEAR(fourth / kCount, 3, 5 * std::sqrt(96.0 / kCount));
}

TEST(InitialValuesTest, ParametersOfOneNameInTwoModelsDiffer) {
  const std::string first = InitialValuesName("net", "net", "weight");
  const std::string second = InitialValuesName("net", "critic", "weight");
  EXPECT_EQ(first, "weight");
  EXPECT_EQ(second, "critic.weight");
  EXPECT_NE(Normal(8, 1, first), Normal(8, 1, second));
}

TEST(InitialValuesTest, NeighboursAreUncorrelated) {
  constexpr size_t kCount = 100000;
  const std::vector<float> values = Normal(kCount, 3, "w");
  for (size_t lag : {1, 2, 3, 4}) {
    double product = 0;
    for (size_t i = lag; i < kCount; ++i)
      product += values[i] / 0.02 * (values[i - lag] / 0.02);
    EXPECT_NEAR(product / kCount, 0, 5 * std::sqrt(1.0 / kCount)) << lag;
  }
}

TEST(InitialValuesTest, DependsOnSeedNameAndIndexAlone) {
  const std::vector<float> values = Normal(10, 42, "w");
  EXPECT_EQ(values, Normal(10, 42, "w"));
  EXPECT_NE(values, Normal(10, 43, "w"));
  EXPECT_NE(values, Normal(10, 42, "v"));
  std::vector<float> longer = Normal(103, 42, "w");
  longer.resize(10);
  EXPECT_EQ(values, longer);
}

TEST(InitialValuesTest, RefusesOtherKindsAndDeviations) {
  std::vector<float> values(1);
  const auto error = [&](absl::string_view kind, float deviation) {
    const absl::Status status =
        FillInitialValues(kind, deviation, 1, "w", absl::MakeSpan(values));
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    return std::string(status.message());
  };
  EXPECT_EQ(error("uniform", 1),
            "w: initial values expect zeros, ones or normal, got uniform");
  EXPECT_THAT(error("normal", -1), HasSubstr("got -1"));
  EXPECT_THAT(error("normal", std::nanf("")), HasSubstr("got nan"));
  EXPECT_THAT(error("normal", std::numeric_limits<float>::infinity()),
              HasSubstr("got inf"));
}

}  // namespace
}  // namespace graft

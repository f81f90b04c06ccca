// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/base/status_macros.h"

#include <map>
#include <memory>
#include <string>

#include "gtest/gtest.h"

namespace graft {
namespace {

absl::StatusOr<int> Parse(int x) {
  if (x < 0) return absl::InvalidArgumentError("negative");
  return x;
}

absl::StatusOr<std::unique_ptr<int>> Box(int x) {
  GRAFT_ASSIGN_OR_RETURN(const int value, Parse(x));
  return std::make_unique<int>(value);
}

absl::StatusOr<std::map<int, int>> Map(int x) {
  return std::map<int, int>{{x, x}};
}

absl::StatusOr<int> Sum(int a, int b, bool* reached) {
  int sum = 0;
  GRAFT_ASSIGN_OR_RETURN(sum, Parse(a));
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<int> box, Box(b));
  GRAFT_ASSIGN_OR_RETURN((const std::map<int, int> map), Map(1));
  GRAFT_RETURN_IF_ERROR(Parse(a).status());
  *reached = true;
  return sum + *box + map.at(1);
}

TEST(StatusMacrosTest, PassValuesAndReturnErrors) {
  bool reached = false;
  EXPECT_EQ(Sum(1, 2, &reached).value(), 4);
  EXPECT_TRUE(reached);
  reached = false;
  EXPECT_EQ(Sum(1, -2, &reached).status(),
            absl::InvalidArgumentError("negative"));
  EXPECT_EQ(Sum(-1, 2, &reached).status(),
            absl::InvalidArgumentError("negative"));
  EXPECT_FALSE(reached);
}

}  // namespace
}  // namespace graft

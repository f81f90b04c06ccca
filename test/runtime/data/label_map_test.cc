// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/label_map.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace graft {
namespace {

using ::testing::ElementsAre;

TEST(LabelMapTest, NumbersInOrderOfFirstSight) {
  LabelMap map;
  EXPECT_EQ(map.Add("b"), 0);
  EXPECT_EQ(map.Add("a"), 1);
  EXPECT_EQ(map.Add("b"), 0);
  EXPECT_EQ(map.size(), 2);
  EXPECT_EQ(map.Find("a"), 1);
  EXPECT_EQ(map.Find("c"), std::nullopt);
  EXPECT_THAT(map.labels(), ElementsAre("b", "a"));
}

TEST(LabelMapTest, SortsNumbersAsNumbers) {
  LabelMap map = LabelMap::FromLabels({"10", "2", "-1", "02"}).value();
  map.Sort();
  EXPECT_THAT(map.labels(), ElementsAre("-1", "02", "2", "10"));
  EXPECT_EQ(map.Find("10"), 3);
  EXPECT_EQ(map.Add("11"), 4);
}

TEST(LabelMapTest, SortsOtherLabelsByBytes) {
  LabelMap map = LabelMap::FromLabels({"10", "b", "B", "2"}).value();
  map.Sort();
  EXPECT_THAT(map.labels(), ElementsAre("10", "2", "B", "b"));
}

TEST(LabelMapTest, UnknownLabelsAreNamedWithSomeKnownOnes) {
  LabelMap map = LabelMap::FromLabels({"no", "yes"}).value();
  EXPECT_EQ(map.Id("yes", "dev.tsv:3").value(), 1);
  const absl::Status status = map.Id("maybe", "dev.tsv:3").status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_EQ(status.message(),
            "dev.tsv:3: expects one of 2 labels (no, yes), got 'maybe'");
  for (int i = 0; i < 9; ++i) map.Add(std::to_string(i));
  EXPECT_EQ(map.Id("", "f:1").status().message(),
            "f:1: expects one of 11 labels (no, yes, 0, 1, 2, 3, 4, 5, 6, 7, "
            "...), got ''");
}

TEST(LabelMapTest, RefusesEqualLabels) {
  EXPECT_EQ(LabelMap::FromLabels({"a", "b", "a"}).status().message(),
            "label map expects each label once, got a second 'a'");
}

TEST(LabelMapTest, ParsesScores) {
  EXPECT_EQ(ParseScore("2.5", "stars", "f:1").value(), 2.5f);
  EXPECT_EQ(ParseScore(" -1e3 ", "stars", "f:1").value(), -1000.0f);
  for (absl::string_view bad : {"", "x", "1x", "nan", "NaN", "inf", "-inf",
                                "1e99", "1,5", "0x10", "0x1p4"}) {
    const absl::Status status = ParseScore(bad, "stars", "f:1").status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << bad;
    EXPECT_EQ(status.message(),
              "f:1: column 'stars' expects a finite number, got '" +
                  std::string(bad) + "'");
  }
}

}  // namespace
}  // namespace graft

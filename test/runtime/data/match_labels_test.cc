// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/data/match_labels.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Labels = std::vector<std::string>;

HeadLabels Named(Labels names) { return {"m", std::move(names), true}; }

HeadLabels Default(int rows) {
  HeadLabels head{"m", {}, false};
  for (int i = 0; i < rows; ++i)
    head.names.push_back(absl::StrCat("LABEL_", i));
  return head;
}

LabelMatch Match(const HeadLabels& head, const Labels& table) {
  const absl::StatusOr<LabelMatch> match = MatchLabels(head, table, "t.tsv");
  EXPECT_TRUE(match.ok()) << match.status();
  return match.ok() ? *match : LabelMatch();
}

std::string ErrorOf(const absl::StatusOr<LabelMatch>& match) {
  EXPECT_TRUE(absl::IsInvalidArgument(match.status())) << match.status();
  return std::string(match.status().message());
}

TEST(MatchLabelsTest, TheOrderIsThatOfTheHead) {
  const LabelMatch match = Match(Named({"pos", "neg"}), {"neg", "pos"});
  EXPECT_TRUE(match.keep);
  EXPECT_THAT(match.labels, ElementsAre("pos", "neg"));
}

TEST(MatchLabelsTest, ATableMayLackLabels) {
  const LabelMatch match = Match(Named({"c", "a", "b"}), {"a", "b"});
  EXPECT_TRUE(match.keep);
  EXPECT_THAT(match.labels, ElementsAre("c", "a", "b"));
}

TEST(MatchLabelsTest, AsManyOtherNamesAreRefusedWithBothLists) {
  EXPECT_EQ(ErrorOf(MatchLabels(Named({"pos", "neg"}), {"bad", "good"},
                                "t.tsv, column 'label'")),
            "t.tsv, column 'label': expects the labels of the head of m, (pos, "
            "neg), got as many others, (bad, good); --new-head makes a new "
            "head for them");
  EXPECT_THAT(ErrorOf(MatchLabels(Default(2), {"neg", "pos"}, "t.tsv")),
              HasSubstr("(LABEL_0, LABEL_1), got as many others, (neg, pos)"));
  // Only spelt otherwise.
  ErrorOf(MatchLabels(Default(2), {"00", "1"}, "t.tsv"));
  ErrorOf(MatchLabels(Default(2), {"1", "2"}, "t.tsv"));
  ErrorOf(MatchLabels(Named({"pos", "neg"}), {"0", "1"}, "t.tsv"));
}

TEST(MatchLabelsTest, AnotherNumberOfLabelsNeedsANewHead) {
  const LabelMatch match = Match(Named({"a", "b", "c"}), {"neg", "pos"});
  EXPECT_FALSE(match.keep);
  EXPECT_THAT(match.labels, ElementsAre("neg", "pos"));
  EXPECT_EQ(match.reason, "m has 3 labels (a, b, c), the table 2 (neg, pos)");
  EXPECT_FALSE(Match(Named({"a", "b"}), {"a", "b", "c"}).keep);
}

TEST(MatchLabelsTest, NumbersAreTheRowsOfAHeadWithoutNames) {
  LabelMatch match = Match(Default(3), {"0", "1", "2"});
  EXPECT_TRUE(match.keep);
  EXPECT_THAT(match.labels, ElementsAre("0", "1", "2"));
  match = Match(Default(3), {"0", "2"});
  EXPECT_TRUE(match.keep);
  EXPECT_THAT(match.labels, ElementsAre("0", "1", "2"));
  match = Match(Default(2), {"LABEL_0", "LABEL_1"});
  EXPECT_TRUE(match.keep);
  EXPECT_THAT(match.labels, ElementsAre("LABEL_0", "LABEL_1"));
}

TEST(MatchLabelsTest, TwoRowsOfOneNameAreRefused) {
  EXPECT_THAT(ErrorOf(MatchLabels(Named({"a", "b", "a"}), {"a", "b"}, "t")),
              HasSubstr("m/config.json: id2label expects each name once for a "
                        "head that is trained further, got a for 0 and 2"));
}

TEST(MatchLabelsTest, RowsOfATeacherKeepTheirOrder) {
  const auto match = [](const HeadLabels& head, const Labels& labels) {
    return MatchRows(head, labels, "the teacher t");
  };
  EXPECT_TRUE(match(Named({"b", "a"}), {"b", "a"})->keep);
  EXPECT_TRUE(match(Default(2), {"LABEL_0", "LABEL_1"})->keep);
  EXPECT_TRUE(match(Default(2), {"0", "1"})->keep);
  EXPECT_FALSE(match(Default(2), {"1", "0"}).ok());
  EXPECT_FALSE(match(Named({"a", "b"}), {"0", "1"}).ok());
  const absl::StatusOr<LabelMatch> moved = match(Named({"a", "b"}), {"b", "a"});
  ASSERT_TRUE(moved.ok()) << moved.status();
  EXPECT_FALSE(moved->keep);
  EXPECT_THAT(moved->labels, ElementsAre("b", "a"));
  EXPECT_EQ(moved->reason, "m has 2 labels (a, b), the teacher t 2 (b, a)");
  EXPECT_FALSE(match(Named({"a", "b", "c"}), {"b", "a"})->keep);
  EXPECT_THAT(ErrorOf(match(Named({"a", "b"}), {"x", "y"})),
              HasSubstr("the teacher t: expects the labels of the head of m, "
                        "(a, b), got as many others, (x, y)"));
}

TEST(MatchLabelsTest, LongListsAndLabelsAreCut) {
  Labels head, table;
  for (int i = 0; i < 100; ++i) {
    head.push_back(absl::StrCat("h", i));
    table.push_back(absl::StrCat(std::string(100, 't'), "\n", i));
  }
  const std::string error = ErrorOf(MatchLabels(Named(head), table, "t.tsv"));
  EXPECT_THAT(error, HasSubstr("h9, and 90 more)"));
  EXPECT_THAT(error, HasSubstr("ttt..., "));
  EXPECT_LT(error.size(), 700u);
}

TEST(DescribeLookalikesTest, NamesBothAndWhere) {
  LabelMap labels;
  labels.Add("1", "t.tsv:2");
  labels.Add("b", "t.tsv:3");
  labels.Add("1.0", "t.tsv:4");
  labels.Add("b ", "t.tsv:5");
  labels.Add("a", "t.tsv:6");
  EXPECT_THAT(
      DescribeLookalikes(labels),
      ElementsAre(
          HasSubstr("the labels '1' (t.tsv:2) and '1.0' (t.tsv:4) differ only"),
          HasSubstr("'b' (t.tsv:3) and \"b \" (t.tsv:5) differ only")));
  LabelMap other;
  for (const char* label : {"a", "A", "ab", "a b", "1", "2", "x1", "x1.0"})
    other.Add(label);
  EXPECT_THAT(DescribeLookalikes(other), IsEmpty());
}

TEST(DescribeManyLabelsTest, OfLargeTablesOnly) {
  EXPECT_EQ(DescribeManyLabels(19, 19, "t.tsv, column 'label'", "r"), "");
  EXPECT_EQ(DescribeManyLabels(10, 20, "t.tsv, column 'label'", "r"), "");
  EXPECT_EQ(DescribeManyLabels(0, 0, "t.tsv, column 'label'", "r"), "");
  EXPECT_EQ(DescribeManyLabels(11, 20, "t.tsv, column 'label'", ""),
            "t.tsv, column 'label': has 11 labels in 20 rows; --label-column "
            "chooses another column");
  EXPECT_EQ(DescribeManyLabels(90, 100, "t.tsv, column 'label'",
                               "--task regression learns numbers"),
            "t.tsv, column 'label': has 90 labels in 100 rows; --label-column "
            "chooses another column, --task regression learns numbers");
}

}  // namespace
}  // namespace graft

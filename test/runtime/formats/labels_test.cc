// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/formats/labels.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace graft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LabelsTest : public ::testing::Test {
 protected:
  ~LabelsTest() override { ::unlink(path_.c_str()); }

  absl::StatusOr<std::vector<std::string>> Read(const std::string& suffix,
                                                const std::string& text) {
    ::unlink(path_.c_str());
    path_ =
        absl::StrCat(::testing::TempDir(), "graft-labels-", getpid(), suffix);
    EXPECT_TRUE(WriteFile(files_, path_, text).ok());
    return ReadLabels(files_, path_);
  }
  std::string ErrorOf(const std::string& suffix, const std::string& text) {
    return std::string(Read(suffix, text).status().message());
  }

  FileSystem& files_ = FileSystem::Posix();
  std::string path_;
};

TEST_F(LabelsTest, AnyTextComesBack) {
  const std::vector<std::string> labels = {
      "line\nfeed", "tab\t", "\"quoted\"", "back\\slash",          "\r\n",
      " ",          "[]",    "ä€𝄞",        std::string("nul\0", 4)};
  path_ =
      absl::StrCat(::testing::TempDir(), "graft-labels-", getpid(), ".json");
  ASSERT_TRUE(WriteLabels(files_, path_, labels).ok());
  const auto back = ReadLabels(files_, path_);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, labels);
  EXPECT_TRUE(
      absl::IsInvalidArgument(WriteLabels(files_, path_, {"a", "\xff"})));
}

TEST_F(LabelsTest, OtherFilesHaveOnePerLine) {
  EXPECT_THAT(*Read(".txt", "a\nb \n[c\n"), ElementsAre("a", "b ", "[c"));
  EXPECT_THAT(*Read(".txt", "a\r\nb"), ElementsAre("a", "b"));
}

TEST_F(LabelsTest, WhatIsWrongIsNamed) {
  EXPECT_THAT(ErrorOf(".txt", "a\n"),
              HasSubstr(".txt: expects at least two labels, one per line, got "
                        "1"));
  EXPECT_THAT(ErrorOf(".txt", ""), HasSubstr("got 0"));
  EXPECT_THAT(ErrorOf(".txt", "a\n\nb\n"),
              HasSubstr(".txt:2: expects a label, got an empty one"));
  EXPECT_THAT(ErrorOf(".txt", "a\nb\na\n"),
              HasSubstr(".txt:3: expects each label once, got a second a"));
  EXPECT_THAT(ErrorOf(".json", "[\"a\"]"),
              HasSubstr("at least two labels, in a list of strings, got 1"));
  EXPECT_THAT(ErrorOf(".json", "{\"a\": 0}"),
              HasSubstr("expects a list of strings, got {\"a\":0}"));
  EXPECT_THAT(ErrorOf(".json", "[\"a\", 1]"),
              HasSubstr("expects a list of strings"));
  EXPECT_THAT(ErrorOf(".json", "[\"a\", \"\"]"),
              HasSubstr(".json: label 1: expects a label, got an empty one"));
  EXPECT_THAT(ErrorOf(".json", "a\nb\n"), HasSubstr("expects JSON"));
}

TEST_F(LabelsTest, MessagesShowALabelOnOneShortLine) {
  EXPECT_EQ(DescribeLabel("pos"), "pos");
  EXPECT_EQ(DescribeLabel("a b"), "a b");
  EXPECT_EQ(DescribeLabel("a "), "\"a \"");
  EXPECT_EQ(DescribeLabel("a\nb"), "\"a\\nb\"");
  EXPECT_LT(DescribeLabel(std::string(100, 'a')).size(), 50u);
  EXPECT_EQ(DescribeLabels({"a", "b"}), "(a, b)");
  EXPECT_EQ(DescribeLabels(std::vector<std::string>(12, "a")),
            "(a, a, a, a, a, a, a, a, a, a, and 2 more)");
}

TEST_F(LabelsTest, LooseKeysOfLookalikesAreEqual) {
  EXPECT_EQ(LooseKey("a"), LooseKey(" a\t"));
  EXPECT_EQ(LooseKey("a b"), LooseKey("a  b"));
  EXPECT_NE(LooseKey("a b"), LooseKey("ab"));
  EXPECT_NE(LooseKey("a"), LooseKey("A"));
  for (const char* one : {"1.0", "1e0", "1E0", " 1", "+1", "01"})
    EXPECT_EQ(LooseKey("1"), LooseKey(one)) << one;
  EXPECT_EQ(LooseKey("0"), LooseKey("-0.0"));
  EXPECT_EQ(LooseKey("nan"), LooseKey("NaN"));
  EXPECT_NE(LooseKey("1"), LooseKey("2"));
  EXPECT_NE(LooseKey("9007199254740993"), LooseKey("9007199254740992"));
}

}  // namespace
}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/base/message.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/base/utf8.h"

namespace graft {
namespace {

TEST(Shorten, KeepsFortyCharacters) {
  const std::string forty(40, 'a');
  EXPECT_EQ(Shorten(""), "");
  EXPECT_EQ(Shorten(forty), forty);
  EXPECT_EQ(Shorten(forty + "b"), forty + "...");
  EXPECT_EQ(Shorten(std::string(1 << 20, 'a')), forty + "...");
}

TEST(Shorten, CutsBetweenCodePoints) {
  std::string text;
  for (int i = 0; i < 41; ++i) AppendUtf8(0x1F600, text);
  EXPECT_EQ(Shorten(text), text.substr(0, 160) + "...");
  EXPECT_EQ(Shorten(text.substr(0, 160)), text.substr(0, 160));
}

TEST(Shorten, EscapesWhatWouldLeaveTheLine) {
  EXPECT_EQ(Shorten("a\nb\r\tc\x1b[31m"), "a\\nb\\r\\tc\\x1b[31m");
  EXPECT_EQ(Shorten(std::string("\0x", 2)), "\\x00x");
  EXPECT_EQ(Shorten("\xff-\xc3"), "\\xff-\\xc3");
  EXPECT_EQ(Shorten("\xc2\x85"), "\\xc2\\x85");
  EXPECT_EQ(Shorten("\xe2\x80\xa8"), "\\xe2\\x80\\xa8");
  EXPECT_EQ(Shorten(std::string(41, '\n')).size(), 83u);
}

TEST(Nearest, FindsMisspellings) {
  const std::vector<std::string> words = {"finetune", "train", "distill",
                                          "plan"};
  EXPECT_EQ(Nearest("fintune", words), "finetune");
  EXPECT_EQ(Nearest("Finetune", words), "finetune");
  EXPECT_EQ(Nearest("tarin", words), "train");
  EXPECT_EQ(Nearest("plna", words), "plan");
  EXPECT_EQ(Nearest("distil", words), "distill");
  EXPECT_EQ(Nearest("serve", words), "");
  EXPECT_EQ(Nearest("dan", {"cdan", "dann", "dane"}), "dann");
  EXPECT_EQ(Nearest("y", {"w", "x"}), "");
  EXPECT_EQ(Nearest("W", {"w", "x"}), "w");
  EXPECT_EQ(Nearest("", words), "");
  EXPECT_EQ(Nearest(std::string(1 << 20, 'x'), words), "");
  EXPECT_EQ(Nearest("x", {}), "");
}

TEST(Nearest, IsASuggestion) {
  EXPECT_EQ(DidYouMean("liner", {"constant", "linear", "cosine"}),
            "; did you mean linear?");
  EXPECT_EQ(DidYouMean("steps", {"constant", "linear", "cosine"}), "");
}

}  // namespace
}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/formats/json.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace graft {
namespace {

std::string ErrorOf(absl::string_view text) {
  return std::string(ParseJson(text, "f.json").status().message());
}

TEST(JsonTest, SyntaxErrorsSayWhatIsWhereInPlainWords) {
  EXPECT_EQ(ErrorOf(""),
            "f.json: expects JSON, got the end of the text at line 1, column "
            "1, instead of a value");
  EXPECT_EQ(ErrorOf("{"),
            "f.json: expects JSON, got the end of the text at line 1, column "
            "2, instead of a key in quotes");
  EXPECT_EQ(ErrorOf("nothing"),
            "f.json: expects JSON, got 'nothing' at line 1, column 1");
  EXPECT_EQ(ErrorOf("{\n  \"a\": 1\n  \"b\": 2\n}"),
            "f.json: expects JSON, got a string at line 3, column 5, instead "
            "of a comma or }");
  EXPECT_EQ(ErrorOf(absl::string_view("{}\0", 3)),
            "f.json: expects JSON, got a NUL at line 1, column 3, instead of "
            "the end of the text");
  EXPECT_EQ(ErrorOf("[1 2]"),
            "f.json: expects JSON, got a number at line 1, column 4, instead "
            "of a comma or ]");
  EXPECT_EQ(ErrorOf("[1, 2,]"),
            "f.json: expects JSON, got ']' at line 1, column 7, instead of a "
            "value");
  EXPECT_EQ(ErrorOf("{a: 1}"),
            "f.json: expects JSON, got 'a' at line 1, column 2, instead of a "
            "key in quotes");
  EXPECT_EQ(ErrorOf("{\"a\" 1}"),
            "f.json: expects JSON, got a number at line 1, column 6, instead "
            "of a colon behind the key");
  EXPECT_EQ(ErrorOf("{} // mine"),
            "f.json: expects JSON, got '/' at line 1, column 4, instead of the "
            "end of the text");
}

TEST(JsonTest, StringsAndNumbersThatJsonDoesNotHave) {
  EXPECT_EQ(ErrorOf("[\"a"),
            "f.json: expects JSON, got a string without a closing quote at "
            "line 1, column 4");
  EXPECT_EQ(ErrorOf("[\"a\nb\"]"),
            "f.json: expects JSON, got a line break or another control "
            "character within a string at line 1, column 4");
  EXPECT_EQ(ErrorOf("[\"\xff\"]"),
            "f.json: expects JSON, got bytes that are not UTF-8 at line 1, "
            "column 3");
  EXPECT_EQ(ErrorOf("[\"\\ud800\"]"),
            "f.json: expects JSON, got half of a pair of \\u escapes at line "
            "1, column 9");
  EXPECT_EQ(ErrorOf("[\"\\x\"]"),
            "f.json: expects JSON, got an escape that JSON does not have at "
            "line 1, column 4");
  EXPECT_EQ(ErrorOf("[1.]"),
            "f.json: expects JSON, got a number that lacks digits at line 1, "
            "column 4");
  EXPECT_EQ(ErrorOf("{\"a\": 1e999}"),
            "f.json: expects JSON, got a number that is too large, '1e999'");
}

TEST(JsonTest, WordsOfTheTextAreShortenedAndNotTakenForTheLibrarys) {
  EXPECT_EQ(ErrorOf(std::string(50, 'x')), "f.json: expects JSON, got '" +
                                               std::string(40, 'x') +
                                               "...' at line 1, column 1");
  // The library quotes what it read last.
  EXPECT_EQ(ErrorOf("[1, \"; expected ']'"),
            "f.json: expects JSON, got a string without a closing quote at "
            "line 1, column 20");
  EXPECT_EQ(ErrorOf("[\xe2\x82\xac]"),
            "f.json: expects JSON, got '\xe2\x82\xac' at line 1, column 2");
}

TEST(JsonTest, OfALineOnlyTheColumnIsSaid) {
  EXPECT_EQ(DescribeJsonError("no", 2, "invalid literal", JsonText::kLine),
            "expects JSON, got 'no' at column 1");
}

}  // namespace
}  // namespace graft

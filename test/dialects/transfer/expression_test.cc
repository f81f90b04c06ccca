// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/transfer/expression.h"

#include <cmath>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace graft::transfer {
namespace {

using ::testing::HasSubstr;

std::optional<double> lookup(llvm::StringRef name) {
  if (name == "rate") return 5e-5;
  if (name == "share_2") return 0.25;
  return std::nullopt;
}

double variable(llvm::StringRef name) { return name == "progress" ? 0.5 : 7; }

double value(llvm::StringRef text) {
  ExpressionValue result = evaluateExpression(text, lookup, variable);
  EXPECT_EQ(result.error, "");
  return result.value;
}

std::string error(llvm::StringRef text) {
  return evaluateExpression(text, lookup, variable).error;
}

TEST(ExpressionTest, FollowsTheUsualRules) {
  EXPECT_EQ(value("1 + 2 * 3"), 7);
  EXPECT_EQ(value("8 / 4 / 2"), 1);
  EXPECT_EQ(value("8 - 4 - 2"), 2);
  EXPECT_EQ(value("(1 + 2) * -3"), -9);
  EXPECT_EQ(value("--2"), 2);
  EXPECT_EQ(value(" 1.5e-3*2 "), 3e-3);
  EXPECT_EQ(value("1e+2"), 100);
}

TEST(ExpressionTest, LooksUpNames) {
  EXPECT_EQ(value("@rate"), 5e-5);
  EXPECT_EQ(value("1 - @share_2"), 0.75);
  EXPECT_EQ(value("@share_2*@share_2"), 0.0625);
}

TEST(ExpressionTest, LooksUpWhatChanges) {
  EXPECT_EQ(value("2 * progress"), 1);
  EXPECT_EQ(value("max(progress, @share_2)"), 0.5);
  EXPECT_THAT(error("2 * progres"), HasSubstr("got \"progres\""));
}

TEST(ExpressionTest, ReplacesNames) {
  auto parameter = [](llvm::StringRef name) { return "<" + name.str() + ">"; };
  auto variable = [](llvm::StringRef name) { return "$" + name.str(); };
  EXPECT_EQ(replaceNames("1e-3*@rate2 + max(step, 2.5E+1) - -progress/@a",
                         parameter, variable),
            "1e-3*<rate2> + max($step, 2.5E+1) - -$progress/<a>");
}

TEST(ExpressionTest, CallsFunctions) {
  EXPECT_EQ(value("min(3, 2) + max(3, 2)"), 5);
  EXPECT_EQ(value("sqrt(16) * cos(0)"), 4);
  EXPECT_EQ(value("log(exp(2))"), std::log(std::exp(2.0)));
  // The schedule of the reversed gradient of domain adaptation, halfway.
  EXPECT_EQ(value("2 / (1 + exp(-10 * 0.5)) - 1"),
            2 / (1 + std::exp(-10 * 0.5)) - 1);
}

TEST(ExpressionTest, SaysWhatIsWrong) {
  EXPECT_THAT(error(""), HasSubstr("expects a number, a name or a function in "
                                   "\"\", got its end"));
  EXPECT_THAT(error("1 +"), HasSubstr("got its end"));
  EXPECT_THAT(error("1 2"), HasSubstr("expects an operator or the end"));
  EXPECT_THAT(error("(1"), HasSubstr("expects a ')'"));
  EXPECT_THAT(error("@none"),
              HasSubstr("expects a parameter that is a number behind '@'"));
  EXPECT_THAT(error("tan(1)"),
              HasSubstr("expects step, epoch, progress, min, max, exp, log, "
                        "sqrt or cos"));
  EXPECT_THAT(error("min(1)"), HasSubstr("expects a ','"));
  EXPECT_THAT(error("exp 1"), HasSubstr("expects a '('"));
  EXPECT_THAT(error("1.2.3"), HasSubstr("expects a number"));
  EXPECT_THAT(error("1 / 0"), HasSubstr("to be a finite number"));
  EXPECT_THAT(error("log(-1)"), HasSubstr("to be a finite number"));
}

TEST(ExpressionTest, RefusesDeepNesting) {
  EXPECT_THAT(error(std::string(100000, '(')), HasSubstr("less nesting"));
  EXPECT_THAT(error(std::string(100000, '-')), HasSubstr("less nesting"));
  EXPECT_EQ(value(std::string(50, '(') + "7" + std::string(50, ')')), 7);
}

TEST(ExpressionTest, KnowsNames) {
  EXPECT_TRUE(isName("@rate"));
  EXPECT_FALSE(isName("rate"));
  EXPECT_FALSE(isName("@"));
  EXPECT_FALSE(isName("@a + @b"));
}

}  // namespace
}  // namespace graft::transfer

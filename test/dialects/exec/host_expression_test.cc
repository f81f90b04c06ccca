// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/exec/host_expression.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace graft::exec {
namespace {

using ::testing::HasSubstr;

const std::map<ExpressionOp, std::string> kNames = {
    {ExpressionOp::kNegate, "negate"},
    {ExpressionOp::kAdd, "+"},
    {ExpressionOp::kSubtract, "-"},
    {ExpressionOp::kMultiply, "*"},
    {ExpressionOp::kDivide, "/"},
    {ExpressionOp::kModulo, "%"},
    {ExpressionOp::kMinimum, "min"},
    {ExpressionOp::kMaximum, "max"},
    {ExpressionOp::kExp, "exp"},
    {ExpressionOp::kLog, "log"},
    {ExpressionOp::kSqrt, "sqrt"},
    {ExpressionOp::kCos, "cos"},
    {ExpressionOp::kFloor, "floor"},
    {ExpressionOp::kCeil, "ceil"},
    {ExpressionOp::kRound, "round"},
    {ExpressionOp::kLess, "<"},
    {ExpressionOp::kLessEqual, "<="},
    {ExpressionOp::kEqual, "=="},
    {ExpressionOp::kBoth, "and"},
    {ExpressionOp::kEither, "or"},
    {ExpressionOp::kOpposite, "not"},
    {ExpressionOp::kSelect, "select"},
    {ExpressionOp::kFinite, "finite"},
    {ExpressionOp::kRows, "rows"},
    {ExpressionOp::kPresent, "present"},
    {ExpressionOp::kSum, "sum"},
    {ExpressionOp::kRandom, "random"},
    {ExpressionOp::kTaskRows, "task_rows"}};

std::string describe(const ExpressionStep& step) {
  if (step.op == ExpressionOp::kConstant) return numberText(step.value);
  if (step.op == ExpressionOp::kLoad) return step.name;
  std::string text = kNames.at(step.op);
  if (step.name.empty()) return text;
  text += ":" + step.name + ":" + step.field;
  if (!step.mask.empty()) text += ":" + step.mask + numberText(step.value);
  return text;
}

// The steps, separated by spaces.
std::string postfix(llvm::StringRef text) {
  ParsedExpression parsed = parseExpression(text);
  EXPECT_EQ(parsed.error, "");
  std::string steps;
  for (const ExpressionStep& step : parsed.steps)
    steps += (steps.empty() ? "" : " ") + describe(step);
  return steps;
}

std::string error(llvm::StringRef text) { return parseExpression(text).error; }

TEST(HostExpressionTest, BindsAsInC) {
  EXPECT_EQ(postfix("a + b * c"), "a b c * +");
  EXPECT_EQ(postfix("a - b - c"), "a b - c -");
  EXPECT_EQ(postfix("a % b == 0"), "a b % 0 ==");
  EXPECT_EQ(postfix("a or b and c"), "a b c and or");
  EXPECT_EQ(postfix("a < b == c"), "a b < c ==");
  EXPECT_EQ(postfix("not a == b"), "a not b ==");
  EXPECT_EQ(postfix("not (a == b)"), "a b == not");
  EXPECT_EQ(postfix("-a * --b"), "a negate b negate negate *");
  EXPECT_EQ(postfix("(a + b) * c"), "a b + c *");
}

TEST(HostExpressionTest, HasTwoComparisons) {
  EXPECT_EQ(postfix("a < 1"), "a 1 <");
  EXPECT_EQ(postfix("a <= 1"), "a 1 <=");
  EXPECT_EQ(postfix("a > 1"), "1 a <");
  EXPECT_EQ(postfix("a + 1 >= b"), "b a 1 + <=");
  EXPECT_EQ(postfix("a != b"), "a b == not");
}

TEST(HostExpressionTest, ReadsNamesAndNumbers) {
  EXPECT_EQ(postfix("android or order"), "android order or");
  EXPECT_EQ(postfix("5.0e-05*x1"), "5.0e-05 x1 *");
  EXPECT_EQ(postfix("2-1e+2"), "2 100 -");
  EXPECT_EQ(postfix("min"), "min");  // a register of that name
}

TEST(HostExpressionTest, CallsFunctions) {
  EXPECT_EQ(postfix("select(a, b, c)"), "a b c select");
  EXPECT_EQ(postfix("min(1, max(2, 3))"), "1 2 3 max min");
  EXPECT_EQ(postfix("round(ceil(floor(exp(log(sqrt(cos(x)))))))"),
            "x cos sqrt log exp floor ceil round");
  EXPECT_EQ(postfix("finite(loss)"), "loss finite");
}

TEST(HostExpressionTest, AsksStreams) {
  EXPECT_EQ(postfix("rows(@train) + present(@dev)"),
            "rows:train: present:dev: +");
  EXPECT_EQ(postfix("task_rows(@train)"), "task_rows:train:");
  EXPECT_EQ(postfix("sum(@train)"), "sum:train:");
  EXPECT_EQ(postfix("sum( @train weights )"), "sum:train:weights");
  EXPECT_EQ(postfix("sum(@train where labels != -100)"),
            "sum:train::labels-100");
  EXPECT_EQ(postfix("sum(@train weights where labels != 3)"),
            "sum:train:weights:labels3");
}

TEST(HostExpressionTest, SaysWhatIsWrong) {
  EXPECT_EQ(error(""),
            "expects a number, a name or a function in \"\", got its end");
  EXPECT_EQ(error("a +"),
            "expects a number, a name or a function in \"a +\", got its end");
  EXPECT_EQ(error("a b"),
            "expects an operator or the end in \"a b\", got \"b\"");
  EXPECT_EQ(error("a = b"),
            "expects an operator or the end in \"a = b\", got \"= b\"");
  EXPECT_EQ(error("(a"), "expects ')' in \"(a\", got its end");
  EXPECT_EQ(error("min(a)"), "expects ',' in \"min(a)\", got \")\"");
  EXPECT_THAT(error("tan(a)"), HasSubstr("expects a function of the host"));
  EXPECT_THAT(error("a and or"), HasSubstr("got \"or\""));
  EXPECT_EQ(error("sum(train)"),
            "expects '@' in \"sum(train)\", got \"train)\"");
  EXPECT_THAT(error("sum(@train where labels == 1)"),
              HasSubstr("expects '!='"));
  EXPECT_THAT(error("rows(@)"), HasSubstr("expects the name of a stream"));
  EXPECT_THAT(error("1e999"), HasSubstr("expects a number"));
  EXPECT_THAT(error(std::string(1000, '(')), HasSubstr("less nesting"));
}

TEST(HostExpressionTest, LimitsTheNumbersOnTheStack) {
  std::string left = "1", right = "1";
  for (int i = 0; i < 40; ++i) {
    left = "(" + left + " + 1)";
    right = "(1 + " + right + ")";
  }
  EXPECT_EQ(error(left), "");
  EXPECT_THAT(error(right), HasSubstr("at most 32 numbers at once"));
}

TEST(HostExpressionTest, WritesNumbersThatMlirReads) {
  EXPECT_EQ(numberText(3), "3");
  EXPECT_EQ(numberText(-100), "-100");
  EXPECT_EQ(numberText(0.1), "0.1");
  EXPECT_EQ(numberText(5e-5), "5.0e-05");
  EXPECT_EQ(numberText(1.25e-7), "1.25e-07");
  EXPECT_EQ(numberText(1e300), "1.0e+300");
  EXPECT_EQ(std::stod(numberText(3.141592653589793)), 3.141592653589793);
}

}  // namespace
}  // namespace graft::exec

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/host/expression.h"

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "test/runtime/base/count_allocations.h"
#include "test/runtime/host/program.h"

namespace graft {
namespace {

using namespace host_program;  // NOLINT: the language of a program

constexpr double kInfinity = std::numeric_limits<double>::infinity();
const double kNan = std::nan("");
constexpr uint64_t kSeed = 42;

// Registers a, b, c = 7, -2.5, 0 and the streams train, which has a batch, and
// dev, which has no data.
class ExpressionTest : public ::testing::Test {
 protected:
  ExpressionTest() {
    spec_.streams = {{"train", 0, 1}, {"dev", 0, 1}};
    for (const char* name : {"a", "b", "c"}) RegisterIndex(name, spec_);
    examples_ = Examples(Schema({{"labels", DType::kI32},
                                 {"weights", DType::kF32},
                                 {"marks", DType::kF32}}));
    // The third one has no label.
    const int32_t labels[] = {1, 2, -100, 3};
    const float weights[] = {0.5f, 0.25f, 4, 0.125f};
    for (int64_t i = 0; i < 4; ++i) {
      examples_.Add(/*length=*/1, /*row=*/i);
      examples_.mutable_ints(0, i)[0] = labels[i];
      examples_.mutable_floats(1, i)[0] = weights[i];
      examples_.mutable_floats(2, i)[0] = i % 2 == 0 ? 0.0f : 1.0f;
    }
    facts_.resize(2);
    facts_[0].present = true;
    facts_[0].rows = 22;
    facts_[0].task_rows = 3;
    facts_[0].examples = &examples_;
  }

  double Value(const Expr& expr) {
    const Expression steps = Resolve(expr, spec_, fields_);
    facts_[0].columns.clear();
    for (const std::string& field : fields_)
      facts_[0].columns.push_back(examples_.schema().Find(field));
    return EvaluateExpression(steps, registers_, facts_, kSeed);
  }

  ArtifactSpec spec_;
  std::vector<double> registers_ = {7, -2.5, 0};
  std::vector<std::string> fields_;
  Examples examples_;
  std::vector<StreamFacts> facts_;
};

TEST_F(ExpressionTest, LoadsNumbers) {
  EXPECT_EQ(Value(0.1), 0.1);
  EXPECT_EQ(Value("a"_r), 7);
  EXPECT_EQ(Value("b"_r), -2.5);
  registers_[2] = kInfinity;
  EXPECT_EQ(Value("c"_r), kInfinity);
}

TEST_F(ExpressionTest, Arithmetic) {
  EXPECT_EQ(Value(-"a"_r), -7);
  EXPECT_EQ(Value("a"_r + "b"_r), 4.5);
  EXPECT_EQ(Value("a"_r - "b"_r), 9.5);
  EXPECT_EQ(Value("a"_r * "b"_r), -17.5);
  EXPECT_EQ(Value("a"_r / "b"_r), -2.8);
  EXPECT_EQ(Value("a"_r % 4), 3);
  EXPECT_EQ(Value(-"a"_r % 4), -3);  // the sign of the dividend
  EXPECT_EQ(Value("a"_r / 0), kInfinity);
  EXPECT_EQ(Value("b"_r / 0), -kInfinity);
  EXPECT_TRUE(std::isnan(Value("c"_r / 0)));
  EXPECT_TRUE(std::isnan(Value("a"_r % 0)));
  // Each step rounds as a double does.
  EXPECT_EQ(Value(Expr(0.1) + 0.2), 0.1 + 0.2);
  EXPECT_EQ(Value((Expr(0.1) + 0.2) - 0.3), (0.1 + 0.2) - 0.3);
  EXPECT_EQ(Value(Expr(9007199254740993.0) - 1), 9007199254740991.0);
}

TEST_F(ExpressionTest, Functions) {
  EXPECT_EQ(Value(Min("a"_r, "b"_r)), -2.5);
  EXPECT_EQ(Value(Max("a"_r, "b"_r)), 7);
  EXPECT_EQ(Value(Exp("b"_r)), std::exp(-2.5));
  EXPECT_EQ(Value(Log("a"_r)), std::log(7.0));
  EXPECT_EQ(Value(Log(0)), -kInfinity);
  EXPECT_EQ(Value(Sqrt("a"_r)), std::sqrt(7.0));
  EXPECT_TRUE(std::isnan(Value(Sqrt("b"_r))));
  EXPECT_EQ(Value(Cos("b"_r)), std::cos(-2.5));
  EXPECT_EQ(Value(Floor("b"_r)), -3);
  EXPECT_EQ(Value(Ceil("b"_r)), -2);
  EXPECT_EQ(Value(Round("b"_r)), -3);  // halves away from zero
  EXPECT_EQ(Value(Round(2.5)), 3);
  EXPECT_EQ(Value(Round(2.4999)), 2);
}

TEST_F(ExpressionTest, ComparisonsAndLogic) {
  EXPECT_EQ(Value("b"_r < "a"_r), 1);
  EXPECT_EQ(Value("a"_r < "a"_r), 0);
  EXPECT_EQ(Value("a"_r <= "a"_r), 1);
  EXPECT_EQ(Value("a"_r <= "b"_r), 0);
  EXPECT_EQ(Value("a"_r == 7), 1);
  EXPECT_EQ(Value("a"_r == "b"_r), 0);
  EXPECT_EQ(Value("c"_r == -Expr(0)), 1);
  for (const double a : {0.0, 2.0})
    for (const double b : {0.0, -0.5}) {
      EXPECT_EQ(Value(Expr(a) && Expr(b)), a != 0 && b != 0);
      EXPECT_EQ(Value(Expr(a) || Expr(b)), a != 0 || b != 0);
    }
  EXPECT_EQ(Value(!"a"_r), 0);
  EXPECT_EQ(Value(!"c"_r), 1);
  // Numbers that are none compare as false, and are true by themselves.
  EXPECT_EQ(Value(Expr(kNan) == kNan), 0);
  EXPECT_EQ(Value(Expr(kNan) < 1), 0);
  EXPECT_EQ(Value(Expr(1) <= kNan), 0);
  EXPECT_EQ(Value(!Expr(kNan)), 0);
  for (const double value : {kNan, kInfinity, -kInfinity})
    EXPECT_EQ(Value(Finite(value)), 0);
  EXPECT_EQ(Value(Finite("b"_r)), 1);
  EXPECT_EQ(Value(Finite(std::numeric_limits<double>::max())), 1);
}

TEST_F(ExpressionTest, SelectsOneOfTwo) {
  EXPECT_EQ(Value(Select("a"_r, 1, 2)), 1);
  EXPECT_EQ(Value(Select("c"_r, 1, 2)), 2);
  EXPECT_EQ(Value(Select(kNan, 1, 2)), 1);
  // What is not taken may be anything.
  EXPECT_EQ(Value(Select("c"_r == 0, "b"_r, 1 / "c"_r)), -2.5);
  EXPECT_EQ(Value(Select("a"_r < 0, 1, Select("b"_r < 0, 2, 3)) + 10), 12);
}

TEST_F(ExpressionTest, RandomNumbers) {
  EXPECT_EQ(Value(Random(0)), 0x1.57a090893d0d8p-3);
  EXPECT_EQ(Value(Random("a"_r + 4)), 0x1.99deb1a502d8bp-1);
  EXPECT_EQ(Value(Random(11.9)), 0x1.99deb1a502d8bp-1);
  for (const double number : {-1.0, 0x1p53, kInfinity, kNan})
    EXPECT_TRUE(std::isnan(Value(Random(number)))) << number;
}

// Streams of 900, 90 and 10 examples, to the powers 1, 0.5 and 0.
TEST_F(ExpressionTest, DrawsStreamsInProportion) {
  constexpr double kDraws = 100000, kRows[] = {900, 90, 10};
  std::vector<double> numbers;
  for (int64_t i = 0; i < static_cast<int64_t>(kDraws); ++i) {
    registers_[0] = static_cast<double>(i);
    numbers.push_back(Value(Random("a"_r)));
    ASSERT_TRUE(numbers.back() >= 0 && numbers.back() < 1);
  }
  for (const double power : {1.0, 0.5, 0.0}) {
    double shares[3], sum = 0;
    for (int i = 0; i < 3; ++i) sum += shares[i] = std::pow(kRows[i], power);
    double counts[3] = {};
    for (const double number : numbers) {
      const double drawn = number * sum;
      counts[(shares[0] <= drawn) + (shares[0] + shares[1] <= drawn)] += 1;
    }
    double chi_square = 0;
    for (int i = 0; i < 3; ++i) {
      const double expected = kDraws * shares[i] / sum;
      chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
    // Less in 999 of 1000 cases, with two degrees of freedom.
    EXPECT_LT(chi_square, 13.8) << power;
  }
}

TEST_F(ExpressionTest, FactsOfStreams) {
  EXPECT_EQ(Value(Rows("train")), 22);
  EXPECT_EQ(Value(Rows("dev")), 0);
  EXPECT_EQ(Value(TaskRows("train")), 3);
  EXPECT_EQ(Value(TaskRows("dev")), 0);
  EXPECT_EQ(Value(Present("train")), 1);
  EXPECT_EQ(Value(Present("dev")), 0);
}

TEST_F(ExpressionTest, SumsOverTheBatch) {
  EXPECT_EQ(Value(Sum("train")), 4);
  EXPECT_EQ(Value(Sum("train", "weights")), 4.875);
  EXPECT_EQ(Value(Sum("train", "labels")), 1 + 2 - 100 + 3);
  EXPECT_EQ(Value(SumWhere("train", "", "labels", -100)), 3);
  EXPECT_EQ(Value(SumWhere("train", "weights", "labels", -100)), 0.875);
  EXPECT_EQ(Value(SumWhere("train", "weights", "marks", 1)), 4.5);
  EXPECT_EQ(Value(SumWhere("train", "labels", "labels", -100)), 6);
  EXPECT_EQ(Value(SumWhere("train", "", "marks", 5)), 4);
  EXPECT_EQ(Value(Sum("train", "weights") / Sum("train")), 4.875 / 4);
  const Examples none(examples_.schema());
  facts_[0].examples = &none;
  EXPECT_EQ(Value(Sum("train")), 0);
  EXPECT_EQ(Value(Sum("train", "weights")), 0);
}

TEST_F(ExpressionTest, HoldsAsManyNumbersAsAreAllowed) {
  // 1 + (1 + (1 + ...)) pushes all numbers before it adds two.
  Expr sum = 1;
  for (size_t i = 1; i < kMaxExpressionStack; ++i) sum = 1 + sum;
  EXPECT_EQ(Value(sum), kMaxExpressionStack);
}

TEST_F(ExpressionTest, AllocatesNothing) {
  const Expression steps =
      Resolve(Select("a"_r < Sum("train"), Exp("b"_r), Rows("train") * 2),
              spec_, fields_);
  const int64_t before = CountAllocations();
  const double value = EvaluateExpression(steps, registers_, facts_, kSeed);
  EXPECT_EQ(CountAllocations(), before);
  EXPECT_EQ(value, 44);
}

}  // namespace
}  // namespace graft

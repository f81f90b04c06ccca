// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/interpret/scalar_function.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "test/passes/interpret/program.h"

namespace graft {
namespace {

using interpret::getScalarFunction;
using interpret::Scalar;

class ScalarFunctionTest : public ::testing::Test {
 protected:
  // The function of the first op in a body with %a and %b of these types.
  interpret::ScalarFunction parse(const std::string& op, const char* a,
                                  const char* b) {
    std::string text = std::string("func.func @f(%a: ") + a + ", %b: " + b +
                       ") {\n%r = " + op + "\nreturn\n}";
    module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
    EXPECT_TRUE(module) << text;
    if (!module) return nullptr;
    auto function = module->lookupSymbol<mlir::func::FuncOp>("f");
    return getScalarFunction(&function.getBody().front().front());
  }
  double real(const std::string& op, double a, double b = 0,
              const char* type = "f32") {
    auto function = parse(op, type, type);
    EXPECT_TRUE(function) << op;
    return function ? function({Scalar{a, 0}, Scalar{b, 0}}).real : 0;
  }
  int64_t integer(const std::string& op, int64_t a, int64_t b = 0,
                  const char* type = "i32") {
    auto function = parse(op, type, type);
    EXPECT_TRUE(function) << op;
    return function ? function({Scalar{0, a}, Scalar{0, b}}).integer : 0;
  }

  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  mlir::OwningOpRef<mlir::ModuleOp> module;
  const double kNan = std::numeric_limits<double>::quiet_NaN();
};

TEST_F(ScalarFunctionTest, Floats) {
  // Not rounded to f32.
  EXPECT_EQ(real("arith.addf %a, %b : f32", 1, 1e-12), 1 + 1e-12);
  EXPECT_EQ(real("arith.divf %a, %b : f32", 1, 3), 1.0 / 3);
  EXPECT_EQ(real("arith.remf %a, %b : f32", -7, 3), -1);
  EXPECT_EQ(real("math.erf %a : f32", 0.5), std::erf(0.5));
  EXPECT_EQ(real("math.rsqrt %a : f32", 4), 0.5);
  EXPECT_EQ(real("math.roundeven %a : f32", 2.5), 2);
  EXPECT_EQ(real("math.round %a : f32", 2.5), 3);
  EXPECT_EQ(real("math.powf %a, %b : f32", 2, 10), 1024);
  EXPECT_EQ(real("math.copysign %a, %b : f32", 3, -1), -3);
}

TEST_F(ScalarFunctionTest, MaximumOfNan) {
  EXPECT_TRUE(std::isnan(real("arith.maximumf %a, %b : f32", 1, kNan)));
  EXPECT_EQ(real("arith.maxnumf %a, %b : f32", 1, kNan), 1);
  EXPECT_TRUE(std::isnan(real("arith.minimumf %a, %b : f32", kNan, 1)));
  EXPECT_EQ(real("arith.minnumf %a, %b : f32", kNan, 1), 1);
}

TEST_F(ScalarFunctionTest, ComparisonsOfNan) {
  auto compare = [&](const std::string& predicate, double a, double b) {
    auto function =
        parse("arith.cmpf " + predicate + ", %a, %b : f32", "f32", "f32");
    return function({Scalar{a, 0}, Scalar{b, 0}}).integer;
  };
  EXPECT_EQ(compare("oge", 1, 1), 1);
  EXPECT_EQ(compare("oge", 1, kNan), 0);
  EXPECT_EQ(compare("uge", 1, kNan), 1);
  EXPECT_EQ(compare("one", 1, kNan), 0);
  EXPECT_EQ(compare("uno", 1, kNan), 1);
}

TEST_F(ScalarFunctionTest, IntegersWrap) {
  EXPECT_EQ(integer("arith.addi %a, %b : i32", 2147483647, 1), -2147483648);
  EXPECT_EQ(integer("arith.muli %a, %b : i32", 65536, 65536), 0);
  EXPECT_EQ(integer("arith.shli %a, %b : i32", 1, 31), -2147483648);
  EXPECT_EQ(integer("arith.shrui %a, %b : i32", -1, 28), 15);
  EXPECT_EQ(integer("arith.shrsi %a, %b : i32", -16, 2), -4);
  EXPECT_EQ(integer("arith.divui %a, %b : i32", -2, 2), 2147483647);
  EXPECT_EQ(integer("arith.divsi %a, %b : i32", -7, 2), -3);
  EXPECT_EQ(integer("arith.floordivsi %a, %b : i32", -7, 2), -4);
  EXPECT_EQ(integer("arith.divsi %a, %b : i32", 7, 0), 0);
  EXPECT_EQ(integer("arith.maxui %a, %b : i32", -1, 5), -1);
  EXPECT_EQ(integer("arith.addi %a, %b : i1", 1, 1, "i1"), 0);
}

TEST_F(ScalarFunctionTest, ComparesIntegersByTheirSign) {
  EXPECT_EQ(integer("arith.cmpi slt, %a, %b : i32", -1, 0), 1);
  EXPECT_EQ(integer("arith.cmpi ult, %a, %b : i32", -1, 0), 0);
  EXPECT_EQ(integer("arith.cmpi ult, %a, %b : index", 3, 4, "index"), 1);
}

TEST_F(ScalarFunctionTest, Converts) {
  EXPECT_EQ(real("arith.truncf %a : f32 to bf16", 1.005), 1.0078125);
  EXPECT_EQ(real("arith.extf %a : f32 to f64", 0.1), 0.1);
  EXPECT_EQ(integer("arith.extsi %a : i1 to i32", 1, 0, "i1"), -1);
  EXPECT_EQ(integer("arith.extui %a : i1 to i32", 1, 0, "i1"), 1);
  EXPECT_EQ(integer("arith.extui %a : i32 to i64", -1), 4294967295);
  EXPECT_EQ(integer("arith.trunci %a : i32 to i8", 200), -56);
  auto toFloat = parse("arith.uitofp %a : i32 to f32", "i32", "i32");
  EXPECT_EQ(toFloat({Scalar{0, -1}, Scalar{}}).real, 4294967295.0);
  auto bits = parse("arith.bitcast %a : f32 to i32", "f32", "f32");
  EXPECT_EQ(bits({Scalar{1, 0}, Scalar{}}).integer, 0x3F800000);
}

TEST_F(ScalarFunctionTest, Constants) {
  EXPECT_EQ(real("arith.constant 2.5 : f32", 0), 2.5);
  EXPECT_EQ(integer("arith.constant -3 : i32", 0), -3);
  EXPECT_EQ(integer("arith.constant true", 0), 1);
}

TEST_F(ScalarFunctionTest, IsNullForWhatIsNotKnown) {
  EXPECT_FALSE(parse("arith.addf %a, %b : vector<2xf32>", "vector<2xf32>",
                     "vector<2xf32>"));
}

}  // namespace
}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The gradient through the steps of an inner loop, of (w - a)^2 / 2, whose
// values follow by hand (Finn et al. 2017).

#include <map>

#include "passes/interpret/random_inputs.h"
#include "test/passes/transfer/expansion.h"

namespace graft {
namespace {

using interpret::Segments;
using interpret::Tensor;
using mlir::func::FuncOp;

// The rate of a page is an f32.
constexpr double kTolerance = 1e-7;
constexpr double kBegin = 1, kRate = 0.1;

class InnerTest : public ExpansionTest {
 protected:
  void Expand(const std::string& file,
              const std::map<std::string, std::string>& settings) {
    ExpansionTest::Expand(file, [&](transfer::StrategyOp strategy) {
      for (const auto& [name, value] : settings)
        ASSERT_TRUE(mlir::succeeded(strategy.setParameter(name, value)));
    });
  }

  // The loss, and its derivative by the number that is `w`, for a label of each
  // of both streams.
  std::pair<double, double> Learn(double w, double support, double query) {
    interpreter_->setSlot("model", "w", Matrix(w));
    interpreter_->setSlot("model", "w.gradient", Matrix(0));
    auto function = module_->lookupSymbol<FuncOp>("accumulate");
    EXPECT_TRUE(function);
    llvm::SmallVector<interpret::Value> arguments;
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      const std::string name = interpret::argumentName(function, i);
      const bool second = name.starts_with("query.");
      if (name.ends_with("ids"))
        arguments.emplace_back(Tensor::fromInts({2}, {0, 0}));
      else if (name.ends_with("segments"))
        arguments.emplace_back(Segments::fromLengths({2}));
      else if (name.ends_with("labels"))
        arguments.emplace_back(Matrix(second ? query : support));
      else
        arguments.emplace_back(Tensor::scalar(1));
    }
    auto results = interpreter_->run(function, arguments);
    EXPECT_TRUE(mlir::succeeded(results));
    if (mlir::failed(results)) return {};
    return {
        (*results)[0].tensor().values[0],
        interpreter_->getSlots().at("model::w.gradient").tensor().values[0]};
  }

  static Tensor Matrix(double value) {
    Tensor matrix({1, 1}, Tensor::scalar(0).kind);
    matrix.values[0] = value;
    return matrix;
  }
};

TEST_F(InnerTest, HasTheGradientsOfTheSheet) {
  // One step from 1 towards 3 leads to 1.2.
  Expand("inner.mlir", {{"order", "2"}});
  EXPECT_NEAR(Learn(kBegin, 3, 3).first, 1.8 * 1.8 / 2, kTolerance);
  EXPECT_NEAR(Learn(kBegin, 3, 3).second, -1.62, kTolerance);
  Expand("inner.mlir", {{"order", "1"}});
  EXPECT_NEAR(Learn(kBegin, 3, 3).second, -1.80, kTolerance);
}

// Each step shrinks the distance from a by 1 - rate.
TEST_F(InnerTest, ComputesEachStepWhereTheLastOneLed) {
  for (const char* file : {"inner.mlir", "inner_chain.mlir"}) {
    SCOPED_TRACE(file);
    for (int times : {1, 3}) {
      const int steps = times + (std::string(file) == "inner_chain.mlir");
      const double shrunk = std::pow(1 - kRate, steps);
      const double reached = 3 + (kBegin - 3) * shrunk;
      for (int order : {1, 2}) {
        Expand(file, {{"order", std::to_string(order)},
                      {"times", std::to_string(times)}});
        auto [loss, slope] = Learn(kBegin, 3, -2);
        EXPECT_NEAR(loss, (reached + 2) * (reached + 2) / 2, kTolerance);
        EXPECT_NEAR(slope, (reached + 2) * (order == 2 ? shrunk : 1),
                    kTolerance);
      }
    }
  }
}

// Of one step the distance is rate times the gradient, so its derivative is
// that of plain gradient descent, scaled.
TEST_F(InnerTest, LeadsBackByTheDistance) {
  Expand("inner.mlir",
         {{"query_share", "0"}, {"far_share", "1"}, {"order", "1"}});
  auto [loss, slope] = Learn(kBegin, 3, 3);
  EXPECT_NEAR(slope, kRate * (kBegin - 3), kTolerance);
  EXPECT_NEAR(loss, slope * slope / 2, kTolerance);
}

}  // namespace
}  // namespace graft

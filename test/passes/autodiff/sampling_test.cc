// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Gradients of what is drawn: the score function of a categorical draw, whose
// mean is the gradient of the expected reward, and a straight-through draw.

#include <array>
#include <cmath>

#include "passes/autodiff/passes.h"
#include "test/passes/interpret/program.h"

namespace graft {
namespace {

using interpret::Interpreter;
using interpret::Segments;
using interpret::Tensor;

constexpr const char* kDraws = R"mlir(
#S = #graft.dims<S>
// One of three actions by the Gumbel-max trick, its reward times the logarithm of its
// probability, and the derivative by the logits of each example.
func.func @score(%z: tensor<?x3xf32, #S>, %r: tensor<?x3xf32, #S>, %seq: !graft.segments<T, S>) -> (tensor<?x3xf32, #S>, tensor<?x3xf32, #S>) {
  %u = graft.uniform %seq id 1 : (!graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %l = graft.log %u : tensor<?x3xf32, #S>
  %n = graft.scale %l by -1.0 : tensor<?x3xf32, #S>
  %m = graft.log %n : tensor<?x3xf32, #S>
  %noisy = graft.sub %z, %m : tensor<?x3xf32, #S>
  %most = graft.reduce max %noisy over [1] : (tensor<?x3xf32, #S>) -> tensor<?xf32, #S>
  %wide = graft.broadcast %most along [1] : (tensor<?xf32, #S>) -> tensor<?x3xf32, #S>
  %action = graft.step %noisy, %wide : tensor<?x3xf32, #S>
  %logs = graft.softmax %z log : (tensor<?x3xf32, #S>) -> tensor<?x3xf32, #S>
  %said = graft.mul %logs, %action : tensor<?x3xf32, #S>
  %paid = graft.mul %said, %r : tensor<?x3xf32, #S>
  %sum = graft.reduce sum %paid over [0, 1] : (tensor<?x3xf32, #S>) -> tensor<f32>
  %d = graft.gradients %sum wrt %z : tensor<?x3xf32, #S>
  return %action, %d : tensor<?x3xf32, #S>, tensor<?x3xf32, #S>
}
// The hard draw forward, the soft one backward.
func.func @through(%z: tensor<?x3xf32, #S>, %w: tensor<?x3xf32, #S>, %seq: !graft.segments<T, S>) -> (tensor<?x3xf32, #S>, tensor<?x3xf32, #S>, tensor<?x3xf32, #S>) {
  %u = graft.uniform %seq id 1 : (!graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %l = graft.log %u : tensor<?x3xf32, #S>
  %n = graft.scale %l by -1.0 : tensor<?x3xf32, #S>
  %m = graft.log %n : tensor<?x3xf32, #S>
  %noisy = graft.sub %z, %m : tensor<?x3xf32, #S>
  %most = graft.reduce max %noisy over [1] : (tensor<?x3xf32, #S>) -> tensor<?xf32, #S>
  %wide = graft.broadcast %most along [1] : (tensor<?xf32, #S>) -> tensor<?x3xf32, #S>
  %hard = graft.step %noisy, %wide : tensor<?x3xf32, #S>
  %soft = graft.softmax %noisy : (tensor<?x3xf32, #S>) -> tensor<?x3xf32, #S>
  %fixed = graft.stop_gradient %soft : tensor<?x3xf32, #S>
  %rest = graft.sub %soft, %fixed : tensor<?x3xf32, #S>
  %y = graft.add %hard, %rest : tensor<?x3xf32, #S>
  %weighed = graft.mul %y, %w : tensor<?x3xf32, #S>
  %sum = graft.reduce sum %weighed over [0, 1] : (tensor<?x3xf32, #S>) -> tensor<f32>
  %d = graft.gradients %sum wrt %z : tensor<?x3xf32, #S>
  return %y, %soft, %d : tensor<?x3xf32, #S>, tensor<?x3xf32, #S>, tensor<?x3xf32, #S>
}
)mlir";

constexpr std::array<double, 3> kLogits = {0.2, -0.7, 1.1};
constexpr std::array<double, 3> kRewards = {1.0, -2.0, 0.5};
constexpr int64_t kExamples = 20000;

Tensor repeated(const std::array<double, 3>& row) {
  Tensor tensor({kExamples, 3}, interpret::ElementKind::f32);
  for (int64_t i = 0; i < kExamples; ++i)
    for (int64_t k = 0; k < 3; ++k)
      tensor.row(i)[k] = static_cast<float>(row[static_cast<size_t>(k)]);
  return tensor;
}

llvm::SmallVector<interpret::Value> run(const char* name) {
  auto context = makeContext();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(kDraws, context.get());
  EXPECT_TRUE(module);
  EXPECT_TRUE(
      mlir::succeeded(runPass(*module, createAutodiffExpandGradientsPass())));
  Interpreter interpreter(*module);
  interpreter.setExact(true);
  interpreter.setRandomState({5, 1, 0});
  auto results = interpreter.run(
      module->lookupSymbol<mlir::func::FuncOp>(name),
      {repeated(kLogits), repeated(kRewards),
       Segments::fromLengths(std::vector<int32_t>(kExamples, 1))});
  EXPECT_TRUE(mlir::succeeded(results));
  return *results;
}

std::array<double, 3> softmax(const std::array<double, 3>& z) {
  std::array<double, 3> p;
  double sum = 0;
  for (size_t k = 0; k < 3; ++k) sum += p[k] = std::exp(z[k]);
  for (double& x : p) x /= sum;
  return p;
}

// Within three standard errors of the gradient of the expected reward, which
// the sum over all actions gives.
TEST(Sampling, MeanOfTheScoreFunctionIsTheEnumeratedGradient) {
  auto results = run("score");
  const Tensor &actions = results[0].tensor(), &slopes = results[1].tensor();
  const std::array<double, 3> p = softmax(kLogits);
  double expected = 0;
  for (size_t k = 0; k < 3; ++k) expected += p[k] * kRewards[k];
  for (size_t k = 0; k < 3; ++k) {
    double mean = 0, square = 0, chosen = 0;
    for (int64_t i = 0; i < kExamples; ++i) {
      double x = slopes.row(i)[k];
      mean += x / kExamples;
      square += x * x / kExamples;
      chosen += actions.row(i)[k] / kExamples;
    }
    double error = std::sqrt((square - mean * mean) / kExamples);
    EXPECT_GT(error, 0);
    EXPECT_NEAR(mean, p[k] * (kRewards[k] - expected), 3 * error) << k;
    EXPECT_NEAR(chosen, p[k], 3 * std::sqrt(p[k] * (1 - p[k]) / kExamples))
        << k;
  }
}

// One of three elements is 1; the derivative is that of the soft draw.
TEST(Sampling, StraightThroughIsHardForwardAndSoftBackward) {
  auto results = run("through");
  for (int64_t i = 0; i < kExamples; ++i) {
    const double* y = results[0].tensor().row(i);
    const double* s = results[1].tensor().row(i);
    const double* d = results[2].tensor().row(i);
    double expected = 0, sum = 0;
    for (size_t k = 0; k < 3; ++k) {
      ASSERT_TRUE(y[k] == 0 || y[k] == 1) << y[k];
      sum += y[k];
      expected += s[k] * kRewards[k];
    }
    ASSERT_EQ(sum, 1);
    for (size_t k = 0; k < 3; ++k)
      ASSERT_NEAR(d[k], s[k] * (kRewards[k] - expected), 1e-9);
  }
}

}  // namespace
}  // namespace graft

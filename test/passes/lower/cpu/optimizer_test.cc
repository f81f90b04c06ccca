// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <string>

#include "gtest/gtest.h"
#include "test/passes/lower/kernel_test.h"

namespace graft {
namespace {

interpret::Tensor scalar(double value) {
  return interpret::Tensor::scalar(value);
}

// One update of a parameter of `size` with as many states; with `counts` its
// number is an operand, with `factor` a factor of the gradient. `settings` are
// those of the op `name`.
std::string update(const std::string& name, int64_t size, int states,
                   bool counts, bool factor, const std::string& settings) {
  std::string type = "tensor<" + std::to_string(size) + "xf32>";
  std::string arguments = "%w: " + type + ", %g: " + type;
  std::string text = "graft." + name + " %w, %g";
  std::vector<std::string> results = {type};
  for (int state = 0; state < states; ++state) {
    std::string value = "%s" + std::to_string(state);
    arguments += ", " + value + ": " + type;
    text += ", " + value;
    results.push_back(type);
  }
  arguments += ", %lr: tensor<f32>";
  text += " rate %lr";
  if (counts) {
    arguments += ", %t: tensor<i32>";
    text += " step %t";
  }
  if (factor) {
    arguments += ", %c: tensor<f32>";
    text += " factor %c";
  }
  return program(arguments, text + " " + settings, type, results);
}

// Sizes around those of registers and work items, and numbers of updates.
void testUpdate(const std::string& name, int states, bool counts,
                const std::string& settings, Tolerance tolerance = {1e-7, 1e-6},
                double deviation = 1.0) {
  for (int64_t size : {1, 7, 16, 8192, 20011})
    for (int32_t step : {1, 2, 1000, 123456}) {
      if ((size > 20 && step > 2) || (!counts && step > 1)) continue;
      std::vector<interpret::Value> arguments = {
          randomTensor({size}, deviation, 0, 1), randomTensor({size}, 1, 0, 2)};
      for (int state = 0; state < states; ++state) {
        interpret::Tensor value = randomTensor({size}, 1, 0, 3 + state);
        // Second moments are not negative.
        if (state == 1)
          for (double& element : value.values) element *= element;
        value.round();
        arguments.push_back(value);
      }
      arguments.push_back(scalar(1e-3f));
      if (counts)
        arguments.push_back(
            interpret::Tensor::scalar(step, interpret::ElementKind::i32));
      expectKernelsMatch(update(name, size, states, counts, false, settings),
                         arguments, tolerance);
      arguments.push_back(scalar(0.25));
      expectKernelsMatch(update(name, size, states, counts, true, settings),
                         arguments, tolerance);
    }
}

constexpr char kMoments[] = "beta1 0.9 beta2 0.999 epsilon 1.0e-8 ";

TEST(OptimizerTest, AdamW) {
  testUpdate("adamw", 2, true,
             std::string(kMoments) + "decay 0.01 multiplier 0.5");
}

TEST(OptimizerTest, Adam) {
  testUpdate("adamw", 2, true,
             std::string(kMoments) + "coupled decay 0.01 multiplier 0.5");
}

TEST(OptimizerTest, Lamb) {
  testUpdate("lamb", 2, true,
             std::string(kMoments) + "decay 0.01 multiplier 0.5", {1e-6, 1e-5});
}

TEST(OptimizerTest, LambOfZeros) {
  // There is no norm to scale by, so the parameter moves by the update itself.
  testUpdate("lamb", 2, true, std::string(kMoments) + "decay 0.01",
             {1e-7, 1e-5}, /*deviation=*/0);
}

TEST(OptimizerTest, Sgd) {
  testUpdate("sgd", 0, false, "decay 0.01 multiplier 0.5");
  testUpdate("sgd", 0, false, "decay 0.0");
}

TEST(OptimizerTest, Momentum) {
  testUpdate("momentum", 1, false, "momentum 0.9 decay 0.01 multiplier 0.5");
  testUpdate("momentum", 1, false, "momentum 0.9 nesterov decay 0.01");
}

TEST(OptimizerTest, GlobalNorm) {
  std::string text = program(
      "%a: tensor<5x7xf32>, %b: tensor<40000xf32>, %c: tensor<16384xf32>",
      "graft.global_norm %a, %b, %c",
      "(tensor<5x7xf32>, tensor<40000xf32>, tensor<16384xf32>) -> tensor<f32>",
      {"tensor<f32>"});
  expectKernelsMatch(
      text,
      {randomTensor({5, 7}, 100), randomTensor({40000}), randomTensor({16384})},
      {0, 1e-6});
}

TEST(OptimizerTest, ClipFactor) {
  for (double norm : {0.0, 0.5, 1.0, 8.0})
    expectKernelsMatch(
        program("%n: tensor<f32>", "graft.clip_factor %n limit 1.0",
                "(tensor<f32>) -> tensor<f32>", {"tensor<f32>"}),
        {scalar(norm)}, {0, 1e-6});
}

}  // namespace
}  // namespace graft

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

std::string adamw(const std::string& type, bool factor) {
  return program(
      "%w: " + type + ", %g: " + type + ", %m: " + type + ", %v: " + type +
          ", %lr: tensor<f32>, %t: tensor<i32>" +
          (factor ? ", %c: tensor<f32>" : ""),
      "graft.adamw %w, %g, %m, %v rate %lr step %t" +
          std::string(factor ? " factor %c" : "") +
          " beta1 0.9 beta2 0.999 epsilon 1.0e-8 decay 0.01 multiplier 0.5",
      type, {type, type, type});
}

TEST(OptimizerTest, AdamW) {
  for (int64_t size : {1, 7, 16, 8192, 20011})
    for (int32_t step : {1, 2, 1000, 123456}) {
      if (size > 20 && step > 2) continue;
      std::string type = "tensor<" + std::to_string(size) + "xf32>";
      interpret::Tensor second = randomTensor({size}, 1.0, 0, 4);
      for (double& value : second.values) value *= value;
      second.round();
      std::vector<interpret::Value> arguments = {
          randomTensor({size}, 1, 0, 1),
          randomTensor({size}, 1, 0, 2),
          randomTensor({size}, 1, 0, 3),
          second,
          scalar(1e-3f),
          interpret::Tensor::scalar(step, interpret::ElementKind::i32)};
      expectKernelsMatch(adamw(type, false), arguments, {1e-7, 1e-6});
      arguments.push_back(scalar(0.25));
      expectKernelsMatch(adamw(type, true), arguments, {1e-7, 1e-6});
    }
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

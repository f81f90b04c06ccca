// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <string>

#include "gtest/gtest.h"
#include "test/passes/lower/kernel_test.h"

namespace graft {
namespace {

constexpr int64_t kWidths[] = {1, 7, 16, 26, 100, 384, 385, 1000};

TEST(NormalizationTest, LayerNorm) {
  for (int64_t width : kWidths) {
    std::string type = tokenMatrix(width);
    std::string vector = "tensor<" + std::to_string(width) + "xf32>";
    for (int64_t rows : {1, 53})
      expectKernelsMatch(
          program("%x: " + type + ", %g: " + vector + ", %b: " + vector,
                  "graft.layer_norm %x, %g, %b epsilon 1.0e-5",
                  "(" + type + ", " + vector + ", " + vector + ") -> " + type,
                  {type}),
          {randomTensor({rows, width}, 2.0, 3.0, 1),
           randomTensor({width}, 1.0, 1.0, 2), randomTensor({width}, 1, 0, 3)},
          {2e-5, 1e-5});
  }
}

TEST(NormalizationTest, LayerNormGradient) {
  for (int64_t width : kWidths) {
    std::string type = tokenMatrix(width);
    std::string vector = "tensor<" + std::to_string(width) + "xf32>";
    for (int64_t rows : {1, 53, 300})
      expectKernelsMatch(
          program("%dy: " + type + ", %x: " + type + ", %g: " + vector,
                  "graft.layer_norm_gradient %dy, %x, %g epsilon 1.0e-2",
                  "(" + type + ", " + type + ", " + vector + ") -> (" + type +
                      ", " + vector + ", " + vector + ")",
                  {type, vector, vector}),
          {randomTensor({rows, width}, 1, 0, 1),
           randomTensor({rows, width}, 2, 1, 2),
           randomTensor({width}, 1, 1, 3)},
          {5e-5, 1e-5});
  }
}

TEST(NormalizationTest, Softmax) {
  for (int64_t width : kWidths) {
    std::string type = tokenMatrix(width);
    for (const char* log : {"", " log"}) {
      expectKernelsMatch(
          program("%x: " + type, "graft.softmax %x" + std::string(log),
                  "(" + type + ") -> " + type, {type}),
          {randomTensor({37, width}, 5.0)}, {1e-6, 1e-5});
      expectKernelsMatch(
          program("%dy: " + type + ", %y: " + type,
                  "graft.softmax_gradient %dy, %y" + std::string(log), type,
                  {type}),
          {randomTensor({37, width}, 1, 0, 1),
           randomTensor({37, width}, 0.5, 0, 2)},
          {1e-4, 1e-5});
    }
  }
}

}  // namespace
}  // namespace graft

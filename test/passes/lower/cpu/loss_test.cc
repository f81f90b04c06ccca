// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <string>

#include "gtest/gtest.h"
#include "test/passes/lower/kernel_test.h"

namespace graft {
namespace {

constexpr int64_t kWidths[] = {1, 2, 7, 16, 26, 385};

const std::string kLabels = "tensor<?xi32, #graft.dims<S>>";
const std::string kLosses = "tensor<?xf32, #graft.dims<S>>";

TEST(LossTest, CrossEntropy) {
  for (int64_t width : kWidths) {
    std::string type = sequenceMatrix(width);
    for (const char* after :
         {"", " smoothing 0.1", " ignore 0", " ignore -1 smoothing 0.2"}) {
      interpret::Tensor labels = randomIds(19, width);
      if (std::string(after).find("-1") != std::string::npos)
        labels.values[3] = -1;
      expectKernelsMatch(
          program("%z: " + type + ", %l: " + kLabels,
                  "graft.cross_entropy %z, %l" + std::string(after),
                  "(" + type + ", " + kLabels + ") -> " + kLosses, {kLosses}),
          {randomTensor({19, width}, 4.0), labels}, {2e-6, 1e-5});
      expectKernelsMatch(
          program(
              "%g: " + kLosses + ", %z: " + type + ", %l: " + kLabels,
              "graft.cross_entropy_gradient %g, %z, %l" + std::string(after),
              "(" + kLosses + ", " + type + ", " + kLabels + ") -> " + type,
              {type}),
          {randomTensor({19}, 1, 0, 3), randomTensor({19, width}, 4.0), labels},
          {1e-6, 1e-5});
    }
  }
}

// Logits far from zero keep the loss's digits.
TEST(LossTest, CrossEntropyOfLargeLogits) {
  std::string type = sequenceMatrix(26);
  expectKernelsMatch(
      program("%z: " + type + ", %l: " + kLabels, "graft.cross_entropy %z, %l",
              "(" + type + ", " + kLabels + ") -> " + kLosses, {kLosses}),
      {randomTensor({19, 26}, 1.0, 1e4), randomIds(19, 26)}, {1e-6, 1e-5});
}

TEST(LossTest, OneHot) {
  for (int64_t width : kWidths) {
    std::string type = sequenceMatrix(width);
    for (const char* after : {"", " ignore 0", " ignore -100"}) {
      interpret::Tensor labels = randomIds(19, width);
      if (std::string(after).find("-100") != std::string::npos)
        labels.values[3] = -100;
      expectKernelsMatch(
          program("%l: " + kLabels, "graft.one_hot %l" + std::string(after),
                  "(" + kLabels + ") -> " + type, {type}),
          {labels}, {0, 0});
    }
  }
}

TEST(LossTest, RowLosses) {
  for (int64_t width : kWidths) {
    std::string type = sequenceMatrix(width);
    for (const char* op : {"mse", "binary_cross_entropy", "kl_divergence"}) {
      std::string after =
          std::string(op) == "kl_divergence" ? " temperature 2.0" : "";
      expectKernelsMatch(
          program("%x: " + type + ", %y: " + type,
                  "graft." + std::string(op) + " %x, %y" + after,
                  "(" + type + ", " + type + ") -> " + kLosses, {kLosses}),
          {randomTensor({19, width}, 2.0, 0, 1),
           randomTensor({19, width}, 2.0, 0, 2)},
          {2e-6, 1e-5});
    }
  }
}

}  // namespace
}  // namespace graft

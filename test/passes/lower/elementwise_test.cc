// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <string>

#include "gtest/gtest.h"
#include "test/passes/lower/kernel_test.h"

namespace graft {
namespace {

// A phase of one op on `count` tensors [T, width].
std::string elementwise(const std::string& op, int width, int count,
                        const std::string& after = "") {
  std::string type =
      "tensor<?x" + std::to_string(width) + "xf32, #graft.dims<T>>";
  std::string arguments, operands;
  for (int i = 0; i < count; ++i) {
    std::string name = "%x" + std::to_string(i);
    arguments += (i ? ", " : "") + name + ": " + type;
    operands += (i ? ", " : "") + name;
  }
  return "func.func @f(" + arguments + ") -> " + type +
         " attributes {graft.phase = \"f\"} {\n  %y = graft." + op + " " +
         operands + after + " : " + type + "\n  return %y : " + type + "\n}\n";
}

struct Case {
  const char* op;
  int operands;
  double mean;
};

class ElementwiseTest : public ::testing::TestWithParam<Case> {};

TEST_P(ElementwiseTest, MatchesInterpreter) {
  auto [op, operands, mean] = GetParam();
  for (auto [rows, width] :
       {std::pair{3, 1}, {5, 7}, {67, 16}, {70, 26}, {129, 384}, {30, 385}}) {
    std::vector<interpret::Value> arguments;
    for (int i = 0; i < operands; ++i)
      arguments.push_back(
          randomTensor({rows, width}, 1.0, mean, static_cast<unsigned>(i)));
    expectKernelsMatch(elementwise(op, width, operands), arguments,
                       {1e-7, 1e-6});
  }
}

INSTANTIATE_TEST_SUITE_P(
    Ops, ElementwiseTest,
    ::testing::Values(Case{"add", 2, 0}, Case{"sub", 2, 0}, Case{"mul", 2, 0},
                      Case{"div", 2, 5}, Case{"max", 2, 0}, Case{"step", 2, 0},
                      Case{"exp", 1, 0}, Case{"log", 1, 9}, Case{"sqrt", 1, 9},
                      Case{"tanh", 1, 0}, Case{"sigmoid", 1, 0},
                      Case{"relu", 1, 0}),
    [](const auto& info) { return info.param.op; });

TEST(ElementwiseTest, Scale) {
  expectKernelsMatch(elementwise("scale", 26, 1, " by 2.5"),
                     {randomTensor({70, 26})});
}

}  // namespace
}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <string>

#include "gtest/gtest.h"
#include "test/passes/lower/kernel_test.h"

namespace graft {
namespace {

// A phase of one op on `count` tensors [T, width].
std::string elementwise(const std::string& op, int64_t width, int count,
                        const std::string& after = "") {
  std::string type = tokenMatrix(width);
  std::string parameters, operands;
  for (int i = 0; i < count; ++i) {
    std::string name = "%x" + std::to_string(i);
    parameters += (i ? ", " : "") + name + ": " + type;
    operands += (i ? ", " : "") + name;
  }
  return program(parameters, "graft." + op + " " + operands + after, type,
                 {type});
}

struct Case {
  const char* op;
  int operands;
  double mean;
};

// gtest prints cases by this.
void PrintTo(const Case& value, std::ostream* os) { *os << value.op; }

class ElementwiseTest : public ::testing::TestWithParam<Case> {};

TEST_P(ElementwiseTest, MatchesInterpreter) {
  auto [op, operands, mean] = GetParam();
  // x (1 + erf) cancels for negative x, to some ulp of x.
  Tolerance tolerance = {1e-7, 1e-6};
  if (std::string(op).find("gelu") == 0) tolerance = {1e-6, 1e-6};
  for (auto [rows, width] :
       {std::pair{3, 1}, {5, 7}, {67, 16}, {70, 26}, {129, 384}, {30, 385}}) {
    std::vector<interpret::Value> arguments;
    for (int i = 0; i < operands; ++i)
      arguments.push_back(
          randomTensor({rows, width}, 1.0, mean, static_cast<unsigned>(i)));
    expectKernelsMatch(elementwise(op, width, operands), arguments, tolerance);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Ops, ElementwiseTest,
    ::testing::Values(Case{"add", 2, 0}, Case{"sub", 2, 0}, Case{"mul", 2, 0},
                      Case{"div", 2, 5}, Case{"max", 2, 0}, Case{"step", 2, 0},
                      Case{"exp", 1, 0}, Case{"log", 1, 9}, Case{"sqrt", 1, 9},
                      Case{"tanh", 1, 0}, Case{"sigmoid", 1, 0},
                      Case{"relu", 1, 0}, Case{"gelu erf", 1, 0},
                      Case{"gelu tanh", 1, 0}, Case{"gelu_gradient erf", 2, 0},
                      Case{"gelu_gradient tanh", 2, 0}),
    [](const auto& info) {
      std::string name = info.param.op;
      std::replace(name.begin(), name.end(), ' ', '_');
      return name;
    });

TEST(ElementwiseTest, Scale) {
  expectKernelsMatch(elementwise("scale", 26, 1, " by 2.5"),
                     {randomTensor({70, 26})});
}

// Fixed shapes, of any rank and size.
TEST(ElementwiseTest, StaticShapes) {
  for (const char* shape : {"1x", "5x", "7x9x", "50x101x3x"}) {
    std::string type = "tensor<" + std::string(shape) + "f32>";
    llvm::SmallVector<int64_t> sizes;
    for (llvm::StringRef rest(shape); !rest.empty();) {
      auto [size, tail] = rest.split('x');
      sizes.push_back(std::stoll(size.str()));
      rest = tail;
    }
    expectKernelsMatch(program("%x: " + type, "graft.tanh %x", type, {type}),
                       {randomTensor(sizes)}, {1e-7, 1e-6});
  }
  expectKernelsMatch(program("%x: tensor<f32>", "graft.exp %x", "tensor<f32>",
                             {"tensor<f32>"}),
                     {randomTensor({})});
}

TEST(ElementwiseTest, Reshape) {
  std::string from = tokenMatrix(12);
  std::string to = "tensor<?x3x4xf32, #graft.dims<T>>";
  expectKernelsMatch(program("%x: " + from, "graft.reshape %x",
                             "(" + from + ") -> " + to, {to}),
                     {randomTensor({9, 12})});
}

// Casts round to nearest even, and arithmetic of halves rounds once.
TEST(ElementwiseTest, LowPrecision) {
  for (const char* kind : {"bf16", "f16"}) {
    std::string wide = "tensor<35xf32>";
    std::string narrow = "tensor<35x" + std::string(kind) + ">";
    expectKernelsMatch(program("%x: " + wide, "graft.cast %x",
                               wide + " to " + narrow, {narrow}),
                       {randomTensor({35})}, {0, 0});
    interpret::Tensor x = randomTensor({35});
    x.kind = std::string(kind) == "f16" ? interpret::ElementKind::f16
                                        : interpret::ElementKind::bf16;
    x.round();
    expectKernelsMatch(
        program("%x: " + narrow, "graft.mul %x, %x", narrow, {narrow}), {x},
        {0, 0});
    expectKernelsMatch(program("%x: " + narrow, "graft.cast %x",
                               narrow + " to " + wide, {wide}),
                       {x}, {0, 0});
  }
}

}  // namespace
}  // namespace graft

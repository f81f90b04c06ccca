// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Ops through their RegionLoweringInterface: what ops of plug-ins get.

#include <string>
#include <tuple>

#include "gtest/gtest.h"
#include "test/passes/lower/kernel_test.h"

namespace graft {
namespace {

void expectGeneric(const std::string& text,
                   llvm::ArrayRef<interpret::Value> arguments,
                   Tolerance tolerance) {
  expectKernelsMatch(text, arguments, tolerance, {}, /*generic=*/true);
}

TEST(GenericTest, Elementwise) {
  for (const char* op :
       {"exp", "tanh", "sigmoid", "relu", "gelu erf", "gelu tanh"}) {
    std::string type = tokenMatrix(26);
    expectGeneric(program("%x: " + type, "graft." + std::string(op) + " %x",
                          type, {type}),
                  {randomTensor({53, 26})}, {1e-6, 1e-5});
  }
  for (const char* op : {"add", "sub", "mul", "div", "max"})
    for (const char* shape : {"7", "3x5x2"}) {
      std::string type = "tensor<" + std::string(shape) + "xf32>";
      llvm::SmallVector<int64_t> sizes = {7};
      if (std::string(shape) != "7") sizes = {3, 5, 2};
      expectGeneric(
          program("%x: " + type + ", %y: " + type,
                  "graft." + std::string(op) + " %x, %y", type, {type}),
          {randomTensor(sizes, 1, 5, 1), randomTensor(sizes, 1, 5, 2)},
          {1e-6, 1e-6});
    }
}

// Rows are work items, and what a row needs in between is on the stack.
TEST(GenericTest, Softmax) {
  for (int64_t width : {1, 26, 385})
    for (const char* log : {"", " log"}) {
      std::string type = tokenMatrix(width);
      expectGeneric(
          program("%x: " + type, "graft.softmax %x" + std::string(log),
                  "(" + type + ") -> " + type, {type}),
          {randomTensor({53, width}, 4)}, {1e-5, 1e-5});
    }
}

TEST(GenericTest, LayerNorm) {
  for (int64_t width : {1, 26, 385}) {
    std::string type = tokenMatrix(width);
    std::string vector = "tensor<" + std::to_string(width) + "xf32>";
    expectGeneric(
        program("%x: " + type + ", %g: " + vector + ", %b: " + vector,
                "graft.layer_norm %x, %g, %b epsilon 1.0e-5",
                "(" + type + ", " + vector + ", " + vector + ") -> " + type,
                {type}),
        {randomTensor({53, width}, 2.0, 3.0, 1), randomTensor({width}, 1, 1, 2),
         randomTensor({width}, 1, 0, 3)},
        {5e-5, 1e-5});
  }
}

// In f32 inside, and rounded once.
TEST(GenericTest, LowPrecision) {
  for (auto [name, kind, unit] :
       {std::tuple{"bf16", interpret::ElementKind::bf16, 0x1p-7},
        {"f16", interpret::ElementKind::f16, 0x1p-10}})
    for (const char* op : {"gelu erf", "softmax"}) {
      std::string type = tokenMatrix(26);
      type.replace(type.find("f32"), 3, name);
      interpret::Tensor x = randomTensor({53, 26});
      x.kind = kind;
      x.round();
      bool rows = std::string(op) == "softmax";
      expectGeneric(program("%x: " + type, "graft." + std::string(op) + " %x",
                            rows ? "(" + type + ") -> " + type : type, {type}),
                    {x}, {1e-6, unit});
    }
}

}  // namespace
}  // namespace graft

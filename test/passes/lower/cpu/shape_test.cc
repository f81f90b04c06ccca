// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <string>

#include "gtest/gtest.h"
#include "test/passes/lower/kernel_test.h"

namespace graft {
namespace {

TEST(ShapeTest, Transpose) {
  for (auto [rows, columns] : {std::pair{1, 1}, {7, 26}, {40, 385}}) {
    std::string type = "tensor<" + std::to_string(rows) + "x" +
                       std::to_string(columns) + "xf32>";
    std::string swapped = "tensor<" + std::to_string(columns) + "x" +
                          std::to_string(rows) + "xf32>";
    expectKernelsMatch(program("%x: " + type, "graft.transpose %x",
                               "(" + type + ") -> " + swapped, {swapped}),
                       {randomTensor({rows, columns})}, {0, 0});
  }
  std::string type = tokenMatrix(26);
  std::string swapped = "tensor<26x?xf32, #graft.dims<T>>";
  expectKernelsMatch(program("%x: " + type, "graft.transpose %x",
                             "(" + type + ") -> " + swapped, {swapped}),
                     {randomTensor({53, 26})}, {0, 0});
}

TEST(ShapeTest, Concat) {
  std::string a = tokenMatrix(7), b = tokenMatrix(384), c = tokenMatrix(1);
  std::string all = tokenMatrix(392);
  expectKernelsMatch(
      program("%a: " + a + ", %b: " + b + ", %c: " + c,
              "graft.concat %a, %b, %c",
              "(" + a + ", " + b + ", " + c + ") -> " + all, {all}),
      {randomTensor({53, 7}), randomTensor({53, 384}), randomTensor({53, 1})},
      {0, 0});
}

TEST(ShapeTest, Slice) {
  for (auto [offset, size] :
       {std::pair{0, 400}, {3, 384}, {399, 1}, {17, 26}}) {
    std::string from = tokenMatrix(400), to = tokenMatrix(size);
    expectKernelsMatch(
        program("%x: " + from,
                "graft.slice %x columns " + std::to_string(offset) + " size " +
                    std::to_string(size),
                "(" + from + ") -> " + to, {to}),
        {randomTensor({53, 400})}, {0, 0});
  }
}

}  // namespace
}  // namespace graft

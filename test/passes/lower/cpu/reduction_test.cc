// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <string>

#include "gtest/gtest.h"
#include "test/passes/lower/kernel_test.h"

namespace graft {
namespace {

std::string reduce(const std::string& kind, const std::string& from,
                   const std::string& dimensions, const std::string& to) {
  return program("%x: " + from,
                 "graft.reduce " + kind + " %x over " + dimensions,
                 "(" + from + ") -> " + to, {to});
}

std::string broadcast(const std::string& from, const std::string& dimensions,
                      const std::string& to) {
  return program("%x: " + from, "graft.broadcast %x along " + dimensions,
                 "(" + from + ") -> " + to, {to});
}

const std::string kRows = "tensor<?xf32, #graft.dims<T>>";

TEST(ReductionTest, RowsAndColumns) {
  for (const char* kind : {"sum", "max"})
    for (int64_t width : {1, 7, 16, 26, 64, 65, 384, 385}) {
      std::string type = tokenMatrix(width);
      std::string columns = "tensor<" + std::to_string(width) + "xf32>";
      for (int64_t rows : {1, 300}) {
        interpret::Tensor x = randomTensor({rows, width}, 1.0, -2.0);
        expectKernelsMatch(reduce(kind, type, "[1]", kRows), {x}, {1e-4, 1e-5});
        expectKernelsMatch(reduce(kind, type, "[0]", columns), {x},
                           {1e-4, 1e-5});
      }
    }
}

TEST(ReductionTest, ColumnsBeginWithWhatIsAddedToThem) {
  for (int64_t width : {1, 65, 384}) {
    std::string columns = "tensor<" + std::to_string(width) + "xf32>";
    std::string text =
        program("%x: " + tokenMatrix(width) + ", %old: " + columns,
                "graft.reduce sum %x over [0]",
                "(" + tokenMatrix(width) + ") -> " + columns, {columns});
    text.replace(text.find("return %r#0"), 11,
                 "%s = graft.add %old, %r#0 : " + columns + "\n  return %s");
    expectKernelsMatch(
        text, {randomTensor({300, width}), randomTensor({width}, 1.0, 0.0, 2)},
        {1e-4, 1e-5});
  }
}

TEST(ReductionTest, WholeTensors) {
  for (const char* kind : {"sum", "max"}) {
    for (int64_t rows : {1, 5, 513})
      expectKernelsMatch(reduce(kind, kRows, "[0]", "tensor<f32>"),
                         {randomTensor({rows}, 1.0, -2.0)}, {1e-4, 1e-5});
    for (int64_t width : {1, 26, 385})
      expectKernelsMatch(
          reduce(kind, tokenMatrix(width), "[0, 1]", "tensor<f32>"),
          {randomTensor({300, width}, 1.0, -2.0)}, {1e-3, 1e-5});
    expectKernelsMatch(
        reduce(kind, "tensor<3x5x7xf32>", "[0, 1, 2]", "tensor<f32>"),
        {randomTensor({3, 5, 7}, 1.0, -2.0)}, {1e-4, 1e-5});
  }
}

TEST(ReductionTest, SeveralDimensions) {
  std::string type = "tensor<?x3x40xf32, #graft.dims<T>>";
  interpret::Tensor x = randomTensor({31, 3, 40});
  expectKernelsMatch(reduce("sum", type, "[1, 2]", kRows), {x}, {1e-4, 1e-5});
  expectKernelsMatch(reduce("sum", type, "[0]", "tensor<3x40xf32>"), {x},
                     {1e-4, 1e-5});
  expectKernelsMatch(reduce("sum", type, "[0, 1]", "tensor<40xf32>"), {x},
                     {1e-4, 1e-5});
}

TEST(ReductionTest, Broadcast) {
  for (int64_t width : {1, 7, 16, 26, 384, 385}) {
    std::string type = tokenMatrix(width);
    std::string columns = "tensor<" + std::to_string(width) + "xf32>";
    expectKernelsMatch(program("%x: " + columns + ", %t: " + type,
                               "graft.broadcast %x along [0]",
                               "(" + columns + ") -> " + type, {type}),
                       {randomTensor({width}), randomTensor({53, width})},
                       {0, 0});
    expectKernelsMatch(broadcast(kRows, "[1]", type), {randomTensor({53})},
                       {0, 0});
    expectKernelsMatch(program("%x: tensor<f32>, %t: " + type,
                               "graft.broadcast %x along [0, 1]",
                               "(tensor<f32>) -> " + type, {type}),
                       {randomTensor({}), randomTensor({53, width})}, {0, 0});
  }
}

}  // namespace
}  // namespace graft

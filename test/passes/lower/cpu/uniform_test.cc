// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "passes/lower/target.h"
#include "test/passes/lower/kernel_test.h"

namespace graft {
namespace {

std::string uniform(const std::string& type, const std::string& after) {
  return program("%s: !graft.segments<T, S>", "graft.uniform %s " + after,
                 "(!graft.segments<T, S>) -> " + type, {type});
}

interpret::Segments packed() {
  interpret::Segments segments =
      interpret::Segments::fromLengths({3, 1, 17, 40});
  segments.ordinals = {5, 900, 0, 2147483647};
  return segments;
}

// The bits are the interpreter's, which follows runtime/formats/philox.h.
TEST(UniformTest, Matrices) {
  for (int64_t width : {1, 3, 16, 17, 130}) {
    expectKernelsMatch(uniform(tokenMatrix(width), "id 77 draw 3"), {packed()},
                       {0, 0},
                       {/*seed=*/0x123456789ABCDEFull, /*step=*/41,
                        /*phase=*/2});
    expectKernelsMatch(uniform(sequenceMatrix(width), "id 4294967295"),
                       {packed()}, {0, 0},
                       {/*seed=*/~0ull, /*step=*/0xFFFFFFFF, /*phase=*/65535});
  }
}

// A number for each pair of a batch, whose size no kernel knows.
TEST(UniformTest, Pairs) {
  for (size_t texts : {1, 15, 16, 35})
    expectKernelsMatch(
        uniform("tensor<?x?xf32, #graft.dims<S, S>>", "id 5"),
        {interpret::Segments::fromLengths(std::vector<int32_t>(texts, 1))},
        {0, 0}, {/*seed=*/7, /*step=*/1, /*phase=*/0});
}

TEST(UniformTest, Vectors) {
  for (const char* rows : {"T", "S"})
    expectKernelsMatch(
        uniform("tensor<?xf32, #graft.dims<" + std::string(rows) + ">>",
                "id 1"),
        {packed()}, {0, 0}, {/*seed=*/7, /*step=*/1, /*phase=*/0});
}

TEST(UniformTest, EveryPartOfTheKeyCounts) {
  auto run = [&](const std::string& after, interpret::RandomState random) {
    auto kernels = KernelProgram::create(uniform(sequenceMatrix(8), after),
                                         getHostTarget());
    KernelProgram::Options options;
    options.random = random;
    return kernels->run({packed()}, options);
  };
  auto base = run("id 1", {1, 1, 1});
  EXPECT_EQ(base, run("id 1", {1, 1, 1}));
  EXPECT_NE(base, run("id 1", {2, 1, 1}));
  EXPECT_NE(base, run("id 1", {1, 2, 1}));
  EXPECT_NE(base, run("id 1", {1, 1, 2}));
  EXPECT_NE(base, run("id 2", {1, 1, 1}));
  EXPECT_NE(base, run("id 1 draw 1", {1, 1, 1}));
}

}  // namespace
}  // namespace graft

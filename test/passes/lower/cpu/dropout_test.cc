// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <string>

#include "gtest/gtest.h"
#include "passes/lower/target.h"
#include "test/passes/lower/kernel_test.h"

namespace graft {
namespace {

std::string dropout(const std::string& type, const std::string& after) {
  return program("%x: " + type + ", %s: !graft.segments<T, S>",
                 "graft.dropout %x, %s " + after,
                 "(" + type + ", !graft.segments<T, S>) -> " + type, {type});
}

interpret::Segments packed() {
  interpret::Segments segments =
      interpret::Segments::fromLengths({3, 1, 17, 40});
  segments.ordinals = {5, 900, 0, 2147483647};
  return segments;
}

// The mask is the interpreter's, which draws it with runtime/formats/philox.h;
// an element that is kept is the same to one rounding.
TEST(DropoutTest, Tokens) {
  for (int64_t width : {1, 7, 16, 26, 128, 129, 384, 385, 530})
    expectKernelsMatch(
        dropout(tokenMatrix(width), "rate 0.1 id 77 draw 3"),
        {randomTensor({61, width}), packed()}, {0, 1e-6},
        {/*seed=*/0x123456789ABCDEFull, /*step=*/41, /*phase=*/2});
}

TEST(DropoutTest, Sequences) {
  expectKernelsMatch(dropout(sequenceMatrix(300), "rate 0.5 id 4294967295"),
                     {randomTensor({4, 300}), packed()}, {0, 1e-6},
                     {/*seed=*/~0ull, /*step=*/0xFFFFFFFF, /*phase=*/65535});
}

TEST(DropoutTest, EveryPartOfTheKeyCounts) {
  std::string text = dropout(tokenMatrix(64), "rate 0.5 id 1");
  auto kernels = KernelProgram::create(text, getHostTarget());
  ASSERT_NE(kernels, nullptr);
  auto run = [&](interpret::RandomState random) {
    KernelProgram::Options options;
    options.random = random;
    return kernels->run({randomTensor({61, 64}), packed()}, options);
  };
  auto base = run({1, 1, 1});
  EXPECT_EQ(base, run({1, 1, 1}));
  EXPECT_NE(base, run({2, 1, 1}));
  EXPECT_NE(base, run({1, 2, 1}));
  EXPECT_NE(base, run({1, 1, 2}));
}

TEST(DropoutTest, RateZeroIsNothing) {
  expectKernelsMatch(dropout(tokenMatrix(8), "rate 0.0 id 1"),
                     {randomTensor({61, 8}), packed()}, {0, 0});
}

}  // namespace
}  // namespace graft

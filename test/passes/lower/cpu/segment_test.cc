// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <string>

#include "gtest/gtest.h"
#include "passes/lower/target.h"
#include "test/passes/lower/kernel_test.h"

namespace graft {
namespace {

using interpret::Segments;

std::string rows(int64_t width, const std::string& name) {
  return "tensor<?x" + std::to_string(width) + "xf32, #graft.dims<" + name +
         ">>";
}

std::string table(int64_t height, int64_t width) {
  return "tensor<" + std::to_string(height) + "x" + std::to_string(width) +
         "xf32>";
}

// A phase of one op `line` whose types are `arguments` and `result`.
std::string program(const std::string& arguments, const std::string& line,
                    const std::string& types, const std::string& result) {
  return "func.func @f(" + arguments + ") -> " + result +
         " attributes {graft.phase = \"f\"} {\n  %y = graft." + line + " : (" +
         types + ") -> " + result + "\n  return %y : " + result + "\n}\n";
}

constexpr char kIds[] = "tensor<?xi32, #graft.dims<T>>";
constexpr char kSegments[] = "!graft.segments<T, S>";

std::string embedding(int64_t height, int64_t width) {
  std::string t = table(height, width), ids = kIds;
  return program("%i: " + ids + ", %w: " + t, "embedding %i, %w",
                 ids + ", " + t, rows(width, "T"));
}

std::string embeddingGradient(int64_t height, int64_t width) {
  std::string ids = kIds, g = rows(width, "T");
  return program("%i: " + ids + ", %g: " + g,
                 "embedding_gradient %i, %g rows " + std::to_string(height),
                 ids + ", " + g, table(height, width));
}

std::string pool(const std::string& kind, int64_t width) {
  std::string x = rows(width, "T"), s = kSegments;
  return program("%x: " + x + ", %s: " + s, "segment_pool " + kind + " %x, %s",
                 x + ", " + s, rows(width, "S"));
}

std::string poolGradient(const std::string& kind, int64_t width) {
  std::string x = rows(width, "T"), g = rows(width, "S"), s = kSegments;
  return program("%g: " + g + ", %x: " + x + ", %s: " + s,
                 "segment_pool_gradient " + kind + " %g, %x, %s",
                 g + ", " + x + ", " + s, x);
}

TEST(TableTest, Embedding) {
  for (int64_t width : {1, 16, 26, 384})
    for (int64_t tokens : {1, 3, 16, 17, 130})
      expectKernelsMatch(embedding(50, width),
                         {randomIds(tokens, 50), randomTensor({50, width})},
                         {0, 0});
}

TEST(TableTest, EmbeddingGradientAddsRepeatedIds) {
  for (int64_t width : {1, 26, 63, 64, 65, 384})
    for (int64_t tokens : {1, 17, 130})
      expectKernelsMatch(
          embeddingGradient(20, width),
          {randomIds(tokens, 20), randomTensor({tokens, width})});
}

TEST(TableTest, EmbeddingGradientBeginsWithWhatIsAddedToIt) {
  std::string t = table(20, 65), text = embeddingGradient(20, 65);
  text.replace(text.find("%i"), 2, "%old: " + t + ", %i");
  text.replace(text.find("return %y"), 9,
               "%s = graft.add %y, %old : " + t + "\n  return %s");
  auto program = KernelProgram::create(text, getHostTarget());
  ASSERT_TRUE(program);
  int launches = 0;
  program->getModule().walk([&](exec::LaunchOp) { ++launches; });
  EXPECT_EQ(launches, 1);
  // With the buffer of %old, and with another one.
  for (int64_t tokens : {1, 17, 130})
    expectKernelsMatch(
        text, {randomTensor({20, 65}, 1.0, 0.0, 3), randomIds(tokens, 20),
               randomTensor({tokens, 65})});
}

TEST(TableTest, Gather) {
  std::string x = rows(26, "T");
  std::string i = "tensor<?xi32, #graft.dims<P>>";
  std::string text = program("%x: " + x + ", %i: " + i, "gather %x, %i",
                             x + ", " + i, rows(26, "P"));
  for (int64_t count : {1, 16, 33})
    expectKernelsMatch(text, {randomTensor({40, 26}), randomIds(count, 40)},
                       {0, 0});
}

TEST(TableTest, ScatterAdd) {
  for (int64_t width : {5, 64, 80}) {
    std::string x = rows(width, "T"), u = rows(width, "P");
    std::string i = "tensor<?xi32, #graft.dims<P>>";
    std::string text = "func.func @f(%x: " + x + ", %i: " + i + ", %u: " + u +
                       ") -> " + x +
                       " attributes {graft.phase = \"f\"} {\n"
                       "  %y = graft.scatter_add %x, %i, %u : (" +
                       x + ", " + i + ", " + u + ") -> " + x +
                       "\n  return %y : " + x + "\n}\n";
    expectKernelsMatch(text, {randomTensor({9, width}), randomIds(33, 9),
                              randomTensor({33, width}, 1.0, 0.0, 2)});
  }
}

TEST(SequenceTest, Positions) {
  std::string s = kSegments;
  std::string text =
      program("%s: " + s, "positions %s", s, "tensor<?xi32, #graft.dims<T>>");
  expectKernelsMatch(text, {Segments::fromLengths({1})}, {0, 0});
  expectKernelsMatch(text, {Segments::fromLengths({3, 1, 40, 700, 900, 2})},
                     {0, 0});
}

TEST(SequenceTest, Pool) {
  Segments segments = Segments::fromLengths({1, 2, 17, 1, 130, 3, 5, 9, 64});
  for (const char* kind : {"first", "mean", "max"})
    for (int64_t width : {1, 16, 26, 384})
      expectKernelsMatch(pool(kind, width),
                         {randomTensor({segments.tokens(), width}), segments});
}

TEST(SequenceTest, PoolGradient) {
  Segments segments = Segments::fromLengths({1, 2, 17, 1, 130, 3, 5, 9, 64});
  for (const char* kind : {"first", "mean", "max"})
    for (int64_t width : {1, 16, 26})
      expectKernelsMatch(
          poolGradient(kind, width),
          {randomTensor({segments.sequences(), width}, 1.0, 0.0, 2),
           randomTensor({segments.tokens(), width}), segments});
}

TEST(SequenceTest, TheFirstOfEqualMaximaTakesTheGradient) {
  interpret::Tensor x = randomTensor({6, 3});
  for (double& value : x.values) value = 2;
  expectKernelsMatch(poolGradient("max", 3),
                     {randomTensor({2, 3}), x, Segments::fromLengths({4, 2})},
                     {0, 0});
}

TEST(SegmentTest, CompilesForAArch64) {
  const Target* target = lookupTarget("aarch64");
  ASSERT_NE(target, nullptr);
  EXPECT_NE(KernelProgram::create(embeddingGradient(20, 26), *target), nullptr);
  EXPECT_NE(KernelProgram::create(poolGradient("max", 26), *target), nullptr);
}

}  // namespace
}  // namespace graft

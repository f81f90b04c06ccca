// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "passes/lower/target.h"
#include "test/passes/lower/kernel_test.h"

namespace graft {
namespace {

struct Case {
  int64_t heads;
  int64_t width;  // features of a head
  double dropout = 0;
};

std::string tensorType(const Case& c) {
  return "tensor<?x" + std::to_string(c.heads * c.width) +
         "xf32, #graft.dims<T>>";
}

std::string attributes(const Case& c) {
  std::string text = " heads " + std::to_string(c.heads);
  if (c.dropout > 0)
    text += " dropout " + std::to_string(c.dropout) + " id 7 draw 3";
  return text;
}

std::string forward(const Case& c) {
  std::string t = tensorType(c);
  return "func.func @f(%q: " + t + ", %k: " + t + ", %v: " + t +
         ", %s: !graft.segments<T, S>) -> " + t +
         " attributes {graft.phase = \"f\"} {\n"
         "  %y = graft.attention %q, %k, %v, %s" +
         attributes(c) + " : (" + t + ", " + t + ", " + t +
         ", !graft.segments<T, S>) -> " + t + "\n  return %y : " + t + "\n}\n";
}

std::string backward(const Case& c) {
  std::string t = tensorType(c), three = t + ", " + t + ", " + t;
  return "func.func @f(%g: " + t + ", %q: " + t + ", %k: " + t + ", %v: " + t +
         ", %s: !graft.segments<T, S>) -> (" + three +
         ") attributes {graft.phase = \"f\"} {\n"
         "  %a, %b, %c = graft.attention_gradient %g, %q, %k, %v, %s" +
         attributes(c) + " : (" + t + ", " + three +
         ", !graft.segments<T, S>) -> (" + three +
         ")\n  return %a, %b, %c : " + three + "\n}\n";
}

std::string second(const Case& c) {
  std::string t = tensorType(c), four = t + ", " + t + ", " + t + ", " + t;
  return "func.func @f(%g: " + t + ", %q: " + t + ", %k: " + t + ", %v: " + t +
         ", %x: " + t + ", %y: " + t + ", %z: " + t +
         ", %s: !graft.segments<T, S>) -> (" + four +
         ") attributes {graft.phase = \"f\"} {\n"
         "  %a, %b, %c, %d = graft.attention_second_gradient %x, %y, %z, %g, "
         "%q, "
         "%k, %v, %s" +
         attributes(c) + " : (" + t + ", " + t + ", " + t + ", " + four +
         ", !graft.segments<T, S>) -> (" + four +
         ")\n  return %a, %b, %c, %d : " + four + "\n}\n";
}

interpret::Segments makeSegments(const std::vector<int64_t>& lengths) {
  interpret::Segments segments;
  segments.offsets = {0};
  for (size_t s = 0; s < lengths.size(); ++s) {
    segments.offsets.push_back(segments.offsets.back() +
                               static_cast<int32_t>(lengths[s]));
    segments.ordinals.push_back(static_cast<int32_t>(100 - 7 * s));
  }
  return segments;
}

// Random activations, the segments, and a run of all programs.
void testLengths(const Case& c, const std::vector<int64_t>& lengths,
                 double deviation = 1.0, Tolerance tolerance = {2e-5, 1e-4}) {
  interpret::Segments segments = makeSegments(lengths);
  int64_t tokens = segments.tokens();
  std::vector<interpret::Value> arguments;
  for (unsigned seed = 1; seed <= 4; ++seed)
    arguments.push_back(randomTensor({tokens, c.heads * c.width},
                                     seed < 4 ? deviation : 1.0, 0.0, seed));
  arguments.push_back(segments);
  interpret::RandomState random;
  random.seed = 0x123456789abcdefu;
  random.step = 5;
  random.phase = 2;
  // Of the gradient: the same, behind the gradient of the output.
  expectKernelsMatch(forward(c),
                     llvm::ArrayRef<interpret::Value>(arguments).drop_front(),
                     tolerance, random);
  expectKernelsMatch(backward(c), arguments, tolerance, random);
  // The incoming gradients stand last in the list.
  for (unsigned seed = 5; seed <= 7; ++seed)
    arguments.insert(std::prev(arguments.end()),
                     randomTensor({tokens, c.heads * c.width}, 1.0, 0.0, seed));
  expectKernelsMatch(second(c), arguments, tolerance, random);
}

TEST(AttentionTest, LengthsAroundTheBlocks) {
  testLengths({2, 32}, {1, 2, 15, 16, 17, 31, 32, 33, 64});
}

TEST(AttentionTest, LengthsAroundTheChunks) {
  testLengths({1, 32}, {127, 128, 129, 130, 256, 257, 300});
}

TEST(AttentionTest, LengthsAroundWhatIsHeld) {
  testLengths({2, 8, 0.1}, {20, 511, 512, 513, 700, 40});
}

TEST(AttentionTest, OneSequence) {
  testLengths({12, 32}, {1});
  testLengths({2, 32}, {17});
}

TEST(AttentionTest, HeadWidths) {
  for (int64_t width : {1, 8, 20, 33, 64, 128})
    testLengths({2, width}, {5, 17, 40});
}

TEST(AttentionTest, DropoutMasks) {
  testLengths({2, 32, 0.1}, {1, 2, 15, 16, 17, 33, 64, 128, 130});
  testLengths({12, 8, 0.5}, {3, 300});
  testLengths({1, 20, 0.999}, {40});
}

TEST(AttentionTest, LargeScoresDoNotOverflow) {
  // Scores of some hundreds, whose rounding alone changes e^score by 1e-4.
  testLengths({2, 32}, {17, 140}, 8.0, {2e-3, 1e-3});
}

TEST(AttentionTest, CompilesForAArch64) {
  const Target* target = lookupTarget("aarch64");
  ASSERT_NE(target, nullptr);
  EXPECT_NE(KernelProgram::create(forward({2, 33, 0.1}), *target), nullptr);
  EXPECT_NE(KernelProgram::create(backward({2, 33, 0.1}), *target), nullptr);
  EXPECT_NE(KernelProgram::create(second({2, 33, 0.1}), *target), nullptr);
}

}  // namespace
}  // namespace graft

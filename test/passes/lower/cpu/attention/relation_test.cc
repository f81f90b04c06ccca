// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <cmath>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "passes/lower/target.h"
#include "test/passes/lower/kernel_test.h"

namespace graft {
namespace {

using interpret::Tensor;

const std::string kLosses = "tensor<?xf32, #graft.dims<S>>";

struct Case {
  int64_t heads;
  int64_t width;   // features of a head
  int64_t target;  // features of a head of the target

  std::string rows() const { return tokenMatrix(heads * width); }
  std::string targetRows() const { return tokenMatrix(heads * target); }
  std::string maps() const {
    return rows() + ", " + rows() + ", " + targetRows() + ", " + targetRows() +
           ", !graft.segments<T, S>";
  }
  std::string parameters() const {
    return "%q: " + rows() + ", %k: " + rows() + ", %u: " + targetRows() +
           ", %t: " + targetRows() + ", %s: !graft.segments<T, S>";
  }
  std::string operands() const {
    return "%q, %k, %u, %t, %s heads " + std::to_string(heads);
  }
};

std::string forward(const std::string& kind, const Case& c) {
  return program(c.parameters(),
                 "graft.relation_divergence " + kind + " " + c.operands(),
                 "(" + c.maps() + ") -> " + kLosses, {kLosses});
}

std::string backward(const std::string& kind, const Case& c) {
  return program(
      "%g: " + kLosses + ", " + c.parameters(),
      "graft.relation_divergence_gradient " + kind + " %g, " + c.operands(),
      "(" + kLosses + ", " + c.maps() + ") -> (" + c.rows() + ", " + c.rows() +
          ")",
      {c.rows(), c.rows()});
}

std::string second(const std::string& kind, const Case& c) {
  std::string two = c.rows() + ", " + c.rows();
  return program("%i: " + c.rows() + ", %j: " + c.rows() + ", %g: " + kLosses +
                     ", " + c.parameters(),
                 "graft.relation_divergence_second_gradient " + kind +
                     " %i, %j, %g, " + c.operands(),
                 "(" + two + ", " + kLosses + ", " + c.maps() + ") -> (" +
                     kLosses + ", " + two + ")",
                 {kLosses, c.rows(), c.rows()});
}

// A gradient for each sequence, q, k and the target's, and the segments.
std::vector<interpret::Value> makeArguments(const Case& c,
                                            const std::vector<int32_t>& lengths,
                                            double deviation = 1.0) {
  auto segments = interpret::Segments::fromLengths(lengths);
  int64_t tokens = segments.tokens();
  std::vector<interpret::Value> arguments = {
      randomTensor({static_cast<int64_t>(lengths.size())}, 1.0, 0.0, 9)};
  for (unsigned seed = 1; seed <= 4; ++seed)
    arguments.push_back(
        randomTensor({tokens, c.heads * (seed <= 2 ? c.width : c.target)},
                     deviation, 0.0, seed));
  arguments.push_back(segments);
  return arguments;
}

void testLengths(const Case& c, const std::vector<int32_t>& lengths,
                 double deviation = 1.0, Tolerance tolerance = {2e-6, 2e-5}) {
  auto arguments = makeArguments(c, lengths, deviation);
  for (const char* kind : {"kl", "mse"}) {
    expectKernelsMatch(forward(kind, c),
                       llvm::ArrayRef<interpret::Value>(arguments).drop_front(),
                       tolerance);
    expectKernelsMatch(backward(kind, c), arguments, tolerance);
  }
  int64_t tokens = arguments.back().segments().tokens();
  for (unsigned seed = 10; seed <= 11; ++seed)
    arguments.insert(arguments.begin(),
                     randomTensor({tokens, c.heads * c.width}, 1.0, 0.0, seed));
  for (const char* kind : {"kl", "mse"})
    expectKernelsMatch(second(kind, c), arguments, tolerance);
}

TEST(RelationTest, LengthsAroundTheBlocks) {
  testLengths({2, 32, 24}, {1, 2, 15, 16, 17, 31, 32, 33, 64});
}

TEST(RelationTest, LengthsAroundTheChunks) {
  testLengths({1, 32, 16}, {127, 128, 129, 130, 256, 257, 300});
}

TEST(RelationTest, LengthsAroundWhatIsHeld) {
  testLengths({2, 8, 12}, {20, 511, 512, 513, 700, 40});
}

TEST(RelationTest, OneSequence) {
  testLengths({12, 32, 64}, {1});
  testLengths({2, 32, 32}, {17});
}

TEST(RelationTest, HeadWidths) {
  for (auto [width, target] :
       {std::pair{1, 33}, {20, 1}, {33, 20}, {64, 128}, {128, 8}})
    testLengths({2, width, target}, {5, 17, 40});
}

// A chunk of their keys is held.
TEST(RelationTest, WideHeads) { testLengths({1, 300, 260}, {5, 130, 270}); }

// The widest that kernels take, on the stack of this thread.
TEST(RelationTest, WidestHead) {
  testLengths({1, 4096, 4096}, {3, 20}, 0.125, {2e-6, 1e-4});
}

TEST(RelationTest, ManyHeads) { testLengths({48, 8, 16}, {3, 70}); }

TEST(RelationTest, LargeScoresDoNotOverflow) {
  // Scores of some hundreds, whose rounding alone changes e^score by 1e-4.
  testLengths({2, 32, 32}, {17, 140}, 8.0, {2e-3, 1e-3});
}

// Results of a program as floats, on the machine's own level.
std::vector<std::vector<float>> run(
    const std::string& text, llvm::ArrayRef<interpret::Value> arguments) {
  auto program = KernelProgram::create(text, getHostTarget());
  if (!program) return {};
  std::vector<std::vector<float>> results;
  for (const KernelProgram::Bytes& bytes : program->run(arguments, {})) {
    const auto* floats = reinterpret_cast<const float*>(bytes.data());
    results.emplace_back(floats, floats + bytes.size() / sizeof(float));
  }
  return results;
}

// Not a single bit is left of a divergence from itself, or of its gradient.
TEST(RelationTest, IdenticalMapsGiveZero) {
  Case c{4, 24, 24};
  auto arguments = makeArguments(c, {1, 5, 16, 33, 129, 300});
  arguments[3] = arguments[1];
  arguments[4] = arguments[2];
  for (const char* kind : {"kl", "mse"})
    for (bool isForward : {true, false}) {
      SCOPED_TRACE(kind);
      auto used = llvm::ArrayRef<interpret::Value>(arguments);
      if (isForward) used = used.drop_front();
      auto results =
          run(isForward ? forward(kind, c) : backward(kind, c), used);
      ASSERT_FALSE(results.empty());
      for (const auto& values : results)
        for (float value : values) ASSERT_EQ(value, 0.0f);
    }
}

// `rows` with the two features 2 i and 2 i + 1 of each pair turned by the same
// angle: an orthogonal rotation inside of each head of an even width.
Tensor rotate(Tensor rows, double angle) {
  double sine = std::sin(angle), cosine = std::cos(angle);
  for (size_t i = 0; i + 1 < rows.values.size(); i += 2) {
    double x = rows.values[i], y = rows.values[i + 1];
    rows.values[i] = static_cast<float>(cosine * x - sine * y);
    rows.values[i + 1] = static_cast<float>(sine * x + cosine * y);
  }
  return rows;
}

// Relations of a value with itself do not see the basis in which it stands.
TEST(RelationTest, RotationsOfHeadsChangeNothing) {
  Case c{4, 24, 10};
  auto arguments = makeArguments(c, {1, 5, 16, 33, 140});
  arguments.erase(arguments.begin());
  arguments[1] = arguments[0];
  arguments[3] = arguments[2];
  auto rotated = arguments;
  for (size_t i = 0; i < 4; ++i)
    rotated[i] = rotate(arguments[i].tensor(), i < 2 ? 0.7 : -1.9);
  for (const char* kind : {"kl", "mse"}) {
    auto plain = run(forward(kind, c), arguments);
    auto other = run(forward(kind, c), rotated);
    ASSERT_EQ(plain.size(), 1u);
    ASSERT_EQ(other.size(), 1u);
    for (size_t s = 1; s < plain[0].size(); ++s) {
      EXPECT_GT(plain[0][s], 0.01f);
      EXPECT_NEAR(other[0][s], plain[0][s], 2e-6 * (1 + plain[0][s]));
    }
  }
}

TEST(RelationTest, CompilesForAArch64) {
  const Target* target = lookupTarget("aarch64");
  ASSERT_NE(target, nullptr);
  for (const char* kind : {"kl", "mse"}) {
    EXPECT_NE(KernelProgram::create(forward(kind, {2, 33, 8}), *target),
              nullptr);
    EXPECT_NE(KernelProgram::create(backward(kind, {2, 33, 8}), *target),
              nullptr);
    EXPECT_NE(KernelProgram::create(second(kind, {2, 33, 8}), *target),
              nullptr);
  }
}

}  // namespace
}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <string>

#include "gtest/gtest.h"
#include "passes/lower/target.h"
#include "test/passes/lower/kernel_test.h"

namespace graft {
namespace {

using interpret::Tensor;

// A dimension of a test program: static, or named T, S or P.
struct Size {
  Size(int64_t value, const char* name = nullptr) : value(value), name(name) {}
  int64_t value;
  const char* name;
};

std::string typeOf(Size rows, Size columns) {
  std::string dims, names;
  for (const Size& size : {rows, columns}) {
    dims += (size.name ? "?" : std::to_string(size.value)) + "x";
    if (size.name)
      names += (names.empty() ? "" : ", ") + std::string(size.name);
  }
  if (!names.empty()) names = ", #graft.dims<" + names + ">";
  return "tensor<" + dims + "f32" + names + ">";
}

std::string linear(Size tokens, int64_t out, int64_t in, bool bias) {
  std::string x = typeOf(tokens, in), w = typeOf(out, in);
  std::string y = typeOf(tokens, out);
  std::string b = "tensor<" + std::to_string(out) + "xf32>";
  return "func.func @f(%x: " + x + ", %w: " + w + (bias ? ", %b: " + b : "") +
         ") -> " + y +
         " attributes {graft.phase = \"f\"} {\n"
         "  %y = graft.linear %x, %w" +
         (bias ? ", %b" : "") + " : (" + x + ", " + w + (bias ? ", " + b : "") +
         ") -> " + y + "\n  return %y : " + y + "\n}\n";
}

void testLinear(Size tokens, int64_t out, int64_t in, bool bias) {
  std::vector<interpret::Value> arguments = {
      randomTensor({tokens.value, in}, 1.0, 0.0, 1),
      randomTensor({out, in}, 1.0, 0.0, 2)};
  if (bias) arguments.push_back(randomTensor({out}, 1.0, 0.0, 3));
  expectKernelsMatch(linear(tokens, out, in, bias), arguments,
                     {1e-6 * static_cast<double>(in), 1e-5});
}

// In a phase that writes a slot, so that weights are packed in each call.
void testTrainingLinear(Size tokens, int64_t out, int64_t in) {
  std::string text = linear(tokens, out, in, true);
  text.replace(text.find("%x: "), 4, "%s: tensor<1xf32>, %x: ");
  text.replace(text.find("return %y"), 9,
               "graft.write @m::@s, %s : tensor<1xf32>\n  return %y");
  text = "graft.model @m {\n  graft.parameter @s : tensor<1xf32>\n}\n" + text;
  expectKernelsMatch(
      text,
      {randomTensor({1}), randomTensor({tokens.value, in}, 1.0, 0.0, 1),
       randomTensor({out, in}, 1.0, 0.0, 2), randomTensor({out}, 1.0, 0.0, 3)},
      {1e-6 * static_cast<double>(in), 1e-5});
}

std::string matmul(Size m, Size n, Size k, bool transposeLhs,
                   bool transposeRhs) {
  std::string lhs = transposeLhs ? typeOf(k, m) : typeOf(m, k);
  std::string rhs = transposeRhs ? typeOf(n, k) : typeOf(k, n);
  std::string y = typeOf(m, n);
  return "func.func @f(%a: " + lhs + ", %b: " + rhs + ") -> " + y +
         " attributes {graft.phase = \"f\"} {\n"
         "  %y = graft.matmul %a, %b" +
         (transposeLhs ? " transpose_lhs" : "") +
         (transposeRhs ? " transpose_rhs" : "") + " : (" + lhs + ", " + rhs +
         ") -> " + y + "\n  return %y : " + y + "\n}\n";
}

void testMatmul(Size m, Size n, Size k, bool transposeLhs, bool transposeRhs) {
  auto operand = [](bool transposed, int64_t rows, int64_t columns,
                    unsigned seed) {
    if (transposed) std::swap(rows, columns);
    return randomTensor({rows, columns}, 1.0, 0.0, seed);
  };
  expectKernelsMatch(matmul(m, n, k, transposeLhs, transposeRhs),
                     {operand(transposeLhs, m.value, k.value, 1),
                      operand(transposeRhs, k.value, n.value, 2)},
                     {1e-6 * static_cast<double>(k.value), 1e-5});
}

// %old + lhs rhs as one kernel: nothing else is launched for the sum.
void testAccumulate(Size m, Size n, Size k, bool transposeLhs) {
  std::string text = matmul(m, n, k, transposeLhs, false), y = typeOf(m, n);
  text.replace(text.find("%a"), 2, "%old: " + y + ", %a");
  text.replace(text.find("return %y"), 9,
               "%s = graft.add %old, %y : " + y + "\n  return %s");
  auto program = KernelProgram::create(text, getHostTarget());
  ASSERT_TRUE(program);
  int sums = 0, others = 0;
  program->getModule().walk([&](exec::LaunchOp launch) {
    llvm::StringRef name = launch.getKernel().getLeafReference().getValue();
    (name.starts_with("matmul_add") ? sums : others) += 1;
    EXPECT_FALSE(name.starts_with("add")) << text;
  });
  EXPECT_EQ(sums, 1) << text;
  EXPECT_LE(others, 2) << text;  // packing
  Tensor lhs = transposeLhs ? randomTensor({k.value, m.value}, 1.0, 0.0, 1)
                            : randomTensor({m.value, k.value}, 1.0, 0.0, 1);
  expectKernelsMatch(text,
                     {randomTensor({m.value, n.value}, 1.0, 0.0, 3), lhs,
                      randomTensor({k.value, n.value}, 1.0, 0.0, 2)},
                     {1e-6 * static_cast<double>(k.value), 1e-5});
}

TEST(LinearTest, TokenCounts) {
  for (int64_t tokens : {1, 2, 3, 7, 11, 12, 16, 17, 23, 95, 96, 97, 130})
    testLinear({tokens, "T"}, 40, 33, true);
}

TEST(LinearTest, OutputWidths) {
  for (int64_t out : {1, 7, 16, 17, 26, 33, 63, 128, 129, 384})
    testLinear({17, "T"}, out, 32, true);
}

TEST(LinearTest, InputWidths) {
  for (int64_t in : {1, 15, 16, 17, 48, 385, 1537})
    testLinear({13, "T"}, 33, in, true);
}

TEST(LinearTest, LongSumsAddTheBiasOnce) {
  testLinear({50, "T"}, 26, 3100, true);
}

// Items side by side whose rows fit into no cache take turns together: more
// columns than a group has at the narrowest level, in two blocks of rows.
TEST(MatmulTest, GroupsOfItems) {
  testLinear({100, "T"}, 450, 1400, true);
  testMatmul(100, 450, {600, "T"}, true, false);
}

TEST(LinearTest, WithoutBiasAndStaticRows) {
  testLinear({17, "S"}, 26, 32, false);
  testLinear(17, 26, 32, true);
  testLinear(1, 1, 1, false);
}

TEST(MatmulTest, InputGradient) {
  for (auto [n, k] : {std::pair{384, 26}, {33, 129}, {1, 5}})
    for (int64_t tokens : {1, 3, 16, 17, 130})
      testMatmul({tokens, "T"}, n, k, false, false);
}

TEST(MatmulTest, WeightGradient) {
  for (auto [m, n] : {std::pair{26, 48}, {97, 33}, {1, 5}})
    for (int64_t tokens : {1, 3, 16, 17, 130, 511, 512, 513, 1100})
      testMatmul(m, n, {tokens, "T"}, true, false);
}

TEST(MatmulTest, BeginsWithWhatIsAddedToIt) {
  // Weight gradients: one turn, several turns, a partial one.
  for (int64_t tokens : {1, 17, 256, 257, 700})
    testAccumulate(26, 33, {tokens, "T"}, true);
  // Input gradients: static sums, of one turn and of three.
  for (int64_t k : {26, 600}) testAccumulate({17, "T"}, 48, k, false);
}

TEST(MatmulTest, SumsWithOtherUsersStay) {
  // Both sums need the product itself.
  std::string text = matmul(4, 8, 3, false, false);
  text.replace(text.find("return %y"), 9,
               "%s = graft.add %y, %y : tensor<4x8xf32>\n  return %s");
  expectKernelsMatch(
      text, {randomTensor({4, 3}), randomTensor({3, 8}, 1.0, 0.0, 2)}, {});
}

TEST(MatmulTest, EveryTransposeOfStaticOperands) {
  for (bool lhs : {false, true})
    for (bool rhs : {false, true}) {
      testMatmul(17, 26, 33, lhs, rhs);
      testMatmul(96, 64, 32, lhs, rhs);
      testMatmul(50, 100, 19, lhs, rhs);
    }
}

TEST(MatmulTest, EveryTransposeOfDynamicOperands) {
  for (bool lhs : {false, true})
    for (bool rhs : {false, true}) {
      testMatmul({19, "T"}, 26, 33, lhs, rhs);
      testMatmul(19, {37, "T"}, 33, lhs, rhs);
      testMatmul(19, 26, {37, "T"}, lhs, rhs);
      testMatmul({19, "T"}, {130, "S"}, {37, "P"}, lhs, rhs);
      testMatmul({19, "T"}, {64, "S"}, 5, lhs, rhs);
    }
}

// Sizes that fill the tile registers of AMX, where the target has them.
TEST(MatmulTest, WholeRegisters) {
  for (int64_t tokens : {1, 16, 17, 32, 33, 130, 300})
    testLinear({tokens, "T"}, 64, 96, true);
  for (int64_t in : {32, 544}) {
    testLinear({50, "T"}, 128, in, true);
    testLinear({50, "T"}, 128, in, false);
  }
  testLinear({20, "T"}, 384, 64, true);
  testLinear(50, 64, 32, true);
  // Many rows.
  for (int64_t tokens : {512, 513, 900})
    testLinear({tokens, "T"}, 64, 96, true);
  testLinear({700, "T"}, 448, 544, false);
  testMatmul({300, "T"}, 448, 832, false, false);
  // Weights in parts: one turn of k and two, several items of columns.
  for (int64_t tokens : {1, 17, 100}) testTrainingLinear({tokens, "T"}, 64, 96);
  testTrainingLinear({300, "T"}, 448, 832);
  testLinear({20, "T"}, 320, 64, false);
  testMatmul({50, "T"}, 192, 64, false, false);
  for (int64_t tokens : {1, 31, 32, 257, 700}) {
    testMatmul(64, 128, {tokens, "T"}, true, false);
    testAccumulate(96, 64, {tokens, "T"}, true);
  }
  testMatmul(320, 192, {40, "T"}, true, false);
  for (int64_t k : {64, 544}) testAccumulate({50, "T"}, 64, k, false);
  for (bool rhs : {false, true}) testMatmul(96, 64, 288, true, rhs);
}

// An f32 is split into parts without loss, whatever its size.
TEST(MatmulTest, KeepsSmallPartsOfLargeNumbers) {
  // All 24 bits of these count, so that each of three parts of 8 does; each sum
  // has one product that is not zero, by a power of two.
  auto large = [](size_t i) {
    return 8388608.0 + 0x5555 + 2.0 * static_cast<double>(i % 5);
  };
  auto small = [](size_t i) { return i % 3 ? 1.0 : -0x1p-100; };
  for (bool isLarge : {true, false}) {
    Tensor x = randomTensor({40, 64}), w = randomTensor({64, 64});
    for (size_t i = 0; i < x.values.size(); ++i)
      x.values[i] = i % 64 != 7 ? 0.0 : isLarge ? large(i) : small(i);
    for (size_t i = 0; i < w.values.size(); ++i)
      w.values[i] = i % 64 != 7 ? 0x1p-20 : isLarge ? small(i) : large(i);
    expectKernelsMatch(linear({40, "T"}, 64, 64, false), {x, w}, {0, 0});
  }
}

TEST(MatmulTest, CompilesForAArch64) {
  const Target* target = lookupTarget("aarch64");
  ASSERT_NE(target, nullptr);
  EXPECT_NE(KernelProgram::create(linear({1, "T"}, 26, 33, true), *target),
            nullptr);
  EXPECT_NE(
      KernelProgram::create(matmul(26, 33, {1, "T"}, true, false), *target),
      nullptr);
}

}  // namespace
}  // namespace graft

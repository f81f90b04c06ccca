// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Regions that the fuse stage makes give the bits of the ops by themselves.

#include <cmath>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "passes/lower/target.h"
#include "passes/pipelines.h"
#include "test/dialects/graft/plug_dialect.h"
#include "test/passes/lower/kernel_test.h"

namespace graft {
namespace {

constexpr char kSizes[] =
    "graft.size @T bound 65536\n"
    "graft.size @S bound 4096\n"
    "graft.size @P bound 4096\n";

// The phase @f after the fuse stage.
std::string fuse(const std::string& text) {
  auto module =
      mlir::parseSourceString<mlir::ModuleOp>(kSizes + text, &getTestContext());
  if (!module) return "";
  mlir::PassManager manager(&getTestContext());
  buildFuseStage(manager);
  if (mlir::failed(manager.run(*module))) return "";
  std::string fused;
  llvm::raw_string_ostream stream(fused);
  module->lookupSymbol<mlir::func::FuncOp>("f").print(stream);
  return fused;
}

// Launches that the program has on this machine.
int64_t countLaunches(KernelProgram& program) {
  int64_t count = 0;
  program.getModule().walk([&](exec::LaunchOp) { ++count; });
  return count;
}

// The program becomes `launches` launches; its results are those of the
// interpreter, and those without fusion to the bit.
void expectFusion(const std::string& text,
                  llvm::ArrayRef<interpret::Value> arguments, int64_t launches,
                  Tolerance tolerance = {},
                  interpret::RandomState random = {}) {
  SCOPED_TRACE(text);
  std::string fused = fuse(text);
  ASSERT_NE(fused, "");
  expectKernelsMatch(fused, arguments, tolerance, random);
  auto together = KernelProgram::create(fused, getHostTarget());
  auto apart = KernelProgram::create(text, getHostTarget());
  ASSERT_TRUE(together && apart);
  EXPECT_EQ(countLaunches(*together), launches);
  EXPECT_GT(countLaunches(*apart), launches);
  KernelProgram::Options options;
  options.random = random;
  EXPECT_EQ(together->run(arguments, options), apart->run(arguments, options));
}

// %x, %y of [T, width] and segments; `body` ends in a return.
std::string phase(int64_t width, const std::string& results,
                  const std::string& body) {
  std::string type = tokenMatrix(width);
  std::string text =
      "func.func @f(%x: $, %y: $, %s: !graft.segments<T, S>)"
      " -> (" +
      results + ") attributes {graft.phase = \"f\"} {" + body + "}";
  for (size_t at; (at = text.find('$')) != std::string::npos;)
    text.replace(at, 1, type);
  return text;
}

interpret::Segments packed() {
  interpret::Segments segments =
      interpret::Segments::fromLengths({3, 1, 17, 40});
  segments.ordinals = {5, 900, 0, 2147483647};
  return segments;
}

TEST(LaneProgramTest, Elementwise) {
  for (int64_t width : {1, 7, 26, 385})
    expectFusion(phase(width, "$, $", R"(
                   %a = graft.sub %x, %y : $
                   %b = graft.gelu erf %a : $
                   %c = graft.mul %b, %b : $
                   %d = graft.gelu_gradient tanh %c, %y : $
                   %e = graft.scale %d by 0.3 : $
                   return %e, %b : $, $)"),
                 {randomTensor({61, width}, 1, 0, 1),
                  randomTensor({61, width}, 1, 0, 2), packed()},
                 1, {1e-5, 1e-5});
}

// Masks whose chunks of a row end anywhere; a region has one dropout.
TEST(LaneProgramTest, Dropout) {
  for (int64_t width : {1, 7, 16, 130, 384, 530})
    expectFusion(phase(width, "$, $", R"(
        %a = graft.dropout %x, %s rate 0.1 id 77 draw 3 : ($, !graft.segments<T, S>) -> $
        %b = graft.add %a, %y : $
        %c = graft.dropout %b, %s rate 0.5 id 78 : ($, !graft.segments<T, S>) -> $
        %d = graft.tanh %c : $
        return %d, %b : $, $)"),
                 {randomTensor({61, width}, 1, 0, 1),
                  randomTensor({61, width}, 1, 0, 2), packed()},
                 2, {1e-6, 1e-6},
                 {/*seed=*/0x123456789ABCDEFull, /*step=*/41, /*phase=*/2});
}

// A value of low precision inside of a region is as short as one in memory.
TEST(LaneProgramTest, LowPrecision) {
  for (const char* kind : {"bf16", "f16"}) {
    std::string narrow = "tensor<35x" + std::string(kind) + ">";
    std::string text =
        "func.func @f(%x: tensor<35xf32>) -> tensor<35xf32> attributes "
        "{graft.phase = \"f\"} {\n"
        "%a = graft.cast %x : tensor<35xf32> to " +
        narrow +
        "\n"
        "%b = graft.mul %a, %a : " +
        narrow +
        "\n"
        "%c = graft.cast %b : " +
        narrow +
        " to tensor<35xf32>\n"
        "%d = graft.mul %c, %x : tensor<35xf32>\n"
        "return %d : tensor<35xf32> }";
    expectFusion(text, {randomTensor({35})}, 1, {0, 0});
  }
}

// A product of [61, depth] and [width, depth] with a bias, where `%p` has its
// value and `%x` and `%y` are [61, width].
std::string product(int64_t width, int64_t depth, const std::string& results,
                    const std::string& body) {
  std::string weight =
      "tensor<" + std::to_string(width) + "x" + std::to_string(depth) + "xf32>";
  std::string bias = "tensor<" + std::to_string(width) + "xf32>";
  std::string input = tokenMatrix(depth);
  std::string text = phase(width, results,
                           "\n%p = graft.linear %i, %w, %b : (" + input + ", " +
                               weight + ", " + bias + ") -> $" + body);
  text.insert(text.find("%x:"),
              "%i: " + input + ", %w: " + weight + ", %b: " + bias + ", ");
  return text;
}

std::vector<interpret::Value> productArguments(int64_t width, int64_t depth) {
  double deviation = 1 / std::sqrt(static_cast<double>(depth));
  return {randomTensor({61, depth}, 1, 0, 1),
          randomTensor({width, depth}, deviation, 0, 2),
          randomTensor({width}, 1, 0, 3),
          randomTensor({61, width}, 1, 0, 4),
          randomTensor({61, width}, 1, 0, 5),
          packed()};
}

// The launches are the product's and that which packs its weight. 300 and 600
// are summed in turns; the product is a result, or a result holds it meanwhile.
TEST(LaneProgramTest, ProductAndActivation) {
  for (auto [width, depth] : {std::pair{1, 5}, {26, 40}, {64, 300}, {200, 600}})
    expectFusion(product(width, depth, "$, $", R"(
                   %g = graft.gelu erf %p : $
                   return %g, %p : $, $)"),
                 productArguments(width, depth), 2, {1e-5, 1e-5});
}

TEST(LaneProgramTest, ProductAndGradient) {
  for (auto [width, depth] : {std::pair{1, 5}, {26, 40}, {64, 300}, {200, 600}})
    expectFusion(product(width, depth, "$", R"(
                   %g = graft.gelu_gradient erf %p, %x : $
                   return %g : $)"),
                 productArguments(width, depth), 2, {1e-5, 1e-5});
}

TEST(LaneProgramTest, ProductAndDropout) {
  for (auto [width, depth] : {std::pair{7, 5},
                              {26, 40},
                              {130, 300},
                              {384, 20},
                              {384, 32},
                              {320, 64},
                              {512, 32},
                              {200, 600}})
    expectFusion(product(width, depth, "$, $", R"(
        %d = graft.dropout %p, %s rate 0.1 id 77 : ($, !graft.segments<T, S>) -> $
        %a = graft.add %d, %x : $
        %m = graft.mul %a, %y : $
        return %a, %m : $, $)"),
                 productArguments(width, depth), 2, {1e-5, 1e-5},
                 {/*seed=*/3, /*step=*/41, /*phase=*/2});
}

// What the product reads as well as its epilogue is not overwritten.
TEST(LaneProgramTest, ProductOfItsAddend) {
  std::string type = tokenMatrix(48);
  expectFusion(
      "func.func @f(%x: " + type + ", %w: tensor<48x48xf32>) -> (" + type +
          ", " + type + R"() attributes {graft.phase = "f"} {
                   %p = graft.matmul %x, %w : ()" +
          type + ", tensor<48x48xf32>) -> " + type + R"(
                   %a = graft.sub %p, %x : )" +
          type + R"(
                   %b = graft.mul %a, %x : )" +
          type + R"(
                   return %a, %b : )" +
          type + ", " + type + "}",
      {randomTensor({300, 48}, 1, 0, 1), randomTensor({48, 48}, 0.1, 0, 2)}, 2,
      {1e-5, 1e-5});
}

// %g and %h are the scale and shift of a normalisation.
std::string normalization(int64_t width, const std::string& results,
                          std::string body) {
  std::string vector = "tensor<" + std::to_string(width) + "xf32>";
  body += "\n";
  for (size_t at; (at = body.find('@')) != std::string::npos;)
    body.replace(at, 1, vector);
  std::string text = phase(width, results, body);
  text.insert(text.find("%x:"), "%g: " + vector + ", %h: " + vector + ", ");
  return text;
}

std::vector<interpret::Value> normalizationArguments(int64_t width) {
  return {randomTensor({width}, 1, 1, 1), randomTensor({width}, 1, 0, 2),
          randomTensor({61, width}, 1, 0, 3),
          randomTensor({61, width}, 1, 0, 4), packed()};
}

// The rows are a result, or stand where the normalised ones go.
TEST(LaneProgramTest, Normalization) {
  for (int64_t width : {1, 7, 26, 130, 384, 1000}) {
    expectFusion(normalization(width, "$, $", R"(
        %d = graft.dropout %x, %s rate 0.1 id 77 : ($, !graft.segments<T, S>) -> $
        %a = graft.add %d, %y : $
        %n = graft.layer_norm %a, %g, %h epsilon 1.0e-2 : ($, @, @) -> $
        return %n, %a : $, $)"),
                 normalizationArguments(width), 1, {5e-5, 1e-5},
                 {/*seed=*/3, /*step=*/41, /*phase=*/2});
    expectFusion(normalization(width, "$", R"(
        %a = graft.sub %x, %y : $
        %n = graft.layer_norm %a, %g, %h epsilon 1.0e-2 : ($, @, @) -> $
        return %n : $)"),
                 normalizationArguments(width), 1, {5e-5, 1e-5});
  }
}

// Rows in f32 and their bf16 casts come from one pass; without a result in f32
// the rows stay a kernel of their own.
TEST(LaneProgramTest, NormalizationAndCasts) {
  for (int64_t width : {1, 7, 130, 384}) {
    std::string half = tokenMatrix(width);
    half.replace(half.find("f32"), 3, "bf16");
    std::string text = normalization(width, "$, $, " + half, R"(
        %a = graft.add %x, %y : $
        %n = graft.layer_norm %a, %g, %h epsilon 1.0e-2 : ($, @, @) -> $
        %c = graft.cast %n : $ to )" + half + R"(
        return %n, %a, %c : $, $, )" + half);
    expectFusion(text, normalizationArguments(width), 1, {5e-3, 0x1p-7});
    text = normalization(width, half,
                         R"(
        %a = graft.add %x, %y : $
        %n = graft.layer_norm %a, %g, %h epsilon 1.0e-2 : ($, @, @) -> $
        %c = graft.cast %n : $ to )" +
                             half + R"(
        return %c : )" + half);
    expectFusion(text, normalizationArguments(width), 2, {5e-3, 0x1p-7});
  }
}

// An op of a plug-in of this form over %x and %y of [T, width]; `operands` are
// two at most.
std::string custom(const std::string& form, const std::string& operands) {
  bool isBinary = operands.find(',') != std::string::npos;
  return "\"plug.custom\"(" + operands + ") {form = \"" + form +
         "\", factors = \"" + (isBinary ? "*,*->*" : "*->*") +
         "\", value = 0.7 : f32} : (" + (isBinary ? "$, $" : "$") + ") -> $\n";
}

class PlugInTest : public ::testing::Test {
 protected:
  PlugInTest() { getTestContext().loadDialect<PlugDialect>(); }
};

// Its lane function comes from the scalar body of its linalg form.
TEST_F(PlugInTest, JoinsRegions) {
  std::vector<interpret::Value> arguments = {randomTensor({61, 26}, 1, 0, 1),
                                             randomTensor({61, 26}, 1, 0, 2),
                                             packed()};
  expectFusion(
      phase(26, "$, $",
            "%a = graft.sub %x, %y : $\n%b = " + custom("swish", "%a") +
                "%c = " + custom("leaky", "%b, %y") +
                "%d = graft.mul %b, %c : $\n"
                "return %d, %b : $, $"),
      arguments, 1, {1e-6, 1e-5});
}

TEST_F(PlugInTest, FollowsAGemm) {
  expectFusion(product(64, 300, "$, $",
                       "\n%a = graft.sigmoid %p : $\n%g = " +
                           custom("leaky", "%p, %a") + "return %g, %p : $, $"),
               productArguments(64, 300), 2, {1e-5, 1e-5});
}

TEST_F(PlugInTest, ComesBeforeANormalization) {
  expectFusion(normalization(26, "$",
                             "%a = " + custom("swish", "%x") +
                                 "%n = graft.layer_norm %a, %g, %h epsilon "
                                 "1.0e-2 : ($, @, @) -> $\nreturn %n : $"),
               normalizationArguments(26), 1, {5e-5, 1e-5});
}

// A value of low precision is widened for the op and rounded behind it.
TEST_F(PlugInTest, LowPrecision) {
  std::string narrow = tokenMatrix(26);
  narrow.replace(narrow.find("f32"), 3, "bf16");
  std::string body =
      "%n = graft.cast %x : $ to @\n%b = " + custom("swish", "%n") +
      "%c = graft.cast %b : @ to $\n";
  size_t types = body.find("($) -> $");
  body.replace(types, 8, "(@) -> @");
  for (size_t at; (at = body.find('@')) != std::string::npos;)
    body.replace(at, 1, narrow);
  expectFusion(phase(26, "$", body + "return %c : $"),
               {randomTensor({61, 26}, 1, 0, 1),
                randomTensor({61, 26}, 1, 0, 2), packed()},
               1, {1e-2, 0x1p-7});
}

// What is more than one map, or reads its position, is a kernel by itself.
TEST_F(PlugInTest, StaysAloneWithoutAnElementFunction) {
  for (const char* form : {"square", "column"}) {
    SCOPED_TRACE(form);
    std::string text =
        phase(26, "$",
              "%a = graft.sub %x, %y : $\n%b = " + custom(form, "%a") +
                  "return %b : $");
    std::string fused = fuse(text);
    EXPECT_EQ(fused.find("graft.region"), std::string::npos);
    expectKernelsMatch(text,
                       {randomTensor({61, 26}, 1, 0, 1),
                        randomTensor({61, 26}, 1, 0, 2), packed()},
                       {1e-6, 1e-5});
  }
}

// All levels are generated on any machine.
TEST(LaneProgramTest, EveryLevel) {
  std::string lanes = phase(200, "$", R"(
        %d = graft.dropout %x, %s rate 0.1 id 77 : ($, !graft.segments<T, S>) -> $
        %a = graft.add %d, %y : $
        return %a : $)");
  std::string epilogue = product(200, 20, "$", R"(
        %d = graft.dropout %p, %s rate 0.1 id 77 : ($, !graft.segments<T, S>) -> $
        %a = graft.add %d, %x : $
        return %a : $)");
  std::string rows = normalization(200, "$", R"(
        %d = graft.dropout %x, %s rate 0.1 id 77 : ($, !graft.segments<T, S>) -> $
        %n = graft.layer_norm %d, %g, %h epsilon 1.0e-2 : ($, @, @) -> $
        return %n : $)");
  for (const char* level :
       {"avx2", "avx512", "avx512_bf16", "amx_bf16", "aarch64"})
    for (auto [text, launches] :
         {std::pair{lanes, 1}, {epilogue, 2}, {rows, 1}}) {
      auto program = KernelProgram::create(fuse(text), *lookupTarget(level));
      ASSERT_NE(program, nullptr);
      EXPECT_EQ(countLaunches(*program), launches);
    }
}

}  // namespace
}  // namespace graft

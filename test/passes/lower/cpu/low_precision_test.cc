// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Kernels that read or write bf16 and f16: they compute in f32 and round each
// result once. A sum in f32 and one in double may round to neighbours, so
// results in low precision are compared within one unit in the last place.

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "passes/lower/cpu/builder/isa_level.h"
#include "passes/lower/target.h"
#include "test/passes/lower/kernel_test.h"

namespace graft {
namespace {

using interpret::ElementKind;
using interpret::Tensor;

constexpr ElementKind kKinds[] = {ElementKind::bf16, ElementKind::f16};

Tensor rounded(Tensor tensor, ElementKind kind) {
  tensor.kind = kind;
  tensor.round();
  return tensor;
}

Tensor randomLow(llvm::ArrayRef<int64_t> shape, ElementKind kind,
                 unsigned seed) {
  return rounded(randomTensor(shape, 1, 0, seed), kind);
}

// `text` with each word of `words` replaced by its value.
std::string fill(std::string text,
                 llvm::ArrayRef<std::pair<const char*, std::string>> words) {
  for (const auto& [word, value] : words)
    for (size_t at; (at = text.find(word)) != std::string::npos;)
      text.replace(at, std::string(word).size(), value);
  return text;
}

std::string phase(const std::string& text, ElementKind kind, int64_t width = 0,
                  int64_t depth = 0) {
  return fill(text, {{"HALF", interpret::getElementName(kind).str()},
                     {"PHASE", "attributes {graft.phase = \"f\"}"},
                     {"WIDTH", std::to_string(width)},
                     {"DEPTH", std::to_string(depth)},
                     {"#T", "#graft.dims<T>"},
                     {"#S", "#graft.dims<S>"}});
}

// One unit in the last place of the kind, of values of this size.
Tolerance unit(ElementKind kind, double size) {
  double epsilon = kind == ElementKind::bf16 ? 0x1p-7 : 0x1p-10;
  return {1e-6 * size, epsilon};
}

int64_t countLaunches(const std::string& text) {
  auto program = KernelProgram::create(text, getHostTarget());
  if (!program) return -1;
  int64_t count = 0;
  program->getModule().walk([&](exec::LaunchOp) { ++count; });
  return count;
}

TEST(LowPrecisionTest, CastsOfEveryKindOfValue) {
  Tensor x({24}, ElementKind::f32);
  double infinity = std::numeric_limits<double>::infinity();
  // Ties, values that round to infinity, subnormals, and what has no bits left
  // but is NaN.
  x.values = {0.0,          -0.0,       infinity,    -infinity,   std::nan(""),
              1 + 0x1p-8,   1 + 0x3p-8, 1 + 0x1p-11, 1 + 0x3p-11, 65504,
              65519,        65520,      -65520,      3.3895e38,   3.402823e38,
              -3.402823e38, 0x1p-24,    0x1p-25,     0x1.8p-25,   0x1p-133,
              0x1p-134,     0x1.8p-134, 0x1p-149,    -0x1p-20};
  for (double& value : x.values) value = static_cast<float>(value);
  // Some levels round to bf16 by an instruction that flushes subnormals.
  const IsaLevel* level = llvm::find_if(getIsaLevels(), [](const IsaLevel& l) {
    return l.name == getHostTarget().getLevel();
  });
  double flushed = level->hasBf16 ? 0x1p-126 : 0;
  for (ElementKind kind : kKinds)
    expectKernelsMatch(
        phase("func.func @f(%x: tensor<24xf32>) -> (tensor<24xHALF>, "
              "tensor<24xf32>) PHASE {\n"
              "%y = graft.cast %x : tensor<24xf32> to tensor<24xHALF>\n"
              "%z = graft.cast %y : tensor<24xHALF> to tensor<24xf32>\n"
              "return %y, %z : tensor<24xHALF>, tensor<24xf32> }",
              kind),
        {x}, {kind == ElementKind::bf16 ? flushed : 0, 0});
}

constexpr char kLinear[] = R"(
func.func @f(%x: tensor<?xDEPTHxHALF, #T>, %w: tensor<WIDTHxDEPTHxHALF>, %b: tensor<WIDTHxf32>) -> tensor<?xWIDTHxOUT, #T> PHASE {
  %y = graft.linear %x, %w, %b : (tensor<?xDEPTHxHALF, #T>, tensor<WIDTHxDEPTHxHALF>, tensor<WIDTHxf32>) -> tensor<?xWIDTHxOUT, #T>
  return %y : tensor<?xWIDTHxOUT, #T>
})";

void testLinear(ElementKind kind, int64_t tokens, int64_t width, int64_t depth,
                bool wide) {
  std::string text =
      fill(phase(kLinear, kind, width, depth),
           {{"OUT", wide ? "f32" : interpret::getElementName(kind).str()}});
  auto size = static_cast<double>(depth);
  expectKernelsMatch(
      text,
      {randomLow({tokens, depth}, kind, 1), randomLow({width, depth}, kind, 2),
       randomTensor({width}, 1, 0, 3)},
      wide ? Tolerance{1e-6 * size, 1e-5} : unit(kind, size));
}

// Depths of one turn and of several, which a rounded result may not have.
TEST(LowPrecisionTest, Linear) {
  for (ElementKind kind : kKinds)
    for (bool wide : {false, true}) {
      for (int64_t tokens : {1, 2, 17, 97})
        testLinear(kind, tokens, 40, 33, wide);
      for (int64_t width : {1, 7, 17, 129})
        testLinear(kind, 13, width, 32, wide);
      for (int64_t depth : {1, 2, 34, 257, 318, 1537})
        testLinear(kind, 13, 26, depth, wide);
    }
}

// Every transpose; operands of both types; a result in each.
TEST(LowPrecisionTest, Matmul) {
  constexpr char text[] =
      "func.func @f(%a: tensor<LHS>, %b: tensor<RHS>) -> tensor<19x26xOUT> "
      "PHASE {\n%y = graft.matmul %a, %b FLAGS : (tensor<LHS>, tensor<RHS>) -> "
      "tensor<19x26xOUT>\nreturn %y : tensor<19x26xOUT> }";
  for (ElementKind kind : kKinds)
    for (int flags = 0; flags < 8; ++flags) {
      bool left = flags & 1, right = flags & 2, wide = flags & 4;
      std::string half = interpret::getElementName(kind).str();
      std::string filled =
          fill(phase(text, kind),
               {{"LHS", (left ? "300x19x" : "19x300x") + half},
                {"RHS", (right ? "26x300x" : "300x26x") +
                            (wide ? std::string("f32") : half)},
                {"OUT", wide ? "f32" : half},
                {"FLAGS", std::string(left ? "transpose_lhs " : "") +
                              (right ? "transpose_rhs" : "")}});
      Tensor rhs = right ? randomTensor({26, 300}, 1, 0, 2)
                         : randomTensor({300, 26}, 1, 0, 2);
      if (!wide) rhs = rounded(rhs, kind);
      expectKernelsMatch(
          filled,
          {left ? randomLow({300, 19}, kind, 1) : randomLow({19, 300}, kind, 1),
           rhs},
          wide ? Tolerance{3e-4, 1e-5} : unit(kind, 300));
    }
}

// The gradient of a weight goes to its slot as one kernel, and unrounded.
TEST(LowPrecisionTest, WeightGradient) {
  for (ElementKind kind : kKinds)
    for (int64_t tokens : {1, 47, 130, 600}) {
      std::string text = phase(R"(
func.func @f(%old: tensor<26x33xf32>, %d: tensor<?x26xHALF, #T>, %x: tensor<?x33xHALF, #T>) -> tensor<26x33xf32> PHASE {
  %y = graft.matmul %d, %x transpose_lhs : (tensor<?x26xHALF, #T>, tensor<?x33xHALF, #T>) -> tensor<26x33xf32>
  %z = graft.add %old, %y : tensor<26x33xf32>
  return %z : tensor<26x33xf32>
})",
                               kind);
      EXPECT_EQ(countLaunches(text), 3);
      expectKernelsMatch(
          text,
          {randomTensor({26, 33}, 1, 0, 1), randomLow({tokens, 26}, kind, 2),
           randomLow({tokens, 33}, kind, 3)},
          {1e-6 * static_cast<double>(tokens), 1e-5});
    }
}

// A product that was rounded before something is added to it stays one.
TEST(LowPrecisionTest, RoundedProductsAreNoAddends) {
  for (ElementKind kind : kKinds)
    EXPECT_EQ(countLaunches(phase(R"(
func.func @f(%old: tensor<6x8xHALF>, %x: tensor<6x4xHALF>, %w: tensor<4x8xHALF>) -> tensor<6x8xHALF> PHASE {
  %y = graft.matmul %x, %w : (tensor<6x4xHALF>, tensor<4x8xHALF>) -> tensor<6x8xHALF>
  %z = graft.add %old, %y : tensor<6x8xHALF>
  return %z : tensor<6x8xHALF>
})",
                                  kind)),
              3);
}

// The cast of a weight is a rounding of the kernels that pack it, forward and
// backward; that of the activation, which is read as it lies, is a kernel. All
// sums are exact, so a weight that was not rounded shows.
TEST(LowPrecisionTest, PackingRounds) {
  for (ElementKind kind : kKinds) {
    std::string text = phase(R"(
func.func @f(%x: tensor<?x33xf32, #T>, %d: tensor<?x26xHALF, #T>, %w: tensor<26x33xf32>) -> (tensor<?x26xf32, #T>, tensor<?x33xf32, #T>) PHASE {
  %lw = graft.cast %w : tensor<26x33xf32> to tensor<26x33xHALF>
  %lx = graft.cast %x : tensor<?x33xf32, #T> to tensor<?x33xHALF, #T>
  %y = graft.linear %lx, %lw : (tensor<?x33xHALF, #T>, tensor<26x33xHALF>) -> tensor<?x26xf32, #T>
  %z = graft.matmul %d, %lw : (tensor<?x26xHALF, #T>, tensor<26x33xHALF>) -> tensor<?x33xf32, #T>
  return %y, %z : tensor<?x26xf32, #T>, tensor<?x33xf32, #T>
})",
                             kind);
    EXPECT_EQ(countLaunches(text), 5);
    Tensor x = randomIds(50 * 33, 16, 1), d = randomIds(50 * 26, 16, 2);
    Tensor weight = randomIds(26 * 33, 4096, 3);
    x.shape = {50, 33};
    x.kind = ElementKind::f32;
    d.shape = {50, 26};
    d.kind = kind;
    weight.shape = {26, 33};
    weight.kind = ElementKind::f32;
    for (double& value : weight.values) value = 1 + value / 4096;
    expectKernelsMatch(text, {x, d, weight}, {0, 0});
  }
}

interpret::Segments segments() {
  return interpret::Segments::fromLengths({1, 17, 300, 64});
}

// Two heads of `width` features.
void testAttention(ElementKind kind, int64_t width, const char* dropout,
                   Tolerance forwardTolerance, Tolerance backwardTolerance) {
  std::string forward = phase(R"(
func.func @f(%q: TYPE, %k: TYPE, %v: TYPE, %s: !graft.segments<T, S>) -> TYPE PHASE {
  %y = graft.attention %q, %k, %v, %s heads 2DROP : (TYPE, TYPE, TYPE, !graft.segments<T, S>) -> TYPE
  return %y : TYPE
})",
                              kind);
  std::string backward = phase(R"(
func.func @f(%g: TYPE, %q: TYPE, %k: TYPE, %v: TYPE, %s: !graft.segments<T, S>) -> (WIDE, WIDE, WIDE) PHASE {
  %a, %b, %c = graft.attention_gradient %g, %q, %k, %v, %s heads 2DROP : (TYPE, TYPE, TYPE, TYPE, !graft.segments<T, S>) -> (WIDE, WIDE, WIDE)
  return %a, %b, %c : WIDE, WIDE, WIDE
})",
                               kind);
  std::string second = phase(R"(
func.func @f(%x: TYPE, %y: TYPE, %z: TYPE, %g: TYPE, %q: TYPE, %k: TYPE, %v: TYPE, %s: !graft.segments<T, S>) -> (WIDE, WIDE, WIDE, WIDE) PHASE {
  %a, %b, %c, %d = graft.attention_second_gradient %x, %y, %z, %g, %q, %k, %v, %s heads 2DROP : (TYPE, TYPE, TYPE, TYPE, TYPE, TYPE, TYPE, !graft.segments<T, S>) -> (WIDE, WIDE, WIDE, WIDE)
  return %a, %b, %c, %d : WIDE, WIDE, WIDE, WIDE
})",
                             kind);
  std::vector<interpret::Value> arguments;
  for (unsigned seed = 1; seed <= 7; ++seed)
    arguments.push_back(
        randomLow({segments().tokens(), 2 * width}, kind, seed));
  arguments.push_back(segments());
  auto types = [&](const std::string& text) {
    return fill(text,
                {{"DROP", dropout},
                 {"TYPE", phase("tensor<?xWIDTHxHALF, #T>", kind, 2 * width)},
                 {"WIDE", phase("tensor<?xWIDTHxf32, #T>", kind, 2 * width)}});
  };
  interpret::RandomState random{/*seed=*/3, /*step=*/41, /*phase=*/2};
  auto last = [&](size_t count) {
    return llvm::ArrayRef<interpret::Value>(arguments).take_back(count);
  };
  expectKernelsMatch(types(forward), last(4), forwardTolerance, random);
  expectKernelsMatch(types(backward), last(5), backwardTolerance, random);
  // The longest to compile, once: a mask of ones is no other case.
  if (*dropout)
    expectKernelsMatch(types(second), last(8), backwardTolerance, random);
}

TEST(LowPrecisionTest, Attention) {
  for (ElementKind kind : kKinds)
    for (const char* dropout : {"", " dropout 0.1 id 7"})
      testAttention(kind, 20, dropout, unit(kind, 20), {2e-5, 1e-4});
}

// Heads that are lines of pairs, which have weights and slopes of bf16, too.
TEST(LowPrecisionTest, AttentionOfWholeLines) {
  for (auto [width, dropout] : {std::pair{32, ""},
                                {32, " dropout 0.1 id 7"},
                                {64, " dropout 0.1 id 7"}})
    testAttention(ElementKind::bf16, width, dropout, {0x1p-7, 0x1p-7},
                  {0x1p-5, 0x1p-6});
}

// Projections of low precision, of one side or of both, and sums in f32.
TEST(LowPrecisionTest, RelationDivergence) {
  for (ElementKind kind : kKinds)
    for (bool both : {false, true})
      for (const char* divergence : {"kl", "mse"}) {
        std::string target = both ? "TYPE" : "WIDE";
        std::string maps = "TYPE, TYPE, " + target + ", " + target;
        std::string head = "%q: TYPE, %k: TYPE, %r: " + target +
                           ", %t: " + target + ", %s: !graft.segments<T, S>";
        std::string tail = std::string(divergence) == "kl" ? " kl " : " mse ";
        std::string forward =
            "func.func @f(" + head + ") -> tensor<?xf32, #S> PHASE {\n" +
            "  %y = graft.relation_divergence" + tail +
            "%q, %k, %r, %t, %s heads 2 : (" + maps +
            ", !graft.segments<T, S>) -> tensor<?xf32, #S>\n" +
            "  return %y : tensor<?xf32, #S>\n}";
        std::string backward =
            "func.func @f(%g: tensor<?xf32, #S>, " + head +
            ") -> (WIDE, WIDE) PHASE {\n" +
            "  %a, %b = graft.relation_divergence_gradient" + tail +
            "%g, %q, %k, %r, %t, %s heads 2 : (tensor<?xf32, #S>, " + maps +
            ", !graft.segments<T, S>) -> (WIDE, WIDE)\n" +
            "  return %a, %b : WIDE, WIDE\n}";
        std::string second =
            "func.func @f(%i: WIDE, %j: WIDE, %g: tensor<?xf32, #S>, " + head +
            ") -> (tensor<?xf32, #S>, WIDE, WIDE) PHASE {\n" +
            "  %a, %b, %c = graft.relation_divergence_second_gradient" + tail +
            "%i, %j, %g, %q, %k, %r, %t, %s heads 2 : (WIDE, WIDE, "
            "tensor<?xf32, #S>, " +
            maps +
            ", !graft.segments<T, S>) -> (tensor<?xf32, #S>, WIDE, WIDE)\n" +
            "  return %a, %b, %c : tensor<?xf32, #S>, WIDE, WIDE\n}";
        std::vector<interpret::Value> arguments = {
            randomTensor({segments().sequences()}, 1.0, 0.0, 9)};
        for (unsigned seed = 1; seed <= 4; ++seed)
          arguments.push_back(
              seed <= 2 || both
                  ? randomLow({segments().tokens(), 64}, kind, seed)
                  : randomTensor({segments().tokens(), 64}, 1.0, 0.0, seed));
        arguments.push_back(segments());
        auto types = [&](const std::string& text) {
          return fill(phase(text, kind),
                      {{"TYPE", phase("tensor<?xWIDTHxHALF, #T>", kind, 64)},
                       {"WIDE", phase("tensor<?xWIDTHxf32, #T>", kind, 64)}});
        };
        expectKernelsMatch(
            types(forward),
            llvm::ArrayRef<interpret::Value>(arguments).drop_front(),
            {2e-6, 2e-5});
        expectKernelsMatch(types(backward), arguments, {2e-6, 2e-5});
        for (unsigned seed = 10; seed <= 11; ++seed)
          arguments.insert(
              arguments.begin(),
              randomTensor({segments().tokens(), 64}, 1.0, 0.0, seed));
        expectKernelsMatch(types(second), arguments, {2e-6, 2e-5});
      }
}

TEST(LowPrecisionTest, Normalization) {
  for (ElementKind kind : kKinds)
    for (int64_t width : {7, 130, 384}) {
      std::string type = phase("tensor<?xWIDTHxHALF, #T>", kind, width);
      std::string vector = phase("tensor<WIDTHxf32>", kind, width);
      std::vector<interpret::Value> arguments = {
          randomLow({31, width}, kind, 1), randomTensor({width}, 1, 1, 2),
          randomTensor({width}, 1, 0, 3)};
      expectKernelsMatch(
          fill(
              phase("func.func @f(%x: TYPE, %g: VEC, %h: VEC) -> TYPE PHASE {\n"
                    "%y = graft.layer_norm %x, %g, %h epsilon 1.0e-2 : (TYPE, "
                    "VEC, VEC) -> TYPE\nreturn %y : TYPE }",
                    kind),
              {{"TYPE", type}, {"VEC", vector}}),
          arguments, unit(kind, 10));
      expectKernelsMatch(
          fill(phase("func.func @f(%x: TYPE) -> VEC PHASE {\n"
                     "%y = graft.reduce sum %x over [0] : (TYPE) -> VEC\n"
                     "return %y : VEC }",
                     kind),
               {{"TYPE", type}, {"VEC", vector}}),
          {arguments[0]}, {1e-5, 1e-5});
    }
}

TEST(LowPrecisionTest, Rows) {
  for (ElementKind kind : kKinds) {
    std::string type = phase("tensor<?x26xHALF, #T>", kind);
    for (const char* pool : {"first", "mean", "max"})
      expectKernelsMatch(
          fill(phase("func.func @f(%x: TYPE, %s: !graft.segments<T, S>) -> "
                     "tensor<?x26xHALF, #S> PHASE {\n"
                     "%y = graft.segment_pool POOL %x, %s : (TYPE, "
                     "!graft.segments<T, S>) -> tensor<?x26xHALF, #S>\n"
                     "return %y : tensor<?x26xHALF, #S> }",
                     kind),
               {{"TYPE", type}, {"POOL", pool}}),
          {randomLow({segments().tokens(), 26}, kind, 1), segments()},
          unit(kind, 1));
    expectKernelsMatch(
        fill(phase("func.func @f(%i: tensor<?xi32, #T>, %t: tensor<9x26xHALF>) "
                   "-> TYPE PHASE {\n"
                   "%y = graft.embedding %i, %t : (tensor<?xi32, #T>, "
                   "tensor<9x26xHALF>) -> TYPE\nreturn %y : TYPE }",
                   kind),
             {{"TYPE", type}}),
        {randomIds(20, 9), randomLow({9, 26}, kind, 2)}, {0, 0});
  }
}

// There are no tile registers in the kernel: dot products do.
TEST(LowPrecisionTest, SecondGradientsOfAttentionForAmx) {
  std::string low = "tensor<?x64xbf16, #graft.dims<T>>", wide = tokenMatrix(64);
  std::string parameters, operands, types;
  for (int i = 0; i < 7; ++i) {
    std::string name = "%x" + std::to_string(i);
    parameters += name + ": " + low + ", ";
    operands += name + ", ";
    types += low + ", ";
  }
  std::string text =
      program(parameters + "%s: !graft.segments<T, S>",
              "graft.attention_second_gradient " + operands + "%s heads 2",
              "(" + types + "!graft.segments<T, S>) -> (" + wide + ", " + wide +
                  ", " + wide + ", " + wide + ")",
              {wide, wide, wide, wide});
  EXPECT_NE(KernelProgram::create(text, *lookupTarget("amx_bf16")), nullptr);
}

// Low-precision products, attention and casts are generated for every level.
TEST(LowPrecisionTest, EveryLevel) {
  for (ElementKind kind : kKinds) {
    std::string linear = fill(phase(kLinear, kind, 26, 33),
                              {{"OUT", interpret::getElementName(kind).str()}});
    for (const char* level :
         {"avx2", "avx512", "avx512_bf16", "amx_bf16", "aarch64"})
      EXPECT_NE(KernelProgram::create(linear, *lookupTarget(level)), nullptr)
          << level;
  }
}

}  // namespace
}  // namespace graft

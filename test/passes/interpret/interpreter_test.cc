// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/interpret/interpreter.h"

#include "gmock/gmock.h"
#include "passes/interpret/random_inputs.h"
#include "passes/transfer/passes.h"
#include "runtime/formats/philox.h"
#include "test/passes/interpret/program.h"

namespace graft {
namespace {

using interpret::Interpreter;
using interpret::Segments;
using interpret::Tensor;
using mlir::func::FuncOp;
using ::testing::ElementsAre;

class InterpreterTest : public ::testing::Test {
 protected:
  void parse(const char* text) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
    ASSERT_TRUE(module);
  }
  FuncOp function(llvm::StringRef name) {
    return module->lookupSymbol<FuncOp>(name);
  }
  // Expects success.
  llvm::SmallVector<interpret::Value> run(
      Interpreter& interpreter, llvm::StringRef name,
      llvm::ArrayRef<interpret::Value> arguments) {
    auto results = interpreter.run(function(name), arguments);
    EXPECT_TRUE(mlir::succeeded(results));
    if (mlir::failed(results)) return {};
    return *results;
  }

  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

constexpr const char* kAccumulate = R"mlir(
graft.model @m {
  graft.parameter @w : tensor<2xf32>
  graft.state @w.gradient "gradient" of @w : tensor<2xf32>
}
func.func @accumulate(%g: tensor<2xf32>) -> tensor<2xf32> {
  %old = graft.read @m::@w.gradient : tensor<2xf32>
  %new = graft.add %old, %g : tensor<2xf32>
  graft.write @m::@w.gradient, %new : tensor<2xf32>
  return %old : tensor<2xf32>
}
func.func @wrong_id(%w: tensor<2xf32>, %i: tensor<1xi32>, %t: tensor<3x2xf32>) -> tensor<1x2xf32> {
  graft.write @m::@w.gradient, %w : tensor<2xf32>
  %e = graft.embedding %i, %t : (tensor<1xi32>, tensor<3x2xf32>) -> tensor<1x2xf32>
  return %e : tensor<1x2xf32>
}
func.func @parameter() -> tensor<2xf32> {
  %w = graft.read @m::@w : tensor<2xf32>
  return %w : tensor<2xf32>
}
)mlir";

TEST_F(InterpreterTest, WritesTakeEffectAtTheEndAndStatesStartAtZero) {
  parse(kAccumulate);
  Interpreter interpreter(*module);
  interpret::Value g = Tensor::fromFloats({2}, {1, 2});
  EXPECT_THAT(run(interpreter, "accumulate", g)[0].tensor().values,
              ElementsAre(0, 0));
  EXPECT_THAT(run(interpreter, "accumulate", g)[0].tensor().values,
              ElementsAre(1, 2));
  ASSERT_TRUE(interpreter.getSlot("m", "w.gradient"));
  EXPECT_THAT(interpreter.getSlot("m", "w.gradient")->values,
              ElementsAre(2, 4));
  EXPECT_THAT(interpreter.getWritten(), ElementsAre("m::w.gradient"));
}

TEST_F(InterpreterTest, AFailedRunWritesNothing) {
  parse(kAccumulate);
  Interpreter interpreter(*module);
  mlir::ScopedDiagnosticHandler silent(
      context.get(), [](mlir::Diagnostic&) { return mlir::success(); });
  EXPECT_TRUE(mlir::failed(interpreter.run(
      function("wrong_id"),
      {Tensor::fromFloats({2}, {1, 2}), Tensor::fromInts({1}, {3}),
       Tensor({3, 2}, interpret::ElementKind::f32)})));
  EXPECT_FALSE(interpreter.getSlot("m", "w.gradient"));
}

TEST_F(InterpreterTest, AParameterWithoutValueIsAnError) {
  parse(kAccumulate);
  Interpreter interpreter(*module);
  std::string message;
  mlir::ScopedDiagnosticHandler handler(context.get(),
                                        [&](mlir::Diagnostic& diagnostic) {
                                          message = diagnostic.str();
                                          return mlir::success();
                                        });
  EXPECT_TRUE(mlir::failed(interpreter.run(function("parameter"), {})));
  EXPECT_EQ(message, "'graft.read' op expects a value of parameter m::w");
  interpreter.setSlot("m", "w", Tensor::fromFloats({3}, {1, 2, 3}));
  EXPECT_TRUE(mlir::failed(interpreter.run(function("parameter"), {})));
  EXPECT_EQ(message,
            "expects the value of m::w of type 'tensor<2xf32>', got f32 [3]");
}

TEST_F(InterpreterTest, StatesBeginAsDeclared) {
  parse(R"mlir(
graft.model @m {
  graft.state @one "multiplier" : tensor<2xf32> initial "ones"
  graft.state @seen "counter" : tensor<2xi32>
  graft.state @noise "average" : tensor<2xf32> initial "normal" deviation 1.000000e+00
}
func.func @first() -> (tensor<2xf32>, tensor<2xi32>) {
  %o = graft.read @m::@one : tensor<2xf32>
  %s = graft.read @m::@seen : tensor<2xi32>
  return %o, %s : tensor<2xf32>, tensor<2xi32>
}
func.func @random() -> tensor<2xf32> {
  %n = graft.read @m::@noise : tensor<2xf32>
  return %n : tensor<2xf32>
}
)mlir");
  Interpreter interpreter(*module);
  auto results = run(interpreter, "first", {});
  EXPECT_THAT(results[0].tensor().values, ElementsAre(1, 1));
  EXPECT_THAT(results[1].tensor().values, ElementsAre(0, 0));
  std::string message;
  mlir::ScopedDiagnosticHandler handler(context.get(),
                                        [&](mlir::Diagnostic& diagnostic) {
                                          message = diagnostic.str();
                                          return mlir::success();
                                        });
  EXPECT_TRUE(mlir::failed(interpreter.run(function("random"), {})));
  EXPECT_EQ(message,
            "'graft.read' op expects a value of state m::noise, which begins "
            "with random numbers");
}

TEST_F(InterpreterTest, CheckFiniteNamesTheFirstOp) {
  parse(R"mlir(
func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {
  %y = graft.log %x : tensor<2xf32>
  %z = graft.exp %y : tensor<2xf32>
  return %z : tensor<2xf32>
}
)mlir");
  Interpreter interpreter(*module);
  interpret::Value x = Tensor::fromFloats({2}, {1, -1});
  EXPECT_TRUE(mlir::succeeded(interpreter.run(function("f"), x)));
  interpreter.setCheckFinite(true);
  std::string message;
  mlir::ScopedDiagnosticHandler handler(context.get(),
                                        [&](mlir::Diagnostic& diagnostic) {
                                          message = diagnostic.str();
                                          return mlir::success();
                                        });
  EXPECT_TRUE(mlir::failed(interpreter.run(function("f"), x)));
  EXPECT_EQ(message,
            "'graft.log' op expects finite results, got one that is not");
}

TEST_F(InterpreterTest, RoundsResultsToTheirTypeAndExactlyNot) {
  parse(R"mlir(
func.func @f(%x: tensor<1xf32>) -> (tensor<1xf32>, tensor<1xf16>) {
  %y = graft.scale %x by 1.000000e-01 : tensor<1xf32>
  %z = graft.cast %y : tensor<1xf32> to tensor<1xf16>
  return %y, %z : tensor<1xf32>, tensor<1xf16>
}
)mlir");
  Interpreter interpreter(*module);
  interpret::Value x = Tensor::fromFloats({1}, {3});
  auto rounded = run(interpreter, "f", x);
  EXPECT_EQ(rounded[0].tensor().values[0], static_cast<float>(3 * 0.1f));
  EXPECT_EQ(rounded[1].tensor().values[0], 0.300048828125);
  interpreter.setExact(true);
  double exact = 3 * static_cast<double>(0.1f);
  EXPECT_EQ(run(interpreter, "f", x)[1].tensor().values[0], exact);
}

constexpr const char* kDropout = R"mlir(
func.func @f(%x: tensor<?x40xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x40xf32, #graft.dims<T>> {
  %y = graft.dropout %x, %seq rate 5.000000e-01 id 3 draw 2 : (tensor<?x40xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x40xf32, #graft.dims<T>>
  return %y : tensor<?x40xf32, #graft.dims<T>>
}
)mlir";

TEST_F(InterpreterTest, DropoutFollowsTheFormatWhateverThePacking) {
  parse(kDropout);
  Interpreter interpreter(*module);
  interpreter.setRandomState({42, 11, 1});
  auto ones = [](int64_t rows) {
    Tensor tensor({rows, 40}, interpret::ElementKind::f32);
    llvm::fill(tensor.values, 1.0);
    return tensor;
  };
  Segments both = Segments::fromLengths({2, 3});
  both.ordinals = {9, 4};
  Segments alone = Segments::fromLengths({3});
  alone.ordinals = {4};
  Tensor packed = run(interpreter, "f", {ones(5), both})[0].tensor();
  Tensor single = run(interpreter, "f", {ones(3), alone})[0].tensor();
  PhiloxKey key = RandomOpKey(42, 1, 2, 3);
  for (int64_t t = 0; t < 3; ++t)
    for (int64_t e = 0; e < 40; ++e) {
      EXPECT_EQ(packed.row(2 + t)[e], single.row(t)[e]);
      bool kept = DropoutKeep(key, {0, static_cast<uint32_t>(t), 4, 11}, e,
                              DropoutThreshold(0.5));
      EXPECT_EQ(single.row(t)[e], kept ? 2.0 : 0.0);
    }
}

TEST_F(InterpreterTest, UniformFollowsTheFormatWhateverThePacking) {
  parse(R"mlir(
func.func @f(%seq: !graft.segments<T, S>) -> (tensor<?x5xf32, #graft.dims<T>>, tensor<?xf32, #graft.dims<S>>) {
  %t = graft.uniform %seq id 3 draw 2 : (!graft.segments<T, S>) -> tensor<?x5xf32, #graft.dims<T>>
  %s = graft.uniform %seq id 3 draw 2 : (!graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>>
  return %t, %s : tensor<?x5xf32, #graft.dims<T>>, tensor<?xf32, #graft.dims<S>>
}
)mlir");
  Interpreter interpreter(*module);
  interpreter.setRandomState({42, 11, 1});
  Segments both = Segments::fromLengths({2, 3});
  both.ordinals = {9, 4};
  auto results = run(interpreter, "f", {both});
  PhiloxKey key = RandomOpKey(42, 1, 2, 3);
  for (uint32_t t = 0; t < 3; ++t)
    for (int64_t e = 0; e < 5; ++e)
      EXPECT_EQ(results[0].tensor().row(2 + t)[e],
                UniformElement(key, {0, t, 4, 11}, e));
  EXPECT_EQ(results[1].tensor().values[0],
            UniformElement(key, {0, 0, 9, 11}, 0));
  EXPECT_EQ(results[1].tensor().values[1],
            UniformElement(key, {0, 0, 4, 11}, 0));
}

// A module as imported: layers, two calls with their own draws, one of them
// deterministic.
constexpr const char* kAuthored = R"mlir(
graft.model @m {
  graft.layers @layer count 3 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%x: tensor<?x4xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>> {
    %d = graft.dropout %x, %seq rate 2.500000e-01 id 1 : (tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>>
    %y = graft.repeat 3 scope @layer (%h = %d) : tensor<?x4xf32, #graft.dims<T>> {
      %w = graft.read layer @w : tensor<4x4xf32>
      %l = graft.linear %h, %w : (tensor<?x4xf32, #graft.dims<T>>, tensor<4x4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
      %a = graft.attention %l, %l, %l, %seq heads 2 dropout 2.500000e-01 id 64 : (tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>>
      %o = graft.dropout %a, %seq rate 2.500000e-01 id 65 : (tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>>
      graft.yield %o : tensor<?x4xf32, #graft.dims<T>>
    }
    return %y : tensor<?x4xf32, #graft.dims<T>>
  }
}
func.func @phase(%x: tensor<?x4xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>)
    -> (tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>) attributes {graft.phase = "phase"} {
  %a = graft.call @m::@encode(%x, %seq) : (tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>>
  %b = graft.call @m::@encode(%x, %seq) : (tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>>
  %c = graft.call deterministic @m::@encode(%x, %seq) : (tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>>
  return %a, %b, %c : tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>
}
)mlir";

TEST_F(InterpreterTest, AnAuthoredModuleEqualsItsExpansionBitForBit) {
  parse(kAuthored);
  auto arguments = interpret::makeRandomInputs(function("phase"), {});
  ASSERT_TRUE(mlir::succeeded(arguments));
  Interpreter interpreter(*module);
  interpret::setRandomSlots(*module, 5, interpreter);
  interpreter.setRandomState({42, 11, 1});
  auto authored = run(interpreter, "phase", *arguments);
  ASSERT_EQ(authored.size(), 3u);
  EXPECT_NE(authored[0].tensor().values, authored[1].tensor().values);
  EXPECT_NE(authored[0].tensor().values, authored[2].tensor().values);

  ASSERT_TRUE(
      mlir::succeeded(runPass(*module, createTransferExpandLayersPass())));
  ASSERT_TRUE(
      mlir::succeeded(runPass(*module, createTransferInlineCallsPass())));
  auto expanded = run(interpreter, "phase", *arguments);
  ASSERT_EQ(expanded.size(), 3u);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(authored[i].tensor().values, expanded[i].tensor().values) << i;
}

TEST_F(InterpreterTest, RandomInputsDependOnTheSeedAlone) {
  parse(kAuthored);
  interpret::RandomInputOptions options;
  auto first = interpret::makeRandomInputs(function("phase"), options);
  auto again = interpret::makeRandomInputs(function("phase"), options);
  options.seed = 1;
  auto other = interpret::makeRandomInputs(function("phase"), options);
  ASSERT_TRUE(mlir::succeeded(first) && mlir::succeeded(again) &&
              mlir::succeeded(other));
  EXPECT_EQ((*first)[0].tensor().values, (*again)[0].tensor().values);
  EXPECT_NE((*first)[0].tensor().values, (*other)[0].tensor().values);
  EXPECT_EQ((*first)[0].tensor().shape[0], (*first)[1].segments().tokens());
}

}  // namespace
}  // namespace graft

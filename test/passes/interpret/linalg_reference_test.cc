// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/interpret/linalg_reference.h"

#include <cmath>

#include "gmock/gmock.h"
#include "test/dialects/graft/plug_dialect.h"
#include "test/passes/interpret/program.h"

namespace graft {
namespace {

using interpret::Interpreter;
using interpret::Segments;
using interpret::Tensor;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// "plug.custom" of a form, applied to %x : tensor<?x4xf32> of T rows.
class LinalgReferenceTest : public ::testing::Test {
 protected:
  LinalgReferenceTest() { context->loadDialect<PlugDialect>(); }

  // Runs @f with the op of `form`; `rest` are arguments behind %x, `types` all
  // types of its operands and its result.
  mlir::FailureOr<llvm::SmallVector<interpret::Value>> run(
      const std::string& form, const std::string& parameters,
      const std::string& operands, const std::string& types,
      const std::string& result, llvm::ArrayRef<interpret::Value> arguments) {
    std::string text = "func.func @f(" + parameters + ") -> " + result +
                       " {\n%r = \"plug.custom\"(" + operands + ") {form = \"" +
                       form + "\", factors = \"\", value = 0.5 : f32} : (" +
                       types + ") -> " + result + "\nreturn %r : " + result +
                       "\n}\n";
    module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
    EXPECT_TRUE(module) << text;
    if (!module) return mlir::failure();
    Interpreter interpreter(*module);
    return interpreter.run(module->lookupSymbol<mlir::func::FuncOp>("f"),
                           arguments);
  }

  // Results of a form of one operand.
  std::vector<double> runOne(const std::string& form, const std::string& result,
                             const Tensor& x) {
    std::string type = "tensor<?x4xf32, #graft.dims<T>>";
    auto results = run(form, "%x: " + type, "%x", type, result, {x});
    EXPECT_TRUE(mlir::succeeded(results));
    if (mlir::failed(results)) return {};
    return (*results)[0].tensor().values;
  }

  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  mlir::OwningOpRef<mlir::ModuleOp> module;
  const std::string kMatrix = "tensor<?x4xf32, #graft.dims<T>>";
  Tensor x = Tensor::fromFloats({2, 4}, {1, -2, 3, 4, 0, 6, -7, 8});
};

TEST_F(LinalgReferenceTest, ComputesElements) {
  std::vector<double> got = runOne("swish", kMatrix, x);
  ASSERT_EQ(got.size(), x.values.size());
  for (size_t i = 0; i < got.size(); ++i)
    EXPECT_EQ(got[i], static_cast<float>(x.values[i] /
                                         (1 + std::exp(-0.5 * x.values[i]))));
}

TEST_F(LinalgReferenceTest, ComputesInDouble) {
  // In f32 the quarter would be lost beside 2.5e7.
  EXPECT_THAT(runOne("mean", "tensor<?xf32, #graft.dims<T>>",
                     Tensor::fromFloats({1, 4}, {1e8F, 1, 0, -1e8F})),
              ElementsAre(0.25));
}

TEST_F(LinalgReferenceTest, ComparesAndSelects) {
  auto results = run("leaky", "%x: " + kMatrix, "%x, %x",
                     kMatrix + ", " + kMatrix, kMatrix, {x});
  ASSERT_TRUE(mlir::succeeded(results));
  EXPECT_THAT((*results)[0].tensor().values,
              ElementsAre(1, -1, 3, 4, 0, 6, -3.5, 8));
}

TEST_F(LinalgReferenceTest, KnowsThePosition) {
  EXPECT_THAT(runOne("column", kMatrix, x),
              ElementsAre(1, -1.5, 4, 5.5, 0, 6.5, -6, 9.5));
}

TEST_F(LinalgReferenceTest, Reduces) {
  EXPECT_THAT(runOne("mean", "tensor<?xf32, #graft.dims<T>>", x),
              ElementsAre(1.5, 1.75));
}

TEST_F(LinalgReferenceTest, CutsAndPutsTogether) {
  EXPECT_THAT(runOne("swap", kMatrix, x),
              ElementsAre(3, 4, 1, -2, -7, 8, 0, 6));
}

TEST_F(LinalgReferenceTest, MultipliesMatrices) {
  Tensor y = Tensor::fromFloats({4, 2}, {1, 0, 0, 1, 1, 1, 2, 0});
  auto results = run("product", "%x: " + kMatrix + ", %y: tensor<4x2xf32>",
                     "%x, %y", kMatrix + ", tensor<4x2xf32>",
                     "tensor<?x2xf32, #graft.dims<T>>", {x, y});
  ASSERT_TRUE(mlir::succeeded(results));
  EXPECT_THAT((*results)[0].tensor().values, ElementsAre(12, 1, 9, -1));
}

TEST_F(LinalgReferenceTest, ReadsSegments) {
  std::string segments = "!graft.segments<T, S>";
  Tensor y =
      Tensor::fromFloats({3, 4}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  auto results =
      run("begin", "%x: " + kMatrix + ", %s: " + segments, "%x, %s",
          kMatrix + ", " + segments, "tensor<?x4xf32, #graft.dims<S>>",
          {y, Segments::fromLengths({2, 1})});
  ASSERT_TRUE(mlir::succeeded(results));
  EXPECT_THAT((*results)[0].tensor().values,
              ElementsAre(1, 2, 3, 4, 9, 10, 11, 12));
}

TEST_F(LinalgReferenceTest, RoundsTheResultOnce) {
  std::string narrow = "tensor<?x4xbf16, #graft.dims<T>>";
  auto results = run("swish", "%x: " + kMatrix, "%x", kMatrix, narrow, {x});
  ASSERT_TRUE(mlir::succeeded(results));
  EXPECT_EQ((*results)[0].tensor().values[0],
            interpret::roundTo(1 / (1 + std::exp(-0.5)),
                               interpret::ElementKind::bf16));
}

TEST_F(LinalgReferenceTest, RefusesAnotherShape) {
  std::string message;
  mlir::ScopedDiagnosticHandler handler(context.get(),
                                        [&](mlir::Diagnostic& diagnostic) {
                                          message = diagnostic.str();
                                          return mlir::success();
                                        });
  auto results =
      run("swish", "%x: " + kMatrix, "%x", kMatrix, "tensor<2x5xf32>", {x});
  EXPECT_TRUE(mlir::failed(results));
  EXPECT_THAT(message, HasSubstr("expects its linalg form to give the shape of "
                                 "result 0"));
}

TEST_F(LinalgReferenceTest, NamesWhatItDoesNotKnow) {
  std::string message;
  mlir::ScopedDiagnosticHandler handler(context.get(),
                                        [&](mlir::Diagnostic& diagnostic) {
                                          message = diagnostic.str();
                                          return mlir::success();
                                        });
  auto results = run("padded", "%x: tensor<2x4xf32>", "%x", "tensor<2x4xf32>",
                     "tensor<2x4xf32>", {x});
  EXPECT_TRUE(mlir::failed(results));
  EXPECT_THAT(message,
              HasSubstr("cannot be interpreted: the interpreter does not know "
                        "'tensor.generate', of the linalg form of "
                        "'plug.custom'"));
}

}  // namespace
}  // namespace graft

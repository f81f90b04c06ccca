// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The interpreter and the gradients against PyTorch: each function of
// goldens.mlir on the tensors that goldens.py wrote.

#include "test/passes/interpret/goldens.h"

#include "passes/autodiff/passes.h"

namespace graft {
namespace {

using interpret::Interpreter;
using interpret::Tensor;

// PyTorch computes in double on the same float inputs. An op of ours rounds to
// float once; a gradient passes a few ops more.
constexpr double kTolerance = 1e-6;

TEST(Goldens, EqualPyTorch) {
  auto context = makeContext();
  auto module = parseFile(context.get(), "test/passes/interpret/goldens.mlir");
  ASSERT_TRUE(module);
  ASSERT_TRUE(
      mlir::succeeded(runPass(*module, createAutodiffExpandGradientsPass())));
  auto tensors = readGoldens(*module);
  ASSERT_TRUE(mlir::succeeded(tensors));
  int compared = 0;
  for (auto function : module->getOps<mlir::func::FuncOp>()) {
    std::string name = function.getName().str();
    SCOPED_TRACE(name);
    auto arguments = makeGoldenArguments(function, *tensors);
    ASSERT_TRUE(mlir::succeeded(arguments));
    Interpreter interpreter(*module);
    auto results = interpreter.run(function, *arguments);
    ASSERT_TRUE(mlir::succeeded(results));
    for (unsigned i = 0; i < results->size(); ++i) {
      std::string result = interpret::resultName(function, i);
      const Tensor* want = findGolden(*tensors, name + "." + result);
      ASSERT_TRUE(want) << result;
      const Tensor& got = (*results)[i].tensor();
      EXPECT_EQ(got.kind, want->kind) << result;
      EXPECT_LE(distance(got, *want), kTolerance) << result;
      ++compared;
    }
  }
  // A case that vanishes from goldens.mlir must not go unnoticed.
  EXPECT_EQ(compared, 141);
}

}  // namespace
}  // namespace graft

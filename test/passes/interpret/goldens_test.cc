// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The interpreter and the gradients against PyTorch: each function of
// goldens.mlir on the tensors that goldens.py wrote.

#include "passes/autodiff/passes.h"
#include "passes/interpret/random_inputs.h"
#include "passes/interpret/tensor_files.h"
#include "test/passes/interpret/program.h"

namespace graft {
namespace {

using interpret::Interpreter;
using interpret::Segments;
using interpret::Tensor;
using Tensors = std::map<std::string, Tensor>;

// PyTorch computes in double on the same float inputs. An op of ours rounds to
// float once; a gradient passes a few ops more.
constexpr double kTolerance = 1e-6;

const Tensor* find(const Tensors& tensors, const std::string& name) {
  auto it = tensors.find(name);
  return it == tensors.end() ? nullptr : &it->second;
}

// The arguments of a case; those the file lacks keep their `graft.value`.
mlir::FailureOr<llvm::SmallVector<interpret::Value>> makeArguments(
    mlir::func::FuncOp function, const Tensors& tensors) {
  auto arguments = interpret::makeRandomInputs(function, {});
  if (mlir::failed(arguments)) return arguments;
  for (unsigned i = 0; i < arguments->size(); ++i) {
    std::string name =
        function.getName().str() + "." + interpret::argumentName(function, i);
    const Tensor* offsets = find(tensors, name + ".offsets");
    const Tensor* value = find(tensors, name);
    if (offsets) {
      Segments segments;
      segments.offsets.assign(offsets->values.begin(), offsets->values.end());
      segments.ordinals.resize(segments.offsets.size() - 1);
      (*arguments)[i] = interpret::Value(segments);
    } else if (value) {
      (*arguments)[i] = interpret::Value(*value);
    } else {
      EXPECT_TRUE(function.getArgAttr(i, "graft.value"))
          << "goldens.safetensors has no " << name;
    }
  }
  return arguments;
}

TEST(Goldens, EqualPyTorch) {
  auto context = makeContext();
  auto module = parseFile(context.get(), "test/passes/interpret/goldens.mlir");
  ASSERT_TRUE(module);
  ASSERT_TRUE(
      mlir::succeeded(runPass(*module, createAutodiffExpandGradientsPass())));
  auto tensors = interpret::readTensors(
      module->getLoc(),
      GRAFT_SOURCE_DIR "/test/passes/interpret/Inputs/goldens.safetensors");
  ASSERT_TRUE(mlir::succeeded(tensors));
  int compared = 0;
  for (auto function : module->getOps<mlir::func::FuncOp>()) {
    std::string name = function.getName().str();
    SCOPED_TRACE(name);
    auto arguments = makeArguments(function, *tensors);
    ASSERT_TRUE(mlir::succeeded(arguments));
    Interpreter interpreter(*module);
    auto results = interpreter.run(function, *arguments);
    ASSERT_TRUE(mlir::succeeded(results));
    for (unsigned i = 0; i < results->size(); ++i) {
      std::string result = interpret::resultName(function, i);
      const Tensor* want = find(*tensors, name + "." + result);
      ASSERT_TRUE(want) << result;
      const Tensor& got = (*results)[i].tensor();
      EXPECT_EQ(got.kind, want->kind) << result;
      EXPECT_LE(distance(got, *want), kTolerance) << result;
      ++compared;
    }
  }
  // A case that vanishes from goldens.mlir must not go unnoticed.
  EXPECT_EQ(compared, 86);
}

}  // namespace
}  // namespace graft

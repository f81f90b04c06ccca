// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The product of the Hessian of a layer of BERT with a vector, as native code:
// two nested graft.gradients through embeddings, attention, normalisation,
// GELU, pooler, classifier and cross-entropy.

#include <cmath>

#include "mlir/Transforms/Passes.h"
#include "passes/autodiff/passes.h"
#include "test/passes/interpret/goldens.h"
#include "test/passes/lower/kernel_test.h"

namespace graft {
namespace {

// Of the norm of what PyTorch computes in double. The bias of the keys changes
// nothing, and its part is zero: what is left of it is measured by those of
// all.
constexpr double kRelative = 1e-5, kShareOfAll = 1e-6;

double norm(llvm::ArrayRef<double> values) {
  double sum = 0;
  for (double value : values) sum += value * value;
  return std::sqrt(sum);
}

// @hessian of goldens.mlir after the expansion of its gradients, as the phase
// @f.
std::string expand(mlir::ModuleOp module, mlir::func::FuncOp function) {
  mlir::PassManager manager(module.getContext());
  manager.addPass(createAutodiffExpandGradientsPass());
  manager.addPass(mlir::createCanonicalizerPass());
  manager.addPass(mlir::createCSEPass());
  if (mlir::failed(manager.run(module))) return {};
  function.setName("f");
  function->setAttr("graft.phase",
                    mlir::StringAttr::get(module.getContext(), "f"));
  std::string text;
  llvm::raw_string_ostream stream(text);
  function->print(stream);
  return text;
}

TEST(HessianTest, OfALayerIsThatOfPyTorch) {
  auto module =
      parseFile(&getTestContext(), "test/passes/interpret/goldens.mlir");
  ASSERT_TRUE(module);
  auto function = module->lookupSymbol<mlir::func::FuncOp>("hessian");
  ASSERT_TRUE(function);
  auto tensors = readGoldens(*module);
  ASSERT_TRUE(mlir::succeeded(tensors));
  auto arguments = makeGoldenArguments(function, *tensors);
  ASSERT_TRUE(mlir::succeeded(arguments));
  std::vector<const interpret::Tensor*> wanted;
  double whole = 0;
  for (unsigned i = 0; i < function.getNumResults(); ++i) {
    wanted.push_back(
        findGolden(*tensors, "hessian." + interpret::resultName(function, i)));
    ASSERT_TRUE(wanted.back());
    if (i > 0) whole = std::hypot(whole, norm(wanted.back()->values));
  }
  std::string text = expand(*module, function);
  EXPECT_NE(text.find("graft.attention_second_gradient"), std::string::npos);
  expectKernelsMatch(text, *arguments, {1e-5, 1e-4});

  auto program = KernelProgram::create(text, getHostTarget());
  ASSERT_TRUE(program);
  auto results = program->run(*arguments, {});
  ASSERT_EQ(results.size(), wanted.size());
  for (size_t i = 0; i < results.size(); ++i) {
    const interpret::Tensor& want = *wanted[i];
    interpret::Tensor got =
        interpret::readTensor(want.shape, want.kind, results[i].data());
    for (size_t at = 0; at < got.values.size(); ++at)
      got.values[at] -= want.values[at];
    double bound = kRelative * norm(want.values) + kShareOfAll * whole;
    EXPECT_LE(norm(got.values), bound)
        << "result " << i << " of norm " << norm(want.values);
  }
}

}  // namespace
}  // namespace graft

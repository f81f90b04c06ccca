// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/pipelines.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Transforms/Passes.h"
#include "passes/autodiff/passes.h"
#include "passes/fuse/passes.h"
#include "passes/lower/passes.h"
#include "passes/plan/passes.h"
#include "passes/precision/passes.h"
#include "passes/transfer/passes.h"

using namespace mlir;

namespace graft {

void buildTransferStage(OpPassManager& manager) {
  buildTransferPipeline(manager);
  // Inlining leaves reads and constants of several calls side by side.
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
}

void buildAutodiffStage(OpPassManager& manager) {
  manager.addPass(createAutodiffExpandGradientsPass());
  // Gradients of values that fold (a dropout of rate 0, a sum with zero) are
  // emitted as they come; what no update needs dies here, before it costs a
  // kernel.
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
}

void buildLossScaleStage(OpPassManager& manager) {
  manager.addPass(createPrecisionScaleLossPass());
}

void buildPrecisionStage(OpPassManager& manager, StringRef type) {
  PrecisionAssignPassOptions options;
  options.type = type.str();
  manager.addPass(createPrecisionAssignPass(options));
}

void buildFuseStage(OpPassManager& manager) {
  manager.addPass(createFuseElementwisePass());
  // Rows that are normalised are computed with their normalisation, which reads
  // them whole; a product has but columns of them.
  manager.addPass(createFuseNormalizationsPass());
  manager.addPass(createFuseEpiloguesPass());
}

void buildLowerStage(OpPassManager& manager, const Target& target) {
  manager.addPass(createPlanKeyCachesPass());
  // Reads which inputs index tables, which launches no longer show.
  manager.addNestedPass<func::FuncOp>(createPlanLimitInputsPass());
  LowerOutlinePassOptions options;
  options.target = target.getName();
  manager.addPass(createLowerOutlinePass(options));
  // Pure launches of one kernel on the same operands, such as two packs of a
  // weight, become one only after their kernels did.
  manager.addPass(createLowerMergeKernelsPass());
  manager.addNestedPass<func::FuncOp>(createCSEPass());
}

void buildPlanStage(OpPassManager& manager, int64_t memoryBudget,
                    bool memoryChoices) {
  PlanRecomputePassOptions options;
  options.budget = memoryBudget;
  options.choices = memoryChoices;
  manager.addPass(createPlanRecomputePass(options));
  manager.addPass(createPlanMemoryPass());
}

LogicalResult StageRunner::run(ModuleOp module, StringRef stage,
                               llvm::function_ref<void(OpPassManager&)> build,
                               Verification verification) {
  PassManager manager(module.getContext(), ModuleOp::getOperationName());
  build(manager);
  manager.enableVerifier(verification == Verification::kEachPass);
  if (failed(manager.run(module))) return failure();
  if (verification == Verification::kStage && failed(verify(module)))
    return failure();
  return dump(module, stage);
}

LogicalResult StageRunner::dump(ModuleOp module, StringRef stage) {
  if (dumpDirectory.empty()) return success();
  std::error_code error = llvm::sys::fs::create_directories(dumpDirectory);
  if (error)
    return module.emitError("cannot create ")
           << dumpDirectory << ": " << error.message();
  SmallString<128> path(dumpDirectory);
  llvm::sys::path::append(path,
                          llvm::formatv("{0:02}_{1}.mlir", ++next, stage));
  llvm::raw_fd_ostream file(path, error);
  if (error)
    return module.emitError("cannot write ") << path << ": " << error.message();
  // Large constants would make the file unreadable; there are none in a graph.
  module.print(file, OpPrintingFlags().elideLargeElementsAttrs());
  file.close();
  if (!file.has_error()) return success();
  error = file.error();
  file.clear_error();  // or it ends the process
  return module.emitError("cannot write ") << path << ": " << error.message();
}

}  // namespace graft

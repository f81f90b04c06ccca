// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The compiler's table of contents: its stages in order, and what each is made
// of.

#ifndef GRAFT_PASSES_PIPELINES_H_
#define GRAFT_PASSES_PIPELINES_H_

#include <string>

#include "llvm/ADT/STLFunctionalExtras.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "passes/lower/target.h"

namespace graft {

// The stages, in order. Those from `lower` on run once a target.
void buildTransferStage(mlir::OpPassManager& manager);
// Only of a program in fp16.
void buildLossScaleStage(mlir::OpPassManager& manager);
void buildAutodiffStage(mlir::OpPassManager& manager);
// Only of a program in mixed precision; `type` is "bf16" or "f16".
void buildPrecisionStage(mlir::OpPassManager& manager, llvm::StringRef type);
void buildFuseStage(mlir::OpPassManager& manager);
void buildLowerStage(mlir::OpPassManager& manager, const Target& target);
// `memoryBudget` bounds the arena of a phase, in bytes; 0: no bound. With
// `memoryChoices` the program says what other bounds would cost.
void buildPlanStage(mlir::OpPassManager& manager, int64_t memoryBudget = 0,
                    bool memoryChoices = false);

// When the verifier runs: after each pass, or once after a stage whose passes
// hand on modules much larger than what it leaves.
enum class Verification { kEachPass, kStage };

// Runs stages on modules and, when asked to, writes the module after each to
// `<directory>/<number>_<stage>.mlir`. Not thread-safe.
class StageRunner {
 public:
  // `dumpDirectory` may be empty; else it is created.
  explicit StageRunner(llvm::StringRef dumpDirectory)
      : dumpDirectory(dumpDirectory) {}

  llvm::LogicalResult run(mlir::ModuleOp module, llvm::StringRef stage,
                          llvm::function_ref<void(mlir::OpPassManager&)> build,
                          Verification verification = Verification::kEachPass);

  // Writes `module` under the next number without running anything.
  llvm::LogicalResult dump(mlir::ModuleOp module, llvm::StringRef stage);

 private:
  std::string dumpDirectory;
  int next = 0;
};

}  // namespace graft

#endif  // GRAFT_PASSES_PIPELINES_H_

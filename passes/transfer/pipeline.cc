// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The transfer stage: from a model and a strategy, as people write them, to
// plain functions.

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "passes/transfer/passes.h"

using namespace mlir;

namespace graft {

void buildTransferPipeline(OpPassManager& manager) {
  // First, because groups of a strategy choose parameters one by one, which
  // exist only when the stacks are expanded.
  manager.addPass(createTransferExpandLayersPass());
  // Before inlining: it makes the calls, and marks those without dropout.
  manager.addPass(createTransferExpandStrategyPass());
  // Last, because it removes the functions that the calls need, and merges
  // the reads of a parameter in the model with those the strategy's gradients
  // are taken of. Nothing may come between it and autodiff that would split
  // them again.
  manager.addPass(createTransferInlineCallsPass());
}

void registerTransferPipeline() {
  PassPipelineRegistration<>(
      "transfer", "A model and a strategy to plain functions, one per phase",
      buildTransferPipeline);
}

}  // namespace graft

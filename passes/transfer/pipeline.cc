// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The transfer stage: turns a model and a strategy, as written by people, into
// plain functions.

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "passes/transfer/passes.h"

using namespace mlir;

namespace graft {

void buildTransferPipeline(OpPassManager& manager) {
  // First: all others need the types of the models.
  manager.addPass(createTransferLinkPass());
  // Before the strategy: its groups select single parameters, which exist only
  // after the stacks are expanded.
  manager.addPass(createTransferExpandLayersPass());
  // After the layers: a tap is of one of them. Before the strategy, whose
  // calls return what is tapped.
  manager.addPass(createTransferExpandTapsPass());
  // Before what looks at how values are computed. After the links, which give
  // texts their segments, and the taps: a formula may be of layers.
  manager.addPass(createTransferExpandFormulasPass());
  // Before the strategy: its groups select what comes with adapters, and its
  // gradients pass through them. After the layers: a pattern may select some.
  manager.addPass(createTransferInjectPass());
  // Before inlining: creates the calls, and marks those without dropout.
  manager.addPass(createTransferExpandStrategyPass());
  // Last: removes the functions that the calls need, and merges the model's
  // reads of a parameter with those that the gradients refer to. Nothing
  // between this pass and autodiff may split them again.
  manager.addPass(createTransferInlineCallsPass());
}

void registerTransferPipeline() {
  PassPipelineRegistration<>(
      "transfer", "A model and a strategy to plain functions, one per phase",
      buildTransferPipeline);
}

}  // namespace graft

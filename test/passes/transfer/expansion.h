// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// A strategy under test: expanded with its gradients, and interpreted in double
// precision.

#ifndef GRAFT_TEST_PASSES_TRANSFER_EXPANSION_H_
#define GRAFT_TEST_PASSES_TRANSFER_EXPANSION_H_

#include <memory>
#include <string>

#include "dialects/transfer/transfer_dialect.h"
#include "passes/autodiff/passes.h"
#include "passes/transfer/passes.h"
#include "test/passes/interpret/program.h"

namespace graft {

class ExpansionTest : public ::testing::Test {
 protected:
  // Expands the page `file` of Inputs, as `change` leaves its strategy.
  void Expand(const std::string& file,
              llvm::function_ref<void(transfer::StrategyOp)> change) {
    interpreter_.reset();
    module_ = parseFile(context_.get(), "test/passes/transfer/Inputs/" + file);
    ASSERT_TRUE(module_);
    change(*module_->getOps<transfer::StrategyOp>().begin());
    mlir::PassManager manager(context_.get());
    buildTransferPipeline(manager);
    manager.addPass(createAutodiffExpandGradientsPass());
    ASSERT_TRUE(mlir::succeeded(manager.run(*module_)));
    interpreter_ = std::make_unique<interpret::Interpreter>(*module_);
    interpreter_->setExact(true);
  }

  std::unique_ptr<mlir::MLIRContext> context_ = makeContext();
  mlir::OwningOpRef<mlir::ModuleOp> module_;
  std::unique_ptr<interpret::Interpreter> interpreter_;
};

}  // namespace graft

#endif  // GRAFT_TEST_PASSES_TRANSFER_EXPANSION_H_

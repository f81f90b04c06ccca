// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/exec/exec_dialect.h"
#include "dialects/graft/graft_dialect.h"
#include "dialects/graft/graft_ops.h"
#include "dialects/graft/phases.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/lower/passes.h"
#include "passes/lower/target.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_LOWEROUTLINEPASS
#include "passes/lower/passes.h.inc"

namespace {

// Ops that stay as they are: the plan stage gives their values a place, and
// fills that of a constant.
bool staysInPhase(Operation* op) {
  return isa<func::ReturnOp, ReadOp, WriteOp, ConstantOp, exec::LaunchOp>(op);
}

LogicalResult outlineOp(Operation* op, const Target& target,
                        KernelContext& context) {
  // A kernel has taken its place: Addend.
  if (isa<AddOp>(op) && op->use_empty()) {
    op->erase();
    return success();
  }
  // What cuts gradients has done its work.
  if (auto stop = dyn_cast<StopGradientOp>(op)) {
    stop.getOutput().replaceAllUsesWith(stop.getInput());
    stop.erase();
    return success();
  }
  OpBuilder builder(op);
  return target.lower(op, builder, context);
}

struct LowerOutlinePass : public impl::LowerOutlinePassBase<LowerOutlinePass> {
  using LowerOutlinePassBase::LowerOutlinePassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    const Target* found = lookupTarget(target);
    if (!found) {
      module.emitError("expects a known target, got '") << target << "'";
      return signalPassFailure();
    }
    auto builder = OpBuilder::atBlockEnd(module.getBody());
    auto kernels = module.lookupSymbol<exec::KernelsOp>("kernels");
    if (!kernels) {
      kernels = exec::KernelsOp::create(builder, module.getLoc(), "kernels");
      kernels.getBody().emplaceBlock();
    }
    KernelContext context(kernels, {share, generic});
    for (func::FuncOp phase : getPhases(module)) {
      SmallVector<Operation*> absorbed;
      for (Operation& op :
           llvm::make_early_inc_range(phase.getBody().front())) {
        if (found->isAbsorbed(&op, context))
          absorbed.push_back(&op);
        else if (!staysInPhase(&op) && failed(outlineOp(&op, *found, context)))
          return signalPassFailure();
      }
      for (Operation* op : absorbed) op->erase();
    }
  }
};

}  // namespace
}  // namespace graft

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
#include "passes/lower/cpu/builder/isa_level.h"
#include "passes/lower/cpu/elementwise/elementwise_program.h"
#include "passes/lower/cpu/emitters.h"
#include "passes/lower/cpu/generic_emitter.h"
#include "passes/lower/passes.h"

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

LogicalResult outlineOp(Operation* op, KernelContext& context, bool generic) {
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
  const KernelEmitters& emitters = getKernelEmitters();
  auto emitter = emitters.find(op->getName().getStringRef());
  OpBuilder builder(op);
  auto region = dyn_cast<RegionLoweringInterface>(op);
  if (emitter == emitters.end() && !generic && isElementwise(op))
    return emitElementwise(op, builder, context);
  if (region && (generic || emitter == emitters.end()))
    return emitGeneric(region, builder, context);
  if (emitter == emitters.end())
    return op->emitOpError(
        "expects a kernel emitter or the RegionLoweringInterface, got neither");
  return emitter->second(op, builder, context);
}

struct LowerOutlinePass : public impl::LowerOutlinePassBase<LowerOutlinePass> {
  using LowerOutlinePassBase::LowerOutlinePassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    const CpuTarget* target = lookupCpuTarget(level);
    if (!target) {
      module.emitError("expects a known CPU level, got '") << level << "'";
      return signalPassFailure();
    }
    auto builder = OpBuilder::atBlockEnd(module.getBody());
    auto kernels = module.lookupSymbol<exec::KernelsOp>("kernels");
    if (!kernels) {
      kernels = exec::KernelsOp::create(builder, module.getLoc(), "kernels");
      kernels.getBody().emplaceBlock();
    }
    KernelContext context(kernels, *target, share);
    for (func::FuncOp phase : getPhases(module)) {
      SmallVector<CastOp> taken;
      for (Operation& op :
           llvm::make_early_inc_range(phase.getBody().front())) {
        auto rounding = dyn_cast<CastOp>(op);
        if (rounding && !generic && isRoundedByPacking(rounding))
          taken.push_back(rounding);
        else if (!staysInPhase(&op) && failed(outlineOp(&op, context, generic)))
          return signalPassFailure();
      }
      for (CastOp op : taken) op.erase();
    }
  }
};

}  // namespace
}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/cpu_target.h"

#include "dialects/graft/fusion.h"
#include "dialects/graft/graft_interfaces.h"
#include "dialects/graft/graft_ops.h"
#include "passes/lower/cpu/elementwise/elementwise_program.h"
#include "passes/lower/cpu/emitters.h"
#include "passes/lower/cpu/gemm/matmul_emitters.h"
#include "passes/lower/cpu/generic_emitter.h"
#include "passes/lower/native/native.h"
#include "passes/lower/target.h"

using namespace mlir;

namespace graft {
namespace {

class CpuTarget : public Target {
 public:
  explicit CpuTarget(const IsaLevel& level)
      : Target(level.name), level(level) {}

  StringRef getLevel() const override { return level.name; }
  StringRef getTriple() const override { return level.machine.triple; }

  LogicalResult lower(Operation* op, OpBuilder& builder,
                      KernelContext& context) const override {
    CpuContext cpu(context, level);
    const KernelEmitters& emitters = getKernelEmitters();
    auto emitter = emitters.find(op->getName().getStringRef());
    auto region = dyn_cast<RegionLoweringInterface>(op);
    if (emitter == emitters.end() && !context.isGeneric() && isElementwise(op))
      return emitElementwise(op, builder, cpu);
    if (region && (context.isGeneric() || emitter == emitters.end()))
      return emitGeneric(region, builder, cpu);
    if (emitter == emitters.end())
      return op->emitOpError(
          "expects a kernel emitter or the RegionLoweringInterface, got "
          "neither");
    return emitter->second(op, builder, cpu);
  }

  bool isAbsorbed(Operation* op, const KernelContext& context) const override {
    auto rounding = dyn_cast<CastOp>(op);
    return rounding && !context.isGeneric() && isRoundedByPacking(rounding);
  }

  FailureOr<KernelCode> compile(exec::KernelsOp kernels,
                                StringRef cacheDirectory) const override {
    return compileKernels(kernels, level.machine, cacheDirectory);
  }

 private:
  const IsaLevel& level;
};

}  // namespace

void registerCpuTargets() {
  static const bool once = [] {
    for (const IsaLevel& level : getIsaLevels())
      llvm::cantFail(registerTarget(std::make_unique<CpuTarget>(level)));
    return true;
  }();
  (void)once;
}

}  // namespace graft

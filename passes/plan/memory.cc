// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/graft_ops.h"
#include "mlir/IR/Builders.h"
#include "passes/plan/memory_plan.h"
#include "passes/plan/passes.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_PLANMEMORYPASS
#include "passes/plan/passes.h.inc"

namespace {

// Returns the path of names in a location, outermost first.
std::string labelOf(Location location) {
  if (auto name = dyn_cast<NameLoc>(location)) {
    std::string inner = labelOf(name.getChildLoc());
    std::string outer = name.getName().str();
    return inner.empty() ? outer : outer + "/" + inner;
  }
  if (auto fused = dyn_cast<FusedLoc>(location))
    for (Location part : fused.getLocations())
      if (std::string label = labelOf(part); !label.empty()) return label;
  return {};
}

SmallVector<Attribute> names(func::FuncOp function, unsigned count,
                             StringRef stem, bool results) {
  Builder builder(function.getContext());
  SmallVector<Attribute> list;
  for (unsigned i = 0; i < count; ++i) {
    StringRef key = "graft.name";
    auto name = results ? function.getResultAttrOfType<StringAttr>(i, key)
                        : function.getArgAttrOfType<StringAttr>(i, key);
    list.push_back(name ? name : builder.getStringAttr(stem + Twine(i)));
  }
  return list;
}

ArrayAttr bufferArray(OpBuilder& builder,
                      const std::vector<exec::BufferAttr>& buffers) {
  return builder.getArrayAttr(
      SmallVector<Attribute>(buffers.begin(), buffers.end()));
}

void createCommand(OpBuilder& builder, const PlanStep& step, Location loc) {
  if (exec::LaunchOp launch = step.launch) {
    std::string label = labelOf(launch.getLoc());
    exec::CommandOp::create(
        builder, launch.getLoc(), launch.getKernel(),
        bufferArray(builder, step.reads), bufferArray(builder, step.writes),
        step.grid, launch.getRandom(),
        label.empty() ? StringAttr() : builder.getStringAttr(label),
        launch.getCostAttr());
  } else if (step.fill) {
    exec::FillOp::create(builder, loc, step.writes[0], *step.fill, step.grid);
  } else {
    exec::CopyOp::create(builder, loc, step.reads[0], step.writes[0],
                         step.grid);
  }
}

void createProgram(func::FuncOp function, const MemoryPlan& plan) {
  OpBuilder builder(function);
  SmallVector<int64_t> limits, exceptions;
  SmallVector<Attribute> sources;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    auto get = [&](StringRef name) -> int64_t {
      auto value = function.getArgAttrOfType<IntegerAttr>(i, name);
      return value ? value.getInt() : 0;
    };
    limits.push_back(get("graft.limit"));
    exceptions.push_back(get("graft.limit_exception"));
    auto source =
        function.getArgAttrOfType<exec::SourceAttr>(i, exec::kSourceAttr);
    sources.push_back(
        source ? source : exec::SourceAttr::getCaller(function.getContext()));
  }
  auto phase = function->getAttrOfType<IntegerAttr>("graft.phase_ordinal");
  auto program = exec::ProgramOp::create(
      builder, function.getLoc(), function.getSymName(),
      function.getFunctionType(),
      builder.getArrayAttr(
          names(function, function.getNumArguments(), "input", false)),
      builder.getArrayAttr(
          names(function, function.getNumResults(), "output", true)),
      limits, exceptions, builder.getArrayAttr(sources),
      phase ? phase.getInt() : 0, plan.arenaBytes, plan.liveBytes,
      plan.prologue);
  builder.createBlock(&program.getBody());
  for (const PlanStep& step : plan.steps)
    createCommand(builder, step, function.getLoc());
}

struct PlanMemoryPass : impl::PlanMemoryPassBase<PlanMemoryPass> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SizeBounds bounds = collectSizeBounds(module);
    for (auto function :
         llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
      if (!function->hasAttr("graft.phase")) continue;
      FailureOr<MemoryPlan> plan = planMemory(function, bounds);
      if (failed(plan) || failed(checkMemoryPlan(function, *plan)))
        return signalPassFailure();
      createProgram(function, *plan);
      function.erase();
    }
  }
};

}  // namespace
}  // namespace graft

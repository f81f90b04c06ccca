// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>

#include "dialects/graft/graft_ops.h"
#include "mlir/IR/Builders.h"
#include "passes/plan/passes.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_PLANLIMITINPUTSPASS
#include "passes/plan/passes.h.inc"

namespace {

// The range that an op allows for a value that it uses as an index.
struct Limit {
  int64_t below = ShapedType::kDynamic;  // dynamic: no limit
  int64_t exception = 0;                 // 0: none

  bool isSet() const { return below != ShapedType::kDynamic; }
};

// Returns the intersection of two limits.
Limit combine(Limit a, Limit b) {
  if (!a.isSet()) return b;
  if (!b.isSet()) return a;
  return {std::min(a.below, b.below),
          a.exception == b.exception ? a.exception : 0};
}

Limit limitOf(OpOperand& use) {
  auto dimension = [](Value value, unsigned index) {
    return cast<ShapedType>(value.getType()).getDimSize(index);
  };
  Operation* op = use.getOwner();
  if (auto embedding = dyn_cast<EmbeddingOp>(op)) {
    if (use.getOperandNumber() == 0)
      return {dimension(embedding.getTable(), 0)};
  } else if (auto gather = dyn_cast<GatherOp>(op)) {
    if (use.getOperandNumber() == 1) return {dimension(gather.getInput(), 0)};
  } else if (auto loss = dyn_cast<CrossEntropyOp>(op)) {
    if (use.getOperandNumber() == 1)
      return {dimension(loss.getLogits(), 1),
              static_cast<int64_t>(loss.getIgnoreIndex().value_or(0))};
  } else if (auto rows = dyn_cast<OneHotOp>(op)) {
    return {dimension(rows.getOutput(), 1),
            static_cast<int64_t>(rows.getIgnoreIndex().value_or(0))};
  } else if (auto positions = dyn_cast<PositionsOp>(op)) {
    // The number of positions limits the length of a sequence.
    Limit limit;
    for (OpOperand& next : positions->getUses())
      limit = combine(limit, limitOf(next));
    return limit;
  }
  return {};
}

struct PlanLimitInputsPass
    : impl::PlanLimitInputsPassBase<PlanLimitInputsPass> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal()) return;
    Builder builder(&getContext());
    for (BlockArgument argument : function.getArguments()) {
      Limit limit;
      for (OpOperand& use : argument.getUses())
        limit = combine(limit, limitOf(use));
      if (!limit.isSet()) continue;
      unsigned index = argument.getArgNumber();
      function.setArgAttr(index, "graft.limit",
                          builder.getI64IntegerAttr(limit.below));
      if (limit.exception != 0)
        function.setArgAttr(index, "graft.limit_exception",
                            builder.getI64IntegerAttr(limit.exception));
    }
  }
};

}  // namespace
}  // namespace graft

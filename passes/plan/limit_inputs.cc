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

// Rows or columns that `use` indexes with its value; 0 when it does not.
int64_t limitOf(OpOperand& use) {
  Operation* op = use.getOwner();
  int64_t limit = ShapedType::kDynamic;
  if (auto embedding = dyn_cast<EmbeddingOp>(op)) {
    if (use.getOperandNumber() == 0)
      limit = cast<ShapedType>(embedding.getTable().getType()).getDimSize(0);
  } else if (auto loss = dyn_cast<CrossEntropyOp>(op)) {
    if (use.getOperandNumber() == 1 && !loss.getIgnoreIndex())
      limit = cast<ShapedType>(loss.getLogits().getType()).getDimSize(1);
  } else if (auto positions = dyn_cast<PositionsOp>(op)) {
    // The number of positions bounds the length of a sequence.
    for (OpOperand& next : positions->getUses()) {
      int64_t rows = limitOf(next);
      if (rows > 0)
        limit = limit == ShapedType::kDynamic ? rows : std::min(limit, rows);
    }
  }
  return limit == ShapedType::kDynamic ? 0 : limit;
}

struct PlanLimitInputsPass
    : impl::PlanLimitInputsPassBase<PlanLimitInputsPass> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal()) return;
    Builder builder(&getContext());
    for (BlockArgument argument : function.getArguments()) {
      int64_t smallest = 0;
      for (OpOperand& use : argument.getUses()) {
        int64_t limit = limitOf(use);
        if (limit > 0)
          smallest = smallest == 0 ? limit : std::min(smallest, limit);
      }
      if (smallest > 0)
        function.setArgAttr(argument.getArgNumber(), "graft.limit",
                            builder.getI64IntegerAttr(smallest));
    }
  }
};

}  // namespace
}  // namespace graft

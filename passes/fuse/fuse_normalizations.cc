// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/phases.h"
#include "passes/fuse/passes.h"
#include "passes/fuse/region_group.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_FUSENORMALIZATIONSPASS
#include "passes/fuse/passes.h.inc"

namespace {

struct FuseNormalizationsPass
    : public impl::FuseNormalizationsPassBase<FuseNormalizationsPass> {
  void runOnOperation() override {
    for (func::FuncOp phase : getPhases(getOperation())) {
      SmallVector<Operation*> normalizations;
      for (Operation& op : phase.getBody().front())
        if (auto fusion = dyn_cast<FusionOpInterface>(op);
            fusion && fusion.normalizesRows())
          normalizations.push_back(&op);
      for (Operation* op : normalizations) fuse(op);
    }
  }

  static void fuse(Operation* op) {
    Value input = op->getOperand(0), output = op->getResult(0);
    Operation* source = input.getDefiningOp();
    auto type = cast<RankedTensorType>(input.getType());
    if (!source || type.isDynamicDim(1) || !isElementwiseOver(source, type))
      return;
    RegionGroup group(source);
    if (!group.tryAdd(op)) return;
    // Casts of the rows are written with them. Until a row is normalised it
    // lies in a result of its own type.
    SmallVector<Operation*> users(output.getUsers());
    bool keepsRow =
        !input.hasOneUse() || !llvm::all_of(users, llvm::IsaPred<CastOp>);
    for (Operation* user : users)
      if (keepsRow && isa<CastOp>(user)) group.tryAdd(user);
    group.create();
  }
};

}  // namespace
}  // namespace graft

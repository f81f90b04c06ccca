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
    for (func::FuncOp phase : getPhases(getOperation()))
      for (LayerNormOp op : llvm::make_early_inc_range(
               phase.getBody().front().getOps<LayerNormOp>()))
        fuse(op);
  }

  static void fuse(LayerNormOp op) {
    Operation* source = op.getInput().getDefiningOp();
    auto type = cast<RankedTensorType>(op.getInput().getType());
    if (!source || type.isDynamicDim(1) || !isElementwise(source, type)) return;
    RegionGroup group(source);
    if (!group.tryAdd(op)) return;
    // Casts of the rows are written with them. Until a row is normalised it
    // lies in a result of its own type.
    SmallVector<Operation*> users(op.getOutput().getUsers());
    bool keepsRow = !op.getInput().hasOneUse() ||
                    !llvm::all_of(users, llvm::IsaPred<CastOp>);
    for (Operation* user : users)
      if (keepsRow && isa<CastOp>(user)) group.tryAdd(user);
    group.create();
  }
};

}  // namespace
}  // namespace graft

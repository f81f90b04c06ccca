// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/fusion.h"
#include "dialects/graft/phases.h"
#include "passes/fuse/passes.h"
#include "passes/fuse/region_group.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_FUSEEPILOGUESPASS
#include "passes/fuse/passes.h.inc"

namespace {

struct FuseEpiloguesPass
    : public impl::FuseEpiloguesPassBase<FuseEpiloguesPass> {
  void runOnOperation() override {
    for (func::FuncOp phase : getPhases(getOperation())) {
      SmallVector<Operation*> gemms;
      for (Operation& op : phase.getBody().front())
        if (auto fusion = dyn_cast<FusionOpInterface>(op);
            fusion && fusion.takesEpilogue())
          gemms.push_back(&op);
      for (Operation* gemm : gemms) fuse(gemm);
    }
  }

  static void fuse(Operation* gemm) {
    Value result = gemm->getResult(0);
    auto type = cast<RankedTensorType>(result.getType());
    if (type.isDynamicDim(1)) return;
    if (matchAddend(gemm)) return;
    SmallVector<Operation*> users(result.getUsers());
    llvm::sort(users, [](Operation* a, Operation* b) {
      return a != b && a->isBeforeInBlock(b);
    });
    for (Operation* user : users) {
      RegionGroup group(gemm);
      // A result of the GEMM's type holds partial sums.
      if (!isElementwiseOver(user, type) ||
          !llvm::is_contained(user->getResultTypes(), type) ||
          !group.tryAdd(user))
        continue;
      group.create();
      return;
    }
  }
};

}  // namespace
}  // namespace graft

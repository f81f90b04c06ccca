// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/phases.h"
#include "passes/fuse/passes.h"
#include "passes/fuse/region_group.h"
#include "passes/lower/kernel_emitter.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_FUSEEPILOGUESPASS
#include "passes/fuse/passes.h.inc"

namespace {

struct FuseEpiloguesPass
    : public impl::FuseEpiloguesPassBase<FuseEpiloguesPass> {
  void runOnOperation() override {
    for (func::FuncOp phase : getPhases(getOperation())) {
      SmallVector<Operation*> products;
      for (Operation& op : phase.getBody().front())
        if (isa<LinearOp, MatmulOp>(op)) products.push_back(&op);
      for (Operation* product : products) fuse(product);
    }
  }

  static void fuse(Operation* product) {
    Value result = product->getResult(0);
    auto type = cast<RankedTensorType>(result.getType());
    if (type.isDynamicDim(1)) return;
    if (takesAddend(product) && matchAddend(product)) return;
    SmallVector<Operation*> users(result.getUsers());
    llvm::sort(users, [](Operation* a, Operation* b) {
      return a != b && a->isBeforeInBlock(b);
    });
    for (Operation* user : users) {
      RegionGroup group(product);
      // A result of the product's type holds partial sums.
      if (!isElementwise(user, type) ||
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

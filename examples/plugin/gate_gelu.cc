// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "example.h"

using namespace mlir;

namespace example {

#define GEN_PASS_DEF_EXAMPLEGATEGELUPASS
#include "example_passes.h.inc"

namespace {

struct GateGelu : public impl::ExampleGateGeluPassBase<GateGelu> {
  using ExampleGateGeluPassBase::ExampleGateGeluPassBase;

  void runOnOperation() override {
    SmallVector<graft::GeluOp> ops;
    getOperation().walk([&](graft::GeluOp op) {
      if (op.getForm() == graft::GeluForm::erf) ops.push_back(op);
    });
    for (graft::GeluOp op : ops) gate(op);
  }

  void gate(graft::GeluOp op) {
    OpBuilder builder(op);
    builder.setInsertionPointAfter(op);
    Location loc = op.getLoc();
    Value x = op.getInput();
    Value gate = graft::SigmoidOp::create(builder, loc, x);
    if (separate) {
      auto product = graft::MulOp::create(builder, loc, op, gate);
      op.getOutput().replaceAllUsesExcept(product, product);
      return;
    }
    op.replaceAllUsesWith(
        GatedGeluOp::create(builder, loc, x, gate).getOutput());
    op.erase();
  }
};

}  // namespace
}  // namespace example

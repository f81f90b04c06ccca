// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/graft_ops.h"
#include "dialects/graft/phases.h"
#include "passes/precision/passes.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_PRECISIONSCALELOSSPASS
#include "passes/precision/passes.h.inc"

namespace {

// Appends a scalar argument to a phase.
Value addScalar(func::FuncOp function, StringRef name) {
  Builder builder(function.getContext());
  unsigned index = function.getNumArguments();
  auto inserted = function.insertArgument(
      index, RankedTensorType::get({}, builder.getF32Type()),
      builder.getDictionaryAttr(
          builder.getNamedAttr("graft.name", builder.getStringAttr(name))),
      function.getLoc());
  assert(succeeded(inserted) && "a phase is a plain function");
  (void)inserted;
  return function.getArgument(index);
}

void scaleLosses(func::FuncOp function) {
  Value scale;
  for (auto op : function.getOps<GradientsOp>()) {
    if (!scale) scale = addScalar(function, "scale");
    OpBuilder builder(op);
    Value scaled = MulOp::create(builder, op.getLoc(), op.getLoss(), scale);
    op.getLossMutable().assign(scaled);
  }
}

void unscaleGradients(func::FuncOp function) {
  auto updates = function.getOps<AdamWOp>();
  if (updates.empty()) return;
  Value unscale = addScalar(function, "unscale");
  for (auto norm : function.getOps<GlobalNormOp>()) {
    OpBuilder builder(norm->getContext());
    builder.setInsertionPointAfter(norm);
    auto unscaled =
        MulOp::create(builder, norm.getLoc(), norm.getNorm(), unscale);
    norm.getNorm().replaceAllUsesExcept(unscaled.getResult(),
                                        unscaled.getOperation());
  }
  // One multiplication for all updates that share a clip factor.
  llvm::DenseMap<Value, Value> factors;
  for (AdamWOp op : updates) {
    Value& factor = factors[op.getFactor()];
    if (!factor && op.getFactor()) {
      OpBuilder builder(op);
      factor = MulOp::create(builder, op.getLoc(), op.getFactor(), unscale);
    }
    op.getFactorMutable().assign(factor ? factor : unscale);
  }
}

struct PrecisionScaleLossPass
    : public impl::PrecisionScaleLossPassBase<PrecisionScaleLossPass> {
  void runOnOperation() override {
    for (func::FuncOp phase : getPhases(getOperation())) {
      scaleLosses(phase);
      unscaleGradients(phase);
    }
  }
};

}  // namespace
}  // namespace graft

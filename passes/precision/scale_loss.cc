// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/elements.h"
#include "dialects/graft/graft_ops.h"
#include "dialects/graft/phases.h"
#include "passes/precision/passes.h"
#include "passes/precision/scale_host.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_PRECISIONSCALELOSSPASS
#include "passes/precision/passes.h.inc"

namespace {

// Appends a scalar argument to a phase; `source` may be null.
Value addScalar(func::FuncOp function, StringRef name,
                exec::SourceAttr source) {
  Builder builder(function.getContext());
  unsigned index = function.getNumArguments();
  NamedAttrList attributes;
  attributes.append("graft.name", builder.getStringAttr(name));
  if (source) attributes.append(exec::kSourceAttr, source);
  auto inserted = function.insertArgument(
      index, RankedTensorType::get({}, builder.getF32Type()),
      attributes.getDictionary(function.getContext()), function.getLoc());
  assert(succeeded(inserted) && "a phase is a plain function");
  (void)inserted;
  return function.getArgument(index);
}

// Gradients that an entry returns are those of the loss as it is: others take
// them for inputs.
void unscaleResults(func::FuncOp function, GradientsOp gradients,
                    exec::SourceAttr source) {
  auto* terminator = function.getBody().front().getTerminator();
  Value unscale;
  for (OpOperand& result : terminator->getOpOperands()) {
    if (result.get().getDefiningOp() != gradients) continue;
    if (!unscale) unscale = addScalar(function, "unscale", source);
    auto type = cast<RankedTensorType>(result.get().getType());
    OpBuilder builder(terminator);
    Location location = gradients.getLoc();
    Value wide = spreadScalar(builder, location, unscale, type);
    result.set(MulOp::create(builder, location, result.get(), wide));
  }
}

void scaleLosses(func::FuncOp function, const ScaleSources& sources) {
  Value scale;
  for (auto op : function.getOps<GradientsOp>()) {
    if (op.getValue()) continue;
    if (!scale) scale = addScalar(function, "scale", sources.scale);
    OpBuilder builder(op);
    Value scaled = MulOp::create(builder, op.getLoc(), op.getLoss(), scale);
    op.getLossMutable().assign(scaled);
    if (sources.unscale) unscaleResults(function, op, sources.unscale);
  }
}

void unscaleGradients(func::FuncOp function, exec::SourceAttr source) {
  auto updates = function.getOps<OptimizerOpInterface>();
  if (updates.empty()) return;
  Value unscale = addScalar(function, "unscale", source);
  for (auto norm : function.getOps<GlobalNormOp>()) {
    OpBuilder builder(norm->getContext());
    builder.setInsertionPointAfter(norm);
    auto unscaled =
        MulOp::create(builder, norm.getLoc(), norm.getNorm(), unscale);
    norm.getNorm().replaceAllUsesExcept(unscaled.getResult(),
                                        unscaled.getOperation());
  }
  for (auto op : function.getOps<GradientProductsOp>()) {
    OpBuilder builder(op->getContext());
    builder.setInsertionPointAfter(op);
    auto type = cast<RankedTensorType>(op.getProducts().getType());
    Value wide = spreadScalar(builder, op.getLoc(), unscale, type);
    Value once = MulOp::create(builder, op.getLoc(), op.getProducts(), wide);
    Value twice = MulOp::create(builder, op.getLoc(), once, wide);
    op.getProducts().replaceAllUsesExcept(twice, once.getDefiningOp());
  }
  // One multiplication for all updates that share a clip factor.
  llvm::DenseMap<Value, Value> factors;
  for (OptimizerOpInterface op : updates) {
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
    SmallVector<func::FuncOp> phases = getPhases(getOperation());
    SmallVector<StringRef> scaled;
    SmallVector<func::FuncOp> updates;
    for (func::FuncOp phase : phases) {
      if (llvm::any_of(phase.getBody().getOps<GradientsOp>(),
                       [](GradientsOp op) { return !op.getValue(); }))
        scaled.push_back(phase.getSymName());
      if (!phase.getBody().getOps<OptimizerOpInterface>().empty())
        updates.push_back(phase);
    }
    ScaledEntries sources;
    if (!scaled.empty() && !updates.empty()) {
      FailureOr<ScaledEntries> found =
          scaleHost(getOperation(), scaled, updates);
      if (failed(found)) return signalPassFailure();
      sources = std::move(*found);
    }
    for (func::FuncOp phase : phases) {
      ScaleSources source = sources.lookup(phase.getSymName());
      scaleLosses(phase, source);
      unscaleGradients(phase, source.unscale);
    }
  }
};

}  // namespace
}  // namespace graft

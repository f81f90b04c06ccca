// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <cmath>
#include <string>

#include "dialects/transfer/number.h"
#include "dialects/transfer/transfer_analysis.h"
#include "llvm/Support/Regex.h"
#include "mlir/IR/Verifier.h"
#include "passes/transfer/expand_layers.h"
#include "passes/transfer/passes.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_TRANSFERINJECTPASS
#include "passes/transfer/passes.h.inc"

namespace transfer {
namespace {

// Low-rank adapters of one `transfer.inject`.
class LoraInjector {
 public:
  LoraInjector(InjectOp inject, ModelOp model)
      : inject(inject),
        model(model),
        rank(static_cast<int64_t>(
            getVerifiedNumber(inject, inject.getRankAttr()))),
        scale(getVerifiedNumber(inject, inject.getAlphaAttr()) /
              static_cast<double>(rank)) {}

  LogicalResult run() {
    llvm::Regex pattern(
        getVerifiedText(inject, inject.getSelectAttr()).getValue());
    SmallVector<ParameterOp> selected;
    for (auto parameter : model.getOps<ParameterOp>())
      if (pattern.match(parameter.getSymName())) selected.push_back(parameter);
    if (selected.empty())
      return inject.emitOpError("expects 'select' to match a parameter of ")
             << inject.getModelAttr() << ", got "
             << getVerifiedText(inject, inject.getSelectAttr());
    for (ParameterOp parameter : selected)
      if (failed(adapt(parameter))) return failure();
    return success();
  }

 private:
  // The new parameters of a matrix.
  struct Adapter {
    ParameterOp a, b;
  };

  LogicalResult adapt(ParameterOp base);
  FailureOr<Adapter> declare(ParameterOp base);
  FailureOr<SmallVector<LinearOp>> findUses(ParameterOp base);
  void rewrite(LinearOp linear, const Adapter& adapter);

  InjectOp inject;
  ModelOp model;
  int64_t rank;
  double scale;
};

LogicalResult LoraInjector::adapt(ParameterOp base) {
  FailureOr<SmallVector<LinearOp>> uses = findUses(base);
  if (failed(uses)) return failure();
  FailureOr<Adapter> adapter = declare(base);
  if (failed(adapter)) return failure();
  for (LinearOp linear : *uses) rewrite(linear, *adapter);
  return success();
}

// C2.
FailureOr<SmallVector<LinearOp>> LoraInjector::findUses(ParameterOp base) {
  auto fail = [&](StringRef why, Location place, StringRef what) {
    InFlightDiagnostic diagnostic =
        inject.emitOpError(
            "expects 'select' to match matrices of linear maps alone, got ")
        << base.getSymNameAttr() << why;
    diagnostic.attachNote(place) << what;
    return diagnostic;
  };
  SmallVector<LinearOp> uses;
  WalkResult result = model.walk([&](ReadOp read) -> WalkResult {
    if (read.getSymbol() != SymbolRefAttr::get(base.getSymNameAttr()))
      return WalkResult::advance();
    for (OpOperand& use : read->getUses()) {
      auto linear = dyn_cast<LinearOp>(use.getOwner());
      if (linear && use.getOperandNumber() == 1) {
        uses.push_back(linear);
        continue;
      }
      return fail("", use.getOwner()->getLoc(), "used here");
    }
    return WalkResult::advance();
  });
  if (result.wasInterrupted()) return failure();
  if (uses.empty())
    return fail(", which is none", base.getLoc(), "declared here");
  return uses;
}

FailureOr<LoraInjector::Adapter> LoraInjector::declare(ParameterOp base) {
  StringRef stem = base.getSymName();
  stem.consume_back(".weight");
  RankedTensorType type = base.getType();
  OpBuilder builder(base->getContext());
  builder.setInsertionPointAfter(base);
  auto declare = [&](StringRef suffix, ArrayRef<int64_t> shape,
                     StringRef initial,
                     FloatAttr deviation) -> FailureOr<ParameterOp> {
    std::string name = (stem + suffix).str();
    if (Operation* other = SymbolTable::lookupSymbolIn(model, name)) {
      InFlightDiagnostic diagnostic = inject.emitOpError("expects the name @")
                                      << name << " to be free for an adapter";
      diagnostic.attachNote(other->getLoc()) << "taken here";
      return diagnostic;
    }
    return ParameterOp::create(
        builder, base.getLoc(), name,
        RankedTensorType::get(shape, type.getElementType()),
        /*source=*/StringAttr(), builder.getStringAttr(initial), deviation,
        /*group=*/StringAttr());
  };
  int64_t out = type.getDimSize(0), in = type.getDimSize(1);
  // As uniform numbers in [-1, 1] / sqrt(in), which others begin with.
  auto deviation =
      static_cast<float>(1 / std::sqrt(3.0 * static_cast<double>(in)));
  FailureOr<ParameterOp> a = declare(".lora_a", {rank, in}, "normal",
                                     builder.getF32FloatAttr(deviation));
  if (failed(a)) return failure();
  FailureOr<ParameterOp> b =
      declare(".lora_b", {out, rank}, "zeros", FloatAttr());
  if (failed(b)) return failure();
  MergeOp::create(builder, base.getLoc(), FlatSymbolRefAttr::get(base),
                  builder.getF32FloatAttr(static_cast<float>(scale)),
                  FlatSymbolRefAttr::get(*b), FlatSymbolRefAttr::get(*a));
  return Adapter{*a, *b};
}

void LoraInjector::rewrite(LinearOp linear, const Adapter& adapter) {
  ImplicitLocOpBuilder builder(linear.getLoc(), linear->getContext());
  builder.setInsertionPointAfter(linear);
  auto read = [&](ParameterOp parameter) -> Value {
    return ReadOp::create(builder, parameter.getType(),
                          SymbolRefAttr::get(parameter.getSymNameAttr()),
                          /*layer=*/false);
  };
  Value a = read(adapter.a), b = read(adapter.b);
  auto low = LinearOp::create(builder, linear.getInput(), a, /*bias=*/Value());
  auto high = LinearOp::create(builder, low.getOutput(), b, /*bias=*/Value());
  auto scaled = ScaleOp::create(builder, high.getOutput(),
                                APFloat(static_cast<float>(scale)));
  auto sum = AddOp::create(builder, linear.getOutput(), scaled.getOutput());
  linear.getOutput().replaceAllUsesExcept(sum.getOutput(), sum);
}

LogicalResult injectAll(StrategyOp strategy) {
  bool any = false;
  for (InjectOp inject :
       llvm::make_early_inc_range(strategy.getOps<InjectOp>())) {
    // C1.
    ModelOp model = getModel(strategy, inject.getModelAttr());
    if (!model)
      return inject.emitOpError("expects a graft.model, got ")
             << inject.getModelAttr();
    if (failed(checkLayersExpanded(model, "adapters are put in")))
      return failure();
    if (failed(LoraInjector(inject, model).run())) return failure();
    inject.erase();
    any = true;
  }
  return any ? verify(strategy->getParentOp()) : success();
}

}  // namespace
}  // namespace transfer

namespace {

struct TransferInjectPass : impl::TransferInjectPassBase<TransferInjectPass> {
  void runOnOperation() override {
    for (auto strategy : getOperation().getOps<transfer::StrategyOp>())
      if (failed(transfer::injectAll(strategy))) return signalPassFailure();
  }
};

}  // namespace
}  // namespace graft

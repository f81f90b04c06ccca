// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <cmath>
#include <memory>
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

// Puts the adapters of one `transfer.inject` into its model.
class Injector {
 public:
  Injector(InjectOp inject, ModelOp model)
      : inject(inject), model(model), builder(inject->getContext()) {}
  virtual ~Injector() = default;

  LogicalResult run();

 protected:
  // Declares the parameters that `base` gets.
  virtual LogicalResult declare(ParameterOp base) = 0;
  // Adds what they compute to a linear map with the matrix `base`.
  virtual void rewrite(LinearOp linear) = 0;

  // Declares `suffix` beside `base`, behind the last one that was declared.
  FailureOr<ParameterOp> declare(ParameterOp base, StringRef suffix,
                                 ArrayRef<int64_t> shape, StringRef initial,
                                 FloatAttr deviation = {});
  // The deviation of uniform numbers in [-1, 1] / sqrt(in), which the linear
  // layers of other frameworks begin with.
  FloatAttr deviationOf(int64_t in) {
    return builder.getF32FloatAttr(
        static_cast<float>(1 / std::sqrt(3.0 * static_cast<double>(in))));
  }
  Value read(ImplicitLocOpBuilder& b, ParameterOp parameter) {
    return ReadOp::create(b, parameter.getType(),
                          SymbolRefAttr::get(parameter.getSymNameAttr()),
                          /*layer=*/false);
  }

  InjectOp inject;
  ModelOp model;
  OpBuilder builder;

 private:
  FailureOr<SmallVector<LinearOp>> findUses(ParameterOp base);
};

LogicalResult Injector::run() {
  llvm::Regex pattern(
      getVerifiedText(inject, inject.getSelectAttr()).getValue());
  SmallVector<ParameterOp> selected;
  for (auto parameter : model.getOps<ParameterOp>())
    if (pattern.match(parameter.getSymName())) selected.push_back(parameter);
  if (selected.empty())
    return inject.emitOpError("expects 'select' to match a parameter of ")
           << inject.getModelAttr() << ", got "
           << getVerifiedText(inject, inject.getSelectAttr());
  for (ParameterOp parameter : selected) {
    FailureOr<SmallVector<LinearOp>> uses = findUses(parameter);
    if (failed(uses)) return failure();
    builder.setInsertionPointAfter(parameter);
    if (failed(declare(parameter))) return failure();
    for (LinearOp linear : *uses) rewrite(linear);
  }
  return success();
}

// C2.
FailureOr<SmallVector<LinearOp>> Injector::findUses(ParameterOp base) {
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

FailureOr<ParameterOp> Injector::declare(ParameterOp base, StringRef suffix,
                                         ArrayRef<int64_t> shape,
                                         StringRef initial,
                                         FloatAttr deviation) {
  StringRef stem = base.getSymName();
  stem.consume_back(".weight");
  std::string name = (stem + suffix).str();
  if (Operation* other = SymbolTable::lookupSymbolIn(model, name)) {
    InFlightDiagnostic diagnostic = inject.emitOpError("expects the name @")
                                    << name << " to be free for an adapter";
    diagnostic.attachNote(other->getLoc()) << "taken here";
    return diagnostic;
  }
  // Of its own name in the checkpoint, or new.
  const bool drawn = !inject.getLoaded() && !initial.empty();
  return ParameterOp::create(
      builder, base.getLoc(), name,
      RankedTensorType::get(shape, base.getType().getElementType()),
      /*source=*/StringAttr(),
      drawn ? builder.getStringAttr(initial) : StringAttr(),
      drawn ? deviation : FloatAttr(), /*group=*/StringAttr(),
      /*norms_of=*/FlatSymbolRefAttr(), /*added=*/true);
}

// `lora`, and with `normed` also `dora`.
class LowRankInjector : public Injector {
 public:
  LowRankInjector(InjectOp inject, ModelOp model, bool normed)
      : Injector(inject, model),
        normed(normed),
        rank(static_cast<int64_t>(
            getVerifiedNumber(inject, inject.getRankAttr()))),
        scale(getVerifiedNumber(inject, inject.getAlphaAttr()) /
              static_cast<double>(rank)) {}

 protected:
  LogicalResult declare(ParameterOp base) override;
  void rewrite(LinearOp linear) override;

 private:
  LogicalResult declareMagnitude(ParameterOp base);
  Value factors(ImplicitLocOpBuilder& b, LinearOp linear);

  const bool normed;
  const int64_t rank;
  const double scale;
  ParameterOp a, b, magnitude;
};

LogicalResult LowRankInjector::declare(ParameterOp base) {
  int64_t out = base.getType().getDimSize(0), in = base.getType().getDimSize(1);
  FailureOr<ParameterOp> right =
      Injector::declare(base, ".lora_a", {rank, in}, "normal", deviationOf(in));
  if (failed(right)) return failure();
  FailureOr<ParameterOp> left =
      Injector::declare(base, ".lora_b", {out, rank}, "zeros");
  if (failed(left)) return failure();
  a = *right, b = *left;
  FlatSymbolRefAttr norms;
  if (normed) {
    if (failed(declareMagnitude(base))) return failure();
    norms = FlatSymbolRefAttr::get(magnitude);
  }
  MergeOp::create(builder, base.getLoc(), FlatSymbolRefAttr::get(base),
                  builder.getF32FloatAttr(static_cast<float>(scale)),
                  FlatSymbolRefAttr::get(b), FlatSymbolRefAttr::get(a), norms);
  return success();
}

LogicalResult LowRankInjector::declareMagnitude(ParameterOp base) {
  // C3. The norms are taken when the checkpoint is read, drawn values come
  // later.
  if (base.getInitial())
    return inject.emitOpError(
               "expects pretrained matrices, whose norms are known, "
               "got ")
           << base.getSymNameAttr() << ", which is new";
  FailureOr<ParameterOp> norms = Injector::declare(
      base, ".lora_magnitude", base.getType().getDimSize(0), "");
  if (failed(norms)) return failure();
  magnitude = *norms;
  if (!inject.getLoaded())
    magnitude.setNormsOfAttr(FlatSymbolRefAttr::get(base));
  return success();
}

// m / n of each row, where n are the norms of the rows of W + scale B A. No
// gradient passes n, as in section 4.3 of the paper.
Value LowRankInjector::factors(ImplicitLocOpBuilder& builder, LinearOp linear) {
  Value weight = linear.getWeight();
  // In f32 whatever the precision of the program: the quotient is near 1.
  auto product =
      MatmulOp::create(builder, cast<RankedTensorType>(weight.getType()),
                       read(builder, b), read(builder, a),
                       /*transpose_lhs=*/false,
                       /*transpose_rhs=*/false);
  product->setAttr(kPrecisionAttr, builder.getStringAttr("keep"));
  Value scaled = ScaleOp::create(builder, product.getOutput(),
                                 APFloat(static_cast<float>(scale)));
  Value sum = AddOp::create(builder, weight, scaled);
  Value squares = MulOp::create(builder, sum, sum);
  Value sums = ReduceOp::create(
      builder, magnitude.getType(), squares,
      ReduceKindAttr::get(builder.getContext(), ReduceKind::sum),
      builder.getDenseI64ArrayAttr({1}));
  Value norms = SqrtOp::create(builder, sums);
  Value fixed = StopGradientOp::create(builder, norms);
  return DivOp::create(builder, read(builder, magnitude), fixed);
}

void LowRankInjector::rewrite(LinearOp linear) {
  ImplicitLocOpBuilder builder(linear.getLoc(), linear->getContext());
  builder.setInsertionPointAfter(linear);
  Value matrixA = read(builder, a), matrixB = read(builder, b);
  auto low =
      LinearOp::create(builder, linear.getInput(), matrixA, /*bias=*/Value());
  auto high =
      LinearOp::create(builder, low.getOutput(), matrixB, /*bias=*/Value());
  auto scaled = ScaleOp::create(builder, high.getOutput(),
                                APFloat(static_cast<float>(scale)));
  auto sum = AddOp::create(builder, linear.getOutput(), scaled.getOutput());
  Operation* first = sum;
  Value result = sum.getOutput();
  if (normed) {
    auto spread = [&](Value row) -> Value {
      return BroadcastOp::create(builder, result.getType(), row,
                                 builder.getDenseI64ArrayAttr({0}));
    };
    result = MulOp::create(builder, result, spread(factors(builder, linear)));
    // The bias is not scaled.
    if (Value bias = linear.getBias()) {
      linear.getBiasMutable().clear();
      result = AddOp::create(builder, result, spread(bias));
    }
  }
  linear.getOutput().replaceAllUsesExcept(result, first);
}

class BottleneckInjector : public Injector {
 public:
  BottleneckInjector(InjectOp inject, ModelOp model)
      : Injector(inject, model),
        width(static_cast<int64_t>(
            getVerifiedNumber(inject, inject.getWidthAttr()))) {}

 protected:
  LogicalResult declare(ParameterOp base) override;
  void rewrite(LinearOp linear) override;

 private:
  const int64_t width;
  ParameterOp down, downBias, up, upBias;
};

LogicalResult BottleneckInjector::declare(ParameterOp base) {
  const int64_t out = base.getType().getDimSize(0);
  auto add = [&](ParameterOp& to, StringRef suffix, ArrayRef<int64_t> shape,
                 StringRef initial, FloatAttr deviation = {}) {
    FailureOr<ParameterOp> parameter = Injector::declare(
        base, (".adapter_" + suffix).str(), shape, initial, deviation);
    if (succeeded(parameter)) to = *parameter;
    return LogicalResult(parameter);
  };
  return success(succeeded(add(down, "down.weight", {width, out}, "normal",
                               deviationOf(out))) &&
                 succeeded(add(downBias, "down.bias", {width}, "zeros")) &&
                 succeeded(add(up, "up.weight", {out, width}, "zeros")) &&
                 succeeded(add(upBias, "up.bias", {out}, "zeros")));
}

void BottleneckInjector::rewrite(LinearOp linear) {
  ImplicitLocOpBuilder builder(linear.getLoc(), linear->getContext());
  Value output = linear.getOutput();
  // As in the paper's model, behind the dropout of the sublayer.
  if (output.hasOneUse())
    if (auto dropout = dyn_cast<DropoutOp>(*output.user_begin()))
      output = dropout.getOutput();
  builder.setInsertionPointAfterValue(output);
  Value low = LinearOp::create(builder, output, read(builder, down),
                               read(builder, downBias));
  Value active = GeluOp::create(builder, low, GeluForm::erf);
  Value high = LinearOp::create(builder, active, read(builder, up),
                                read(builder, upBias));
  auto sum = AddOp::create(builder, output, high);
  output.replaceUsesWithIf(sum.getOutput(), [&](OpOperand& use) {
    return use.getOwner() != sum && use.getOwner() != low.getDefiningOp();
  });
}

std::unique_ptr<Injector> makeInjector(InjectOp inject, ModelOp model) {
  if (inject.getKind() == InjectKind::bottleneck)
    return std::make_unique<BottleneckInjector>(inject, model);
  return std::make_unique<LowRankInjector>(
      inject, model, /*normed=*/inject.getKind() == InjectKind::dora);
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
    if (failed(makeInjector(inject, model)->run())) return failure();
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

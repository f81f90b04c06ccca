// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/transfer/optimizer.h"

#include "dialects/transfer/number.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace graft::transfer {
namespace {

FloatAttr number(PhaseOp phase, Attribute value, double absent) {
  return Builder(phase.getContext())
      .getF32FloatAttr(getVerifiedNumber(phase, value, absent));
}

double getMomentum(PhaseOp phase) {
  return getVerifiedNumber(phase, phase.getMomentumAttr());
}

SmallVector<StringRef> momentsOf(PhaseOp) {
  return {"first_moment", "second_moment"};
}

OptimizerOpInterface buildAdam(ImplicitLocOpBuilder& builder, PhaseOp phase,
                               const UpdateOperands& x, bool coupled) {
  Type type = x.gradient.getType();
  return AdamWOp::create(builder, type, type, type, x.parameter, x.gradient,
                         x.states[0], x.states[1], x.rate, x.step, x.factor,
                         number(phase, phase.getBeta1Attr(), 0.9),
                         number(phase, phase.getBeta2Attr(), 0.999),
                         number(phase, phase.getEpsilonAttr(), 1e-8),
                         coupled ? builder.getUnitAttr() : UnitAttr(), x.decay,
                         x.multiplier);
}

OptimizerOpInterface buildLamb(ImplicitLocOpBuilder& builder, PhaseOp phase,
                               const UpdateOperands& x) {
  Type type = x.gradient.getType();
  return LambOp::create(builder, type, type, type, x.parameter, x.gradient,
                        x.states[0], x.states[1], x.rate, x.step, x.factor,
                        number(phase, phase.getBeta1Attr(), 0.9),
                        number(phase, phase.getBeta2Attr(), 0.999),
                        number(phase, phase.getEpsilonAttr(), 1e-6), x.decay,
                        x.multiplier);
}

OptimizerOpInterface buildSgd(ImplicitLocOpBuilder& builder, PhaseOp phase,
                              const UpdateOperands& x) {
  Type type = x.gradient.getType();
  if (x.states.empty())
    return SgdOp::create(builder, type, x.parameter, x.gradient, x.rate,
                         x.factor, x.decay, x.multiplier);
  return MomentumOp::create(builder, type, type, x.parameter, x.gradient,
                            x.states[0], x.rate, x.factor,
                            number(phase, phase.getMomentumAttr(), 0),
                            phase.getNesterovAttr(), x.decay, x.multiplier);
}

const Optimizer* lookupOptimizer(StringRef name) {
  for (const Optimizer& optimizer : getOptimizers())
    if (optimizer.name == name) return &optimizer;
  return nullptr;
}

}  // namespace

ArrayRef<Optimizer> getOptimizers() {
  static const SmallVector<StringLiteral> moments = {"beta1", "beta2",
                                                     "epsilon"};
  static const Optimizer optimizers[] = {
      {"adamw", moments, /*counts=*/true, /*scales=*/false,
       /*reversible=*/false, momentsOf,
       [](ImplicitLocOpBuilder& builder, PhaseOp phase,
          const UpdateOperands& x) {
         return buildAdam(builder, phase, x, /*coupled=*/false);
       }},
      {"adam", moments, /*counts=*/true, /*scales=*/false,
       /*reversible=*/false, momentsOf,
       [](ImplicitLocOpBuilder& builder, PhaseOp phase,
          const UpdateOperands& x) {
         return buildAdam(builder, phase, x, /*coupled=*/true);
       }},
      {"lamb", moments, /*counts=*/true, /*scales=*/true,
       /*reversible=*/false, momentsOf, buildLamb},
      {"sgd",
       {"momentum", "nesterov"},
       /*counts=*/false,
       /*scales=*/false,
       /*reversible=*/true,
       [](PhaseOp phase) -> SmallVector<StringRef> {
         if (getMomentum(phase) > 0) return {"velocity"};
         return {};
       },
       buildSgd},
  };
  return optimizers;
}

const Optimizer& getOptimizer(PhaseOp phase) {
  const Optimizer* found = lookupOptimizer(
      getVerifiedText(phase, phase.getOptimizerAttr()).getValue());
  assert(found && "the phase is verified");
  return *found;
}

bool mayHaveNegativeRate(PhaseOp phase) {
  StringAttr name = getVerifiedText(phase, phase.getOptimizerAttr());
  const Optimizer* found = name ? lookupOptimizer(name.getValue()) : nullptr;
  return found && found->reversible &&
         namesRegister(phase, phase.getRateAttr());
}

LogicalResult verifyOptimizer(PhaseOp phase) {
  FailureOr<StringAttr> name =
      getText(phase, "optimizer", phase.getOptimizerAttr());
  if (failed(name)) return failure();
  // C1.
  const Optimizer* found = lookupOptimizer(name->getValue());
  if (!found) {
    SmallVector<StringRef> names;
    for (const Optimizer& optimizer : getOptimizers())
      names.push_back(optimizer.name);
    return phase.emitOpError("expects an optimiser of ")
           << llvm::join(names, ", ") << ", got " << *name;
  }
  for (const Optimizer& optimizer : getOptimizers())
    for (StringRef setting : optimizer.settings)
      if (phase->hasAttr(setting) &&
          !llvm::is_contained(found->settings, setting))
        return phase.emitOpError("expects no '")
               << setting << "' with " << found->name;
  // C2.
  if (phase.getNesterov() && !(getMomentum(phase) > 0))
    return phase.emitOpError("expects a 'momentum' above 0 with 'nesterov'");
  return success();
}

}  // namespace graft::transfer

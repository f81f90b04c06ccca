// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/transfer/gradient_slots.h"

#include "dialects/graft/elements.h"

using namespace mlir;

namespace graft::transfer {

static CombineOp sumOf(PhaseOp phase) {
  return phase.getLoss().getDefiningOp<CombineOp>();
}

GradientSlots::GradientSlots(PhaseOp phase) : phase(phase) {
  if (!phase.getWeighing()) return;
  for (Value term : sumOf(phase).getLosses())
    terms.push_back(getReachedParameters({term}));
}

bool GradientSlots::isWeighed(const Parameter& parameter) const {
  return llvm::count_if(terms, [&](const ParameterSet& reached) {
           return reached.contains(parameter.symbol);
         }) > 1;
}

LogicalResult GradientSlots::check(ArrayRef<GroupedParameter> trained) const {
  if (terms.empty() || llvm::any_of(trained, [&](const GroupedParameter& item) {
        return isWeighed(item.parameter);
      }))
    return success();
  return PhaseOp(phase).emitOpError(
      "expects a parameter of its groups that more than one term of the loss "
      "reaches, for gradients to weigh, got none");
}

SmallVector<SymbolRefAttr> GradientSlots::getSlots(
    const Parameter& parameter) const {
  SmallVector<SymbolRefAttr> slots;
  size_t count = isWeighed(parameter) ? terms.size() : 1;
  for (size_t i = 0; i < count; ++i) slots.push_back(getGradient(parameter, i));
  return slots;
}

LogicalResult GradientSlots::add(Entry& entry, Value loss, const LossPart& part,
                                 ArrayRef<GroupedParameter> trained) const {
  if (terms.empty()) {
    entry.addGradients(loss, trained, getReachedParameters(part.terms));
    return success();
  }
  CombineOp sum = sumOf(phase);
  for (auto [index, term] : llvm::enumerate(sum.getLosses())) {
    // It may be a sum itself.
    SmallVector<Operation*> parts = getComputation(
        {term}, [](OpOperand& use) { return isa<CombineOp>(use.getOwner()); });
    SmallVector<Value> own;
    for (Value other : part.terms)
      if (llvm::is_contained(parts, other.getDefiningOp()))
        own.push_back(other);
    if (own.empty()) continue;
    FailureOr<Value> value = entry.computeTerm(sum, index);
    if (failed(value)) return failure();
    entry.addGradients(*value, trained, getReachedParameters(own), {},
                       [&, index = index](const Parameter& parameter) {
                         return getGradient(parameter,
                                            isWeighed(parameter) ? index : 0);
                       });
  }
  return success();
}

Value GradientSlots::buildWeights(
    Entry& entry, ArrayRef<SmallVector<Value>> gradients) const {
  ImplicitLocOpBuilder& builder = entry.builder;
  auto count = static_cast<int64_t>(terms.size());
  SmallVector<Value> factors;
  for (int64_t i = 0; i < count; ++i)
    for (ArrayRef<Value> own : gradients)
      if (own.size() > 1) factors.push_back(own[i]);
  Type number = builder.getF32Type();
  Value products = GradientProductsOp::create(
      builder, RankedTensorType::get({count, count}, number), factors, count);
  auto call =
      graft::CallOp::create(builder, RankedTensorType::get({count}, number),
                            *PhaseOp(phase).getWeighing(), products);
  return call.getResult(0);
}

SmallVector<Value> GradientSlots::build(
    Entry& entry, ArrayRef<GroupedParameter> trained) const {
  ImplicitLocOpBuilder& builder = entry.builder;
  SmallVector<SmallVector<Value>> gradients;
  for (const GroupedParameter& item : trained) {
    ParameterOp declaration = item.parameter.declaration;
    SmallVector<Value>& own = gradients.emplace_back();
    for (SymbolRefAttr slot : getSlots(item.parameter))
      own.push_back(ReadOp::create(builder, declaration.getType(), slot,
                                   /*layer=*/false));
  }
  Value weights = terms.empty() ? Value() : buildWeights(entry, gradients);
  SmallVector<Value> steps;
  for (ArrayRef<Value> own : gradients) {
    Value& step = steps.emplace_back(own.front());
    if (own.size() == 1) continue;
    for (auto [index, gradient] : llvm::enumerate(own)) {
      Value weight = entry.elementOf(weights, static_cast<int64_t>(index));
      Value wide = spreadScalar(builder, builder.getLoc(), weight,
                                cast<RankedTensorType>(gradient.getType()));
      Value weighed = MulOp::create(builder, gradient, wide);
      step = index == 0 ? weighed
                        : AddOp::create(builder, step, weighed).getOutput();
    }
  }
  return steps;
}

}  // namespace graft::transfer

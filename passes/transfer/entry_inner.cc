// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Inner loops of an entry: steps are unrolled, and what they move is computed
// again.

#include "dialects/graft/elements.h"
#include "dialects/transfer/number.h"
#include "passes/transfer/entry.h"

using namespace mlir;

namespace graft::transfer {

void Entry::emitCall(CallOp call, ValueRange arguments) {
  const Place* place = nullptr;
  if (moved && call.getAt() == moved->first)
    place = moved->second;
  else if (call.getAt())
    place = &places.find(call.getAt())->second;
  SmallVector<Value> values;
  SmallVector<Attribute> names;
  if (place)
    for (auto [symbol, value] : *place) {
      if (symbol.getRootReference() != call.getCallee().getRootReference())
        continue;
      names.push_back(FlatSymbolRefAttr::get(symbol.getLeafReference()));
      values.push_back(value);
    }
  auto copy = graft::CallOp::create(
      builder, call.getResultTypes(), call.getCallee(), arguments, values,
      names.empty() ? ArrayAttr() : builder.getArrayAttr(names),
      call.getDeterministic() || mode.deterministic);
  mapping.map(call.getResults(), copy.getResults());
}

FailureOr<Value> Entry::computeAgain(InnerOp inner,
                                     ArrayRef<Operation*> repeated,
                                     const Place& reached) {
  IRMapping before = mapping;
  moved = {inner.getFrom(), &reached};
  LogicalResult result = success();
  for (Operation* op : repeated) {
    for (Value value : op->getResults()) mapping.erase(value);
    builder.setLoc(op->getLoc());
    result = emit(op);
    if (failed(result)) break;
  }
  moved.reset();
  Value loss = mapping.lookupOrNull(inner.getLoss());
  mapping = std::move(before);
  if (failed(result)) return failure();
  return loss;
}

// w' = w - rate dL/dw, `times` times.
LogicalResult Entry::emitInner(InnerOp inner) {
  Place place;
  if (inner.getFrom()) place = places.find(inner.getFrom())->second;
  SmallVector<Parameter> parameters = getInnerParameters(inner);
  for (const Parameter& parameter : parameters) {
    ParameterOp declaration = parameter.declaration;
    if (!place.contains(parameter.symbol))
      place[parameter.symbol] =
          ReadOp::create(builder, declaration.getType(), parameter.symbol,
                         /*layer=*/false);
  }
  bool first = getVerifiedNumber(inner, inner.getOrderAttr()) == 1;
  auto times =
      static_cast<int64_t>(getVerifiedNumber(inner, inner.getTimesAttr()));
  Value rate = scalarOf(inner, inner.getRateAttr());
  SmallVector<Operation*> repeated;
  if (times > 1) repeated = getRepeated(inner);
  for (int64_t step = 0; step < times; ++step) {
    FailureOr<Value> loss = step == 0 ? mapping.lookup(inner.getLoss())
                                      : computeAgain(inner, repeated, place);
    if (failed(loss)) return failure();
    builder.setLoc(inner.getLoc());
    SmallVector<Value> from;
    for (const Parameter& parameter : parameters)
      from.push_back(place[parameter.symbol]);
    auto gradients = GradientsOp::create(builder, ValueRange(from).getTypes(),
                                         /*value=*/true, *loss, from);
    for (auto [parameter, old, gradient] :
         llvm::zip_equal(parameters, from, gradients.getGradients())) {
      Value slope = gradient;
      if (first) slope = StopGradientOp::create(builder, slope);
      Value wide = spreadScalar(builder, inner.getLoc(), rate,
                                cast<RankedTensorType>(old.getType()));
      Value change = MulOp::create(builder, slope, wide);
      place[parameter.symbol] = SubOp::create(builder, old, change);
    }
  }
  places[inner.getParameters()] = std::move(place);
  return success();
}

void Entry::emitDistance(DistanceOp distance) {
  Value sum;
  for (auto [symbol, value] : places.find(distance.getParameters())->second) {
    auto type = cast<RankedTensorType>(value.getType());
    Value here = ReadOp::create(builder, type, symbol, /*layer=*/false);
    Value there = StopGradientOp::create(builder, value);
    Value apart = SubOp::create(builder, here, there);
    Value squares = MulOp::create(builder, apart, apart);
    Value total = sumElements(builder, distance.getLoc(), squares);
    sum = sum ? AddOp::create(builder, sum, total).getOutput() : total;
  }
  mapping.map(distance.getDistance(),
              ScaleOp::create(builder, sum, APFloat(0.5f)).getOutput());
}

}  // namespace graft::transfer

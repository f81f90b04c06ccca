// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/transfer/entry.h"

#include "dialects/graft/elements.h"
#include "dialects/transfer/number.h"
#include "llvm/ADT/STLExtras.h"
#include "passes/transfer/set_losses.h"

using namespace mlir;

namespace graft::transfer {

SymbolRefAttr getState(const Parameter& parameter, const Twine& name) {
  MLIRContext* context = parameter.symbol.getContext();
  return SymbolRefAttr::get(
      parameter.symbol.getRootReference(),
      FlatSymbolRefAttr::get(context, (parameter.name() + "." + name).str()));
}

SymbolRefAttr getGradient(const Parameter& parameter, size_t loss) {
  if (loss == 0) return getState(parameter, "gradient");
  return getState(parameter, "gradient." + Twine(loss));
}

// What a mean loss is divided by.
static BatchSum divisorOf(LossOp loss) {
  std::optional<int64_t> ignored;
  if (loss.getIgnore()) ignored = static_cast<int64_t>(*loss.getIgnore());
  return {loss.getWeight() != nullptr, ignored};
}

Entry::Entry(StrategyOp strategy, StringRef name, EntryMode mode)
    : builder(strategy.getLoc(), strategy.getContext()),
      strategy(strategy),
      mode(mode) {
  builder.setInsertionPoint(strategy);
  function =
      func::FuncOp::create(builder, name, builder.getFunctionType({}, {}));
  function->setAttr("graft.phase", builder.getStringAttr(name));
  builder.setInsertionPointToEnd(function.addEntryBlock());
}

void Entry::restrictTo(Value loss, ArrayRef<Value> kept) {
  terms.insert(kept.begin(), kept.end());
  auto isOfSum = [](OpOperand& use) { return isa<CombineOp>(use.getOwner()); };
  for (Operation* op : getComputation({loss}, isOfSum))
    if (isa<CombineOp>(op)) sums.insert(op);
}

bool Entry::takes(OpOperand& use) const {
  return !sums.contains(use.getOwner()) || keeps(use.get());
}

bool Entry::keeps(Value loss) const {
  if (terms.contains(loss)) return true;
  Operation* sum = loss.getDefiningOp();
  return sums.contains(sum) &&
         llvm::any_of(sum->getOperands(),
                      [&](Value term) { return keeps(term); });
}

bool Entry::isTaken(Operation* op) const {
  return isa<CacheOp>(op) || (isa<KeepOp>(op) && !mode.keeps);
}

SmallVector<Operation*> Entry::getOps(Value value) const {
  if (given.contains(value)) return {};
  return getComputation({value}, [&](OpOperand& use) {
    if (isTaken(use.getOwner()) || given.contains(use.get())) return false;
    return takes(use);
  });
}

void Entry::setOrdinal(int64_t ordinal) {
  function->setAttr("graft.phase_ordinal", builder.getI64IntegerAttr(ordinal));
}

Value Entry::addArgument(StringRef name, Type type, exec::SourceAttr source) {
  unsigned index = function.getNumArguments();
  DictionaryAttr attrs = builder.getDictionaryAttr(
      {builder.getNamedAttr("graft.name", builder.getStringAttr(name)),
       builder.getNamedAttr(exec::kSourceAttr, source)});
  auto inserted = function.insertArgument(index, type, attrs, builder.getLoc());
  assert(succeeded(inserted) && "an own function takes any argument");
  (void)inserted;
  return function.getArgument(index);
}

Value Entry::addStep(StringRef name, exec::SourceAttr source) {
  Value& step = steps[source];
  if (!step)
    step = addArgument(name, RankedTensorType::get({}, builder.getI32Type()),
                       source);
  return step;
}

std::string Entry::nameIn(StreamOp stream, StringRef name) const {
  if (stream == streams.front()) return name.str();
  return (stream.getSymName() + "." + name).str();
}

void Entry::addFields(StreamOp stream, ArrayRef<StringRef> without) {
  streams.push_back(stream);
  for (auto [field, value] : llvm::zip(
           stream.getFields().getAsRange<StringAttr>(), stream.getValues()))
    if (!llvm::is_contained(without, field.getValue()))
      mapping.map(value, addArgument(nameIn(stream, field), value.getType(),
                                     exec::SourceAttr::getStream(
                                         stream.getSymNameAttr(), field)));
}

void Entry::addInputs(StreamOp stream) {
  SmallVector<StringRef> without;
  for (auto field : stream.getFields().getAsValueRange<StringAttr>())
    if (!StreamOp::isInput(field)) without.push_back(field);
  addFields(stream, without);
}

void Entry::addTruths(StreamOp stream, Value loss) {
  const Value soft = stream.getField("soft");
  const bool read = soft && llvm::any_of(getOps(loss), [&](Operation* op) {
                      return llvm::is_contained(op->getOperands(), soft);
                    });
  SmallVector<StringRef> without = {"weights"};
  if (!read) without.push_back("soft");
  addFields(stream, without);
}

void Entry::addFieldsOf(StreamOp stream, ArrayRef<Value> values) {
  llvm::DenseSet<Value> read;
  for (Value value : values)
    for (Operation* op : getOps(value))
      for (Value operand : op->getOperands()) read.insert(operand);
  SmallVector<StringRef> without;
  for (auto [field, value] : llvm::zip(
           stream.getFields().getAsRange<StringAttr>(), stream.getValues()))
    if (!read.contains(value)) without.push_back(field);
  addFields(stream, without);
}

void Entry::addGiven(Value value, StringRef name, exec::SourceAttr source) {
  mapping.map(value, addArgument(name, value.getType(), source));
  given.insert(value);
}

void Entry::addCaches(Value value) {
  for (Operation* op : getOps(value)) {
    if (!isTaken(op) || mapping.contains(op->getResult(0))) continue;
    auto name = op->getAttrOfType<StringAttr>(SymbolTable::getSymbolAttrName());
    std::string argument = isa<KeepOp>(op) ? "kept." : "cached.";
    mapping.map(op->getResult(0),
                addArgument(argument + name.str(), op->getResult(0).getType(),
                            exec::SourceAttr::getCache(name)));
  }
}

StreamOp Entry::findStream(Value value) const {
  StringAttr rows = getDim(cast<RankedTensorType>(value.getType()), 0).name;
  auto* found = llvm::find_if(streams, [&](StreamOp stream) {
    return stream.getSequencesAttr().getAttr() == rows;
  });
  return found == streams.end() ? StreamOp() : *found;
}

Value Entry::getDivisor(StreamOp stream, const BatchSum& sum) const {
  auto* found = llvm::find_if(divisors, [&](const Divisor& divisor) {
    return divisor.stream == stream && divisor.sum == sum;
  });
  return found == divisors.end() ? Value() : found->value;
}

LogicalResult Entry::addDivisor(Operation* mean, Value values, Value weight,
                                const BatchSum& sum, HostProgram& host) {
  StreamOp stream = findStream(values);
  if (!stream)
    return mean->emitOpError(
               "expects a mean over the examples of a stream, got rows of ")
           << values.getType();
  if (weight && weight != stream.getField("weights"))
    return mean->emitOpError(
        "expects 'weight' of a mean to be the field weights of the stream, "
        "whose sum divides the loss");
  if (!getDivisor(stream, sum)) addDivisor(stream, sum, host);
  return success();
}

void Entry::addDivisor(StreamOp stream, const BatchSum& sum,
                       HostProgram& host) {
  auto scalar = RankedTensorType::get({}, builder.getF32Type());
  Value argument = addArgument(nameIn(stream, sum.getInput()), scalar,
                               host.addSum(stream, sum));
  divisors.push_back({stream, sum, argument});
}

LogicalResult Entry::addTotals(Value value, HostProgram& host) {
  for (StreamOp stream : streams) addDivisor(stream, {}, host);
  for (Operation* op : getOps(value)) {
    if (auto mean = dyn_cast<MeanOp>(op))
      if (failed(addDivisor(mean, mean.getValues(), mean.getWeight(),
                            {mean.getWeight() != nullptr}, host)))
        return failure();
    auto loss = dyn_cast<LossOp>(op);
    if (!loss || loss.getReduction() != Reduction::mean) continue;
    StreamOp stream = findStream(loss.getPrediction());
    if (stream && loss.getIgnore() &&
        loss.getTarget() != stream.getField("labels"))
      return loss.emitOpError(
          "expects 'target' of a mean that ignores a label to be the field "
          "labels of the stream");
    if (failed(addDivisor(loss, loss.getPrediction(), loss.getWeight(),
                          divisorOf(loss), host)))
      return failure();
  }
  return success();
}

void Entry::addFactor(Attribute number, PhaseOp phase, HostProgram& host,
                      HostProgram::Range range) {
  if (!changesInTraining(strategy, number) || factors.contains(number)) return;
  auto [name, source] = host.addNumber(number, phase, range);
  auto scalar = RankedTensorType::get({}, builder.getF32Type());
  factors[number] = addArgument(name, scalar, source);
}

void Entry::addFactors(Value value, PhaseOp phase, HostProgram& host) {
  auto add = [&](Attribute number) { addFactor(number, phase, host); };
  for (Operation* op : getOps(value)) {
    if (auto scaling = dyn_cast<ScaleGradientOp>(op)) add(scaling.getFactor());
    if (auto number = dyn_cast<NumberOp>(op)) add(number.getNumber());
    if (auto inner = dyn_cast<InnerOp>(op))
      addFactor(inner.getRate(), phase, host, HostProgram::Range::rate);
    if (auto sum = dyn_cast<CombineOp>(op))
      for (auto [factor, term] :
           llvm::zip_equal(sum.getFactors(), sum->getOpOperands()))
        if (takes(term)) add(factor);
  }
}

FailureOr<Value> Entry::compute(Value value) {
  for (Operation* op : getOps(value)) {
    // Fields, caches and kept values are arguments; other ops may have been
    // emitted by an earlier call.
    if (isa<StreamOp>(op) || isTaken(op) ||
        mapping.contains(op->getResult(0)) || places.contains(op->getResult(0)))
      continue;
    builder.setLoc(op->getLoc());
    if (failed(emit(op))) return failure();
  }
  return mapping.lookup(value);
}

LogicalResult Entry::emit(Operation* op) {
  if (auto loss = dyn_cast<LossOp>(op)) return emitLoss(loss);
  if (auto combine = dyn_cast<CombineOp>(op)) return emitCombination(combine);
  if (auto penalty = dyn_cast<PenaltyOp>(op)) return emitPenalty(penalty);
  if (auto inner = dyn_cast<InnerOp>(op)) return emitInner(inner);
  if (auto distance = dyn_cast<DistanceOp>(op)) {
    emitDistance(distance);
    return success();
  }
  if (auto mean = dyn_cast<MeanOp>(op)) {
    reduceRows(mean.getLoss(), mapping.lookup(mean.getValues()),
               mean.getWeight(),
               getDivisor(findStream(mean.getValues()),
                          {mean.getWeight() != nullptr}));
    return success();
  }
  if (auto total = dyn_cast<TotalOp>(op)) {
    reduceRows(total.getLoss(), mapping.lookup(total.getValues()),
               total.getWeight(), /*divisor=*/Value());
    return success();
  }
  SmallVector<Value> operands;
  for (Value operand : op->getOperands()) {
    if (places.contains(operand)) continue;
    Value mapped = mapping.lookupOrNull(operand);
    if (!mapped || mapped.getType() != operand.getType())
      return op->emitOpError("expects operands that the entry ")
             << function.getSymNameAttr() << " has, got " << operand;
    operands.push_back(mapped);
  }
  if (auto call = dyn_cast<CallOp>(op)) {
    emitCall(call, operands);
    return success();
  }
  if (auto scaling = dyn_cast<ScaleGradientOp>(op)) {
    emitScaling(scaling);
    return success();
  }
  if (auto number = dyn_cast<NumberOp>(op)) {
    emitNumber(number);
    return success();
  }
  if (auto gradient = dyn_cast<GradientOp>(op)) {
    emitGradient(gradient);
    return success();
  }
  if (isa<KeepOp>(op)) {
    mapping.map(op->getResult(0), operands.front());
    return success();
  }
  if (isa<UniformOp>(op) && mode.deterministic)
    return op->emitOpError(
               "expects no prediction or evaluation to read it, as ")
           << function.getSymNameAttr() << " does";
  auto dropout = dyn_cast<DropoutOp>(op);
  if (dropout && mode.deterministic) {
    mapping.map(dropout.getOutput(), operands.front());
    return success();
  }
  builder.clone(*op, mapping);
  return success();
}

// The loss of each row.
FailureOr<Value> Entry::emitRows(LossOp loss) {
  Value prediction = mapping.lookup(loss.getPrediction());
  Value target = mapping.lookup(loss.getTarget());
  Type rows = getTensorType({getDim(loss.getPrediction().getType(), 0)},
                            loss.getPrediction().getType().getElementType());
  auto number = [&](Attribute value, double absent) {
    return builder.getF32FloatAttr(getVerifiedNumber(loss, value, absent));
  };
  switch (loss.getKind()) {
    case LossKind::cross_entropy:
      return CrossEntropyOp::create(builder, rows, prediction, target,
                                    loss.getIgnoreAttr(),
                                    number(loss.getSmoothingAttr(), 0))
          .getResult();
    case LossKind::mse:
      return MseOp::create(builder, rows, prediction, target).getResult();
    case LossKind::binary_cross_entropy:
      return BinaryCrossEntropyOp::create(builder, rows, prediction, target)
          .getResult();
    case LossKind::kl_divergence:
      return KlDivergenceOp::create(builder, rows, prediction, target,
                                    number(loss.getTemperatureAttr(), 1))
          .getResult();
    case LossKind::contrastive:
      return buildContrastive(
          builder, prediction, target,
          getVerifiedNumber(loss, loss.getTemperatureAttr(), 1));
  }
  return failure();
}

LogicalResult Entry::emitPenalty(PenaltyOp penalty) {
  auto rowsOf = [&](Value value) -> Rows {
    StreamOp stream = findStream(value);
    return {mapping.lookup(value), stream ? getDivisor(stream, {}) : Value()};
  };
  Rows first = rowsOf(penalty.getFirst());
  Rows second = rowsOf(penalty.getSecond());
  if (!first.count || !second.count)
    return penalty.emitOpError(
               "expects rows that are the examples of two streams, got ")
           << penalty.getFirst().getType() << " and "
           << penalty.getSecond().getType();
  mapping.map(penalty.getPenalty(), penalty.getKind() == PenaltyKind::mmd
                                        ? buildMmd(builder, first, second)
                                        : buildCoral(builder, first, second));
  return success();
}

void Entry::reduceRows(Value loss, Value rows, Value weight, Value divisor) {
  if (mode.lossPerExample) return mapping.map(loss, rows);
  if (weight) rows = MulOp::create(builder, rows, mapping.lookup(weight));
  Value scalar = sumElements(builder, loss.getLoc(), rows);
  if (divisor) scalar = DivOp::create(builder, scalar, divisor);
  mapping.map(loss, scalar);
}

LogicalResult Entry::emitLoss(LossOp loss) {
  FailureOr<Value> rows = emitRows(loss);
  if (failed(rows)) return failure();
  Value divisor;
  if (!mode.lossPerExample && loss.getReduction() == Reduction::mean)
    divisor = getDivisor(findStream(loss.getPrediction()), divisorOf(loss));
  reduceRows(loss.getLoss(), *rows, loss.getWeight(), divisor);
  return success();
}

Value Entry::scalarOf(Operation* op, Attribute number) {
  if (Value factor = factors.lookup(number)) return factor;
  return ConstantOp::create(
      builder, RankedTensorType::get({}, builder.getF32Type()),
      builder.getF32FloatAttr(getVerifiedNumber(op, number)));
}

Value Entry::elementOf(Value vector, int64_t index) {
  auto type = cast<RankedTensorType>(vector.getType());
  Type element = type.getElementType();
  Value row = ReshapeOp::create(
      builder, RankedTensorType::get({1, type.getDimSize(0)}, element), vector);
  Value single = SliceOp::create(builder, row, index, 1);
  return ReshapeOp::create(builder, RankedTensorType::get({}, element), single);
}

// A training has gradients to scale, and whatever has derivatives.
void Entry::emitScaling(ScaleGradientOp scaling) {
  Value input = mapping.lookup(scaling.getInput());
  auto strategy = scaling->getParentOfType<StrategyOp>();
  if (mode.deterministic && strategy.getOps<GradientOp>().empty())
    return mapping.map(scaling.getOutput(), input);
  mapping.map(scaling.getOutput(), graft::ScaleGradientOp::create(
                                       builder, input.getType(), input,
                                       scalarOf(scaling, scaling.getFactor()))
                                       .getOutput());
}

void Entry::emitNumber(NumberOp number) {
  mapping.map(
      number.getTensor(),
      spreadScalar(builder, number.getLoc(),
                   scalarOf(number, number.getNumber()),
                   cast<RankedTensorType>(number.getTensor().getType())));
}

void Entry::emitGradient(GradientOp gradient) {
  Value values = mapping.lookup(gradient.getValues());
  Value wrt = mapping.lookup(gradient.getWrt());
  Value sum = sumElements(builder, gradient.getLoc(), values);
  auto result =
      GradientsOp::create(builder, wrt.getType(), /*value=*/true, sum, wrt);
  mapping.map(gradient.getGradient(), result.getGradients().front());
}

Value Entry::scaleTerm(CombineOp sum, size_t index) {
  Value term = mapping.lookup(sum.getLosses()[index]);
  Attribute number = sum.getFactors()[index];
  if (Value changing = factors.lookup(number))
    return MulOp::create(builder, term, changing);
  double factor = getVerifiedNumber(sum, number);
  if (factor == 1) return term;
  return ScaleOp::create(builder, term, APFloat(static_cast<float>(factor)));
}

FailureOr<Value> Entry::computeTerm(CombineOp sum, size_t index) {
  if (failed(compute(sum.getLosses()[index]))) return failure();
  return scaleTerm(sum, index);
}

LogicalResult Entry::emitCombination(CombineOp combine) {
  Value sum;
  for (OpOperand& use : combine->getOpOperands()) {
    if (!takes(use)) continue;
    Value term = scaleTerm(combine, use.getOperandNumber());
    if (sum && sum.getType() != term.getType())
      return combine.emitOpError(
                 "expects losses of as many examples each to be evaluated, "
                 "got ")
             << sum.getType() << " and " << term.getType();
    sum = sum ? AddOp::create(builder, sum, term).getOutput() : term;
  }
  mapping.map(combine.getLoss(), sum);
  return success();
}

SmallVector<Value> Entry::addGradients(
    Value loss, ArrayRef<GroupedParameter> trained, const ParameterSet& reached,
    ValueRange rows,
    llvm::function_ref<SymbolRefAttr(const Parameter&)> slotOf) {
  SmallVector<Value> wrt;
  SmallVector<SymbolRefAttr> states;
  for (const GroupedParameter& item : trained) {
    if (!reached.contains(item.parameter.symbol)) continue;
    ParameterOp parameter = item.parameter.declaration;
    wrt.push_back(ReadOp::create(builder, parameter.getType(),
                                 item.parameter.symbol, /*layer=*/false));
    states.push_back(slotOf(item.parameter));
  }
  llvm::append_range(wrt, rows);
  if (wrt.empty()) return {};
  auto gradients =
      GradientsOp::create(builder, ValueRange(wrt).getTypes(), loss, wrt);
  for (auto [symbol, gradient] : llvm::zip(states, gradients.getGradients())) {
    Value old = ReadOp::create(builder, gradient.getType(), symbol,
                               /*layer=*/false);
    Value sum = AddOp::create(builder, old, gradient);
    WriteOp::create(builder, symbol, sum);
  }
  return llvm::to_vector_of<Value>(
      gradients.getGradients().drop_front(states.size()));
}

void Entry::finish(ArrayRef<Value> values, ArrayRef<StringRef> names) {
  builder.setLoc(function.getLoc());
  func::ReturnOp::create(builder, values);
  function.setFunctionType(builder.getFunctionType(
      function.getArgumentTypes(), ValueRange(values).getTypes()));
  for (auto [index, name] : llvm::enumerate(names))
    function.setResultAttr(index, "graft.name", builder.getStringAttr(name));
}

}  // namespace graft::transfer

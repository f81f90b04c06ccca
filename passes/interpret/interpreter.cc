// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/interpret/interpreter.h"

#include <cmath>

#include "dialects/graft/graft_ops.h"
#include "dialects/graft/random_ids.h"
#include "mlir/IR/SymbolTable.h"
#include "passes/interpret/linalg_reference.h"

using namespace mlir;

namespace graft::interpret {
namespace {

// The op's tensor result type as text for diagnostics about shapes.
std::string describeShape(ArrayRef<int64_t> shape) {
  std::string text = "[";
  llvm::raw_string_ostream os(text);
  llvm::interleaveComma(shape, os);
  os << ']';
  return text;
}

// The model an op or function belongs to; empty at module level.
StringRef modelOf(Operation* op) {
  auto model = op->getParentOfType<ModelOp>();
  return model ? model.getSymName() : StringRef();
}

// The declaration of a slot: the last part of the symbol, in its model.
std::pair<StringRef, std::string> slotName(SymbolRefAttr symbol,
                                           StringRef model) {
  if (symbol.getNestedReferences().empty())
    return {model, symbol.getRootReference().str()};
  return {symbol.getRootReference().getValue(),
          symbol.getLeafReference().str()};
}

bool isFinite(const Tensor& tensor) {
  return llvm::all_of(tensor.values,
                      [](double value) { return std::isfinite(value); });
}

}  // namespace

const References& getReferences() {
  static const References references = [] {
    References all;
    populateMathReferences(all);
    populateShapeReferences(all);
    populateNnReferences(all);
    populateAttentionReferences(all);
    populateGradientReferences(all);
    populateLossReferences(all);
    populateOptimizerReferences(all);
    populateRelationReferences(all);
    return all;
  }();
  return references;
}

std::string Interpreter::slotKey(StringRef model, StringRef name) {
  return (model + "::" + name).str();
}

void Interpreter::setSlot(StringRef model, StringRef name, Value value) {
  slots[slotKey(model, name)] = std::move(value);
}

const Tensor* Interpreter::getSlot(StringRef model, StringRef name) const {
  auto it = slots.find(slotKey(model, name));
  return it == slots.end() ? nullptr : &it->second.tensor();
}

std::vector<std::string> Interpreter::getWritten() const {
  std::vector<std::string> keys;
  for (const auto& write : writes) keys.push_back(write.getKey().str());
  llvm::sort(keys);
  return keys;
}

FailureOr<SmallVector<Value>> Interpreter::run(func::FuncOp function,
                                               ArrayRef<Value> arguments) {
  sizes.clear();
  writes.clear();
  nextDraw.clear();
  FailureOr<SmallVector<Value>> results = call(function, arguments, Scope());
  if (failed(results)) return failure();
  for (auto& write : writes) slots[write.getKey()] = write.getValue();
  return results;
}

FailureOr<SmallVector<Value>> Interpreter::call(func::FuncOp function,
                                                ArrayRef<Value> arguments,
                                                Scope scope) {
  if (function.isExternal())
    return function.emitError("expects a function with a body"), failure();
  if (arguments.size() != function.getNumArguments())
    return function.emitError("expects ")
               << function.getNumArguments() << " arguments, got "
               << arguments.size(),
           failure();
  Environment environment;
  for (auto [index, argument] : llvm::enumerate(function.getArguments())) {
    if (failed(bind(function.getLoc(), "argument " + std::to_string(index),
                    argument.getType(), arguments[index])))
      return failure();
    environment[argument] = arguments[index];
  }
  scope.model = modelOf(function);
  callStack.push_back(function);
  FailureOr<SmallVector<Value>> results =
      runBlock(function.getBody().front(), environment, scope);
  callStack.pop_back();
  return results;
}

LogicalResult Interpreter::bindSize(Location location, StringRef name,
                                    int64_t size) {
  auto [it, inserted] = sizes.try_emplace(name, size);
  if (it->second != size)
    return emitError(location, "expects size @")
           << name << " to be " << it->second << ", got " << size;
  if (!inserted) return success();
  auto declaration = module.lookupSymbol<SizeOp>(name);
  if (!declaration || size <= static_cast<int64_t>(declaration.getBound()))
    return success();
  InFlightDiagnostic diagnostic = emitError(location, "expects size @")
                                  << name << " to be at most "
                                  << declaration.getBound() << ", got " << size;
  diagnostic.attachNote(declaration.getLoc()) << "declared here";
  return diagnostic;
}

LogicalResult Interpreter::bind(Location location, StringRef what, Type type,
                                const Value& value) {
  if (auto segmentsType = dyn_cast<SegmentsType>(type)) {
    if (value.isTensor())
      return emitError(location, "expects segments as ") << what;
    const Segments& segments = value.segments();
    bool valid = segments.offsets.size() == segments.ordinals.size() + 1 &&
                 segments.offsets.front() == 0;
    for (int64_t s = 0; valid && s < segments.sequences(); ++s)
      valid = segments.length(s) > 0;
    if (!valid)
      return emitError(location, "expects offsets of ")
             << what << " that ascend from 0, one more than ordinals";
    if (failed(bindSize(location, segmentsType.getTokens(), segments.tokens())))
      return failure();
    return bindSize(location, segmentsType.getSequences(),
                    segments.sequences());
  }
  auto tensorType = dyn_cast<RankedTensorType>(type);
  if (!tensorType || !value.isTensor())
    return emitError(location, "expects ") << what << " of type " << type;
  const Tensor& tensor = value.tensor();
  FailureOr<ElementKind> kind = getElementKind(tensorType.getElementType());
  bool fits = succeeded(kind) && *kind == tensor.kind &&
              tensor.rank() == tensorType.getRank();
  for (int64_t i = 0; fits && i < tensor.rank(); ++i)
    fits = tensorType.isDynamicDim(i) ||
           tensorType.getDimSize(i) == tensor.shape[i];
  if (!fits)
    return emitError(location, "expects ")
           << what << " of type " << type << ", got "
           << getElementName(tensor.kind) << ' ' << describeShape(tensor.shape);
  for (auto [dim, size] : llvm::zip(getDims(tensorType), tensor.shape)) {
    if (dim.isStatic()) continue;
    // Without a name nothing says which dimensions are equal.
    if (!dim.name)
      return emitError(location, "expects names for the dynamic dimensions of ")
             << what << ", got " << type;
    if (failed(bindSize(location, dim.name, size))) return failure();
  }
  return success();
}

FailureOr<SmallVector<Value>> Interpreter::runBlock(Block& block,
                                                    Environment& environment,
                                                    const Scope& scope) {
  for (Operation& op : block.without_terminator())
    if (failed(runOp(&op, environment, scope))) return failure();
  SmallVector<Value> results;
  for (mlir::Value value : block.getTerminator()->getOperands())
    results.push_back(environment.lookup(value));
  return results;
}

LogicalResult Interpreter::runOp(Operation* op, Environment& environment,
                                 const Scope& scope) {
  if (isa<ReadOp>(op)) return runRead(op, environment, scope);
  if (isa<WriteOp>(op)) return runWrite(op, environment, scope);
  if (isa<CallOp>(op)) return runCall(op, environment, scope);
  if (isa<RepeatOp>(op)) return runRepeat(op, environment, scope);
  if (isa<RegionOp>(op)) return runRegion(op, environment, scope);
  return runCompute(op, environment, scope);
}

LogicalResult Interpreter::runRead(Operation* op, Environment& environment,
                                   const Scope& scope) {
  auto read = cast<ReadOp>(op);
  auto [model, name] = slotName(read.getSymbol(), scope.model);
  if (read.getLayer())
    name = (scope.layers + "." + std::to_string(scope.turn) + "." + name).str();
  std::string key = slotKey(model, name);
  RankedTensorType type = read.getType();
  if (auto given = scope.given.find(name); given != scope.given.end()) {
    environment[read.getResult()] = given->second;
    return success();
  }
  if (writes.contains(key))
    return op->emitOpError("expects no write of ")
           << read.getSymbol() << " before a read of it";
  auto it = slots.find(key);
  if (it != slots.end()) {
    environment[read.getResult()] = it->second;
    return bind(op->getLoc(), "the value of " + key, type, it->second);
  }
  Operation* declaration =
      SymbolTable::lookupNearestSymbolFrom(op, read.getSymbol());
  auto state = dyn_cast_or_null<StateOp>(declaration);
  if (!state) return op->emitOpError("expects a value of parameter ") << key;
  if (state.getInitial() == "normal")
    return op->emitOpError("expects a value of state ")
           << key << ", which begins with random numbers";
  FailureOr<Tensor> initial = makeResult(op->getResult(0));
  if (failed(initial)) return failure();
  if (state.getInitial() == "ones") llvm::fill(initial->values, 1);
  environment[read.getResult()] = Value(std::move(*initial));
  return success();
}

LogicalResult Interpreter::runWrite(Operation* op, Environment& environment,
                                    const Scope& scope) {
  auto write = cast<WriteOp>(op);
  auto [model, name] = slotName(write.getSymbol(), scope.model);
  writes[slotKey(model, name)] = environment.lookup(write.getValue());
  return success();
}

LogicalResult Interpreter::runCall(Operation* op, Environment& environment,
                                   const Scope& scope) {
  auto callOp = cast<CallOp>(op);
  auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      op, callOp.getCallee());
  if (!callee)
    return op->emitOpError("expects a function, got ") << callOp.getCallee();
  if (llvm::is_contained(callStack, callee.getOperation()))
    return op->emitOpError("expects no recursion, got a call of ")
           << callOp.getCallee() << " in itself";
  SmallVector<Value> arguments;
  for (mlir::Value operand : callOp.getArguments())
    arguments.push_back(environment.lookup(operand));
  Scope inner;
  inner.deterministic = scope.deterministic || callOp.getDeterministic();
  if (!inner.deterministic) {
    int64_t& next = nextDraw[callee.getSymNameAttr()];
    inner.draw = next;
    next += drawsPerCall(callee);
  }
  // Inside of a model, calls pass on what they have been given.
  inner.given = scope.given;
  for (size_t i = 0, e = callOp.getValues().size(); i < e; ++i)
    inner.given[cast<FlatSymbolRefAttr>((*callOp.getAt())[i]).getValue()] =
        environment.lookup(callOp.getValues()[i]);
  FailureOr<SmallVector<Value>> results =
      call(callee, arguments, std::move(inner));
  if (failed(results)) return failure();
  for (auto [result, value] : llvm::zip(op->getResults(), *results))
    environment[result] = value;
  return success();
}

LogicalResult Interpreter::runRepeat(Operation* op, Environment& environment,
                                     const Scope& scope) {
  auto repeat = cast<RepeatOp>(op);
  SmallVector<Value> carried;
  for (mlir::Value init : repeat.getInits())
    carried.push_back(environment.lookup(init));
  Block& body = repeat.getBody().front();
  Scope turn = scope;
  turn.layers = repeat.getScope();
  for (turn.turn = 0; turn.turn < static_cast<int64_t>(repeat.getCount());
       ++turn.turn) {
    for (auto [argument, value] : llvm::zip(body.getArguments(), carried))
      environment[argument] = value;
    FailureOr<SmallVector<Value>> results = runBlock(body, environment, turn);
    if (failed(results)) return failure();
    carried = std::move(*results);
  }
  for (auto [result, value] : llvm::zip(op->getResults(), carried))
    environment[result] = value;
  return success();
}

LogicalResult Interpreter::runRegion(Operation* op, Environment& environment,
                                     const Scope& scope) {
  Block& body = cast<RegionOp>(op).getBody().front();
  for (auto [argument, input] :
       llvm::zip(body.getArguments(), op->getOperands()))
    environment[argument] = environment.lookup(input);
  FailureOr<SmallVector<Value>> results = runBlock(body, environment, scope);
  if (failed(results)) return failure();
  for (auto [result, value] : llvm::zip(op->getResults(), *results))
    environment[result] = value;
  if (observer) observer(op, *results);
  return success();
}

FailureOr<Tensor> Interpreter::makeResult(OpResult result) {
  Operation* op = result.getOwner();
  auto type = dyn_cast<RankedTensorType>(result.getType());
  FailureOr<ElementKind> kind = failure();
  if (type) kind = getElementKind(type.getElementType());
  if (failed(kind))
    return op->emitOpError("expects a tensor of floats or i32 as result, got ")
               << result.getType(),
           failure();
  SmallVector<int64_t> shape;
  for (const Dim& dim : getDims(type)) {
    auto it = dim.name ? sizes.find(dim.name.getValue()) : sizes.end();
    if (!dim.isStatic() && it == sizes.end())
      return op->emitOpError(
                 "expects dynamic dimensions of its result with names that "
                 "an argument binds, got ")
                 << type,
             failure();
    shape.push_back(dim.isStatic() ? dim.size : it->second);
  }
  return Tensor(shape, *kind);
}

LogicalResult Interpreter::runCompute(Operation* op, Environment& environment,
                                      const Scope& scope) {
  StringRef opName = op->getName().getStringRef();
  std::function<LogicalResult(OpCall&)> compute = extra.lookup(opName);
  if (!compute) compute = getReferences().lookup(opName);
  if (!compute && isa<RegionLoweringInterface>(op)) {
    if (std::string reason = findUnknownInLinalg(op); !reason.empty())
      return op->emitOpError("cannot be interpreted: the interpreter ")
             << reason;
    compute = computeByLinalg;
  }
  if (!compute) return op->emitOpError("has no reference implementation");
  SmallVector<Value> operands;
  for (mlir::Value operand : op->getOperands())
    operands.push_back(environment.lookup(operand));
  SmallVector<Tensor> results;
  for (OpResult result : op->getResults()) {
    FailureOr<Tensor> tensor = makeResult(result);
    if (failed(tensor)) return failure();
    results.push_back(std::move(*tensor));
  }
  RandomPlace place{random,
                    std::max<int64_t>(scope.turn, 0) * kRandomIdsPerLayer,
                    scope.draw, scope.deterministic};
  OpCall opCall(op, operands, results, place, sizes);
  if (failed(compute(opCall))) return failure();
  SmallVector<Value> values;
  for (auto [result, tensor] : llvm::zip(op->getResults(), results)) {
    if (!exact) tensor.round();
    if (checkFinite && !isFinite(tensor))
      return op->emitOpError("expects finite results, got one that is not");
    values.push_back(Value(std::move(tensor)));
    environment[result] = values.back();
  }
  if (observer) observer(op, values);
  return success();
}

}  // namespace graft::interpret

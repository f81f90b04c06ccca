// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/element_function.h"

#include "dialects/graft/fusion.h"
#include "dialects/graft/graft_ops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;

namespace graft {
namespace {

// Appends the arguments that an operand of this type has in a linalg form.
// Fails if it has none.
LogicalResult addArguments(Type type, Location loc, Block& body) {
  Builder builder(type.getContext());
  if (isa<SegmentsType>(type)) {
    auto ids =
        RankedTensorType::get({ShapedType::kDynamic}, builder.getI32Type());
    for (int part = 0; part < 3; ++part) body.addArgument(ids, loc);
    return success();
  }
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor) return failure();
  Type element = tensor.getElementType();
  if (isa<FloatType>(element)) element = builder.getF32Type();
  body.addArgument(RankedTensorType::get(tensor.getShape(), element), loc);
  return success();
}

bool isScalar(Type type) {
  return isa<FloatType>(type) || type.isSignlessInteger();
}

// Whether the op of a scalar body has the same meaning lane by lane.
bool existsOnVectors(Operation& op) {
  if (!isa_and_nonnull<arith::ArithDialect, math::MathDialect>(
          op.getDialect()) ||
      op.getNumResults() != 1 || !isScalar(op.getResult(0).getType()))
    return false;
  return isa<arith::ConstantOp>(op) ||
         OpTrait::hasElementwiseMappableTraits(&op);
}

// Whether the op's operands and its one result are floats of one shape.
bool hasOneShape(Operation* op) {
  auto shape = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  auto isFloatTensor = [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && isa<FloatType>(tensor.getElementType());
  };
  return shape && isFloatTensor(shape) && op->getNumOperands() > 0 &&
         llvm::all_of(op->getOperandTypes(), isFloatTensor) &&
         hasShape(op->getOperands(), shape);
}

}  // namespace

FailureOr<LinalgForm> LinalgForm::build(Operation* op) {
  auto lowering = dyn_cast<RegionLoweringInterface>(op);
  if (!lowering) return failure();
  ScopedDiagnosticHandler silent(op->getContext(),
                                 [](Diagnostic&) { return success(); });
  LinalgForm form;
  OpBuilder builder(op->getContext());
  form.function = func::FuncOp::create(builder, op->getLoc(), "form",
                                       builder.getFunctionType({}, {}));
  Block& body = *form.function->addEntryBlock();
  for (Type type : op->getOperandTypes())
    if (failed(addArguments(type, op->getLoc(), body))) return failure();
  builder.setInsertionPointToEnd(&body);
  SmallVector<Value> operands(body.getArguments());
  if (failed(lowering.lowerToLinalg(builder, operands, form.results)) ||
      form.results.size() != op->getNumResults())
    return failure();
  for (Operation& inner : body)
    if (failed(verify(&inner))) return failure();
  return form;
}

FailureOr<ElementFunction> ElementFunction::get(Operation* op) {
  if (op->getNumResults() != 1 || !hasOneShape(op)) return failure();
  FailureOr<LinalgForm> form = LinalgForm::build(op);
  if (failed(form)) return failure();
  Value tensor = form->getResults().front();
  auto loops = tensor.getDefiningOp<linalg::LinalgOp>();
  if (!loops || loops->getNumResults() != 1 ||
      loops.getNumLoops() != loops.getNumParallelLoops() ||
      !getElementTypeOrSelf(tensor.getType()).isF32() ||
      !llvm::all_of(loops.getIndexingMapsArray(),
                    [](AffineMap map) { return map.isIdentity(); }))
    return failure();

  ElementFunction function(std::move(*form));
  Block& body = *loops.getBlock();
  for (OpOperand* input : loops.getDpsInputOperands()) {
    auto operand = dyn_cast<BlockArgument>(input->get());
    if (!operand) return failure();
    function.arguments.push_back(
        {loops.getMatchingBlockArgument(input), operand.getArgNumber()});
  }
  // What the result holds before must not matter.
  for (BlockArgument rest :
       body.getArguments().drop_front(loops.getNumDpsInputs()))
    if (!rest.use_empty()) return failure();

  llvm::SmallPtrSet<Operation*, 16> known;
  auto addOp = [&](Operation* inner) {
    if (known.insert(inner).second) function.ops.push_back(inner);
  };
  // Constants may also stand before the loops.
  auto addOuterConstant = [&](Value value) {
    Operation* source = value.getDefiningOp();
    if (!source || source->getBlock() == &body) return true;
    if (!isa<arith::ConstantOp>(source) || !existsOnVectors(*source))
      return false;
    addOp(source);
    return true;
  };
  for (Operation& inner : body.without_terminator()) {
    if (!existsOnVectors(inner) ||
        !llvm::all_of(inner.getOperands(), addOuterConstant))
      return failure();
    addOp(&inner);
  }
  function.result = body.getTerminator()->getOperand(0);
  if (!addOuterConstant(function.result)) return failure();
  return function;
}

Value ElementFunction::evaluate(ArrayRef<Value> elements, Emit emit) const {
  llvm::DenseMap<Value, Value> values;
  for (auto [argument, operand] : arguments)
    values[argument] = elements[operand];
  for (Operation* op : ops) {
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(values.lookup(operand));
    values[op->getResult(0)] = emit(op, operands);
  }
  return values.lookup(result);
}

}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/interpret/slicing/part.h"

#include "dialects/graft/graft_dialect.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Verifier.h"
#include "passes/interpret/interpreter.h"

using namespace mlir;

namespace graft::interpret {
namespace {

// The type of a part of a tensor. Dynamic dimensions keep their names.
Type resize(Type type, const ShardingTerm& term, const Share& share) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor) return type;
  SmallVector<int64_t> shape(tensor.getShape());
  for (auto [dim, factors] : llvm::zip(shape, term.dims)) {
    if (ShapedType::isDynamic(dim)) continue;
    dim = 1;
    for (unsigned factor : factors) dim *= share[factor].size();
  }
  return RankedTensorType::get(shape, tensor.getElementType(),
                               tensor.getEncoding());
}

}  // namespace

Part isolate(Operation* op, const ShardingRule& rule, const Share& whole,
             const Share& share) {
  OpBuilder builder(op->getContext());
  Location loc = op->getLoc();
  Part part;
  part.module = ModuleOp::create(builder, loc);
  SmallVector<Type> arguments, results;
  for (auto [operand, term] : llvm::zip(op->getOperands(), rule.operands))
    arguments.push_back(resize(operand.getType(), term, share));
  for (auto [type, term] : llvm::zip(op->getResultTypes(), rule.results)) {
    results.push_back(resize(type, term, share));
    for (const Dim& dim : getDims(cast<RankedTensorType>(type)))
      if (dim.name)
        arguments.push_back(getTensorType({dim}, builder.getF32Type()));
  }
  builder.setInsertionPointToStart(part.module->getBody());
  part.function = func::FuncOp::create(
      builder, loc, "part", builder.getFunctionType(arguments, results));
  Block* block = part.function.addEntryBlock();
  builder.setInsertionPointToStart(block);
  IRMapping mapping;
  for (auto [index, operand] : llvm::enumerate(op->getOperands()))
    if (!mapping.contains(operand))
      mapping.map(operand, block->getArgument(static_cast<unsigned>(index)));
  Operation* clone = builder.clone(*op, mapping);
  // An operand that is used twice is two values here.
  clone->setOperands(
      ValueRange(block->getArguments()).take_front(op->getNumOperands()));
  for (auto [result, type] : llvm::zip(clone->getResults(), results))
    result.setType(type);
  for (const ScaledAttribute& scaled : rule.attributes) {
    auto value = op->getAttrOfType<IntegerAttr>(scaled.name);
    clone->setAttr(
        scaled.name,
        IntegerAttr::get(value.getType(), value.getInt() /
                                              whole[scaled.factor].size() *
                                              share[scaled.factor].size()));
  }
  func::ReturnOp::create(builder, loc, clone->getResults());
  return part;
}

FailureOr<SmallVector<Value>> run(Part& part, ArrayRef<Value> operands,
                                  const RandomState& random,
                                  const llvm::StringMap<int64_t>& sizes) {
  if (failed(mlir::verify(*part.module))) return failure();
  SmallVector<Value> arguments(operands);
  for (Type type :
       part.function.getArgumentTypes().drop_front(operands.size())) {
    Dim dim = getDim(cast<RankedTensorType>(type), 0);
    arguments.push_back(
        Tensor({sizes.lookup(dim.name.getValue())}, ElementKind::f32));
  }
  Interpreter interpreter(*part.module);
  interpreter.setExact(true);
  interpreter.setRandomState(random);
  return interpreter.run(part.function, arguments);
}

int64_t sizeOf(const ShardingRule& rule, unsigned factor,
               const SlicingInputs& inputs) {
  const Dim& size = rule.factors[factor].size;
  if (size.isStatic()) return size.size;
  if (size.name) return inputs.sizes.lookup(size.name);
  for (auto [value, term] : llvm::zip(inputs.operands, rule.operands))
    for (auto [index, factors] : llvm::enumerate(term.dims))
      if (value.isTensor() && factors[0] == factor)
        return value.tensor().shape[index];
  return 0;
}

}  // namespace graft::interpret

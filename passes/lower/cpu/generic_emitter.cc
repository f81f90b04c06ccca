// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/generic_emitter.h"

#include "dialects/graft/graft_dialect.h"
#include "dialects/graft/sharding_rule.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "passes/lower/cpu/builder/row_kernel.h"

using namespace mlir;

namespace graft {
namespace {

// Which operands and results are cut along their rows; empty if the op's rows
// are not independent.
SmallVector<bool> rowWise(Operation* op) {
  ShardingRule rule = getShardingRule(op);
  std::optional<unsigned> row = rule.getRowFactor();
  if (!row) return {};
  SmallVector<bool> cut;
  for (const auto* terms : {&rule.operands, &rule.results})
    for (const ShardingTerm& term : *terms) cut.push_back(term.contains(*row));
  return cut;
}

// Row `row` of a buffer as memref<1x...>.
Value rowOf(OpBuilder& b, Location loc, Value buffer, Value row) {
  auto type = cast<MemRefType>(buffer.getType());
  SmallVector<OpFoldResult> offsets(type.getRank(), b.getIndexAttr(0));
  SmallVector<OpFoldResult> sizes, strides(type.getRank(), b.getIndexAttr(1));
  offsets[0] = row;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    sizes.push_back(
        type.isDynamicDim(dim)
            ? OpFoldResult(
                  memref::DimOp::create(b, loc, buffer, dim).getResult())
            : b.getIndexAttr(type.getDimSize(dim)));
  sizes[0] = b.getIndexAttr(1);
  return memref::SubViewOp::create(b, loc, buffer, offsets, sizes, strides);
}

// The tensor with other elements, widened or rounded one by one; itself if they
// are no floats.
Value convertElements(OpBuilder& b, Location loc, Value tensor, Type element) {
  auto type = cast<RankedTensorType>(tensor.getType());
  Type from = type.getElementType();
  if (from == element || !isa<FloatType>(from)) return tensor;
  Value init = tensor::EmptyOp::create(
      b, loc, tensor::getMixedSizes(b, loc, tensor), element);
  AffineMap identity = b.getMultiDimIdentityMap(type.getRank());
  SmallVector<utils::IteratorType> iterators(type.getRank(),
                                             utils::IteratorType::parallel);
  bool widens = element.getIntOrFloatBitWidth() > from.getIntOrFloatBitWidth();
  return linalg::GenericOp::create(
             b, loc, init.getType(), tensor, init,
             ArrayRef<AffineMap>{identity, identity}, iterators,
             [&](OpBuilder& inner, Location loc, ValueRange elements) {
               Value value = widens ? Value(arith::ExtFOp::create(
                                          inner, loc, element, elements[0]))
                                    : Value(arith::TruncFOp::create(
                                          inner, loc, element, elements[0]));
               linalg::YieldOp::create(inner, loc, value);
             })
      .getResult(0);
}

// The op's linalg form on the buffers, of which `cut` ones are reduced to
// `row`.
LogicalResult emitBody(RegionLoweringInterface op, VectorBuilder& v,
                       ArrayRef<Value> buffers, ArrayRef<bool> cut, Value row) {
  OpBuilder& b = v.b();
  Location loc = v.location();
  SmallVector<Value> parts;
  for (auto [index, buffer] : llvm::enumerate(buffers))
    parts.push_back(!cut.empty() && cut[index] ? rowOf(b, loc, buffer, row)
                                               : buffer);
  size_t results = op->getNumResults();
  SmallVector<Value> tensors, outputs;
  for (Value part : ArrayRef(parts).drop_back(results)) {
    auto type = cast<MemRefType>(part.getType());
    Value tensor = bufferization::ToTensorOp::create(
        b, loc, RankedTensorType::get(type.getShape(), type.getElementType()),
        part, /*restrict=*/true);
    // Kernels compute in f32, and a result is rounded once.
    tensors.push_back(convertElements(b, loc, tensor, b.getF32Type()));
  }
  if (failed(op.lowerToLinalg(b, tensors, outputs))) return failure();
  if (outputs.size() != results)
    return op->emitOpError("expects lowerToLinalg to give ")
           << results << " values, got " << outputs.size();
  for (auto [output, part] :
       llvm::zip_equal(outputs, ArrayRef(parts).take_back(results))) {
    auto type = cast<MemRefType>(part.getType());
    auto wanted = RankedTensorType::get(type.getShape(), type.getElementType());
    Value value = convertElements(b, loc, output, type.getElementType());
    if (value.getType() != wanted)
      value = tensor::CastOp::create(b, loc, wanted, value);
    auto store =
        bufferization::MaterializeInDestinationOp::create(b, loc, value, part);
    store.setRestrict(true);
    store.setWritable(true);
  }
  return success();
}

}  // namespace

LogicalResult emitGeneric(RegionLoweringInterface op, OpBuilder& builder,
                          CpuContext& context) {
  SmallVector<bool> cut = rowWise(op);
  auto rowsType = [&]() -> RankedTensorType {
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    Attribute encoding;
    if (type.isDynamicDim(0))
      encoding = DimsAttr::get(
          op->getContext(),
          cast<DimsAttr>(type.getEncoding()).getNames().take_front(1));
    return RankedTensorType::get({type.getDimSize(0)}, type.getElementType(),
                                 encoding);
  };
  Work work = cut.empty() ? Work::units(op->getContext(), 1, 1)
                          : Work::elements(rowsType(), /*elementsPerItem=*/16);
  LogicalResult status = success();
  ValueRange results = context.launch(
      builder, op, op->getName().stripDialect(), op->getOperands(),
      op->getResultTypes(), work.grid(), {},
      [&](OpBuilder& b, Location loc, const KernelArguments& arguments) {
        VectorBuilder v(b, loc, context.getLevel());
        forRows(v, work, arguments, [&](Value row) {
          status = emitBody(op, v, arguments.buffers, cut, row);
        });
      });
  if (failed(status)) return failure();
  return replaceBy(op, results);
}

}  // namespace graft

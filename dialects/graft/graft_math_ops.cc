// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/graft/graft_ops.h"
#include "dialects/graft/sharding_rule.h"

using namespace mlir;

namespace graft {
namespace {

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

// Ascending, distinct and inside [0, rank).
bool areDimensions(ArrayRef<int64_t> dimensions, int64_t rank) {
  int64_t last = -1;
  for (int64_t dimension : dimensions) {
    if (dimension <= last || dimension >= rank) return false;
    last = dimension;
  }
  return true;
}

// `dims` without the positions of `dropped`.
SmallVector<Dim> dropDims(ArrayRef<Dim> dims, ArrayRef<int64_t> dropped) {
  SmallVector<Dim> kept;
  for (auto [index, dim] : llvm::enumerate(dims))
    if (!llvm::is_contained(dropped, static_cast<int64_t>(index)))
      kept.push_back(dim);
  return kept;
}

// Product of the static sizes, and the dynamic dimensions in order.
std::pair<int64_t, SmallVector<Dim>> countElements(RankedTensorType type) {
  int64_t count = 1;
  SmallVector<Dim> dynamic;
  for (const Dim& dim : getDims(type)) {
    if (dim.isStatic())
      count *= dim.size;
    else
      dynamic.push_back(dim);
  }
  return {count, dynamic};
}

// The labelled constraint that ops which only move elements keep their type.
LogicalResult verifySameElements(Operation* op, StringRef names, Value lhs,
                                 Value rhs) {
  if (typeOf(lhs).getElementType() == typeOf(rhs).getElementType())
    return success();
  return op->emitOpError("expects ")
         << names << " of one element type, got " << lhs.getType() << " and "
         << rhs.getType();
}

}  // namespace

OpFoldResult AddOp::fold(FoldAdaptor) {
  auto isZero = [](Value value) {
    auto constant = value.getDefiningOp<ConstantOp>();
    return constant && constant.getValue().isZero();
  };
  if (isZero(getRhs())) return getLhs();
  if (isZero(getLhs())) return getRhs();
  return {};
}

OpFoldResult ScaleOp::fold(FoldAdaptor) {
  if (getFactor().isExactlyValue(1.0)) return getInput();
  return {};
}

OpFoldResult CastOp::fold(FoldAdaptor) {
  if (getInput().getType() == getType()) return getInput();
  auto source = getInput().getDefiningOp<CastOp>();
  if (!source || source.getInput().getType() != getType()) return {};
  // f32 holds all values of the other two, which do not hold those of each
  // other.
  return getInput().getType().getElementType().isF32() ? source.getInput()
                                                       : Value();
}

LogicalResult ReduceOp::inferReturnTypes(MLIRContext*, std::optional<Location>,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type>& types) {
  RankedTensorType input = typeOf(adaptor.getInput());
  types.push_back(
      getTensorType(dropDims(getDims(input), adaptor.getDimensions()),
                    input.getElementType()));
  return success();
}

bool ReduceOp::isCompatibleReturnTypes(TypeRange inferred, TypeRange actual) {
  return areSameOrF32(inferred, actual);
}

LogicalResult ReduceOp::verify() {
  // C1.
  if (areDimensions(getDimensions(), getInput().getType().getRank()))
    return success();
  return emitOpError("expects ascending dimensions inside the input's rank ")
         << getInput().getType().getRank() << ", got [" << getDimensions()
         << "]";
}

LogicalResult BroadcastOp::verify() {
  // C1.
  RankedTensorType input = getInput().getType();
  RankedTensorType output = getOutput().getType();
  bool fits = areDimensions(getDimensions(), output.getRank());
  SmallVector<Dim> kept = dropDims(getDims(output), getDimensions());
  fits = fits && kept.size() == static_cast<size_t>(input.getRank());
  for (auto [have, want] : llvm::zip(getDims(input), kept))
    fits = fits && have.isCompatible(want);
  if (!fits)
    return emitOpError("expects the result without dimensions [")
           << getDimensions() << "] to have the input's shape, got " << input
           << " and " << output;
  return verifySameElements(*this, "input and result", getInput(),
                            getOutput());  // C2.
}

LogicalResult ReshapeOp::verify() {
  // C1.
  auto [inputCount, inputDynamic] = countElements(getInput().getType());
  auto [outputCount, outputDynamic] = countElements(getOutput().getType());
  bool fits =
      inputCount == outputCount && inputDynamic.size() == outputDynamic.size();
  for (auto [have, want] : llvm::zip(inputDynamic, outputDynamic))
    fits = fits && have.isCompatible(want);
  if (!fits)
    return emitOpError("expects as many elements in input and result, got ")
           << getInput().getType() << " and " << getOutput().getType();
  return verifySameElements(*this, "input and result", getInput(),
                            getOutput());  // C2.
}

LogicalResult TransposeOp::inferReturnTypes(MLIRContext*,
                                            std::optional<Location>,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type>& types) {
  RankedTensorType input = typeOf(adaptor.getInput());
  types.push_back(getTensorType({getDim(input, 1), getDim(input, 0)},
                                input.getElementType()));
  return success();
}

LogicalResult ConcatOp::inferReturnTypes(MLIRContext*, std::optional<Location>,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type>& types) {
  if (adaptor.getInputs().empty()) return failure();
  RankedTensorType first = typeOf(adaptor.getInputs().front());
  Dim width{0, nullptr};
  for (Value input : adaptor.getInputs()) {
    Dim dim = getDim(typeOf(input), 1);
    width = dim.isStatic() && width.isStatic()
                ? Dim{width.size + dim.size, nullptr}
                : Dim{ShapedType::kDynamic, dim.name};  // The verifier speaks.
  }
  types.push_back(
      getTensorType({getDim(first, 0), width}, first.getElementType()));
  return success();
}

LogicalResult ConcatOp::verify() {
  // C1.
  if (getInputs().empty())
    return emitOpError("expects at least one input, got none");
  Dim rows = getDim(typeOf(getInputs().front()), 0);
  for (Value input : getInputs())
    if (!rows.isCompatible(getDim(typeOf(input), 0)))
      return emitOpError("expects inputs of the same rows, got ")
             << getInputs().front().getType() << " and " << input.getType();
  // C2.
  for (Value input : getInputs())
    if (typeOf(input).isDynamicDim(1))
      return emitOpError("expects inputs of static width, got ")
             << input.getType();
  // C3.
  for (Value input : getInputs())
    if (failed(verifySameElements(*this, "inputs", getInputs().front(), input)))
      return failure();
  return success();
}

LogicalResult SliceOp::inferReturnTypes(MLIRContext*, std::optional<Location>,
                                        Adaptor adaptor,
                                        SmallVectorImpl<Type>& types) {
  RankedTensorType input = typeOf(adaptor.getInput());
  Dim width{static_cast<int64_t>(adaptor.getSize()), nullptr};
  types.push_back(
      getTensorType({getDim(input, 0), width}, input.getElementType()));
  return success();
}

LogicalResult SliceOp::verify() {
  // C1. Offset and size are not negative, so their sum fits 64 bits unsigned.
  RankedTensorType input = getInput().getType();
  uint64_t end = getOffset() + getSize();
  if (!input.isDynamicDim(1) &&
      end <= static_cast<uint64_t>(input.getDimSize(1)))
    return success();
  return emitOpError("expects columns [")
         << getOffset() << ", " << end << ") inside the input, got " << input;
}

LogicalResult GatherOp::inferReturnTypes(MLIRContext*, std::optional<Location>,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type>& types) {
  RankedTensorType input = typeOf(adaptor.getInput());
  types.push_back(
      getTensorType({getDim(typeOf(adaptor.getIndices()), 0), getDim(input, 1)},
                    input.getElementType()));
  return success();
}

LogicalResult SpectralOp::verify() {
  auto type = cast<RankedTensorType>(getInput().getType());
  SmallVector<Dim> dims = getDims(type);
  if (!dims[0].isCompatible(dims[1]))
    return emitOpError("expects a square matrix, got ") << type;  // C1.
  if (int64_t rows = type.getDimSize(0);
      !ShapedType::isDynamic(rows) && rows > kMaximumRows)
    return emitOpError("expects at most ")
           << kMaximumRows << " rows, got " << rows;  // C1.
  double above = getAbove().convertToDouble();
  if (!(above >= 0 && above < 1))
    return emitOpError("expects above in [0, 1), got ") << above;  // C2.
  return success();
}

LogicalResult OneHotOp::verify() {
  // C1.
  if (getDim(getLabels().getType(), 0)
          .isCompatible(getDim(getOutput().getType(), 0)))
    return success();
  return emitOpError("expects a row for each label, got ")
         << getLabels().getType() << " and " << getOutput().getType();
}

LogicalResult ScatterAddOp::verify() {
  // C1.
  RankedTensorType updates = getUpdates().getType();
  if (!getDim(getIndices().getType(), 0).isCompatible(getDim(updates, 0)))
    return emitOpError(
               "expects 'indices' and 'updates' to have as many rows, got ")
           << getIndices().getType() << " and " << updates;
  // C2.
  if (!getDim(getInput().getType(), 1).isCompatible(getDim(updates, 1)))
    return emitOpError("expects 'input' and 'updates' of one width, got ")
           << getInput().getType() << " and " << updates;
  return verifySameElements(*this, "'input' and 'updates'", getInput(),
                            getUpdates());  // C3.
}

}  // namespace graft

#define GET_OP_CLASSES
#include "dialects/graft/graft_math_ops.cc.inc"

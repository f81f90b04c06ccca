// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/builder/vector_builder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace graft {
namespace {

bool isHalf(Type element) { return element.isF16() || element.isBF16(); }

}  // namespace

VectorType VectorBuilder::floats() const {
  return VectorType::get({width}, builder.getF32Type());
}

VectorType VectorBuilder::words() const {
  return VectorType::get({width}, builder.getI32Type());
}

Value VectorBuilder::constant(TypedAttr value) {
  Value& known = constants[value];
  if (!known) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(entry);
    known = arith::ConstantOp::create(builder, loc, value);
  }
  return known;
}

Value VectorBuilder::index(int64_t value) {
  return constant(builder.getIndexAttr(value));
}

Value VectorBuilder::integer(uint32_t value) {
  return constant(builder.getI32IntegerAttr(static_cast<int32_t>(value)));
}

Value VectorBuilder::integer64(uint64_t value) {
  return constant(builder.getI64IntegerAttr(static_cast<int64_t>(value)));
}

Value VectorBuilder::scalar(double value) {
  return constant(builder.getF32FloatAttr(static_cast<float>(value)));
}

Value VectorBuilder::splat(double value) {
  return constant(DenseElementsAttr::get(floats(), static_cast<float>(value)));
}

Value VectorBuilder::splatWord(uint32_t value) {
  return constant(DenseElementsAttr::get(words(), static_cast<int32_t>(value)));
}

Value VectorBuilder::broadcast(Value scalar) {
  return vector::BroadcastOp::create(
      builder, loc, VectorType::get({width}, scalar.getType()), scalar);
}

Value VectorBuilder::constantLike(Value like, double value) {
  Attribute attribute = builder.getF32FloatAttr(static_cast<float>(value));
  if (auto type = dyn_cast<VectorType>(like.getType()))
    attribute = DenseElementsAttr::get(type, attribute);
  return constant(cast<TypedAttr>(attribute));
}

Value VectorBuilder::toWord(Value index) {
  return arith::IndexCastOp::create(builder, loc, builder.getI32Type(), index);
}

Value VectorBuilder::toIndex(Value integer) {
  return arith::IndexCastOp::create(builder, loc, builder.getIndexType(),
                                    integer);
}

Value VectorBuilder::addIndex(Value a, Value b) {
  return builder.createOrFold<arith::AddIOp>(loc, a, b);
}
Value VectorBuilder::subIndex(Value a, Value b) {
  return builder.createOrFold<arith::SubIOp>(loc, a, b);
}
Value VectorBuilder::mulIndex(Value a, Value b) {
  return builder.createOrFold<arith::MulIOp>(loc, a, b);
}
Value VectorBuilder::minIndex(Value a, Value b) {
  return builder.createOrFold<arith::MinSIOp>(loc, a, b);
}
Value VectorBuilder::addIndex(Value a, int64_t b) {
  return b == 0 ? a : addIndex(a, index(b));
}
Value VectorBuilder::mulIndex(Value a, int64_t b) {
  return b == 1 ? a : mulIndex(a, index(b));
}
Value VectorBuilder::divIndex(Value a, int64_t b) {
  return builder.createOrFold<arith::DivUIOp>(loc, a, index(b));
}
Value VectorBuilder::greaterIndex(Value a, Value b) {
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sgt, a, b);
}

Value VectorBuilder::add(Value a, Value b) {
  return arith::AddFOp::create(builder, loc, a, b);
}
Value VectorBuilder::sub(Value a, Value b) {
  return arith::SubFOp::create(builder, loc, a, b);
}
Value VectorBuilder::mul(Value a, Value b) {
  return arith::MulFOp::create(builder, loc, a, b);
}
Value VectorBuilder::div(Value a, Value b) {
  return arith::DivFOp::create(builder, loc, a, b);
}
Value VectorBuilder::fma(Value a, Value b, Value c) {
  return math::FmaOp::create(builder, loc, a, b, c);
}
Value VectorBuilder::max(Value a, Value b) {
  return arith::MaximumFOp::create(builder, loc, a, b);
}
Value VectorBuilder::min(Value a, Value b) {
  return arith::MinimumFOp::create(builder, loc, a, b);
}
Value VectorBuilder::neg(Value a) {
  return arith::NegFOp::create(builder, loc, a);
}
Value VectorBuilder::abs(Value a) {
  return math::AbsFOp::create(builder, loc, a);
}
Value VectorBuilder::sqrt(Value a) {
  return math::SqrtOp::create(builder, loc, a);
}
Value VectorBuilder::exp(Value a) {
  return math::ExpOp::create(builder, loc, a);
}
Value VectorBuilder::expNonPositive(Value a) {
  // a = n log 2 + r with |r| <= log(2) / 2; e^r by the polynomial of Cephes
  // (Moshier, expf.c); 2^n through the exponent bits. Adding 1.5 * 2^23 rounds
  // to an integer and leaves it in the low bits.
  constexpr double kRound = 12582912.0;
  constexpr int64_t kRoundBits = 0x4B400000;
  Value lowest = splat(-87.0);
  a = select(
      arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OGT, lowest, a),
      lowest, a);
  Value shifted = fma(a, splat(1.44269504088896341), splat(kRound));
  Value n = sub(shifted, splat(kRound));
  Value r = fma(n, splat(-0.693359375), a);
  r = fma(n, splat(2.12194440e-4), r);
  Value p = splat(1.9875691500e-4);
  for (double c : {1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2,
                   1.6666665459e-1, 5.0000001201e-1})
    p = fma(p, r, splat(c));
  p = add(fma(p, mul(r, r), r), splat(1.0));
  Value bits = arith::BitcastOp::create(builder, loc, words(), shifted);
  // (bits - kRoundBits + 127) << 23
  bits = arith::AddIOp::create(builder, loc, bits, splatWord(127 - kRoundBits));
  bits = arith::ShLIOp::create(builder, loc, bits, splatWord(23));
  return mul(p, arith::BitcastOp::create(builder, loc, floats(), bits));
}
Value VectorBuilder::log(Value a) {
  return math::LogOp::create(builder, loc, a);
}
Value VectorBuilder::log1p(Value a) {
  return math::Log1pOp::create(builder, loc, a);
}
Value VectorBuilder::tanh(Value a) {
  return math::TanhOp::create(builder, loc, a);
}
Value VectorBuilder::erf(Value a) {
  return math::ErfOp::create(builder, loc, a);
}
Value VectorBuilder::greaterEqual(Value a, Value b) {
  return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OGE, a, b);
}
Value VectorBuilder::select(Value condition, Value a, Value b) {
  return arith::SelectOp::create(builder, loc, condition, a, b);
}

Value VectorBuilder::widen(Operation* op, ArrayRef<Value> operands) {
  auto type = VectorType::get({width}, op->getResult(0).getType());
  if (auto scalar = dyn_cast<arith::ConstantOp>(op))
    return constant(DenseElementsAttr::get(type, scalar.getValue()));
  OperationState state(loc, op->getName(), operands, type, op->getAttrs());
  if (isa<arith::ArithFastMathInterface>(op))
    state.attributes.set(
        "fastmath", arith::FastMathFlagsAttr::get(op->getContext(),
                                                  arith::FastMathFlags::none));
  return builder.create(state)->getResult(0);
}

Value VectorBuilder::reduceLanes(
    Value vector, llvm::function_ref<Value(Value, Value)> combine) {
  for (int64_t half = width / 2; half >= 1; half /= 2) {
    auto part = [&](int64_t offset) -> Value {
      return vector::ExtractStridedSliceOp::create(
          builder, loc, vector, ArrayRef<int64_t>{offset},
          ArrayRef<int64_t>{half}, ArrayRef<int64_t>{1});
    };
    vector = combine(part(0), part(half));
  }
  return vector::ExtractOp::create(builder, loc, vector, int64_t{0});
}

Value VectorBuilder::sumLanes(Value vector) {
  return reduceLanes(vector, [&](Value a, Value b) { return add(a, b); });
}
Value VectorBuilder::maxLanes(Value vector) {
  return reduceLanes(vector, [&](Value a, Value b) { return max(a, b); });
}

Value VectorBuilder::flat(Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  if (type.getRank() == 1) return memref;
  if (type.getRank() == 0)
    return memref::ReinterpretCastOp::create(
        builder, loc, MemRefType::get({1}, type.getElementType()), memref,
        /*offset=*/0, ArrayRef<int64_t>{1}, ArrayRef<int64_t>{1});
  ReassociationIndices all =
      llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
  return memref::CollapseShapeOp::create(
      builder, loc, memref, SmallVector<ReassociationIndices>{all});
}

Value VectorBuilder::convert(Value value, Type element) {
  Type type = element;
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    type = vector.clone(element);
  if (type == value.getType()) return value;
  unsigned from = getElementTypeOrSelf(value).getIntOrFloatBitWidth();
  if (element.getIntOrFloatBitWidth() > from)
    return arith::ExtFOp::create(builder, loc, type, value);
  return arith::TruncFOp::create(builder, loc, type, value);
}

Value VectorBuilder::round(Value value, Type element) {
  return convert(convert(value, element), builder.getF32Type());
}

Value VectorBuilder::words16(Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  return UnrealizedConversionCastOp::create(
             builder, loc,
             MemRefType::get(type.getShape(), builder.getI16Type()), buffer)
      .getResult(0);
}

Value VectorBuilder::load(Value buffer, ValueRange indices, Value mask) {
  Type element = cast<MemRefType>(buffer.getType()).getElementType();
  bool half = isHalf(element);
  auto type = VectorType::get({width}, element);
  Value value;
  if (mask) {
    auto inMemory =
        VectorType::get({width}, half ? builder.getI16Type() : element);
    Value zero = constant(builder.getZeroAttr(inMemory));
    value = vector::MaskedLoadOp::create(builder, loc, inMemory,
                                         half ? words16(buffer) : buffer,
                                         indices, mask, zero);
    if (half) value = arith::BitcastOp::create(builder, loc, type, value);
  } else {
    value = vector::LoadOp::create(builder, loc, type, buffer, indices);
  }
  return isa<FloatType>(element) ? convert(value, builder.getF32Type()) : value;
}

void VectorBuilder::store(Value vector, Value buffer, ValueRange indices,
                          Value mask) {
  Type element = cast<MemRefType>(buffer.getType()).getElementType();
  if (isa<FloatType>(element)) vector = convert(vector, element);
  if (!mask) {
    vector::StoreOp::create(builder, loc, vector, buffer, indices);
    return;
  }
  if (isHalf(element)) {
    vector = arith::BitcastOp::create(
        builder, loc, VectorType::get({width}, builder.getI16Type()), vector);
    buffer = words16(buffer);
  }
  vector::MaskedStoreOp::create(builder, loc, buffer, indices, mask, vector);
}

Value VectorBuilder::loadScalar(Value buffer, ValueRange indices) {
  Value value = memref::LoadOp::create(builder, loc, buffer, indices);
  return isa<FloatType>(value.getType()) ? convert(value, builder.getF32Type())
                                         : value;
}

void VectorBuilder::storeScalar(Value value, Value buffer, ValueRange indices) {
  Type element = cast<MemRefType>(buffer.getType()).getElementType();
  if (isa<FloatType>(element)) value = convert(value, element);
  memref::StoreOp::create(builder, loc, value, buffer, indices);
}

Value VectorBuilder::loadBroadcast(Value buffer, ValueRange indices) {
  if (!cast<MemRefType>(buffer.getType()).getElementType().isBF16())
    return broadcast(loadScalar(buffer, indices));
  // The word in both halves of each lane, then in the upper one: two
  // instructions, where a scalar would be widened before it is broadcast.
  Value word = memref::LoadOp::create(builder, loc, words16(buffer), indices);
  Value pairs = vector::BroadcastOp::create(
      builder, loc, VectorType::get({2 * width}, word.getType()), word);
  Value lanes = vector::BitCastOp::create(builder, loc, words(), pairs);
  lanes = arith::ShLIOp::create(builder, loc, lanes, splatWord(16));
  return arith::BitcastOp::create(builder, loc, floats(), lanes);
}

Value VectorBuilder::mask(int64_t count) {
  return vector::ConstantMaskOp::create(
      builder, loc, VectorType::get({width}, builder.getI1Type()),
      ArrayRef<int64_t>{count});
}

Value VectorBuilder::mask(Value count) {
  return vector::CreateMaskOp::create(
      builder, loc, VectorType::get({width}, builder.getI1Type()), count);
}

SmallVector<Value> VectorBuilder::loop(Value lower, Value upper, int64_t step,
                                       ValueRange inits, LoopBody body) {
  auto op = scf::ForOp::create(builder, loc, lower, upper, index(step), inits);
  {
    OpBuilder::InsertionGuard guard(builder);
    // A loop without carried values comes with its terminator.
    builder.setInsertionPointToStart(op.getBody());
    SmallVector<Value> carried =
        body(op.getInductionVar(), op.getRegionIterArgs());
    if (!inits.empty()) {
      builder.setInsertionPointToEnd(op.getBody());
      scf::YieldOp::create(builder, loc, carried);
    }
  }
  return llvm::to_vector_of<Value>(op.getResults());
}

void VectorBuilder::loop(Value lower, Value upper, int64_t step,
                         llvm::function_ref<void(Value)> body) {
  loop(lower, upper, step, ValueRange{}, [&](Value i, ValueRange) {
    body(i);
    return SmallVector<Value>{};
  });
}

void VectorBuilder::ifThen(Value condition, llvm::function_ref<void()> body) {
  auto op = scf::IfOp::create(builder, loc, condition, /*withElse=*/false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(op.thenYield());
  body();
}

}  // namespace graft

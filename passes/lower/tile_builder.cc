// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/tile_builder.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace graft {

VectorType TileBuilder::vectorOf(Type element) {
  return VectorType::get({lanes()}, element);
}

Value TileBuilder::constant(TypedAttr value) {
  return create<arith::ConstantOp>(value);
}

Value TileBuilder::laneNumbers() {
  SmallVector<int32_t> numbers;
  for (int64_t lane = 0; lane < lanes(); ++lane) numbers.push_back(lane);
  return constant(DenseElementsAttr::get(vectorOf(b().getI32Type()),
                                         ArrayRef<int32_t>(numbers)));
}

static bool isFloat(Value value) {
  return isa<FloatType>(getElementTypeOrSelf(value.getType()));
}

Value TileBuilder::add(Value a, Value b) {
  if (isFloat(a)) return create<arith::AddFOp>(a, b);
  return create<arith::AddIOp>(a, b);
}

Value TileBuilder::add(Value a, int64_t b) {
  return b == 0 ? a : add(a, index(b));
}

Value TileBuilder::sub(Value a, Value b) {
  if (isFloat(a)) return create<arith::SubFOp>(a, b);
  return create<arith::SubIOp>(a, b);
}

Value TileBuilder::mul(Value a, Value b) {
  if (isFloat(a)) return create<arith::MulFOp>(a, b);
  return create<arith::MulIOp>(a, b);
}

Value TileBuilder::mul(Value a, int64_t b) { return mul(a, index(b)); }

Value TileBuilder::div(Value a, Value b) {
  if (isFloat(a)) return create<arith::DivFOp>(a, b);
  return create<arith::DivUIOp>(a, b);
}

Value TileBuilder::div(Value a, int64_t b) { return div(a, index(b)); }

Value TileBuilder::rem(Value a, int64_t b) {
  return create<arith::RemUIOp>(a, index(b));
}

Value TileBuilder::min(Value a, Value b) {
  return create<arith::MinSIOp>(a, b);
}

Value TileBuilder::larger(Value a, Value b) {
  return select(create<arith::CmpFOp>(arith::CmpFPredicate::OGT, a, b), a, b);
}

Value TileBuilder::smaller(Value a, Value b) {
  return select(create<arith::CmpFOp>(arith::CmpFPredicate::OLT, a, b), a, b);
}

Value TileBuilder::less(Value a, Value b) {
  return create<arith::CmpIOp>(arith::CmpIPredicate::slt, a, b);
}

Value TileBuilder::less(Value a, int64_t b) { return less(a, index(b)); }

Value TileBuilder::toFloat(Value index) {
  return create<arith::SIToFPOp>(b().getF32Type(), toWord(index));
}

Value TileBuilder::andWord(Value a, Value b) {
  return create<arith::AndIOp>(a, b);
}

Value TileBuilder::orWord(Value a, Value b) {
  return create<arith::OrIOp>(a, b);
}

Value TileBuilder::shiftRightWord(Value a, Value b) {
  return create<arith::ShRUIOp>(a, b);
}

Value TileBuilder::equalWord(Value a, Value b) {
  return create<arith::CmpIOp>(arith::CmpIPredicate::eq, a, b);
}

Value TileBuilder::greaterEqualWord(Value a, Value b) {
  return create<arith::CmpIOp>(arith::CmpIPredicate::uge, a, b);
}

void TileBuilder::prefetch(Value buffer, ValueRange indices) {
  memref::PrefetchOp::create(b(), location(), buffer, indices,
                             /*isWrite=*/false, /*localityHint=*/3,
                             /*isDataCache=*/true);
}

void TileBuilder::prefetchSecond(Value buffer, ValueRange indices) {
  memref::PrefetchOp::create(b(), location(), buffer, indices,
                             /*isWrite=*/false, /*localityHint=*/2,
                             /*isDataCache=*/true);
}

Value TileBuilder::differ(Value a, Value b) {
  return create<arith::CmpIOp>(
      arith::CmpIPredicate::ne,
      create<memref::ExtractAlignedPointerAsIndexOp>(a),
      create<memref::ExtractAlignedPointerAsIndexOp>(b));
}

Value TileBuilder::tailMask(int64_t count) {
  if (count >= lanes()) return {};
  SmallVector<bool> bits;
  for (int64_t lane = 0; lane < lanes(); ++lane) bits.push_back(lane < count);
  return constant(
      DenseElementsAttr::get(vectorOf(b().getI1Type()), ArrayRef<bool>(bits)));
}

Value TileBuilder::tailMask(Value count) {
  return create<arith::CmpIOp>(arith::CmpIPredicate::slt, laneNumbers(),
                               broadcast(toWord(count)));
}

void TileBuilder::columns(int64_t count,
                          llvm::function_ref<void(Value, Value)> body) {
  int64_t full = count / lanes() * lanes();
  if (full > 0)
    loop(index(0), index(full), lanes(), [&](Value c) { body(c, {}); });
  if (full < count) body(index(full), tailMask(count - full));
}

void TileBuilder::columns(Value lower, int64_t width, int64_t count,
                          llvm::function_ref<void(Value, Value)> body) {
  int64_t full = count / lanes() * lanes();
  loop(lower, min(add(lower, width), index(full)), lanes(),
       [&](Value c) { body(c, {}); });
  if (full == count) return;
  // The tail belongs to the range it starts in.
  Value holds = create<arith::AndIOp>(less(lower, full + 1),
                                      less(index(full), add(lower, width)));
  ifThen(holds, [&] { body(index(full), tailMask(count - full)); });
}

Value TileBuilder::scratch(ArrayRef<int64_t> shape, Type element) {
  return create<memref::AllocaOp>(MemRefType::get(shape, element),
                                  b().getI64IntegerAttr(64));
}

Value TileBuilder::scratch(ArrayRef<int64_t> shape) {
  return scratch(shape, b().getF32Type());
}

void TileBuilder::transpose(SmallVectorImpl<Value>& rows) {
  assert(int64_t(rows.size()) == lanes() && "expects a square of vectors");
  // Interleaving the two halves of the rows rotates the bits of (row, column)
  // by one; after log2(lanes) turns rows and columns have changed places.
  SmallVector<int64_t> low, high;
  for (int64_t lane = 0; lane < lanes() / 2; ++lane) {
    low.append({lane, lane + lanes()});
    high.append({lane + lanes() / 2, lane + lanes() / 2 + lanes()});
  }
  for (int64_t turn = 1; turn < lanes(); turn *= 2) {
    SmallVector<Value> next;
    for (int64_t row = 0; row < lanes() / 2; ++row) {
      Value a = rows[row], b = rows[row + lanes() / 2];
      next.push_back(create<vector::ShuffleOp>(a, b, low));
      next.push_back(create<vector::ShuffleOp>(a, b, high));
    }
    rows.assign(next.begin(), next.end());
  }
}

std::array<Value, 4> TileBuilder::philox(std::array<Value, 4> counter,
                                         std::array<Value, 2> key) {
  Type i64 = b().getI64Type();
  VectorType wide = VectorType::get({lanes() / 2}, i64);
  VectorType narrow = vectorOf(b().getI32Type());
  auto wideSplat = [&](uint64_t value) {
    return constant(DenseElementsAttr::get(wide, APInt(64, value)));
  };
  Value low = wideSplat(0xFFFFFFFFu), high = wideSplat(0xFFFFFFFF00000000u);
  Value half = wideSplat(32);
  auto shiftRight = [&](Value x) -> Value {
    return create<arith::ShRUIOp>(x, half);
  };
  auto mask = [&](Value x, Value bits) -> Value {
    return create<arith::AndIOp>(x, bits);
  };
  // Products of the even and of the odd lanes, as 64-bit lanes; the high and
  // the low words go back to their lanes.
  auto multiply = [&](Value x, uint64_t factor) -> std::array<Value, 2> {
    Value pairs = create<vector::BitCastOp>(wide, x);
    Value even = mul(mask(pairs, low), wideSplat(factor));
    Value odd = mul(shiftRight(pairs), wideSplat(factor));
    Value top = create<arith::OrIOp>(shiftRight(even), mask(odd, high));
    Value bottom =
        create<arith::OrIOp>(mask(even, low), create<arith::ShLIOp>(odd, half));
    return {create<vector::BitCastOp>(narrow, top),
            create<vector::BitCastOp>(narrow, bottom)};
  };
  auto mix = [&](Value a, Value b, Value c) -> Value {
    return create<arith::XOrIOp>(create<arith::XOrIOp>(a, b), broadcast(c));
  };
  for (int round = 0; round < 10; ++round) {
    auto [high0, low0] = multiply(counter[0], 0xD2511F53u);
    auto [high1, low1] = multiply(counter[2], 0xCD9E8D57u);
    counter = {mix(high1, counter[1], key[0]), low1,
               mix(high0, counter[3], key[1]), low0};
    key = {add(key[0], integer(0x9E3779B9u)),
           add(key[1], integer(0xBB67AE85u))};
  }
  return counter;
}

Value TileBuilder::splitMix64(Value x) {
  auto constant64 = [&](uint64_t value) {
    return constant(b().getIntegerAttr(b().getI64Type(), int64_t(value)));
  };
  auto xorShift = [&](Value y, int64_t bits) -> Value {
    Value shifted = create<arith::ShRUIOp>(y, constant64(bits));
    return create<arith::XOrIOp>(y, shifted);
  };
  x = add(x, constant64(0x9E3779B97F4A7C15u));
  x = mul(xorShift(x, 30), constant64(0xBF58476D1CE4E5B9u));
  x = mul(xorShift(x, 27), constant64(0x94D049BB133111EBu));
  return xorShift(x, 31);
}

std::array<Value, 2> TileBuilder::randomOpKey(Value seed, Value place) {
  Value key = splitMix64(create<arith::XOrIOp>(seed, splitMix64(place)));
  Type i32 = b().getI32Type();
  return {create<arith::TruncIOp>(i32, key),
          create<arith::TruncIOp>(
              i32, create<arith::ShRUIOp>(key, constant(b().getIntegerAttr(
                                                   b().getI64Type(), 32))))};
}

}  // namespace graft

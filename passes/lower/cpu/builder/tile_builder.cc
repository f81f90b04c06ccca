// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/builder/tile_builder.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace graft {

VectorType TileBuilder::vectorOf(Type element) {
  return VectorType::get({lanes()}, element);
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

Value TileBuilder::shiftLeftWord(Value a, Value b) {
  return create<arith::ShLIOp>(a, b);
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

}  // namespace graft

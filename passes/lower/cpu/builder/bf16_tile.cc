// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/builder/bf16_tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace graft {
namespace {

constexpr int64_t kLanes = Bf16Tile::kLines;
constexpr int64_t kLine = Bf16Tile::kDepth;

VectorType getLineType(TileBuilder& v) {
  return VectorType::get({kLine}, v.b().getBF16Type());
}

Value callIntrinsic(TileBuilder& v, Type type, StringRef name,
                    ValueRange arguments) {
  return LLVM::CallIntrinsicOp::create(
             v.b(), v.location(), type,
             v.b().getStringAttr("llvm.x86.avx512bf16." + name), arguments)
      .getResult(0);
}

// One instruction, which rounds subnormals to zero, as products would take
// them.
Value round(TileBuilder& v, Value low, Value high) {
  return callIntrinsic(v, getLineType(v), "cvtne2ps2bf16.512", {high, low});
}

// Of the lanes of a, then of b: a0 b0 a1 b1 ...
SmallVector<int64_t> getPairs() {
  SmallVector<int64_t> order;
  for (int64_t lane = 0; lane < kLanes; ++lane)
    order.append({lane, lane + kLanes});
  return order;
}

// Splits what lies in `floats`, by integer arithmetic: half as many operations
// as the instruction above takes, and it widens again by a mask alone.
SplitLine split(TileBuilder& v, std::array<Value, 2> floats,
                ArrayRef<int64_t> order) {
  auto cast = [&](Value vector, int64_t size, Type element) {
    return vector::BitCastOp::create(v.b(), v.location(),
                                     VectorType::get({size}, element), vector);
  };
  // A bf16 is the upper half of the float, the second in memory.
  SmallVector<int64_t> halves;
  for (int64_t lane : order) halves.push_back(2 * lane + 1);
  SplitLine lines;
  for (auto [part, line] : llvm::enumerate(lines)) {
    Value sides[2];
    for (auto [side, rest] : llvm::zip(sides, floats)) {
      Value bits = cast(rest, kLanes, v.b().getI32Type());
      if (part < 2) {
        // Half a unit in the last place of the bf16.
        bits = arith::AddIOp::create(v.b(), v.location(), bits,
                                     v.splatWord(0x8000u));
        Value rounded = v.andWord(bits, v.splatWord(0xffff0000u));
        rest = v.sub(rest, cast(rounded, kLanes, v.b().getF32Type()));
      }
      side = cast(bits, kLine, v.b().getBF16Type());
    }
    line = vector::ShuffleOp::create(v.b(), v.location(), sides[0], sides[1],
                                     halves);
  }
  return lines;
}

}  // namespace

Value joinPairs(TileBuilder& v, Value a, Value b) {
  Value halves = round(v, a, b);
  return vector::ShuffleOp::create(v.b(), v.location(), halves, halves,
                                   getPairs());
}

Value joinHalves(TileBuilder& v, Value a, Value b) { return round(v, a, b); }

SplitLine splitPairs(TileBuilder& v, Value a, Value b) {
  return split(v, {a, b}, getPairs());
}

SplitLine splitHalves(TileBuilder& v, Value a, Value b) {
  return split(v, {a, b}, llvm::to_vector(llvm::seq<int64_t>(0, kLine)));
}

Value loadPairs(TileBuilder& v, Value rows, Value row, Value column) {
  return vector::LoadOp::create(v.b(), v.location(), getLineType(v), rows,
                                ValueRange{row, column});
}

Value joinRows(TileBuilder& v, Value rows, Value row, Value column,
               bool hasSecond) {
  auto type = VectorType::get({kLanes}, v.b().getBF16Type());
  auto load = [&](Value at) -> Value {
    return vector::LoadOp::create(v.b(), v.location(), type, rows,
                                  ValueRange{at, column});
  };
  Value second = hasSecond
                     ? load(v.add(row, 1))
                     : v.constant(cast<TypedAttr>(v.b().getZeroAttr(type)));
  return vector::ShuffleOp::create(v.b(), v.location(), load(row), second,
                                   getPairs());
}

Value broadcastPair(TileBuilder& v, Value buffer, ValueRange indices) {
  Value pair = vector::LoadOp::create(v.b(), v.location(),
                                      VectorType::get({2}, v.b().getBF16Type()),
                                      buffer, indices);
  Value word = vector::BitCastOp::create(
      v.b(), v.location(), VectorType::get({1}, v.b().getI32Type()), pair);
  word = vector::ExtractOp::create(v.b(), v.location(), word, int64_t{0});
  return vector::BitCastOp::create(v.b(), v.location(), getLineType(v),
                                   v.broadcast(word));
}

Value dotPairs(TileBuilder& v, Value sums, Value a, Value b) {
  return callIntrinsic(v, v.floats(), "dpbf16ps.512", {sums, a, b});
}

Value loadLine(TileBuilder& v, Value pieces, Value offset) {
  return vector::LoadOp::create(v.b(), v.location(), getLineType(v), pieces,
                                offset);
}

void transposePairs(TileBuilder& v, SmallVectorImpl<Value>& lines) {
  auto bitcast = [&](Type element, int64_t size) {
    for (Value& line : lines)
      line = vector::BitCastOp::create(v.b(), v.location(),
                                       VectorType::get({size}, element), line);
  };
  bitcast(v.b().getI32Type(), kLanes);
  v.transpose(lines);
  bitcast(v.b().getBF16Type(), kLine);
}

void storeLine(TileBuilder& v, Value line, Value pieces, Value offset) {
  vector::StoreOp::create(v.b(), v.location(), line, pieces, offset);
}

void storeTile(TileBuilder& v, ValueRange lines, Value pieces, Value offset) {
  for (auto [i, line] : llvm::enumerate(lines))
    storeLine(v, line, pieces, v.add(offset, static_cast<int64_t>(i) * kLine));
}

}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/amx_pieces.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/lower/amx_registers.h"

using namespace mlir;

namespace graft {
namespace {

constexpr int64_t kLanes = AmxRegisters::kRows;
constexpr int64_t kLine = AmxRegisters::kDepth;

Value join(TileBuilder& v, Value a, Value b, ArrayRef<int64_t> order) {
  auto type = VectorType::get({kLanes}, v.b().getBF16Type());
  auto round = [&](Value x) -> Value {
    return arith::TruncFOp::create(v.b(), v.location(), type, x);
  };
  return vector::ShuffleOp::create(v.b(), v.location(), round(a), round(b),
                                   order);
}

}  // namespace

Value joinPairs(TileBuilder& v, Value a, Value b) {
  SmallVector<int64_t> order;
  for (int64_t lane = 0; lane < kLanes; ++lane)
    order.append({lane, lane + kLanes});
  return join(v, a, b, order);
}

Value joinHalves(TileBuilder& v, Value a, Value b) {
  return join(v, a, b, llvm::to_vector(llvm::seq<int64_t>(0, kLine)));
}

Value loadPairs(TileBuilder& v, Value rows, Value row, Value column) {
  auto type = VectorType::get({kLine}, v.b().getBF16Type());
  return vector::LoadOp::create(v.b(), v.location(), type, rows,
                                ValueRange{row, column});
}

void turnPairs(TileBuilder& v, SmallVectorImpl<Value>& lines) {
  auto bitcast = [&](Type element, int64_t size) {
    for (Value& line : lines)
      line = vector::BitCastOp::create(v.b(), v.location(),
                                       VectorType::get({size}, element), line);
  };
  bitcast(v.b().getI32Type(), kLanes);
  v.transpose(lines);
  bitcast(v.b().getBF16Type(), kLine);
}

void storePiece(TileBuilder& v, ValueRange lines, Value pieces, Value offset) {
  for (auto [i, line] : llvm::enumerate(lines))
    vector::StoreOp::create(v.b(), v.location(), line, pieces,
                            v.add(offset, static_cast<int64_t>(i) * kLine));
}

}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/amx_pieces.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "passes/lower/amx_registers.h"

using namespace mlir;

namespace graft {
namespace {

constexpr int64_t kLanes = AmxRegisters::kRows;
constexpr int64_t kLine = AmxRegisters::kDepth;

// One instruction, which rounds subnormals to zero, as products would take
// them.
Value round(TileBuilder& v, Value low, Value high) {
  auto type = VectorType::get({kLine}, v.b().getBF16Type());
  return LLVM::CallIntrinsicOp::create(
             v.b(), v.location(), type,
             v.b().getStringAttr("llvm.x86.avx512bf16.cvtne2ps2bf16.512"),
             ValueRange{high, low})
      .getResult(0);
}

}  // namespace

Value joinPairs(TileBuilder& v, Value a, Value b) {
  SmallVector<int64_t> order;
  for (int64_t lane = 0; lane < kLanes; ++lane)
    order.append({lane, lane + kLanes});
  Value halves = round(v, a, b);
  return vector::ShuffleOp::create(v.b(), v.location(), halves, halves, order);
}

Value joinHalves(TileBuilder& v, Value a, Value b) { return round(v, a, b); }

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

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/builder/amx_registers.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace graft {
namespace {

// Registers by role; sums(i, j) is 2 i + j.
constexpr int64_t kLhs = 4, kRhs = 6;

}  // namespace

AmxRegisters::AmxRegisters(TileBuilder& v)
    : v(v), configuration(v.scratch({16}, v.b().getI32Type())) {
  auto store = [&](int64_t word, uint32_t value) {
    v.storeScalar(v.integer(value), configuration, {v.index(word)});
  };
  // Bytes 16 to 31: 64 bytes in a row of registers 0 to 7. Bytes 48 to 55 are
  // their rows.
  for (int64_t word = 0; word < 16; ++word)
    store(word, word == 0 ? 1 : word >= 4 && word < 8 ? 0x00400040u : 0);
}

void AmxRegisters::configure(Value rows0, Value rows1) {
  Value low = v.toWord(rows0), high = v.toWord(rows1);
  auto shift = [&](Value x, int64_t bits) {
    return v.mulIndex(x, v.integer(1u << bits));
  };
  Value sums = v.orWord(v.orWord(low, shift(low, 8)),
                        v.orWord(shift(high, 16), shift(high, 24)));
  Value sides = v.orWord(v.orWord(low, shift(high, 8)), v.integer(0x10100000u));
  v.storeScalar(sums, configuration, {v.index(12)});
  v.storeScalar(sides, configuration, {v.index(13)});
  call("llvm.x86.ldtilecfg", pointer(configuration, v.index(0)));
}

void AmxRegisters::forEachTile(
    Value rows, bool filled,
    llvm::function_ref<void(Value row, int64_t tall, Value height)> body) {
  Value full = v.mul(v.div(rows, kTile), kTile);
  v.ifThen(v.less(v.index(0), full), [&] {
    configure(v.index(kRows), v.index(kRows));
    v.loop(v.index(0), full, kTile,
           [&](Value row) { body(row, 2, v.index(kTile)); });
  });
  if (filled) return;
  Value left = v.sub(rows, full);
  v.ifThen(v.less(v.index(kRows), left), [&] {
    configure(v.index(kRows), v.sub(left, v.index(kRows)));
    body(full, 2, left);
  });
  v.ifThen(v.less(v.index(0), left), [&] {
    v.ifThen(v.less(left, kRows + 1), [&] {
      configure(left, left);
      body(full, 1, left);
    });
  });
}

void AmxRegisters::clearSums(int64_t i, int64_t j) {
  call("llvm.x86.tilezero", number(2 * i + j));
}

void AmxRegisters::loadLhs(int64_t i, Value buffer, Value offset,
                           Value stride) {
  call("llvm.x86.tileloadd64",
       {number(kLhs + i), pointer(buffer, offset), bytes(stride, buffer)});
}

void AmxRegisters::loadRhs(int64_t j, Value buffer, Value offset) {
  call("llvm.x86.tileloadd64", {number(kRhs + j), pointer(buffer, offset),
                                bytes(v.index(kDepth), buffer)});
}

void AmxRegisters::multiply(int64_t i, int64_t j) {
  call("llvm.x86.tdpbf16ps",
       {number(2 * i + j), number(kLhs + i), number(kRhs + j)});
}

void AmxRegisters::loadSums(int64_t i, int64_t j, Value buffer, Value offset,
                            Value stride) {
  call("llvm.x86.tileloadd64",
       {number(2 * i + j), pointer(buffer, offset), bytes(stride, buffer)});
}

void AmxRegisters::storeSums(int64_t i, int64_t j, Value buffer, Value offset,
                             Value stride) {
  call("llvm.x86.tilestored64",
       {number(2 * i + j), pointer(buffer, offset), bytes(stride, buffer)});
}

void AmxRegisters::release() { call("llvm.x86.tilerelease", {}); }

void AmxRegisters::call(llvm::StringRef name, ValueRange arguments) {
  LLVM::CallIntrinsicOp::create(v.b(), v.location(), v.b().getStringAttr(name),
                                arguments);
}

Value AmxRegisters::number(int64_t tile) {
  return LLVM::ConstantOp::create(v.b(), v.location(), v.b().getI8Type(),
                                  v.b().getI8IntegerAttr(int8_t(tile)));
}

Value AmxRegisters::pointer(Value buffer, Value offset) {
  Value base = memref::ExtractAlignedPointerAsIndexOp::create(
      v.b(), v.location(), buffer);
  Type i64 = v.b().getI64Type();
  base = arith::IndexCastOp::create(v.b(), v.location(), i64, base);
  auto type = LLVM::LLVMPointerType::get(v.b().getContext());
  base = LLVM::IntToPtrOp::create(v.b(), v.location(), type, base);
  return LLVM::GEPOp::create(v.b(), v.location(), type, v.b().getI8Type(), base,
                             bytes(offset, buffer));
}

Value AmxRegisters::bytes(Value elements, Value buffer) {
  unsigned bits = cast<MemRefType>(buffer.getType()).getElementTypeBitWidth();
  return arith::IndexCastOp::create(v.b(), v.location(), v.b().getI64Type(),
                                    v.mulIndex(elements, bits / 8));
}

}  // namespace graft

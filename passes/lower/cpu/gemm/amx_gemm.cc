// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/gemm/amx_gemm.h"

#include "llvm/Support/MathExtras.h"
#include "passes/lower/cpu/builder/amx_registers.h"
#include "passes/lower/cpu/gemm/bf16_pack.h"

using namespace mlir;

namespace graft {
namespace {

constexpr int64_t kRows = AmxRegisters::kRows;
constexpr int64_t kDepth = AmxRegisters::kDepth;
constexpr int64_t kElements = AmxRegisters::kElements;
constexpr int64_t kTile = AmxRegisters::kTile;

// A square, or the part of it that has rows and columns.
struct Square {
  Value row;     // of the matrix
  int64_t tall;  // registers of rows, 1 or 2
  Value rows;    // in them, at most 32
  Value column;  // of the matrix
  int64_t wide;  // registers of columns, 1 or 2
  Value mask;    // of the last vector of columns, or null
};

class AmxKernel {
 public:
  AmxKernel(const Gemm& gemm, TileBuilder& v, const KernelArguments& arguments,
            GemmFrame& frame)
      : gemm(gemm),
        v(v),
        frame(frame),
        registers(v),
        sums(v.scratch({kTile, kTile})),
        inputs(getBf16Operands(v, gemm, arguments)) {
    if (!isLhsPacked() && gemm.k.size % kDepth)
      inputs.lhs.rest = v.scratch({kTile, kDepth}, v.b().getBF16Type());
  }

  void emit(int64_t columns) {
    frame.emitItems([&](const GemmFrame::Item& item) {
      registers.forEachTile(item.rows, /*filled=*/false,
                            [&](Value row, int64_t tall, Value height) {
                              emitRows(v.add(item.row, row), tall, height,
                                       item.column, columns);
                            });
    });
    registers.release();
  }

 private:
  bool isLhsPacked() const { return gemm.transposeLhs; }

  // All squares of these rows with columns [column, column + columns).
  void emitRows(Value row, int64_t tall, Value rows, Value column,
                int64_t columns) {
    if (!isLhsPacked() && inputs.lhs.rest) copyRest(row, rows);
    int64_t n = gemm.n.size, full = n / kTile * kTile;
    v.loop(column, v.min(v.add(column, columns), v.index(full)), kTile,
           [&](Value at) { emitSquare({row, tall, rows, at, 2, {}}); });
    if (full == n) return;
    // The tail belongs to the item that holds its first column.
    v.ifThen(v.less(v.index(full), v.add(column, columns)), [&] {
      v.ifThen(v.less(column, full + 1), [&] {
        int64_t rest = n - full;
        int64_t wide = llvm::divideCeil(rest, kRows);
        emitSquare({row, tall, rows, v.index(full), wide,
                    v.tailMask(rest - (wide - 1) * kRows)});
      });
    });
  }

  // The last of k of unpacked rows, with zeros behind them.
  void copyRest(Value row, Value rows) {
    int64_t first = gemm.k.size / kDepth * kDepth;
    int64_t rest = gemm.k.size - first;
    v.loop(v.index(0), rows, 1, [&](Value at) {
      for (int64_t part = 0; part < kDepth; part += kRows) {
        int64_t count = std::clamp<int64_t>(rest - part, 0, kRows);
        Value piece = count ? v.load(inputs.lhs.whole,
                                     {v.add(row, at), v.index(first + part)},
                                     v.tailMask(count))
                            : v.splat(0.0);
        v.store(piece, inputs.lhs.rest, {at, v.index(part)});
      }
    });
  }

  void emitSquare(const Square& square) {
    for (int64_t i = 0; i < square.tall; ++i)
      for (int64_t j = 0; j < square.wide; ++j) registers.clearSums(i, j);
    v.loop(v.index(0), v.div(frame.k, kDepth), 1, [&](Value block) {
      prefetchOutput(square, block);
      multiply(square, block, /*isRest=*/false);
    });
    Value block = v.div(frame.k, kDepth);
    if (!gemm.k.isStatic())
      v.ifThen(v.less(v.mul(block, kDepth), frame.k),
               [&] { multiply(square, block, /*isRest=*/true); });
    else if (gemm.k.size % kDepth)
      multiply(square, block, /*isRest=*/true);
    for (int64_t i = 0; i < square.tall; ++i)
      for (int64_t j = 0; j < square.wide; ++j)
        registers.storeSums(i, j, sums, v.index((i * kTile + j) * kRows),
                            v.index(kTile));
    v.loop(v.index(0), square.rows, 1, [&](Value row) {
      for (int64_t j = 0; j < square.wide; ++j) finish(square, row, j);
    });
  }

  // Asks for the rows that `finish` will write, some in each block of k.
  void prefetchOutput(const Square& square, Value block) {
    int64_t blocks =
        gemm.k.isStatic() ? std::max<int64_t>(gemm.k.size / kDepth, 1) : kRows;
    int64_t each = llvm::divideCeil(square.tall * kRows, blocks);
    for (int64_t i = 0; i < each; ++i)
      v.prefetch(frame.output, {v.add(square.row, v.add(v.mul(block, each), i)),
                                square.column});
  }

  void multiply(const Square& square, Value block, bool isRest) {
    for (int64_t j = 0; j < square.wide; ++j) loadRhs(square, j, block, isRest);
    for (int64_t i = 0; i < square.tall; ++i) {
      loadLhs(square, i, block, isRest);
      for (int64_t j = 0; j < square.wide; ++j) registers.multiply(i, j);
    }
  }

  void loadLhs(const Square& square, int64_t i, Value block, bool isRest) {
    Value row = v.add(square.row, i * kRows);
    if (isLhsPacked()) {
      Bf16Operand::Position at =
          inputs.lhs.getPosition(v, v.div(row, kRows), block, isRest);
      registers.loadLhs(i, at.buffer, at.offset, v.index(kDepth));
    } else if (isRest) {
      registers.loadLhs(i, inputs.lhs.rest, v.index(i * kElements),
                        v.index(kDepth));
    } else {
      registers.loadLhs(i, inputs.lhs.whole,
                        v.add(v.mul(row, frame.k), v.mul(block, kDepth)),
                        frame.k);
    }
  }

  void loadRhs(const Square& square, int64_t j, Value block, bool isRest) {
    Bf16Operand::Position at = inputs.rhs.getPosition(
        v, v.add(v.div(square.column, kRows), j), block, isRest);
    registers.loadRhs(j, at.buffer, at.offset);
  }

  void finish(const Square& square, Value row, int64_t j) {
    Value mask = j + 1 == square.wide ? square.mask : Value();
    Value column = v.add(square.column, j * kRows);
    Value at = v.add(square.row, row);
    Value sum = v.load(sums, {row, v.index(j * kRows)});
    if (frame.bias) sum = v.add(sum, v.load(frame.bias, {column}, mask));
    if (frame.addend)
      sum = v.add(sum, v.load(frame.addend, {at, column}, mask));
    v.store(sum, frame.output, {at, column}, mask);
  }

  const Gemm& gemm;
  TileBuilder& v;
  GemmFrame& frame;
  AmxRegisters registers;
  Value sums;  // of a square, [32][32]
  // Not packed, lhs has a copy of its last of k as rest.
  Bf16Operands inputs;
};

}  // namespace

bool isAmxGemm(const Gemm& gemm, const IsaLevel& level) {
  return level.hasAmx && isBf16Gemm(gemm);
}

ValueRange launchAmxGemm(OpBuilder& builder, Operation* op, CpuContext& context,
                         const Gemm& gemm, StringRef stem) {
  constexpr int64_t kColumns = 64;
  ItemShape shape{/*rows=*/4 * kTile, /*unit=*/kTile, kColumns};
  return launchGemm(
      builder, op, context, gemm, stem,
      packBf16Operands(builder, op, context, gemm), shape, {kBf16Unit, 1},
      [&](TileBuilder& v, const KernelArguments& arguments, GemmFrame& frame) {
        AmxKernel(gemm, v, arguments, frame).emit(kColumns);
      });
}

}  // namespace graft

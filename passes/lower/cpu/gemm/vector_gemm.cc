// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/gemm/vector_gemm.h"

#include <numeric>

#include "llvm/Support/MathExtras.h"
#include "passes/lower/cpu/gemm/pack.h"

using namespace mlir;

namespace graft {
namespace {

VectorBlocking getBlocking(const Gemm& gemm, const IsaLevel& level) {
  // Two vectors a row keep few enough rows for the registers of every level
  // and enough columns to hide the broadcasts; AArch64 has narrow ones.
  int64_t lanes = level.floatLanes();
  int64_t vectors = lanes >= 8 ? 2 : 8 / lanes;
  if (gemm.n.isStatic())
    vectors = std::min<int64_t>(vectors, llvm::divideCeil(gemm.n.size, lanes));
  VectorBlocking b;
  b.tile = getTileShape(level, vectors);
  b.panelWidth = vectors * lanes;
  b.lhsWidth = std::lcm(b.tile.rows, lanes);
  // A panel of rhs of this depth is read again for each tile of rows from the
  // first-level cache (32 KiB at avx512); partial sums pass through memory once
  // a turn. Measured at 512 x 1536 x 384 and its transposes, avx512: 168-186
  // GFLOP/s, against 155-176 without turns, of a peak of 242.
  constexpr int64_t kLongest = 256;
  if (!gemm.type.getElementType().isF32()) {
    b.depth = 0;  // Partial sums would be rounded.
  } else if (gemm.k.isStatic()) {
    int64_t turns = llvm::divideCeil(gemm.k.size, kLongest);
    b.depth = llvm::divideCeil(gemm.k.size, turns);
  } else {
    b.depth = kLongest;
  }
  // A multiple of the tile keeps remainders at the end of the matrix.
  constexpr int64_t kRows = 96;
  b.item.rows = std::max(kRows / b.lhsWidth, int64_t{1}) * b.lhsWidth;
  b.item.unit = gemm.packsLhs() ? b.lhsWidth : b.tile.rows;
  // One panel: a short text still makes items for all threads, and each of them
  // reads packed weights from one end to the other.
  b.item.columns = gemm.packsRhs() ? b.panelWidth : 0;
  return b;
}

class GemmKernel {
 public:
  GemmKernel(const Gemm& gemm, const VectorBlocking& blocking, TileBuilder& v,
             const KernelArguments& arguments, GemmFrame& frame)
      : gemm(gemm),
        blocking(blocking),
        v(v),
        lhs(arguments.buffers[0]),
        rhs(arguments.buffers[1]),
        frame(frame) {}

  void emit() {
    frame.emitItems([&](const GemmFrame::Item& next) {
      item = next;
      if (!blocking.depth ||
          (gemm.k.isStatic() && gemm.k.size <= blocking.depth)) {
        emitKBlock(v.index(0), frame.k, {}, {});
      } else {
        v.loop(v.index(0), frame.k, blocking.depth, [&](Value start) {
          Value depth = v.min(v.index(blocking.depth), v.sub(frame.k, start));
          Value first = v.less(start, 1);
          Value last = v.less(v.sub(frame.k, v.add(start, depth)), 1);
          emitKBlock(start, depth, first, last);
        });
      }
    });
  }

 private:
  // Sums k in [start, start + depth); `first` and `last` are conditions, null
  // where there is one turn.
  void emitKBlock(Value start, Value depth, Value first, Value last) {
    GemmAccess access;
    access.lhs = [&](TilePosition row, Value at) {
      return loadLhs(row, v.add(start, at));
    };
    access.rhs = [&](Value at, TilePosition column, Value mask) {
      return loadRhs(v.add(start, at), column, mask);
    };
    if (first || frame.addend)
      access.init = [&](Value row, Value column, Value mask) {
        Value at = v.add(item.row, row);
        Value start = frame.addend ? v.load(frame.addend, {at, column}, mask)
                                   : v.splat(0.0);
        if (!first) return start;
        // What the buffer held before the first turn is read and dropped.
        return v.select(first, start, v.load(frame.output, {at, column}, mask));
      };
    access.finish = [&](Value row, Value column, Value mask, Value sum) {
      if (frame.bias) {
        Value done = v.add(sum, v.load(frame.bias, {column}, mask));
        sum = last ? v.select(last, done, sum) : done;
      }
      v.store(sum, frame.output, {v.add(item.row, row), column}, mask);
    };
    if (gemm.n.isStatic())
      emitMicrokernel(v, blocking.tile, item.rows, item.column,
                      blocking.item.columns, gemm.n.size, depth, access);
    else
      emitDynamicMicrokernel(v, blocking.tile, item.rows, frame.n, depth,
                             access);
  }

  Value loadLhs(TilePosition row, Value at) {
    Value tile = v.add(item.row, row.tile);
    if (!gemm.packsLhs())
      return v.loadBroadcast(lhs, {v.add(tile, row.offset), at});
    return v.loadBroadcast(lhs,
                           {v.div(tile, blocking.lhsWidth), at,
                            v.add(v.rem(tile, blocking.lhsWidth), row.offset)});
  }

  Value loadRhs(Value at, TilePosition column, Value mask) {
    if (!gemm.packsRhs())
      return v.load(rhs, {at, v.add(column.tile, column.offset)}, mask);
    Value panel = v.div(column.tile, blocking.panelWidth);
    // Packed weights come from far away and, where there are few rows, are read
    // once; the hardware loses track of them at the end of each turn. So what
    // comes next is asked for, line by line, half a turn ahead: behind the end
    // of a panel lies the next one.
    constexpr int64_t kAhead = 128, kLine = 64 / sizeof(float);
    if (column.offset % kLine == 0)
      v.prefetchSecond(rhs, {panel, v.add(at, kAhead), v.index(column.offset)});
    return v.load(rhs, {panel, at, v.index(column.offset)});
  }

  const Gemm& gemm;
  const VectorBlocking& blocking;
  TileBuilder& v;
  Value lhs, rhs;
  GemmFrame& frame;
  GemmFrame::Item item;
};

}  // namespace

VectorGemm::VectorGemm(const Gemm& gemm, const IsaLevel& level)
    : gemm(gemm), blocking(graft::getBlocking(gemm, level)) {}

std::array<Value, 2> VectorGemm::pack(OpBuilder& builder, Operation* op,
                                      CpuContext& context) const {
  Value lhs = gemm.lhs, rhs = gemm.rhs;
  if (gemm.packsLhs())
    lhs = packPanels(builder, op, context, "pack_lhs", lhs,
                     /*transposed=*/false, blocking.lhsWidth, gemm.roundLhs);
  else if (gemm.transposeLhs)
    lhs = transposeMatrix(builder, op, context, lhs);
  if (gemm.packsRhs())
    rhs = packPanels(builder, op, context, "pack_rhs", rhs, gemm.transposeRhs,
                     blocking.panelWidth, gemm.roundRhs);
  else if (gemm.transposeRhs)
    rhs = transposeMatrix(builder, op, context, rhs);
  return {lhs, rhs};
}

void VectorGemm::emit(TileBuilder& v, const KernelArguments& arguments,
                      GemmFrame& frame) const {
  GemmKernel(gemm, blocking, v, arguments, frame).emit();
}

ValueRange launchVectorGemm(OpBuilder& builder, Operation* op,
                            CpuContext& context, const Gemm& gemm,
                            StringRef stem) {
  VectorGemm vectors(gemm, context.getLevel());
  return launchGemm(
      builder, op, context, gemm, stem, vectors.pack(builder, op, context),
      vectors.getBlocking().item, /*unit=*/{},
      [&](TileBuilder& v, const KernelArguments& arguments, GemmFrame& frame) {
        vectors.emit(v, arguments, frame);
      });
}

}  // namespace graft

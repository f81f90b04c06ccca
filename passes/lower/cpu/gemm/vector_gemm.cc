// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/gemm/vector_gemm.h"

#include "llvm/Support/MathExtras.h"
#include "passes/lower/cpu/gemm/pack.h"

using namespace mlir;

namespace graft {
namespace {

// Each panel of rhs reads the rows of an item from end to end. Where these do
// not fit into half of the second-level cache, items side by side take turns
// together: a turn's part of lhs is read again for each panel, and the columns
// of the result for each turn, so both must fit.
int64_t getGroup(const Gemm& gemm, const IsaLevel& level,
                 const VectorBlocking& b) {
  int64_t fits = level.secondCache / 2 / int64_t{sizeof(float)} / b.item.rows;
  if (!b.depth || !gemm.n.isStatic() ||
      (gemm.k.isStatic() && gemm.k.size <= fits))
    return 1;
  return std::max<int64_t>((fits - b.depth) / b.panelWidth, 1);
}

VectorBlocking getBlocking(Operation* op, const Gemm& gemm,
                           const IsaLevel& level) {
  // Two vectors a row keep few enough rows for the registers of every level
  // and enough columns to hide the broadcasts; AArch64 has narrow ones.
  int64_t lanes = level.floatLanes();
  int64_t vectors = lanes >= 8 ? 2 : 8 / lanes;
  if (gemm.n.isStatic())
    vectors = std::min<int64_t>(vectors, llvm::divideCeil(gemm.n.size, lanes));
  VectorBlocking b;
  b.tile = getTileShape(level, vectors);
  b.panelWidth = vectors * lanes;
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
  auto given =
      op->getParentOfType<ModuleOp>()->getAttrOfType<exec::GemmBlocksAttr>(
          exec::kGemmBlocksAttr);
  if (given && b.depth) b.depth = given.getDepth();
  // A multiple of the tile keeps remainders at the end of the matrix.
  constexpr int64_t kRows = 96;
  int64_t rows = given ? given.getRows() : kRows;
  b.item.rows = std::max<int64_t>(rows / b.tile.rows, 1) * b.tile.rows;
  b.item.unit = b.tile.rows;
  // One panel: a short text still makes items for all threads, and each of them
  // reads packed weights from one end to the other.
  b.item.columns = gemm.packsRhs() ? b.panelWidth : 0;
  b.group = given && b.item.columns && b.depth ? given.getGroup()
                                               : getGroup(gemm, level, b);
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
    if (blocking.group == 1) {
      frame.emitItems([&](const GemmFrame::Item& next) {
        item = next;
        emitTurns([&](const Turn& turn) { emitKBlock(turn); });
      });
      return;
    }
    frame.emitGroups(blocking.group, [&](const GemmFrame::Group& group) {
      emitTurns([&](const Turn& turn) {
        v.loop(group.column, group.end, blocking.item.columns,
               [&](Value column) {
                 item = {group.row, group.rows, column};
                 emitKBlock(turn);
               });
      });
    });
  }

 private:
  // k in [start, start + depth); `first` and `last` are conditions, null where
  // there is one turn.
  struct Turn {
    Value start, depth, first, last;
  };

  void emitTurns(llvm::function_ref<void(const Turn&)> body) {
    if (!blocking.depth ||
        (gemm.k.isStatic() && gemm.k.size <= blocking.depth)) {
      body({v.index(0), frame.k, {}, {}});
      return;
    }
    v.loop(v.index(0), frame.k, blocking.depth, [&](Value start) {
      Value depth = v.min(v.index(blocking.depth), v.sub(frame.k, start));
      Value first = v.less(start, 1);
      Value last = v.less(v.sub(frame.k, v.add(start, depth)), 1);
      body({start, depth, first, last});
    });
  }

  void emitKBlock(const Turn& turn) {
    GemmAccess access;
    access.lhs = [&](TilePosition row, Value at) {
      return loadLhs(row, v.add(turn.start, at));
    };
    access.rhs = [&](Value at, TilePosition column, Value mask) {
      return loadRhs(v.add(turn.start, at), column, mask);
    };
    if (turn.first || frame.addend)
      access.init = [&](Value row, Value column, Value mask) {
        Value at = v.add(item.row, row);
        Value start = frame.addend ? v.load(frame.addend, {at, column}, mask)
                                   : v.splat(0.0);
        if (!turn.first) return start;
        // What the buffer held before the first turn is read and dropped.
        return v.select(turn.first, start,
                        v.load(frame.output, {at, column}, mask));
      };
    access.finish = [&](Value row, Value column, Value mask, Value sum) {
      if (frame.bias) {
        Value done = v.add(sum, v.load(frame.bias, {column}, mask));
        sum = turn.last ? v.select(turn.last, done, sum) : done;
      }
      v.store(sum, frame.output, {v.add(item.row, row), column}, mask);
    };
    if (gemm.n.isStatic())
      emitMicrokernel(v, blocking.tile, item.rows, item.column,
                      blocking.item.columns, gemm.n.size, turn.depth, access);
    else
      emitDynamicMicrokernel(v, blocking.tile, item.rows, frame.n, turn.depth,
                             access);
  }

  Value loadLhs(TilePosition row, Value at) {
    Value tile = v.add(item.row, row.tile);
    if (!gemm.packsLhs())
      return v.loadBroadcast(lhs, {v.add(tile, row.offset), at});
    return v.loadBroadcast(
        lhs, {v.div(tile, blocking.tile.rows), at,
              v.add(v.rem(tile, blocking.tile.rows), row.offset)});
  }

  Value loadRhs(Value at, TilePosition column, Value mask) {
    if (!gemm.packsRhs())
      return v.load(rhs, {at, v.add(column.tile, column.offset)}, mask);
    Value panel = v.div(column.tile, blocking.panelWidth);
    // Packed weights come from far away and, where there are few rows, are read
    // once; the hardware loses track of them at the end of each turn. So what
    // comes next is asked for, line by line: half a turn ahead, where behind
    // the end of a panel lies the next one, or the same turn of the next panel.
    constexpr int64_t kAhead = 128, kLine = 64 / sizeof(float);
    if (column.offset % kLine == 0) {
      bool isNext = blocking.group > 1;
      v.prefetchSecond(
          rhs, {v.add(panel, isNext ? 1 : 0), v.add(at, isNext ? 0 : kAhead),
                v.index(column.offset)});
    }
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

VectorGemm::VectorGemm(Operation* op, const Gemm& gemm, const IsaLevel& level)
    : gemm(gemm), blocking(graft::getBlocking(op, gemm, level)) {}

std::array<Value, 2> VectorGemm::pack(OpBuilder& builder, Operation* op,
                                      CpuContext& context) const {
  Value lhs = gemm.lhs, rhs = gemm.rhs;
  if (gemm.packsLhs())
    lhs = packPanels(builder, op, context, "pack_lhs", lhs,
                     /*transposed=*/false, blocking.tile.rows, gemm.roundLhs);
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
  VectorGemm vectors(op, gemm, context.getLevel());
  return launchGemm(
      builder, op, context, gemm, stem, vectors.pack(builder, op, context),
      vectors.getBlocking().item, /*unit=*/{},
      [&](TileBuilder& v, const KernelArguments& arguments, GemmFrame& frame) {
        vectors.emit(v, arguments, frame);
      });
}

}  // namespace graft

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/gemm/dot_gemm.h"

#include "llvm/Support/MathExtras.h"
#include "passes/lower/cpu/builder/bf16_tile.h"
#include "passes/lower/cpu/gemm/bf16_pack.h"
#include "passes/lower/cpu/gemm/microkernel.h"

using namespace mlir;

namespace graft {
namespace {

constexpr int64_t kLines = Bf16Tile::kLines;
constexpr int64_t kDepth = Bf16Tile::kDepth;
constexpr int64_t kColumns = 64;  // of an item

TileShape getTile(const Gemm& gemm, const IsaLevel& level) {
  int64_t vectors = std::min<int64_t>(2, llvm::divideCeil(gemm.n.size, kLines));
  TileShape tile = getTileShape(level, vectors);
  // A tile lies in one panel of lhs.
  if (gemm.packsLhs()) tile.rows = kLines / 2;
  return tile;
}

class DotKernel {
 public:
  DotKernel(const Gemm& gemm, const TileShape& tile, TileBuilder& v,
            const KernelArguments& arguments, GemmFrame& frame)
      : gemm(gemm),
        tile(tile),
        v(v),
        frame(frame),
        inputs(getBf16Operands(v, gemm, arguments)) {}

  void emit() {
    frame.emitItems([&](const GemmFrame::Item& item) {
      row = item.row;
      GemmAccess access;
      access.accumulate = [&](const AccumulatorTile& part,
                              SmallVector<Value> sums) {
        return accumulate(part, std::move(sums));
      };
      if (frame.addend)
        access.init = [&](Value at, Value column, Value mask) {
          return v.load(frame.addend, {v.add(row, at), column}, mask);
        };
      access.finish = [&](Value at, Value column, Value mask, Value sum) {
        if (frame.bias) sum = v.add(sum, v.load(frame.bias, {column}, mask));
        v.store(sum, frame.output, {v.add(row, at), column}, mask);
      };
      emitMicrokernel(v, tile, item.rows, item.column, kColumns, gemm.n.size,
                      /*depth=*/{}, access);
    });
  }

 private:
  SmallVector<Value> accumulate(const AccumulatorTile& part,
                                SmallVector<Value> sums) {
    const Dim& k = gemm.k;
    Value blocks = v.div(frame.k, kDepth);
    sums = v.loop(v.index(0), blocks, 1, sums,
                  [&](Value block, ValueRange carried) {
                    return addPairs(part, block, v.index(kDepth / 2),
                                    /*isRest=*/false, carried);
                  });
    if (k.isStatic() && k.size % kDepth == 0) return sums;
    Value left = v.sub(frame.k, v.mul(blocks, kDepth));
    return addPairs(part, blocks, v.div(v.add(left, 1), 2), /*isRest=*/true,
                    sums);
  }

  // Adds the first `count` pairs of a block.
  SmallVector<Value> addPairs(const AccumulatorTile& part, Value block,
                              Value count, bool isRest, ValueRange sums) {
    Value first = v.add(row, part.row);
    Bf16Operand::Position lhs{inputs.lhs.whole, {}};
    if (gemm.packsLhs()) {
      lhs = inputs.lhs.getPosition(v, v.div(first, kLines), block, isRest);
      lhs.offset = v.add(lhs.offset, v.mul(v.rem(first, kLines), kDepth));
    }
    SmallVector<Bf16Operand::Position> rhs, ahead;
    for (int64_t j = 0; j < part.columns.vectors; ++j) {
      Value panel = v.add(v.div(part.columns.first, kLines), j);
      rhs.push_back(inputs.rhs.getPosition(v, panel, block, isRest));
      panel = v.add(panel, part.columns.vectors);
      ahead.push_back(inputs.rhs.getPosition(v, panel, block, isRest));
    }
    return v.loop(
        v.index(0), count, 1, sums,
        [&](Value pair, ValueRange carried) -> SmallVector<Value> {
          Value line = v.mul(pair, kDepth), k = v.mul(pair, 2);
          SmallVector<Value> lines, next;
          for (auto [pieces, at] : rhs)
            lines.push_back(loadLine(v, pieces, v.add(at, line)));
          // The panels that come next, which may be in no cache.
          for (auto [pieces, at] : ahead)
            v.prefetchSecond(pieces, v.add(at, line));
          for (int64_t i = 0; i < part.rows; ++i) {
            SmallVector<Value> at;
            if (gemm.packsLhs())
              at = {v.add(v.add(lhs.offset, k), i * kDepth)};
            else
              at = {v.add(first, i), v.add(v.mul(block, kDepth), k)};
            Value factor = broadcastPair(v, lhs.buffer, at);
            for (int64_t j = 0; j < part.columns.vectors; ++j)
              next.push_back(dotPairs(v, carried[i * part.columns.vectors + j],
                                      factor, lines[j]));
          }
          return next;
        });
  }

  const Gemm& gemm;
  const TileShape tile;
  TileBuilder& v;
  GemmFrame& frame;
  const Bf16Operands inputs;
  Value row;  // of the item
};

}  // namespace

bool isDotGemm(const Gemm& gemm, const IsaLevel& level) {
  return level.hasBf16 && !level.hasAmx && isBf16Gemm(gemm) &&
         (gemm.packsLhs() || gemm.k.size % 2 == 0);
}

ValueRange launchDotGemm(OpBuilder& builder, Operation* op, CpuContext& context,
                         const Gemm& gemm, StringRef stem) {
  TileShape tile = getTile(gemm, context.getLevel());
  // Rows that are a multiple of the tile; a panel of lhs lies in one item.
  ItemShape shape{/*rows=*/96,
                  /*unit=*/gemm.packsLhs() ? kLines : tile.rows, kColumns};
  return launchGemm(
      builder, op, context, gemm, stem,
      packBf16Operands(builder, op, context, gemm), shape, {kBf16Unit, 1},
      [&](TileBuilder& v, const KernelArguments& arguments, GemmFrame& frame) {
        DotKernel(gemm, tile, v, arguments, frame).emit();
      });
}

}  // namespace graft

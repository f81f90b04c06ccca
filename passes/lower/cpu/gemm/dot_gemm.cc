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

constexpr int64_t kLines = Bf16Piece::kLines;
constexpr int64_t kDepth = Bf16Piece::kDepth;
constexpr int64_t kColumns = 64;  // of an item

TileShape getTile(const Product& product, const CpuTarget& target) {
  int64_t vectors =
      std::min<int64_t>(2, llvm::divideCeil(product.n.size, kLines));
  TileShape tile = getTileShape(target, vectors);
  // A tile lies in one panel of lhs.
  if (product.packsLhs()) tile.rows = kLines / 2;
  return tile;
}

class DotKernel {
 public:
  DotKernel(const Product& product, const TileShape& tile, TileBuilder& v,
            const KernelArguments& arguments, ProductFrame& frame)
      : product(product),
        tile(tile),
        v(v),
        frame(frame),
        sides(getBf16Sides(v, product, arguments)) {}

  void emit() {
    frame.emitItems([&](const ProductFrame::Item& item) {
      row = item.row;
      ProductAccess access;
      access.accumulate = [&](const ProductTile& part,
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
      emitProduct(v, tile, item.rows, item.column, kColumns, product.n.size,
                  /*depth=*/{}, access);
    });
  }

 private:
  SmallVector<Value> accumulate(const ProductTile& part,
                                SmallVector<Value> sums) {
    const Dim& k = product.k;
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
  SmallVector<Value> addPairs(const ProductTile& part, Value block, Value count,
                              bool isRest, ValueRange sums) {
    Value first = v.add(row, part.row);
    Bf16Side::Place lhs{sides.lhs.whole, {}};
    if (product.packsLhs()) {
      lhs = sides.lhs.getPlace(v, v.div(first, kLines), block, isRest);
      lhs.offset = v.add(lhs.offset, v.mul(v.rem(first, kLines), kDepth));
    }
    SmallVector<Bf16Side::Place> rhs, ahead;
    for (int64_t j = 0; j < part.columns.vectors; ++j) {
      Value panel = v.add(v.div(part.columns.first, kLines), j);
      rhs.push_back(sides.rhs.getPlace(v, panel, block, isRest));
      panel = v.add(panel, part.columns.vectors);
      ahead.push_back(sides.rhs.getPlace(v, panel, block, isRest));
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
            if (product.packsLhs())
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

  const Product& product;
  const TileShape tile;
  TileBuilder& v;
  ProductFrame& frame;
  const Bf16Sides sides;
  Value row;  // of the item
};

}  // namespace

bool isDotProduct(const Product& product, const CpuTarget& target) {
  return target.hasBf16 && !target.hasAmx && isBf16Product(product) &&
         (product.packsLhs() || product.k.size % 2 == 0);
}

ValueRange launchDotProduct(OpBuilder& builder, Operation* op,
                            KernelContext& context, const Product& product,
                            StringRef stem) {
  TileShape tile = getTile(product, context.getTarget());
  // Rows that are a multiple of the tile; a panel of lhs lies in one item.
  ItemShape shape{/*rows=*/96,
                  /*unit=*/product.packsLhs() ? kLines : tile.rows, kColumns};
  return launchProduct(builder, op, context, product, stem,
                       packBf16Sides(builder, op, context, product), shape,
                       /*tiles=*/1,
                       [&](TileBuilder& v, const KernelArguments& arguments,
                           ProductFrame& frame) {
                         DotKernel(product, tile, v, arguments, frame).emit();
                       });
}

}  // namespace graft

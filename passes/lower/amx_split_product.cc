// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/amx_split_product.h"

#include "llvm/Support/MathExtras.h"
#include "passes/lower/amx_pieces.h"
#include "passes/lower/amx_registers.h"
#include "passes/lower/gemm_pack.h"

using namespace mlir;

namespace graft {
namespace {

constexpr int64_t kRows = AmxRegisters::kRows;
constexpr int64_t kDepth = AmxRegisters::kDepth;
constexpr int64_t kElements = AmxRegisters::kElements;
constexpr int64_t kParts = 3;  // of a float
// Columns of rhs that are split at once.
constexpr int64_t kWidth = 4 * kRows;

// Of an item: many rows, for which a side of it is split once; lhs is, for each
// item, so these have many columns, too.
constexpr int64_t kItemRows = 256;
constexpr int64_t kItemColumns = 256;
// Of k, summed in registers at once: the parts of lhs, rhs and the sums stay in
// the second-level cache.
constexpr int64_t kLongest = 256;

// Parts of lhs and rhs that are multiplied: small products first, one side of
// each the same as before.
constexpr std::pair<int64_t, int64_t> kProducts[] = {{2, 0}, {1, 0}, {1, 1},
                                                     {0, 1}, {0, 2}, {0, 0}};

// Four registers of sums: two of rows by two of columns, or one by four.
struct Square {
  Value row;      // of the item
  Value column;   // of the matrix
  int64_t first;  // of four registers of columns, that of sums(0, 0)
  bool flat;

  int64_t getColumn(int64_t i, int64_t j) const {
    return first + (flat ? 2 * i : 0) + j;
  }
};

class AmxSplitKernel {
 public:
  AmxSplitKernel(const Product& product, TileBuilder& v,
                 const KernelArguments& arguments, ProductFrame& frame)
      : product(product),
        v(v),
        frame(frame),
        lhs(arguments.buffers[0]),
        rhs(arguments.buffers[1]),
        output(v.flat(frame.output)),
        start(frame.bias     ? v.flat(frame.bias)
              : frame.addend ? v.flat(frame.addend)
                             : Value()),
        turn(getTurn(product.k)),
        registers(v),
        lhsParts(getScratch(kItemRows)),
        rhsParts(getScratch(kWidth)) {}

  void emit(int64_t columns) {
    frame.emitItems([&](const ProductFrame::Item& next) {
      item = next;
      v.loop(v.index(0), frame.k, turn, [&](Value from) {
        first = from;
        depth = v.min(v.index(turn), v.sub(frame.k, first));
        product.transposeLhs ? splitTransposed() : splitRows();
        Value end = v.min(v.add(item.column, columns), frame.n);
        v.loop(item.column, end, kWidth, [&](Value column) {
          splitRhs(column);
          emitPanel(column);
        });
      });
    });
    registers.release();
  }

 private:
  static int64_t getTurn(const Dim& k) {
    if (!k.isStatic()) return kLongest;
    int64_t turns = llvm::divideCeil(k.size, kLongest);
    return llvm::alignTo(llvm::divideCeil(k.size, turns), kDepth);
  }

  Value getScratch(int64_t size) {
    return v.scratch({size / kRows * (turn / kDepth) * kParts * kElements},
                     v.b().getBF16Type());
  }

  // Where a part of 16 rows of lhs, or columns of rhs, and a block of k lies.
  Value getPart(Value panel, Value block, int64_t part) {
    Value piece = v.add(v.mul(panel, turn / kDepth), block);
    return v.mul(v.add(v.mul(piece, kParts), part), kElements);
  }

  void storeParts(const SplitLine& lines, Value parts, Value panel, Value block,
                  Value line) {
    for (int64_t part = 0; part < kParts; ++part)
      storeLine(v, lines[part], parts,
                v.add(getPart(panel, block, part), v.mul(line, kDepth)));
  }

  // Emits what is done for each block of 32 of k, and for the last one if that
  // may be shorter, where `isRest`.
  void eachBlock(llvm::function_ref<void(Value block, bool isRest)> body) {
    Value full = v.div(depth, kDepth);
    v.loop(v.index(0), full, 1, [&](Value block) { body(block, false); });
    if (product.k.isStatic()) return;
    v.ifThen(v.less(v.mul(full, kDepth), depth), [&] { body(full, true); });
  }

  // The mask of a row of k: none of it where there is none.
  Value rowMask(Value row, bool isRest) {
    if (!isRest) return {};
    return v.tailMask(
        v.select(v.less(row, frame.k), v.index(kRows), v.index(0)));
  }

  // Lhs [m][k].
  void splitRows() {
    v.loop(v.index(0), item.rows, 1, [&](Value row) {
      Value at = v.add(item.row, row);
      eachBlock([&](Value block, bool) {
        Value k = v.add(first, v.mul(block, kDepth));
        SplitLine lines = splitHalves(v, v.load(lhs, {at, k}),
                                      v.load(lhs, {at, v.add(k, kRows)}));
        storeParts(lines, lhsParts, v.div(row, kRows), block,
                   v.rem(row, kRows));
      });
    });
  }

  // Lhs [k][m].
  void splitTransposed() {
    v.loop(v.index(0), v.div(item.rows, kRows), 1, [&](Value panel) {
      Value at = v.add(item.row, v.mul(panel, kRows));
      eachBlock([&](Value block, bool isRest) {
        Value k = v.add(first, v.mul(block, kDepth));
        SmallVector<Value> halves[2];
        for (int64_t row = 0; row < kDepth; ++row) {
          Value from = v.add(k, row);
          halves[row / kRows].push_back(
              v.load(lhs, {from, at}, rowMask(from, isRest)));
        }
        v.transpose(halves[0]);
        v.transpose(halves[1]);
        for (int64_t row = 0; row < kRows; ++row)
          storeParts(splitHalves(v, halves[0][row], halves[1][row]), lhsParts,
                     panel, block, v.index(row));
      });
    });
  }

  // Columns [column, column + 64) of rhs, packed or [k][n].
  void splitRhs(Value column) {
    Value panel = v.div(column, kWidth);
    auto load = [&](Value row, int64_t offset, Value mask) {
      if (product.transposeRhs)
        return v.load(rhs, {panel, row, v.index(offset)}, mask);
      return v.load(rhs, {row, v.add(column, offset)}, mask);
    };
    eachBlock([&](Value block, bool isRest) {
      v.loop(v.index(0), v.index(kRows), 1, [&](Value line) {
        Value row = v.add(first, v.add(v.mul(block, kDepth), v.mul(line, 2)));
        Value next = v.add(row, 1);
        Value masks[] = {rowMask(row, isRest), rowMask(next, isRest)};
        for (int64_t i = 0; i < kWidth / kRows; ++i) {
          SplitLine lines = splitPairs(v, load(row, i * kRows, masks[0]),
                                       load(next, i * kRows, masks[1]));
          storeParts(lines, rhsParts, v.index(i), block, line);
        }
      });
    });
  }

  // All rows of the item by 64 columns.
  void emitPanel(Value column) {
    registers.eachSquare(item.rows, /*filled=*/product.transposeLhs,
                         [&](Value row, int64_t tall, Value) {
                           if (tall == 1)
                             return emitSquare({row, column, 0, /*flat=*/true});
                           for (int64_t first : {0, 2})
                             emitSquare({row, column, first, /*flat=*/false});
                         });
  }

  void emitSquare(const Square& square) {
    auto eachSum = [&](llvm::function_ref<void(int64_t, int64_t)> body) {
      for (int64_t i = 0; i < 2; ++i)
        for (int64_t j = 0; j < 2; ++j) body(i, j);
    };
    auto begin = [&] {
      eachSum([&](int64_t i, int64_t j) {
        if (frame.bias)  // the same for all rows
          registers.loadSums(i, j, start, getOutputColumn(square, i, j),
                             v.index(0));
        else if (frame.addend)
          registers.loadSums(i, j, start, getOutput(square, i, j), frame.n);
        else
          registers.clearSums(i, j);
      });
    };
    if (product.k.isStatic() && product.k.size <= turn) {
      begin();
    } else {
      v.ifThen(v.less(first, 1), begin);
      v.ifThen(v.less(v.index(0), first), [&] {
        eachSum([&](int64_t i, int64_t j) {
          registers.loadSums(i, j, output, getOutput(square, i, j), frame.n);
        });
      });
    }
    v.loop(v.index(0), v.div(v.add(depth, kDepth - 1), kDepth), 1,
           [&](Value block) { multiply(square, block); });
    eachSum([&](int64_t i, int64_t j) {
      registers.storeSums(i, j, output, getOutput(square, i, j), frame.n);
    });
  }

  Value getOutputColumn(const Square& square, int64_t i, int64_t j) {
    return v.add(square.column, square.getColumn(i, j) * kRows);
  }

  Value getOutput(const Square& square, int64_t i, int64_t j) {
    Value row = v.add(v.add(item.row, square.row), square.flat ? 0 : i * kRows);
    return v.add(v.mul(row, frame.n), getOutputColumn(square, i, j));
  }

  void multiply(const Square& square, Value block) {
    int64_t loaded = -1;  // of lhs
    int64_t held = -1;    // of rhs
    for (auto [left, right] : kProducts) {
      for (int64_t i = 0; i < 2; ++i) {
        Value panel = v.add(v.div(square.row, kRows), square.flat ? 0 : i);
        if (left != loaded)
          registers.loadLhs(i, lhsParts, getPart(panel, block, left),
                            v.index(kDepth));
        for (int64_t j = 0; j < 2; ++j) {
          if (square.flat || (i == 0 && right != held))
            registers.loadRhs(
                j, rhsParts,
                getPart(v.index(square.getColumn(i, j)), block, right));
          registers.multiply(i, j);
        }
      }
      loaded = left;
      held = right;
    }
  }

  const Product& product;
  TileBuilder& v;
  ProductFrame& frame;
  Value lhs, rhs, output;
  Value start;  // what sums begin with, or null
  const int64_t turn;
  AmxRegisters registers;
  Value lhsParts, rhsParts;  // [panels][turn / 32][3][16][32]
  ProductFrame::Item item;
  Value first, depth;  // of k, in this turn
};

}  // namespace

bool isAmxSplitProduct(const Product& product, const CpuTarget& target) {
  auto isF32 = [](Type type) { return getElementTypeOrSelf(type).isF32(); };
  auto fills = [](const Dim& dim, int64_t size) {
    return dim.isStatic() && dim.size % size == 0;
  };
  if (!target.hasAmx || product.roundLhs || product.roundRhs) return false;
  if (!isF32(product.type) || !isF32(product.lhs.getType()) ||
      !isF32(product.rhs.getType()) || !fills(product.n, kWidth))
    return false;
  // Rows of k are read one by one from lhs [k, m], and from rhs [k, n].
  if (product.transposeLhs)
    return fills(product.m, AmxRegisters::kSquare) &&
           (fills(product.k, kDepth) ||
            (!product.k.isStatic() && !product.transposeRhs));
  return fills(product.k, kDepth);
}

ValueRange launchAmxSplitProduct(OpBuilder& builder, Operation* op,
                                 KernelContext& context, const Product& product,
                                 StringRef stem) {
  Value rhs = product.rhs;
  if (product.transposeRhs)
    rhs = packPanels(builder, op, context, "pack_rhs", rhs, /*transposed=*/true,
                     kWidth);
  // Even columns: 192 and 192 of 384.
  int64_t blocks = llvm::divideCeil(product.n.size, kItemColumns);
  int64_t columns =
      llvm::alignTo(llvm::divideCeil(product.n.size, blocks), kWidth);
  ItemShape shape{kItemRows, /*unit=*/AmxRegisters::kSquare, columns};
  return launchProduct(
      builder, op, context, product, stem, {product.lhs, rhs}, shape,
      [&](TileBuilder& v, const KernelArguments& arguments,
          ProductFrame& frame) {
        AmxSplitKernel(product, v, arguments, frame).emit(columns);
      });
}

}  // namespace graft

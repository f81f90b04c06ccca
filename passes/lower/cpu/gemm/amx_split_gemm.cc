// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/gemm/amx_split_gemm.h"

#include "dialects/graft/phases.h"
#include "llvm/Support/MathExtras.h"
#include "passes/lower/cpu/builder/amx_registers.h"
#include "passes/lower/cpu/builder/bf16_tile.h"
#include "passes/lower/cpu/gemm/bf16_pack.h"
#include "passes/lower/cpu/gemm/pack.h"
#include "passes/lower/cpu/gemm/vector_gemm.h"

using namespace mlir;

namespace graft {
namespace {

constexpr int64_t kRows = AmxRegisters::kRows;
constexpr int64_t kDepth = AmxRegisters::kDepth;
constexpr int64_t kElements = AmxRegisters::kElements;
constexpr int64_t kTerms = 3;  // of a float
// Columns of rhs that are split at once, and in a panel of floats.
constexpr int64_t kWidth = 4 * kRows;
constexpr int64_t kPanel = 2 * kRows;
// With at most so many rows vectors are faster than parts made for each item,
// or as fast: answers of MiniLM to 1, 2, 4 and 8 texts of 128 tokens took 31,
// 54, 69 and 93 ms with parts, 19, 38, 73 and 108 ms with vectors (`graft
// bench`, 2 threads).
constexpr int64_t kFew = 512;

// How the GEMM is cut. The parts of lhs of an item, the rhs of its columns
// and the sums stay in the second-level cache.
struct Cut {
  bool packsTerms;  // of rhs, before; else they are made for each item
  ItemShape item;
  int64_t turn;  // of k, summed in registers at once
};

// Parts of lhs and rhs that are multiplied: small products first, one side of
// each the same as before.
constexpr std::pair<int64_t, int64_t> kTermPairs[] = {{2, 0}, {1, 0}, {1, 1},
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
  AmxSplitKernel(const Gemm& gemm, const Cut& cut, TileBuilder& v,
                 const KernelArguments& arguments, GemmFrame& frame)
      : gemm(gemm),
        cut(cut),
        v(v),
        frame(frame),
        lhs(arguments.buffers[0]),
        rhs(arguments.buffers[1]),
        output(v.flat(frame.output)),
        start(frame.bias     ? v.flat(frame.bias)
              : frame.addend ? v.flat(frame.addend)
                             : Value()),
        registers(v),
        lhsTerms(getScratch(cut.item.rows)),
        rhsTerms(cut.packsTerms ? v.flat(rhs) : getScratch(kWidth)) {}

  void emit() {
    frame.emitItems(cut.item, [&](const GemmFrame::Item& next) {
      item = next;
      v.loop(v.index(0), frame.k, cut.turn, [&](Value from) {
        first = from;
        depth = v.min(v.index(cut.turn), v.sub(frame.k, first));
        gemm.transposeLhs ? splitTransposed() : splitRows();
        Value end = v.min(v.add(item.column, cut.item.columns), frame.n);
        v.loop(item.column, end, kWidth, [&](Value column) {
          if (!cut.packsTerms) splitRhs(column);
          emitPanel(column);
        });
      });
    });
    registers.release();
  }

 private:
  Value getScratch(int64_t size) {
    return v.scratch({size / kRows * (cut.turn / kDepth) * kTerms * kElements},
                     v.b().getBF16Type());
  }

  // Where a part of 16 rows of lhs, or columns of rhs, and a block of k lies,
  // if a panel has `blocks` of them.
  Value getPart(Value panel, Value block, int64_t part, int64_t blocks) {
    Value piece = v.add(v.mul(panel, blocks), block);
    return v.mul(v.add(v.mul(piece, kTerms), part), kElements);
  }
  Value getScratchTerm(Value panel, Value block, int64_t part) {
    return getPart(panel, block, part, cut.turn / kDepth);
  }
  // `number` is that of the register's 16 columns in the square's 64.
  Value getRhsTerm(const Square& square, int64_t number, Value block,
                   int64_t part) {
    Value panel = v.index(number);
    if (!cut.packsTerms) return getScratchTerm(panel, block, part);
    panel = v.add(v.div(square.column, kRows), panel);
    return getPart(panel, v.add(v.div(first, kDepth), block), part,
                   gemm.k.size / kDepth);
  }

  void storeTerms(const SplitLine& lines, Value parts, Value panel, Value block,
                  Value line) {
    for (int64_t part = 0; part < kTerms; ++part)
      storeLine(v, lines[part], parts,
                v.add(getScratchTerm(panel, block, part), v.mul(line, kDepth)));
  }

  // Emits what is done for each block of 32 of k, and for the last one if that
  // may be shorter, where `isRest`.
  void eachBlock(llvm::function_ref<void(Value block, bool isRest)> body) {
    Value full = v.div(depth, kDepth);
    v.loop(v.index(0), full, 1, [&](Value block) { body(block, false); });
    if (gemm.k.isStatic()) return;
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
        storeTerms(lines, lhsTerms, v.div(row, kRows), block,
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
          storeTerms(splitHalves(v, halves[0][row], halves[1][row]), lhsTerms,
                     panel, block, v.index(row));
      });
    });
  }

  // Columns [column, column + 64) of rhs, packed or [k][n].
  void splitRhs(Value column) {
    Value panel = v.div(column, kPanel);
    auto load = [&](Value row, int64_t offset, Value mask) {
      if (gemm.transposeRhs)
        return v.load(
            rhs, {v.add(panel, offset / kPanel), row, v.index(offset % kPanel)},
            mask);
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
          storeTerms(lines, rhsTerms, v.index(i), block, line);
        }
      });
    });
  }

  // All rows of the item by 64 columns.
  void emitPanel(Value column) {
    for (int64_t first : {0, 2})
      registers.forEachTile(
          item.rows, /*filled=*/gemm.transposeLhs,
          [&](Value row, int64_t tall, Value) {
            if (tall == 2)
              emitSquare({row, column, first, /*flat=*/false});
            else if (first == 0)
              emitSquare({row, column, 0, /*flat=*/true});
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
    if (gemm.k.isStatic() && gemm.k.size <= cut.turn) {
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
    prefetchFar(square, block);
    int64_t loaded = -1;  // of lhs
    int64_t held = -1;    // of rhs
    for (auto [left, right] : kTermPairs) {
      for (int64_t i = 0; i < 2; ++i) {
        Value panel = v.add(v.div(square.row, kRows), square.flat ? 0 : i);
        if (left != loaded) {
          Value part = getScratchTerm(panel, block, left);
          registers.loadLhs(i, lhsTerms, part, v.index(kDepth));
          prefetchTerm(lhsTerms, part);
        }
        for (int64_t j = 0; j < 2; ++j) {
          if (square.flat || (i == 0 && right != held)) {
            Value part =
                getRhsTerm(square, square.getColumn(i, j), block, right);
            registers.loadRhs(j, rhsTerms, part);
            // The first part comes twice.
            if (left > 0 || right > 0) prefetchTerm(rhsTerms, part);
          }
          registers.multiply(i, j);
        }
      }
      loaded = left;
      held = right;
    }
  }

  // Asks for the same part of the next block: it lies in the second-level
  // cache, which a neighbour on the other hyperthread may keep busy.
  void prefetchTerm(Value parts, Value part) {
    for (int64_t line = 0; line < kRows; ++line)
      v.prefetch(parts, {v.add(part, kTerms * kElements + line * kDepth)});
  }

  // A share of the lines of a matrix that are asked for while registers
  // multiply: rows [row, row + rows), `lines` from `column` on, spread evenly
  // over `steps`.
  struct Ahead {
    Value row;
    int64_t rows;
    Value column;
    int64_t lines;
    Value step;
    int64_t steps;
  };

  static void eachLine(TileBuilder& v, const Ahead& ahead,
                       llvm::function_ref<void(Value row, Value column)> body) {
    int64_t each = llvm::divideCeil(ahead.rows, ahead.steps);
    for (int64_t i = 0; i < each; ++i)
      for (int64_t line = 0; line < ahead.lines; ++line)
        body(v.add(ahead.row, v.add(v.mul(ahead.step, each), i)),
             v.add(ahead.column, line * kRows));
  }

  // Asks for what comes from far away, some lines in each block: the sums that
  // the square will write, and what will be split next.
  void prefetchFar(const Square& square, Value block) {
    if (square.flat) return;
    int64_t blocks = cut.turn / kDepth;
    // Sums that are read first are asked for one square before.
    bool begins = frame.addend || !gemm.k.isStatic() || gemm.k.size > cut.turn;
    Ahead sums{
        v.add(item.row, v.add(square.row, begins ? AmxRegisters::kTile : 0)),
        AmxRegisters::kTile,
        getOutputColumn(square, 0, 0),
        2,
        block,
        blocks};
    eachLine(v, sums, [&](Value row, Value column) {
      v.prefetch(frame.output, {row, column});
    });
    int64_t panels = cut.item.columns / kWidth;
    Value panel = v.div(v.sub(square.column, item.column), kWidth);
    int64_t half = square.first / 2;
    if (!gemm.transposeLhs) {
      // Rows of the next item.
      Ahead rows{v.add(v.add(item.row, item.rows), square.row),
                 AmxRegisters::kTile,
                 v.add(first, v.mul(block, kDepth)),
                 2,
                 v.add(v.mul(panel, 2), half),
                 2 * panels};
      eachLine(v, rows, [&](Value row, Value column) {
        v.prefetchSecond(lhs, {row, column});
      });
      return;
    }
    Value step = v.add(v.mul(v.div(square.row, AmxRegisters::kTile), 2), half);
    step = v.add(v.mul(step, blocks), block);
    int64_t steps = cut.item.rows / AmxRegisters::kTile * 2 * blocks;
    // Columns of lhs in the next turn, some for each panel of rhs.
    int64_t lines = llvm::divideCeil(cut.item.rows / kRows, panels);
    Ahead columns{v.add(first, cut.turn),
                  cut.turn,
                  v.add(item.row, v.mul(panel, lines * kRows)),
                  lines,
                  step,
                  steps};
    eachLine(v, columns, [&](Value row, Value column) {
      v.prefetchSecond(lhs, {row, column});
    });
    // The next panel of rhs.
    if (gemm.transposeRhs) return;
    Ahead next{first,          cut.turn, v.add(square.column, kWidth),
               kWidth / kRows, step,     steps};
    eachLine(v, next, [&](Value row, Value column) {
      v.prefetchSecond(rhs, {row, column});
    });
  }

  const Gemm& gemm;
  const Cut& cut;
  TileBuilder& v;
  GemmFrame& frame;
  Value lhs, rhs, output;
  Value start;  // what sums begin with, or null
  AmxRegisters registers;
  // [panels][blocks of k, in a turn or, packed, in all][3][16][32]
  Value lhsTerms, rhsTerms;
  GemmFrame::Item item;
  Value first, depth;  // of k, in this turn
};

int64_t getEven(int64_t size, int64_t longest, int64_t unit) {
  int64_t count = llvm::divideCeil(size, longest);
  return llvm::alignTo(llvm::divideCeil(size, count), unit);
}

Cut getCut(Operation* op, const Gemm& gemm) {
  // Parts take 1.5 times the memory of floats and are no better for few rows,
  // so a phase that keeps packed weights from call to call does without.
  bool packsTerms =
      !gemm.transposeLhs && gemm.k.isStatic() &&
      (!gemm.transposeRhs || writesSlots(op->getParentOfType<func::FuncOp>()));
  // Of a row of parts, 384 columns lie in half of a second-level cache of 2 MiB
  // where k is short, so rows may be few; else each panel is read again for
  // each item, from far away.
  constexpr int64_t kColumns = 384, kShort = 512;
  int64_t rows = 256, turn = 256;
  if (packsTerms) {
    rows = gemm.k.size <= kShort ? 64 : 128;
    turn = 768;
  }
  int64_t columns = kColumns;
  // Work for some threads.
  if (gemm.m.isStatic() && llvm::divideCeil(gemm.m.size, rows) *
                                   llvm::divideCeil(gemm.n.size, columns) <
                               4)
    columns /= 2;
  return {packsTerms,
          {rows, /*unit=*/AmxRegisters::kTile,
           getEven(gemm.n.size, columns, kWidth), /*rowsFirst=*/packsTerms},
          gemm.k.isStatic() ? getEven(gemm.k.size, turn, kDepth) : turn};
}

// A kernel with the panels of vectors, which multiplies by them where rows are
// few; its limit is theirs.
ValueRange launchEither(OpBuilder& builder, Operation* op, CpuContext& context,
                        const Gemm& gemm, const Cut& cut, StringRef stem) {
  VectorGemm vectors(op, gemm, context.getLevel());
  assert(vectors.getBlocking().panelWidth == kPanel);
  return launchGemm(
      builder, op, context, gemm, stem, vectors.pack(builder, op, context),
      vectors.getBlocking().item, /*unit=*/{},
      [&](TileBuilder& v, const KernelArguments& arguments, GemmFrame& frame) {
        AmxSplitKernel split(gemm, cut, v, arguments, frame);
        v.ifThen(v.less(frame.m, kFew + 1),
                 [&] { vectors.emit(v, arguments, frame); });
        v.ifThen(v.less(v.index(kFew), frame.m), [&] { split.emit(); });
      });
}

}  // namespace

bool isAmxSplitGemm(const Gemm& gemm, const IsaLevel& level) {
  auto isF32 = [](Type type) { return getElementTypeOrSelf(type).isF32(); };
  auto fills = [](const Dim& dim, int64_t size) {
    return dim.isStatic() && dim.size % size == 0;
  };
  if (!level.hasAmx || gemm.roundLhs || gemm.roundRhs) return false;
  if (!isF32(gemm.type) || !isF32(gemm.lhs.getType()) ||
      !isF32(gemm.rhs.getType()) || !fills(gemm.n, kWidth))
    return false;
  // Rows of k are read one by one from lhs [k, m], and from rhs [k, n].
  if (gemm.transposeLhs)
    return fills(gemm.m, AmxRegisters::kTile) &&
           (fills(gemm.k, kDepth) ||
            (!gemm.k.isStatic() && !gemm.transposeRhs));
  return fills(gemm.k, kDepth);
}

ValueRange launchAmxSplitGemm(OpBuilder& builder, Operation* op,
                              CpuContext& context, const Gemm& gemm,
                              StringRef stem) {
  const Cut cut = getCut(op, gemm);
  if (!gemm.transposeLhs && !cut.packsTerms)
    return launchEither(builder, op, context, gemm, cut, stem);
  Value rhs = gemm.rhs;
  if (cut.packsTerms)
    rhs = packBf16Terms(builder, op, context, "split_rhs", rhs,
                        gemm.transposeRhs);
  else if (gemm.transposeRhs)
    rhs = packPanels(builder, op, context, "pack_rhs", rhs, /*transposed=*/true,
                     kPanel);
  return launchGemm(
      builder, op, context, gemm, stem, {gemm.lhs, rhs}, cut.item,
      {kBf16Unit, std::size(kTermPairs)},
      [&](TileBuilder& v, const KernelArguments& arguments, GemmFrame& frame) {
        AmxSplitKernel(gemm, cut, v, arguments, frame).emit();
      });
}

}  // namespace graft

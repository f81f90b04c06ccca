// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/gemm/bf16_pack.h"

#include "llvm/Support/MathExtras.h"
#include "passes/lower/cpu/builder/bf16_tile.h"
#include "passes/lower/cpu/gemm/pack.h"

using namespace mlir;

namespace graft {
namespace {

constexpr int64_t kWidth = Bf16Tile::kLines;
constexpr int64_t kDepth = Bf16Tile::kDepth;
constexpr int64_t kElements = Bf16Tile::kElements;

// What a matrix is packed as.
struct Packing {
  bool isLhs = false;
  int64_t parts = 1;  // of an element; 3: all of a float
};

class Bf16Pack {
 public:
  Bf16Pack(TileBuilder& v, const KernelArguments& arguments, const Dim& k,
           int64_t n, Packing packing)
      : v(v),
        arguments(arguments),
        source(arguments.buffers[0]),
        whole(v.flat(arguments.buffers[1])),
        rest(k.isStatic() ? whole : v.flat(arguments.buffers[2])),
        depth(getSize(v, k, arguments)),
        k(k),
        n(n),
        panels(llvm::divideCeil(n, kWidth)),
        packing(packing) {}

  // Source [k][n]; an item is a block of k.
  void emitCopy() {
    v.loop(arguments.begin, arguments.end, 1, [&](Value block) {
      Value first = v.mul(block, kDepth);
      forWholeAndRest(
          first,
          [&] {
            eachPanel([&](Value panel, int64_t count) {
              copyTile(first, panel, count, {}, whole,
                       getPiece(v, k, panels, panel, block));
            });
          },
          [&] {
            eachPanel([&](Value panel, int64_t count) {
              copyTile(first, panel, count, v.sub(depth, first), rest,
                       restPiece(panel, block));
            });
          });
    });
  }

  // Source [n][k]; an item is a panel.
  void emitTransposed() {
    v.loop(arguments.begin, v.min(arguments.end, v.index(n / kWidth)), 1,
           [&](Value panel) { transposePanel(panel, kWidth); });
    if (n % kWidth == 0) return;
    // The last panel is the last item.
    v.ifThen(v.less(v.index(n / kWidth), arguments.end), [&] {
      v.ifThen(v.less(arguments.begin, arguments.end),
               [&] { transposePanel(v.index(n / kWidth), n % kWidth); });
    });
  }

 private:
  // Emits what is done for 32 of k from `first` on, and for fewer.
  void forWholeAndRest(Value first, llvm::function_ref<void()> forWhole,
                       llvm::function_ref<void()> forRest) {
    if (k.isStatic() && k.size % kDepth == 0) return forWhole();
    Value missing = v.less(depth, v.add(first, kDepth));
    v.ifThen(v.less(v.add(first, kDepth - 1), depth), forWhole);
    v.ifThen(missing, forRest);
  }

  void eachPanel(llvm::function_ref<void(Value, int64_t)> body) {
    v.loop(v.index(0), v.index(n / kWidth), 1,
           [&](Value panel) { body(panel, kWidth); });
    if (n % kWidth) body(v.index(n / kWidth), n % kWidth);
  }

  Value restPiece(Value panel, Value block) {
    return k.isStatic() ? getPiece(v, k, panels, panel, block)
                        : v.mul(panel, kElements);
  }

  // `count` columns of a panel; rows of k from `first` on, `left` of them or,
  // if that is null, all.
  void copyTile(Value first, Value panel, int64_t count, Value left,
                Value target, Value offset) {
    Value column = v.mul(panel, kWidth);
    auto load = [&](int64_t row) {
      Value mask = v.tailMask(count);
      if (left)
        mask = v.tailMask(
            v.select(v.less(v.index(row), left), v.index(count), v.index(0)));
      // What is masked is not touched.
      return v.load(source, {v.add(first, row), column}, mask);
    };
    Lines lines;
    for (int64_t row = 0; row < kDepth; row += 2) {
      Value first = load(row), second = load(row + 1);
      if (packing.parts == 1)
        lines[0].push_back(joinPairs(v, first, second));
      else
        append(lines, splitPairs(v, first, second));
    }
    if (packing.isLhs) transposePairs(v, lines[0]);
    store(lines, target, offset);
  }

  // The first `count` columns of a panel.
  void transposePanel(Value panel, int64_t count) {
    Value end = v.mul(v.div(depth, kDepth), kDepth);
    v.loop(v.index(0), end, kDepth, [&](Value first) {
      transposePiece(first, panel, count, {}, whole,
                     getPiece(v, k, panels, panel, v.div(first, kDepth)));
    });
    if (k.isStatic() && k.size % kDepth == 0) return;
    v.ifThen(v.less(end, depth), [&] {
      transposePiece(end, panel, count, v.sub(depth, end), rest,
                     restPiece(panel, v.div(end, kDepth)));
    });
  }

  void transposePiece(Value first, Value panel, int64_t count, Value left,
                      Value target, Value offset) {
    Value column = v.mul(panel, kWidth);
    Lines lines;
    for (int64_t i = 0; i < kWidth; ++i) {
      auto half = [&](int64_t at) {
        if (i >= count) return v.splat(0.0);
        Value mask;
        if (left) mask = v.tailMask(v.sub(left, v.index(at)));
        return v.load(source, {v.add(column, i), v.add(first, at)}, mask);
      };
      Value low = half(0), high = half(kWidth);
      if (packing.parts == 1)
        lines[0].push_back(joinHalves(v, low, high));
      else
        append(lines, splitHalves(v, low, high));
    }
    for (int64_t part = 0; part < packing.parts; ++part)
      transposePairs(v, lines[part]);
    store(lines, target, offset);
  }

  // Of each part of a piece.
  using Lines = std::array<SmallVector<Value>, 3>;

  static void append(Lines& lines, const SplitLine& parts) {
    for (auto [all, part] : llvm::zip(lines, parts)) all.push_back(part);
  }

  void store(const Lines& lines, Value target, Value offset) {
    Value first = v.mul(offset, packing.parts);
    for (int64_t part = 0; part < packing.parts; ++part)
      storeTile(v, lines[part], target, v.add(first, part * kElements));
  }

  TileBuilder& v;
  const KernelArguments& arguments;
  Value source, whole, rest, depth;
  const Dim k;
  int64_t n, panels;
  const Packing packing;
};

}  // namespace

Value getPiece(TileBuilder& v, const Dim& k, int64_t panels, Value panel,
               Value block) {
  Value piece =
      k.isStatic()
          ? v.add(v.mul(panel, llvm::divideCeil(k.size, kDepth)), block)
          : v.add(v.mul(block, panels), panel);
  return v.mul(piece, kElements);
}

namespace {

Bf16Panels launchPack(OpBuilder& builder, Operation* op, CpuContext& context,
                      StringRef stem, Value source, bool transposed,
                      Packing packing) {
  auto type = cast<RankedTensorType>(source.getType());
  Dim k = getDim(type, transposed ? 1 : 0);
  int64_t n = getDim(type, transposed ? 0 : 1).size;
  auto fixed = [](int64_t size) { return Dim{size, {}}; };
  Dim panels = fixed(llvm::divideCeil(n, kWidth));
  Type element = builder.getBF16Type();
  SmallVector<Type> results;
  if (k.isStatic()) {
    SmallVector<Dim> dims{panels, fixed(llvm::divideCeil(k.size, kDepth))};
    if (packing.parts > 1) dims.push_back(fixed(packing.parts));
    dims.append({fixed(kWidth), fixed(kDepth)});
    results = {getTensorType(dims, element)};
  } else {
    results = {getTensorType({k, panels, fixed(kWidth)}, element),
               getTensorType({panels, fixed(kWidth), fixed(kDepth)}, element)};
  }
  exec::GridAttr grid = transposed ? getGrid(op->getContext(), panels, 1)
                                   : getGrid(op->getContext(), k, kDepth);
  KernelKey key;
  key.add(transposed).add(packing.isLhs).add(packing.parts);
  ValueRange packed = context.launch(
      builder, op, stem, source, results, grid, {},
      [&](OpBuilder& body, Location loc, const KernelArguments& arguments) {
        TileBuilder v(body, loc, context.getLevel());
        Bf16Pack pack(v, arguments, k, n, packing);
        transposed ? pack.emitTransposed() : pack.emitCopy();
      },
      &key);
  return {packed[0], k.isStatic() ? Value() : packed[1]};
}

}  // namespace

Bf16Panels packBf16(OpBuilder& builder, Operation* op, CpuContext& context,
                    StringRef stem, Value source, bool transposed, bool isLhs) {
  return launchPack(builder, op, context, stem, source, transposed, {isLhs, 1});
}

Value packBf16Terms(OpBuilder& builder, Operation* op, CpuContext& context,
                    StringRef stem, Value source, bool transposed) {
  return launchPack(builder, op, context, stem, source, transposed,
                    {/*isLhs=*/false, /*parts=*/3})
      .whole;
}

bool isBf16Gemm(const Gemm& gemm) {
  auto isLow = [](Value side, Type rounding) {
    return (rounding ? rounding : getElementTypeOrSelf(side.getType()))
        .isBF16();
  };
  return isLow(gemm.lhs, gemm.roundLhs) && isLow(gemm.rhs, gemm.roundRhs) &&
         gemm.packsRhs() &&
         (gemm.transposeLhs ? gemm.packsLhs() : gemm.k.isStatic());
}

SmallVector<Value> packBf16Operands(OpBuilder& builder, Operation* op,
                                    CpuContext& context, const Gemm& gemm) {
  SmallVector<Value> inputs;
  auto append = [&](const Bf16Panels& panels) {
    inputs.push_back(panels.whole);
    if (panels.rest) inputs.push_back(panels.rest);
  };
  if (gemm.packsLhs())
    append(packBf16(builder, op, context, "pack_lhs", gemm.lhs,
                    /*transposed=*/false, /*isLhs=*/true));
  else
    inputs.push_back(gemm.lhs);
  append(packBf16(builder, op, context, "pack_rhs", gemm.rhs, gemm.transposeRhs,
                  /*isLhs=*/false));
  return inputs;
}

Bf16Operand::Position Bf16Operand::getPosition(TileBuilder& v, Value panel,
                                               Value block, bool isRest) const {
  if (isRest && !k.isStatic()) return {rest, v.mul(panel, kElements)};
  return {whole, getPiece(v, k, panels, panel, block)};
}

Bf16Operands getBf16Operands(TileBuilder& v, const Gemm& gemm,
                             const KernelArguments& arguments) {
  const Value* next = arguments.buffers.begin();
  auto take = [&](const Dim& dim) {
    Bf16Operand side{v.flat(*next++),
                     {},
                     gemm.k,
                     static_cast<int64_t>(llvm::divideCeil(dim.size, kWidth))};
    if (!gemm.k.isStatic()) side.rest = v.flat(*next++);
    return side;
  };
  Bf16Operands inputs;
  if (gemm.packsLhs())
    inputs.lhs = take(gemm.m);
  else
    inputs.lhs.whole = *next++;
  inputs.rhs = take(gemm.n);
  return inputs;
}

}  // namespace graft

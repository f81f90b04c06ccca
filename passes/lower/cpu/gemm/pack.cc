// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/gemm/pack.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace graft {

Value getSize(TileBuilder& v, const Dim& dim,
              const KernelArguments& arguments) {
  return dim.isStatic() ? v.index(dim.size)
                        : arguments.sizes.lookup(dim.name.getValue());
}

exec::GridAttr getGrid(MLIRContext* context, const Dim& dim, int64_t block,
                       int64_t count) {
  if (dim.isStatic())
    return exec::GridAttr::get(context, {}, 1,
                               llvm::divideCeil(dim.size, block) * count);
  return exec::GridAttr::get(context, dim.name, block, count);
}

namespace {

// Rows of k that one work item copies.
constexpr int64_t kCopyRows = 32;

// A vector of the matrix, rounded unless `rounding` is null.
Value loadRounded(TileBuilder& v, Type rounding, Value source,
                  ValueRange indices, Value mask = {}) {
  Value vector = v.load(source, indices, mask);
  return rounding ? v.round(vector, rounding) : vector;
}

// Source [k][n]: reads some rows of k side by side and deals their pieces to
// the panels. Panels often lie a multiple of the cache's size apart, so that
// single rows would drive each other's lines out.
class CopyPack {
 public:
  CopyPack(TileBuilder& v, const KernelArguments& arguments, int64_t n,
           int64_t width, Type rounding)
      : v(v),
        source(arguments.buffers[0]),
        panels(arguments.buffers[1]),
        n(n),
        width(width),
        rounding(rounding) {}

  void emitRows(Value first, Value last) {
    constexpr int64_t kSide = 8;
    int64_t full = n / width * width;
    v.loop(first, last, kSide, [&](Value row) {
      Value end = v.min(v.add(row, kSide), last);
      v.loop(v.index(0), v.index(full), width, [&](Value column) {
        emitBlock(row, end, v.div(column, width), column, width);
      });
      if (full < n)
        emitBlock(row, end, v.index(full / width), v.index(full), n - full);
    });
  }

 private:
  // Rows [first, end) of a panel, of which `count` columns exist.
  void emitBlock(Value first, Value end, Value panel, Value column,
                 int64_t count) {
    // Masked stores are slow where masks are vectors, so what is too much of a
    // row spills into the next one, which is written afterwards.
    bool spills = width % v.lanes() != 0;
    Value last = spills ? v.sub(end, v.index(1)) : end;
    v.loop(first, last, 1, [&](Value row) {
      emitRow(row, panel, column, count, /*isMasked=*/false);
    });
    if (spills) emitRow(last, panel, column, count, /*isMasked=*/true);
  }

  void emitRow(Value row, Value panel, Value column, int64_t count,
               bool isMasked) {
    int64_t lanes = v.lanes();
    for (int64_t at = 0; at < width; at += lanes) {
      int64_t there = std::min(count, width) - at;
      Value piece =
          there > 0 ? loadRounded(v, rounding, source, {row, v.add(column, at)},
                                  v.tailMask(there))
                    : v.splat(0.0);
      Value mask = isMasked ? v.tailMask(width - at) : Value();
      v.store(piece, panels, {panel, row, v.index(at)}, mask);
    }
  }

  TileBuilder& v;
  Value source, panels;
  int64_t n, width;
  Type rounding;
};

void emitCopyPack(TileBuilder& v, const KernelArguments& arguments,
                  const Dim& k, int64_t n, int64_t width, Type rounding) {
  CopyPack pack(v, arguments, n, width, rounding);
  Value depth = getSize(v, k, arguments);
  v.loop(arguments.begin, arguments.end, 1, [&](Value item) {
    Value first = v.mul(item, kCopyRows);
    pack.emitRows(first, v.min(v.add(first, kCopyRows), depth));
  });
}

// Source [n][k]: squares of lanes x lanes turn over in registers.
class TransposePack {
 public:
  TransposePack(TileBuilder& v, const KernelArguments& arguments, const Dim& k,
                int64_t width, Type rounding)
      : v(v),
        source(arguments.buffers[0]),
        panels(arguments.buffers[1]),
        depth(getSize(v, k, arguments)),
        k(k),
        width(width),
        rounding(rounding) {}

  // Packs `count` of the panel's columns; the others become zero.
  void emitPanel(Value panel, int64_t count) {
    int64_t lanes = v.lanes();
    Value full = v.mul(v.div(depth, lanes), lanes);
    for (int64_t at = 0; at < width; at += lanes) {
      v.loop(v.index(0), full, lanes,
             [&](Value row) { emitSquare(panel, at, count - at, row, {}); });
      if (k.isStatic() && k.size % lanes == 0) continue;
      v.ifThen(v.less(full, depth), [&] {
        emitSquare(panel, at, count - at, full, v.sub(depth, full));
      });
    }
  }

 private:
  // Columns [at, at + lanes) of the panel, rows [row, row + lanes) of k, or
  // `rest` of them; the first `count` columns exist.
  void emitSquare(Value panel, int64_t at, int64_t count, Value row,
                  Value rest) {
    int64_t lanes = v.lanes();
    Value mask = rest ? v.tailMask(rest) : Value();
    Value column = v.add(v.mul(panel, width), at);
    SmallVector<Value> square;
    for (int64_t i = 0; i < lanes; ++i)
      square.push_back(i < count ? loadRounded(v, rounding, source,
                                               {v.add(column, i), row}, mask)
                                 : v.splat(0.0));
    v.transpose(square);
    for (int64_t i = 0; i < lanes; ++i) {
      auto store = [&] {
        v.store(square[i], panels, {panel, v.add(row, i), v.index(at)});
      };
      if (rest)
        v.ifThen(v.less(v.index(i), rest), store);
      else
        store();
    }
  }

  TileBuilder& v;
  Value source, panels, depth;
  const Dim k;
  int64_t width;
  Type rounding;
};

void emitTransposePack(TileBuilder& v, const KernelArguments& arguments,
                       const Dim& k, int64_t n, int64_t width, Type rounding) {
  TransposePack pack(v, arguments, k, width, rounding);
  int64_t full = n / width;
  v.loop(arguments.begin, v.min(arguments.end, v.index(full)), 1,
         [&](Value panel) { pack.emitPanel(panel, width); });
  if (full * width == n) return;
  // The last panel is the last work item.
  v.ifThen(v.less(v.index(full), arguments.end), [&] {
    v.ifThen(v.less(arguments.begin, arguments.end),
             [&] { pack.emitPanel(v.index(full), n - full * width); });
  });
}

}  // namespace

Value packPanels(OpBuilder& builder, Operation* op, CpuContext& context,
                 StringRef stem, Value source, bool transposed, int64_t width,
                 Type rounding) {
  auto type = cast<RankedTensorType>(source.getType());
  Dim k = getDim(type, transposed ? 1 : 0);
  int64_t n = getDim(type, transposed ? 0 : 1).size;
  Dim panels{static_cast<int64_t>(llvm::divideCeil(n, width)), {}};
  RankedTensorType result =
      getTensorType({panels, k, Dim{width, {}}}, builder.getF32Type());
  exec::GridAttr grid = transposed ? getGrid(op->getContext(), panels, 1)
                                   : getGrid(op->getContext(), k, kCopyRows);
  KernelKey key;
  key.add(transposed).add(width).add(rounding);
  return context.launch(
      builder, op, stem, source, result, grid, {},
      [&](OpBuilder& body, Location loc, const KernelArguments& arguments) {
        TileBuilder v(body, loc, context.getLevel());
        if (transposed)
          emitTransposePack(v, arguments, k, n, width, rounding);
        else
          emitCopyPack(v, arguments, k, n, width, rounding);
      },
      &key)[0];
}

Value transposeMatrix(OpBuilder& builder, Operation* op, CpuContext& context,
                      Value source) {
  auto type = cast<RankedTensorType>(source.getType());
  Dim rows = getDim(type, 1), columns = getDim(type, 0);
  RankedTensorType result =
      getTensorType({rows, columns}, type.getElementType());
  return context.launch(
      builder, op, "transpose_operand", source, result,
      getGrid(op->getContext(), rows, 1), {},
      [&](OpBuilder& body, Location loc, const KernelArguments& arguments) {
        TileBuilder v(body, loc, context.getLevel());
        v.loop(arguments.begin, arguments.end, 1, [&](Value row) {
          v.loop(
              v.index(0), getSize(v, columns, arguments), 1, [&](Value column) {
                v.storeScalar(v.loadScalar(arguments.buffers[0], {column, row}),
                              arguments.buffers[1], {row, column});
              });
        });
      })[0];
}

}  // namespace graft

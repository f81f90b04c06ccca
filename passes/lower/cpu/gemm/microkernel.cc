// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/gemm/microkernel.h"

using namespace mlir;

namespace graft {

TileShape getTileShape(const IsaLevel& level, int64_t vectors) {
  int64_t registers = level.vectorRegisters;
  // One row of the right-hand side and one broadcast value; without memory
  // operands in arithmetic (AArch64) the values of several rows are in flight.
  int64_t rows = (registers - vectors - 1) / vectors;
  for (int64_t choice : {12, 8, 6, 4, 2})
    if (choice <= rows) return {choice, vectors};
  return {1, vectors};
}

namespace {

class MicrokernelEmitter {
 public:
  MicrokernelEmitter(TileBuilder& v, TileShape tile, Value rows, Value depth,
                     const GemmAccess& access)
      : v(v), tile(tile), rows(rows), depth(depth), access(access) {}

  void emitGroup(const TileColumns& columns) {
    Value zero = v.index(0);
    int64_t height = tile.rows;
    Value full = v.mul(v.div(rows, height), height);
    v.loop(zero, full, height,
           [&](Value row) { emitTile({row, height, columns}); });
    // The remainder is a sum of distinct powers of two.
    Value row = full;
    int64_t part = 1;
    while (part * 2 < height) part *= 2;
    for (; part >= 1 && height > 1; part /= 2) {
      Value next = v.add(row, part);
      Value fits = v.less(next, v.add(rows, 1));
      v.ifThen(fits, [&] { emitTile({row, part, columns}); });
      row = v.select(fits, next, row);
    }
  }

 private:
  void emitTile(const AccumulatorTile& part) {
    const TileColumns& columns = part.columns;
    SmallVector<Value> rowAt, columnAt;
    for (int64_t i = 0; i < part.rows; ++i) rowAt.push_back(v.add(part.row, i));
    for (int64_t j = 0; j < columns.vectors; ++j)
      columnAt.push_back(v.add(columns.first, j * v.lanes()));
    SmallVector<Value> sums;
    for (int64_t i = 0; i < part.rows; ++i)
      for (int64_t j = 0; j < columns.vectors; ++j)
        sums.push_back(
            access.init ? access.init(rowAt[i], columnAt[j], columns.maskOf(j))
                        : v.splat(0.0));
    sums = access.accumulate ? access.accumulate(part, std::move(sums))
                             : multiplyAdd(part, sums);
    for (int64_t i = 0; i < part.rows; ++i)
      for (int64_t j = 0; j < columns.vectors; ++j)
        access.finish(rowAt[i], columnAt[j], columns.maskOf(j),
                      sums[i * columns.vectors + j]);
  }

  SmallVector<Value> multiplyAdd(const AccumulatorTile& part, ValueRange sums) {
    const TileColumns& columns = part.columns;
    return v.loop(
        v.index(0), depth, 1, sums,
        [&](Value k, ValueRange carried) -> SmallVector<Value> {
          SmallVector<Value> line, next;
          for (int64_t j = 0; j < columns.vectors; ++j)
            line.push_back(access.rhs(k, {columns.first, j * v.lanes()},
                                      columns.maskOf(j)));
          for (int64_t i = 0; i < part.rows; ++i) {
            Value factor = access.lhs({part.row, i}, k);
            for (int64_t j = 0; j < columns.vectors; ++j)
              next.push_back(
                  v.fma(factor, line[j], carried[i * columns.vectors + j]));
          }
          return next;
        });
  }

  TileBuilder& v;
  TileShape tile;
  Value rows, depth;
  const GemmAccess& access;
};

}  // namespace

void emitMicrokernel(TileBuilder& v, TileShape tile, Value rows, Value lower,
                     int64_t width, int64_t columns, Value depth,
                     const GemmAccess& access) {
  MicrokernelEmitter emitter(v, tile, rows, depth, access);
  int64_t step = tile.vectors * v.lanes();
  int64_t full = columns / step * step;
  if (full > 0)
    v.loop(
        lower, v.min(v.add(lower, width), v.index(full)), step,
        [&](Value column) { emitter.emitGroup({column, tile.vectors, {}}); });
  if (full == columns) return;
  int64_t rest = columns - full;
  int64_t vectors = (rest + v.lanes() - 1) / v.lanes();
  Value mask = v.tailMask(rest - (vectors - 1) * v.lanes());
  // The tail belongs to the range that holds its first column.
  v.ifThen(v.less(v.index(full), v.add(lower, width)), [&] {
    v.ifThen(v.less(lower, full + 1),
             [&] { emitter.emitGroup({v.index(full), vectors, mask}); });
  });
}

void emitMicrokernel(TileBuilder& v, TileShape tile, Value rows,
                     int64_t columns, Value depth, const GemmAccess& access) {
  MicrokernelEmitter emitter(v, tile, rows, depth, access);
  int64_t step = tile.vectors * v.lanes();
  int64_t full = columns / step * step;
  if (full == step)
    emitter.emitGroup({v.index(0), tile.vectors, {}});
  else if (full > 0)
    v.loop(v.index(0), v.index(full), step, [&](Value column) {
      emitter.emitGroup({column, tile.vectors, {}});
    });
  if (full == columns) return;
  int64_t rest = columns - full;
  int64_t vectors = (rest + v.lanes() - 1) / v.lanes();
  emitter.emitGroup(
      {v.index(full), vectors, v.tailMask(rest - (vectors - 1) * v.lanes())});
}

void emitDynamicMicrokernel(TileBuilder& v, TileShape tile, Value rows,
                            Value columns, Value depth,
                            const GemmAccess& access) {
  MicrokernelEmitter emitter(v, tile, rows, depth, access);
  int64_t step = tile.vectors * v.lanes();
  Value full = v.mul(v.div(columns, step), step);
  v.loop(v.index(0), full, step,
         [&](Value column) { emitter.emitGroup({column, tile.vectors, {}}); });
  v.loop(full, columns, v.lanes(), [&](Value column) {
    emitter.emitGroup({column, 1, v.tailMask(v.sub(columns, column))});
  });
}

}  // namespace graft

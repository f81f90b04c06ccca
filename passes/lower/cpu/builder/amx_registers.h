// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The tile registers of AMX (Intel's Advanced Matrix Extensions; Software
// Developer's Manual, volume 1, chapter 18), by number: eight of 16 rows of 64
// bytes, and an instruction that multiplies two of them.

#ifndef GRAFT_PASSES_LOWER_CPU_BUILDER_AMX_REGISTERS_H_
#define GRAFT_PASSES_LOWER_CPU_BUILDER_AMX_REGISTERS_H_

#include "passes/lower/cpu/builder/tile_builder.h"

namespace graft {

// A square of four products of 16 x 16 floats, or the upper two or left ones of
// them: sums(i, j) += lhs(i) rhs(j), with lhs(i) 16 rows of 32 bf16 and rhs(j)
// 16 rows of 16 pairs of bf16. Rows of rhs are pairs of rows of its matrix,
// which lie side by side.
class AmxRegisters {
 public:
  using Value = mlir::Value;
  static constexpr int64_t kRows = 16;
  static constexpr int64_t kTile = 2 * kRows;  // an edge of the tile
  static constexpr int64_t kDepth = 32;        // of k, in one multiplication
  static constexpr int64_t kElements = kRows * kDepth;  // bf16 of a register

  // Construct at the start of a kernel.
  explicit AmxRegisters(TileBuilder& v);

  // Sets how many rows, 1 to 16, lhs(0) and lhs(1) and their sums have; forgets
  // what registers hold.
  void configure(Value rows0, Value rows1);
  // Emits `body` for each square, configured for it, of `rows` rows: `height`
  // of them from `row` on, in `tall` registers; only whole ones if `filled`.
  void forEachTile(
      Value rows, bool filled,
      llvm::function_ref<void(Value row, int64_t tall, Value height)> body);
  void clearSums(int64_t i, int64_t j);
  // Loads a side from `buffer`, of bf16, from element `offset` on; rows are
  // `stride` elements apart. `offset` and `stride` are index values.
  void loadLhs(int64_t i, Value buffer, Value offset, Value stride);
  void loadRhs(int64_t j, Value buffer, Value offset);
  void multiply(int64_t i, int64_t j);
  // Sums from and to rows of `buffer`, of f32, likewise.
  void loadSums(int64_t i, int64_t j, Value buffer, Value offset, Value stride);
  void storeSums(int64_t i, int64_t j, Value buffer, Value offset,
                 Value stride);
  // Call at the end of the kernel: registers in use make changes of the thread
  // slower.
  void release();

 private:
  void call(llvm::StringRef name, mlir::ValueRange arguments);
  Value number(int64_t tile);
  Value pointer(Value buffer, Value offset);
  Value bytes(Value elements, Value buffer);

  TileBuilder& v;
  Value configuration;
};

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_BUILDER_AMX_REGISTERS_H_

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Operands of GEMMs in pieces, see bf16_tile.h.

#ifndef GRAFT_PASSES_LOWER_CPU_GEMM_BF16_PACK_H_
#define GRAFT_PASSES_LOWER_CPU_GEMM_BF16_PACK_H_

#include "dialects/graft/graft_dialect.h"
#include "passes/lower/cpu/gemm/gemm.h"

namespace graft {

// A packed side: bf16, in pieces that one register takes, of 16 columns of the
// matrix (rows of lhs) and 32 of k.
struct Bf16Panels {
  // [panels][ceil(k / 32)][16][32], or [panels][ceil(k / 32)][3][16][32] of
  // floats in three parts, with zeros in the place of missing columns and k;
  // where k is dynamic, k / 32 pieces in the order [k][panels], as the type
  // [k][panels][16].
  mlir::Value whole;
  // Where k is dynamic: its last piece, [panels][16][32], not written if k is a
  // multiple of 32. Else null.
  mlir::Value rest;
};

// Launches the kernel, before `op`, that packs a matrix [k, n], or [n, k] if
// `transposed`, of bf16 or of f32, which is rounded; n is static. `isLhs` says
// for which side; that is not transposed. The kernel's stem is `stem`.
Bf16Panels packBf16(mlir::OpBuilder& builder, mlir::Operation* op,
                    CpuContext& context, llvm::StringRef stem,
                    mlir::Value source, bool transposed, bool isLhs);

// The same for a matrix of f32 whose k is static and a multiple of 32: floats
// are split into three parts, for the right side.
mlir::Value packBf16Terms(mlir::OpBuilder& builder, mlir::Operation* op,
                          CpuContext& context, llvm::StringRef stem,
                          mlir::Value source, bool transposed);

// Whether both operands of a GEMM are bf16, or rounded to it by packing, and
// sizes are such that packBf16Operands takes them.
bool isBf16Gemm(const Gemm& gemm);

// Packs rhs, and lhs if that is transposed, before `op`: the first buffers of a
// kernel.
llvm::SmallVector<mlir::Value> packBf16Operands(mlir::OpBuilder& builder,
                                                mlir::Operation* op,
                                                CpuContext& context,
                                                const Gemm& gemm);

// A side inside of the kernel.
struct Bf16Operand {
  // Of Bf16Panels, of rank 1; or lhs as it lies, and null.
  mlir::Value whole, rest;
  Dim k;
  int64_t panels = 0;

  struct Position {
    mlir::Value buffer, offset;
  };
  // Where the piece of a panel and a block of k begins. `isRest`: it is the
  // last block, and k has only a part of it.
  Position getPosition(TileBuilder& v, mlir::Value panel, mlir::Value block,
                       bool isRest) const;
};

struct Bf16Operands {
  Bf16Operand lhs, rhs;
};
Bf16Operands getBf16Operands(TileBuilder& v, const Gemm& gemm,
                             const KernelArguments& arguments);

// Where in `whole` the piece of a panel and a block of k begins.
mlir::Value getPiece(TileBuilder& v, const Dim& k, int64_t panels,
                     mlir::Value panel, mlir::Value block);

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_GEMM_BF16_PACK_H_

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Products of bf16 by dot products of pairs in vector registers, summed in f32:
// vdpbf16ps of AVX-512 BF16 (Intel 64 and IA-32 Architectures Software
// Developer's Manual, volume 2), which processors have that have no tile
// registers. An element of the result is one chain of sums in ascending k,
// however rows and columns are cut; subnormals count as zero.

#ifndef GRAFT_PASSES_LOWER_CPU_GEMM_DOT_GEMM_H_
#define GRAFT_PASSES_LOWER_CPU_GEMM_DOT_GEMM_H_

#include "passes/lower/cpu/gemm/gemm.h"

namespace graft {

// Whether the GEMM is computed so: both operands are bf16, or rounded to it
// where they are packed, pairs do not cross rows, and the target has the
// instruction, and no tile registers.
bool isDotGemm(const Gemm& gemm, const IsaLevel& level);

// Launches of the GEMM before `op`, and of the epilogue if it has one.
mlir::ValueRange launchDotGemm(mlir::OpBuilder& builder, mlir::Operation* op,
                               CpuContext& context, const Gemm& gemm,
                               llvm::StringRef stem);

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_GEMM_DOT_GEMM_H_

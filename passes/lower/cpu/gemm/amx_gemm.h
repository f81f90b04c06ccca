// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Products of bf16 in the tile registers of AMX, summed in f32. An element of
// the result is one chain of sums in ascending k, however rows and columns are
// cut; the instruction takes two products a step, and subnormals as zero.

#ifndef GRAFT_PASSES_LOWER_CPU_GEMM_AMX_GEMM_H_
#define GRAFT_PASSES_LOWER_CPU_GEMM_AMX_GEMM_H_

#include "passes/lower/cpu/gemm/gemm.h"

namespace graft {

// Whether the GEMM is computed so: both operands are bf16, or rounded to it
// where they are packed, and the target has the registers.
bool isAmxGemm(const Gemm& gemm, const IsaLevel& level);

// Launches of the GEMM before `op`, and of the epilogue if it has one.
mlir::ValueRange launchAmxGemm(mlir::OpBuilder& builder, mlir::Operation* op,
                               CpuContext& context, const Gemm& gemm,
                               llvm::StringRef stem);

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_GEMM_AMX_GEMM_H_

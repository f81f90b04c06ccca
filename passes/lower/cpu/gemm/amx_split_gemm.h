// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Products of f32 in the tile registers of AMX, which multiply bf16 sixteen
// times as fast as vectors multiply f32. A float is the sum of three bf16, to
// the bit; of the nine products of two such sums, the six that are not below
// the rounding of an f32 are summed in f32. So a sum has the error of one in
// f32 (docs/numerics.md has the measurement), at 8/3 of the speed at most.
// Henry, Tang and Heinecke, "Leveraging the bfloat16 Artificial Intelligence
// Datatype For Higher-Precision Computations", ARITH 2019.
//
// Unlike the vectors', such sums take subnormals as zero, and are NaN where an
// operand is infinite. An element of the result is one chain of sums in
// ascending k, however rows and columns are cut.

#ifndef GRAFT_PASSES_LOWER_CPU_GEMM_AMX_SPLIT_GEMM_H_
#define GRAFT_PASSES_LOWER_CPU_GEMM_AMX_SPLIT_GEMM_H_

#include "passes/lower/cpu/gemm/gemm.h"

namespace graft {

// Whether the GEMM is computed so: all is f32, sizes fill registers, and the
// target has them.
bool isAmxSplitGemm(const Gemm& gemm, const IsaLevel& level);

// Launches of the GEMM before `op`, and of the epilogue if it has one.
mlir::ValueRange launchAmxSplitGemm(mlir::OpBuilder& builder,
                                    mlir::Operation* op, CpuContext& context,
                                    const Gemm& gemm, llvm::StringRef stem);

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_GEMM_AMX_SPLIT_GEMM_H_

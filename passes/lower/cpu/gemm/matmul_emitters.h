// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Emitters of GEMMs, alone and with an epilogue.

#ifndef GRAFT_PASSES_LOWER_CPU_GEMM_MATMUL_EMITTERS_H_
#define GRAFT_PASSES_LOWER_CPU_GEMM_MATMUL_EMITTERS_H_

#include "dialects/graft/graft_ops.h"
#include "passes/lower/cpu/builder/cpu_context.h"

namespace graft {

// Whether all users of a rounded value are GEMMs that pack it: they round while
// they pack, and the value is nowhere in memory.
bool isRoundedByPacking(CastOp op);

// Replaces a region that begins with a GEMM by kernels.
mlir::LogicalResult emitGemmRegion(RegionOp op, mlir::OpBuilder& builder,
                                   CpuContext& context);

// Emitters of graft.linear and graft.matmul.
void populateMatmulEmitters(KernelEmitters& emitters);

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_GEMM_MATMUL_EMITTERS_H_

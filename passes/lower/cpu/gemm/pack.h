// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Kernels that bring the operands of GEMMs into the order in which
// the GEMM reads them.

#ifndef GRAFT_PASSES_LOWER_CPU_GEMM_PACK_H_
#define GRAFT_PASSES_LOWER_CPU_GEMM_PACK_H_

#include "dialects/graft/graft_dialect.h"
#include "passes/lower/cpu/builder/cpu_context.h"
#include "passes/lower/cpu/builder/tile_builder.h"

namespace graft {

// The value of a dimension inside a kernel.
mlir::Value getSize(TileBuilder& v, const Dim& dim,
                    const KernelArguments& arguments);

// `ceil(dim / block) * count` work items.
exec::GridAttr getGrid(mlir::MLIRContext* context, const Dim& dim,
                       int64_t block, int64_t count = 1);

// Launches a kernel, before `op`, that packs a matrix with columns n and rows k
// into panels of `width` columns: result [ceil(n / width)][k][width], where
// columns from n on are zero. `source` is [k, n], or [n, k] if `transposed`;
// n is static, k may be dynamic; `width` is a multiple of the lanes if
// `transposed`. The kernel's stem is `stem`. Panels are f32; values are first
// rounded to `rounding`, if that is not null.
mlir::Value packPanels(mlir::OpBuilder& builder, mlir::Operation* op,
                       CpuContext& context, llvm::StringRef stem,
                       mlir::Value source, bool transposed, int64_t width,
                       mlir::Type rounding = {});

// Launches a kernel that transposes a matrix, for dynamic sizes of which no
// panels can be made.
mlir::Value transposeMatrix(mlir::OpBuilder& builder, mlir::Operation* op,
                            CpuContext& context, mlir::Value source);

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_GEMM_PACK_H_

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// GEMMs by fused multiply-adds of f32 in vector registers, at
// every CPU level and for all sizes. Operands of other types are widened.

#ifndef GRAFT_PASSES_LOWER_CPU_GEMM_VECTOR_GEMM_H_
#define GRAFT_PASSES_LOWER_CPU_GEMM_VECTOR_GEMM_H_

#include "passes/lower/cpu/gemm/gemm.h"
#include "passes/lower/cpu/gemm/microkernel.h"

namespace graft {

// Sizes of blocks; all depend on shapes and the CPU level alone, unless the
// module has an `exec.gemm_blocks`.
struct VectorBlocking {
  // Panels of lhs have its rows, so that it reads all of each line.
  TileShape tile;
  int64_t panelWidth;  // columns of a packed panel of rhs
  ItemShape item;
  int64_t depth;  // of k that is summed in registers at once; 0: all
  // Items side by side that are computed together, depth by depth, so that a
  // block of lhs of this depth stays in a cache for all their panels.
  int64_t group;
};

class VectorGemm {
 public:
  // `op` is the GEMM, or a region with it.
  VectorGemm(mlir::Operation* op, const Gemm& gemm, const IsaLevel& level);

  const VectorBlocking& getBlocking() const { return blocking; }
  // Launches what packs lhs and rhs before `op`; the buffers of the kernel.
  std::array<mlir::Value, 2> pack(mlir::OpBuilder& builder, mlir::Operation* op,
                                  CpuContext& context) const;
  // Emits the kernel, whose items `frame` cuts by the item of the blocking.
  void emit(TileBuilder& v, const KernelArguments& arguments,
            GemmFrame& frame) const;

 private:
  const Gemm& gemm;
  const VectorBlocking blocking;
};

// Launches of the GEMM before `op`, and of the epilogue if it has one.
mlir::ValueRange launchVectorGemm(mlir::OpBuilder& builder, mlir::Operation* op,
                                  CpuContext& context, const Gemm& gemm,
                                  llvm::StringRef stem);

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_GEMM_VECTOR_GEMM_H_

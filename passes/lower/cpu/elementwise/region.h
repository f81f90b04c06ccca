// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// A graft.region as a kernel. By the ops of its body it is
// - lane ops alone: a pass over memory (elementwise_program.cc);
// - a product, then lane ops on each block of it that is finished
//   (matmul_emitters.cc);
// - lane ops, then the normalisation of each row that they have computed, and
//   casts of that (normalization_emitters.cc).

#ifndef GRAFT_PASSES_LOWER_CPU_ELEMENTWISE_REGION_H_
#define GRAFT_PASSES_LOWER_CPU_ELEMENTWISE_REGION_H_

#include <string>

#include "passes/lower/cpu/elementwise/elementwise_program.h"

namespace graft {

// The lane ops of a region's body.
struct ElementwiseRegion {
  // Its inputs are those arguments of the body that its ops use; the outputs
  // are up to the caller.
  ElementwiseProgram program;
  llvm::SmallVector<mlir::Value> operands;  // of the region, for the inputs
};

// Lanes of the ops [first, last). A diagnostic at the region if one of them is
// no lane op over the shape of `type`, or a result of the region has another.
mlir::FailureOr<ElementwiseRegion> getElementwiseRegion(
    RegionOp op, mlir::Block::iterator first, mlir::Block::iterator last,
    mlir::RankedTensorType type);

// Appends ties of results to operands of their type, which begin as operand
// `first` of a launch that reads of each of them what it then writes. No
// operand is offered to two results, which might both take it; a single result
// may choose. Not for result `skipped`, nor for an operand among `kept`.
void addTies(mlir::TypeRange results, mlir::ValueRange operands, int64_t first,
             llvm::SmallVectorImpl<int64_t>& ties, int64_t skipped = -1,
             mlir::ValueRange kept = {});

// The name of the region's kernel: those of its first ops.
std::string getRegionStem(RegionOp op);

// The normalisation that ends a region, but for casts of its result; null if
// there is none.
LayerNormOp getNormalization(RegionOp op);

// Replaces a region of elementwise ops alone by kernels.
mlir::LogicalResult emitElementwiseRegion(RegionOp op, mlir::OpBuilder& builder,
                                          CpuContext& context);

// Emitters of elementwise ops that stand alone.
void populateElementwiseEmitters(KernelEmitters& emitters);

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_ELEMENTWISE_REGION_H_

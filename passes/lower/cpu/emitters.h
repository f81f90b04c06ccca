// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// All emitters of CPU kernels.

#ifndef GRAFT_PASSES_LOWER_CPU_EMITTERS_H_
#define GRAFT_PASSES_LOWER_CPU_EMITTERS_H_

#include "dialects/graft/graft_ops.h"
#include "passes/lower/cpu/builder/cpu_context.h"

namespace graft {

// The emitter of each op of the graft dialect that has one. Made once;
// thread-safe.
const KernelEmitters& getKernelEmitters();

// Families of kernels that this folder has.
void populateLossEmitters(KernelEmitters& emitters);
void populateNormalizationEmitters(KernelEmitters& emitters);
void populateOptimizerEmitters(KernelEmitters& emitters);
void populateRandomEmitters(KernelEmitters& emitters);
void populateReductionEmitters(KernelEmitters& emitters);
void populateSegmentEmitters(KernelEmitters& emitters);
void populateShapeEmitters(KernelEmitters& emitters);
void populateSpectralEmitters(KernelEmitters& emitters);

// Replaces a region that ends in a normalisation by kernels.
mlir::LogicalResult emitNormalizationRegion(RegionOp op,
                                            mlir::OpBuilder& builder,
                                            CpuContext& context);

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_EMITTERS_H_

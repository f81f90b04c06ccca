// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Kernels for ops that have no emitter, from their RegionLoweringInterface.

#ifndef GRAFT_PASSES_LOWER_CPU_GENERIC_EMITTER_H_
#define GRAFT_PASSES_LOWER_CPU_GENERIC_EMITTER_H_

#include "dialects/graft/graft_interfaces.h"
#include "passes/lower/cpu/builder/cpu_context.h"

namespace graft {

// Replaces `op` by one launch whose kernel holds the op's linalg form on
// tensors, between `bufferization.to_tensor` and
// `bufferization.materialize_in_destination`. If the op's sharding rule says
// that its rows are independent, an item of work is one row; else the whole op
// is one item.
mlir::LogicalResult emitGeneric(RegionLoweringInterface op,
                                mlir::OpBuilder& builder, CpuContext& context);

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_GENERIC_EMITTER_H_

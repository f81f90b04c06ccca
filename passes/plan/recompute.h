// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Memory for time: results that a phase needs again much later are computed
// again instead of kept (Chen et al., Training Deep Nets with Sublinear Memory
// Cost, 2016; chosen by cost as in Jain et al., Checkmate, 2020, but greedily).

#ifndef GRAFT_PASSES_PLAN_RECOMPUTE_H_
#define GRAFT_PASSES_PLAN_RECOMPUTE_H_

#include "passes/plan/memory_plan.h"

namespace graft {

struct RecomputeReport {
  int64_t arenaBytes = 0;  // the smallest that was found
  int64_t launches = 0;    // added
  double flops = 0;        // of them, at the bounds of sizes
};

// Adds launches to `function` until its plan fits into `budget` bytes or no
// further launch helps; the report says how far that went. A launch is added
// in front of the first that needs one of its results after the peak; it
// computes the same bits again, since it is the same kernel on the same
// operands. Of all that would help at the peak the one is taken that frees most
// bytes for its time. Deterministic. Fails as planMemory does.
mlir::FailureOr<RecomputeReport> recomputeToFit(mlir::func::FuncOp function,
                                                const SizeBounds& bounds,
                                                int64_t budget);

}  // namespace graft

#endif  // GRAFT_PASSES_PLAN_RECOMPUTE_H_

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Where each value of a phase lies, and the commands that follow from it.

#ifndef GRAFT_PASSES_PLAN_MEMORY_PLAN_H_
#define GRAFT_PASSES_PLAN_MEMORY_PLAN_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "dialects/exec/exec_dialect.h"
#include "llvm/ADT/StringMap.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace graft {

// Bounds of named sizes.
using SizeBounds = llvm::StringMap<int64_t>;

// The `graft.size` ops of a module.
SizeBounds collectSizeBounds(mlir::ModuleOp module);

// Bytes of a tensor at the bounds of its sizes; none when a dynamic dimension
// has no bound or the product does not fit.
std::optional<int64_t> getBoundBytes(mlir::RankedTensorType type,
                                     const SizeBounds& bounds);

// One command. `reads` and `writes` are what the kernel gets, in order.
struct PlanStep {
  exec::LaunchOp launch;  // null for copies and fills
  mlir::Value value;      // what a copy or fill moves
  std::vector<exec::BufferAttr> reads, writes;
  exec::GridAttr grid;
  std::optional<int32_t> fill;  // pattern of a fill
};

struct MemoryPlan {
  std::vector<PlanStep> steps;
  int64_t prologue = 0;  // first steps that depend on parameters alone
  int64_t arenaBytes = 0;
  int64_t liveBytes = 0;   // most of it in use at once
  exec::LaunchOp peak;     // the first launch at which it is; null if none is
  int64_t peakLength = 0;  // launches at which it is
};

// Plans a phase; emits a diagnostic on failure. Deterministic.
mlir::FailureOr<MemoryPlan> planMemory(mlir::func::FuncOp function,
                                       const SizeBounds& bounds);

// Runs `plan` on symbolic values and emits an error unless each command finds
// in each buffer the value that `function` says, no command overwrites what
// it reads except where the launch ties the two, and outputs and slots hold
// the right values at the end; and once more without the prologue.
llvm::LogicalResult checkMemoryPlan(mlir::func::FuncOp function,
                                    const MemoryPlan& plan);

// A stretch of time, both ends included, in which `bytes` of the arena are
// used, and their place.
struct ArenaBlock {
  int64_t bytes = 0;
  int64_t begin = 0, end = 0;
  int64_t offset = 0;
};

// Sets the offsets so that no two blocks overlap in both time and place;
// returns the size of the arena.
int64_t placeBlocks(std::vector<ArenaBlock>& blocks);

}  // namespace graft

#endif  // GRAFT_PASSES_PLAN_MEMORY_PLAN_H_

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The buffer of each value of a phase, and the resulting commands.

#ifndef GRAFT_PASSES_PLAN_MEMORY_PLAN_H_
#define GRAFT_PASSES_PLAN_MEMORY_PLAN_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "dialects/exec/exec_dialect.h"
#include "llvm/ADT/StringMap.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace graft {

// Capacities of named sizes.
using SizeBounds = llvm::StringMap<int64_t>;

// Returns the capacities that the `graft.size` ops of a module declare.
SizeBounds collectSizeBounds(mlir::ModuleOp module);

// Returns the bytes of a tensor at the capacity of its sizes; none if a dynamic
// dimension has no capacity or the number overflows.
std::optional<int64_t> getBoundBytes(mlir::RankedTensorType type,
                                     const SizeBounds& bounds);

// One command. `reads` and `writes` are the arguments of the kernel, in order.
struct PlanStep {
  exec::LaunchOp launch;  // null for copies and fills
  mlir::Value value;      // source of a copy or fill
  std::vector<exec::BufferAttr> reads, writes;
  exec::GridAttr grid;
  std::optional<int32_t> fill;  // pattern of a fill
};

struct MemoryPlan {
  std::vector<PlanStep> steps;
  int64_t prologue = 0;  // leading steps that depend on parameters only
  int64_t arenaBytes = 0;
  int64_t liveBytes = 0;   // maximum of it that is live at once
  exec::LaunchOp peak;     // the first launch at that maximum; may be null
  int64_t peakLength = 0;  // number of launches at that maximum
};

// Plans a phase; emits a diagnostic on failure. Deterministic.
mlir::FailureOr<MemoryPlan> planMemory(mlir::func::FuncOp function,
                                       const SizeBounds& bounds);

// Runs `plan` on symbolic values, then once more without the prologue. Emits an
// error unless each command finds the value that `function` prescribes in each
// buffer, no command overwrites an operand except where the launch ties the
// two, and outputs and slots hold the right values at the end.
llvm::LogicalResult checkMemoryPlan(mlir::func::FuncOp function,
                                    const MemoryPlan& plan);

// `bytes` of the arena that are live from `begin` to `end`, both included.
struct ArenaBlock {
  int64_t bytes = 0;
  int64_t begin = 0, end = 0;
  int64_t offset = 0;
};

// Sets the offsets so that no two blocks that are live at the same time
// overlap. Returns the size of the arena.
int64_t placeBlocks(std::vector<ArenaBlock>& blocks);

}  // namespace graft

#endif  // GRAFT_PASSES_PLAN_MEMORY_PLAN_H_

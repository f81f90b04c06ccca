// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The CPU levels that kernels are generated for.

#ifndef GRAFT_PASSES_LOWER_CPU_BUILDER_ISA_LEVEL_H_
#define GRAFT_PASSES_LOWER_CPU_BUILDER_ISA_LEVEL_H_

#include "llvm/ADT/ArrayRef.h"
#include "passes/lower/kernel_emitter.h"

namespace graft {

// Every level, best last within one architecture. Constant; thread-safe.
llvm::ArrayRef<CpuTarget> getCpuTargets();

// The target of a level's name, or null.
const CpuTarget* lookupCpuTarget(llvm::StringRef level);

// The best level whose code this machine can run.
const CpuTarget& getHostTarget();

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_BUILDER_ISA_LEVEL_H_

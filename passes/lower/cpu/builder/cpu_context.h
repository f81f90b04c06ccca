// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What emitters of CPU kernels are given.

#ifndef GRAFT_PASSES_LOWER_CPU_BUILDER_CPU_CONTEXT_H_
#define GRAFT_PASSES_LOWER_CPU_BUILDER_CPU_CONTEXT_H_

#include <functional>

#include "passes/lower/cpu/builder/isa_level.h"
#include "passes/lower/kernel_emitter.h"

namespace graft {

// Creates kernels and launches for one ISA level.
class CpuContext : public KernelContext {
 public:
  // Shares the kernels of `context`. Borrows `level`.
  CpuContext(const KernelContext& context, const IsaLevel& level)
      : KernelContext(context), level(level) {}

  const IsaLevel& getLevel() const { return level; }

 private:
  const IsaLevel& level;
};

// Replaces an op by launches; emits a diagnostic on failure.
using KernelEmitter = std::function<llvm::LogicalResult(
    mlir::Operation*, mlir::OpBuilder&, CpuContext&)>;

// Emitters by op name, e.g. "graft.linear".
using KernelEmitters = llvm::StringMap<KernelEmitter>;

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_CPU_BUILDER_CPU_CONTEXT_H_

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_DIALECTS_GRAFT_PHASES_H_
#define GRAFT_DIALECTS_GRAFT_PHASES_H_

#include "dialects/graft/graft_ops.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace graft {

// Returns the phase functions of a module, in module order.
inline llvm::SmallVector<mlir::func::FuncOp> getPhases(mlir::ModuleOp module) {
  llvm::SmallVector<mlir::func::FuncOp> phases;
  for (auto function : module.getOps<mlir::func::FuncOp>())
    if (function->hasAttr("graft.phase") && !function.isDeclaration())
      phases.push_back(function);
  return phases;
}

// Returns whether a phase writes slots. Such a phase alternates with others
// that overwrite the arena, so it repeats its parameter-only work in each call
// (plan-memory).
inline bool writesSlots(mlir::func::FuncOp phase) {
  return !phase.getBody().getOps<WriteOp>().empty();
}

}  // namespace graft

#endif  // GRAFT_DIALECTS_GRAFT_PHASES_H_

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_DIALECTS_GRAFT_PHASES_H_
#define GRAFT_DIALECTS_GRAFT_PHASES_H_

#include "dialects/graft/graft_ops.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace graft {

// The functions of a module that are phases, in its order.
inline llvm::SmallVector<mlir::func::FuncOp> getPhases(mlir::ModuleOp module) {
  llvm::SmallVector<mlir::func::FuncOp> phases;
  for (auto function : module.getOps<mlir::func::FuncOp>())
    if (function->hasAttr("graft.phase") && !function.isDeclaration())
      phases.push_back(function);
  return phases;
}

// Whether a phase writes slots: it takes turns with others that need the arena,
// so what it computes from parameters alone is computed in each call
// (plan-memory).
inline bool writesSlots(mlir::func::FuncOp phase) {
  return !phase.getBody().getOps<WriteOp>().empty();
}

}  // namespace graft

#endif  // GRAFT_DIALECTS_GRAFT_PHASES_H_

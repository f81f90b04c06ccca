// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Dynamic loss scaling in host programs.

#ifndef GRAFT_PASSES_PRECISION_SCALE_HOST_H_
#define GRAFT_PASSES_PRECISION_SCALE_HOST_H_

#include "dialects/exec/exec_host.h"
#include "llvm/ADT/StringMap.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace graft {

// Where the inputs of scaled phases come from; null without a host program.
struct ScaleSources {
  exec::SourceAttr scale, unscale;
};

// By the name of the entry.
using ScaledEntries = llvm::StringMap<ScaleSources>;

// Adds to the host programs of `module` that call phases with gradients, those
// named `scaled`, the choice of the scale: it halves, and the step is skipped,
// where a loss or gradient is not finite, and doubles after 2000 updates
// without that. `updates` are the phases that apply gradients; each has a scale
// of its own, with the scaled phases that come before it. Fails with a
// diagnostic where the program does not check the loss and call the update as
// expanded strategies do.
mlir::FailureOr<ScaledEntries> scaleHost(
    mlir::ModuleOp module, llvm::ArrayRef<llvm::StringRef> scaled,
    llvm::ArrayRef<mlir::func::FuncOp> updates);

}  // namespace graft

#endif  // GRAFT_PASSES_PRECISION_SCALE_HOST_H_

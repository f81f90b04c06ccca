// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Passes of the precision stage.

#ifndef GRAFT_PASSES_PRECISION_PASSES_H_
#define GRAFT_PASSES_PRECISION_PASSES_H_

#include "dialects/graft/graft_dialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace graft {

#define GEN_PASS_DECL
#include "passes/precision/passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/precision/passes.h.inc"

}  // namespace graft

#endif  // GRAFT_PASSES_PRECISION_PASSES_H_

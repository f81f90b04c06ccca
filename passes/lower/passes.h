// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// From graft ops to kernels on memrefs.

#ifndef GRAFT_PASSES_LOWER_PASSES_H_
#define GRAFT_PASSES_LOWER_PASSES_H_

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace graft {

#define GEN_PASS_DECL
#include "passes/lower/passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/lower/passes.h.inc"

}  // namespace graft

#endif  // GRAFT_PASSES_LOWER_PASSES_H_

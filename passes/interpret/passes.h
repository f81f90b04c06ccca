// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Passes that run programs: constructors and registration.

#ifndef GRAFT_PASSES_INTERPRET_PASSES_H_
#define GRAFT_PASSES_INTERPRET_PASSES_H_

#include <memory>

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace graft {

#define GEN_PASS_DECL
#include "passes/interpret/passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/interpret/passes.h.inc"

}  // namespace graft

#endif  // GRAFT_PASSES_INTERPRET_PASSES_H_

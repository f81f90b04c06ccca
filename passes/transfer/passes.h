// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Passes of the transfer stage.

#ifndef GRAFT_PASSES_TRANSFER_PASSES_H_
#define GRAFT_PASSES_TRANSFER_PASSES_H_

#include "dialects/transfer/transfer_dialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace graft {

#define GEN_PASS_DECL
#include "passes/transfer/passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/transfer/passes.h.inc"

// Appends the whole stage: afterwards a module has models of parameters and
// states only, and plain functions that read them.
void buildTransferPipeline(mlir::OpPassManager& manager);

// Makes the stage known to command lines as `transfer`. Call it once.
void registerTransferPipeline();

}  // namespace graft

#endif  // GRAFT_PASSES_TRANSFER_PASSES_H_

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Reads what people write: models and strategies as text.

#ifndef GRAFT_FRONTEND_PARSE_MODULE_H_
#define GRAFT_FRONTEND_PARSE_MODULE_H_

#include "llvm/Support/SourceMgr.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace graft {

/// Parses the main buffer of `sources` without verifying it: a strategy may
/// stand alone until its models are added. Values keep the names they have in
/// the text as NameLoc, from which `printModel` prints them and programs label
/// their commands; a suffix `_0` that tells equal names apart when a module is
/// printed is dropped. Locations that the text gives, `loc(...)`, are kept.
/// Returns null after a diagnostic. `sources` must outlive
/// diagnostics that show lines, not the module.
mlir::OwningOpRef<mlir::ModuleOp> parseModule(const llvm::SourceMgr& sources,
                                              mlir::MLIRContext* context);

}  // namespace graft

#endif  // GRAFT_FRONTEND_PARSE_MODULE_H_

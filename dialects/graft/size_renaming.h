// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// One function serves batches of several streams, whose sizes have names of
// their own: a call names the sizes of its callee anew.

#ifndef GRAFT_DIALECTS_GRAFT_SIZE_RENAMING_H_
#define GRAFT_DIALECTS_GRAFT_SIZE_RENAMING_H_

#include <optional>

#include "dialects/graft/graft_dialect.h"
#include "llvm/ADT/MapVector.h"
#include "mlir/IR/BuiltinTypes.h"

namespace graft {

// The name in a call of each named size of the callee.
using SizeRenaming = llvm::MapVector<mlir::StringAttr, mlir::StringAttr>;

// Returns the renaming that makes `callee` the type `call`, or nothing if none
// does: tensors differ in more than names, or a size has two names.
std::optional<SizeRenaming> matchSizes(mlir::FunctionType callee,
                                       mlir::FunctionType call);

// Renames the sizes in the types of `op` and of all ops inside of it.
void renameSizes(mlir::Operation* op, const SizeRenaming& renaming);

}  // namespace graft

#endif  // GRAFT_DIALECTS_GRAFT_SIZE_RENAMING_H_

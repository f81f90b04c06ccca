// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// exec.host and its ops.

#ifndef GRAFT_DIALECTS_EXEC_EXEC_HOST_H_
#define GRAFT_DIALECTS_EXEC_EXEC_HOST_H_

#include "dialects/exec/exec_dialect.h"
#include "mlir/IR/BuiltinOps.h"

// Generated, in this order.
#include "dialects/exec/exec_host_enums.h.inc"
#define GET_OP_CLASSES
#include "dialects/exec/exec_host_ops.h.inc"

namespace graft::exec {

// Returns the declaration that `source` names in an exec.host of `module`:
// exec.stream, exec.cache or exec.register, by its kind. Null for a caller, or
// where none is declared.
mlir::Operation* lookupSource(mlir::ModuleOp module, SourceAttr source);

}  // namespace graft::exec

#endif  // GRAFT_DIALECTS_EXEC_EXEC_HOST_H_

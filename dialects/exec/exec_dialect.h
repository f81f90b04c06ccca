// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The `exec` dialect and its ops.

#ifndef GRAFT_DIALECTS_EXEC_EXEC_DIALECT_H_
#define GRAFT_DIALECTS_EXEC_EXEC_DIALECT_H_

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

// Generated, in this order.
#include "dialects/exec/exec_dialect.h.inc"

namespace graft::exec {

// Kinds of memory; in the order of schema::Place.
enum class Place { kArena, kSlot, kInput, kOutput };

// Where inputs come from; in the order of schema::SourceKind.
enum class SourceKind { kCaller, kStream, kCache, kRegister };
// "caller", "stream", ...
llvm::StringRef stringifySource(SourceKind kind);

// The argument attribute of an entry that holds a SourceAttr.
inline constexpr llvm::StringLiteral kSourceAttr = "exec.source";
// The attribute of a module that holds a GemmBlocksAttr.
inline constexpr llvm::StringLiteral kGemmBlocksAttr = "exec.gemm_blocks";

}  // namespace graft::exec

#define GET_ATTRDEF_CLASSES
#include "dialects/exec/exec_attrs.h.inc"
#define GET_OP_CLASSES
#include "dialects/exec/exec_launch_ops.h.inc"
#define GET_OP_CLASSES
#include "dialects/exec/exec_program_ops.h.inc"

#endif  // GRAFT_DIALECTS_EXEC_EXEC_DIALECT_H_

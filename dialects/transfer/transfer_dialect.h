// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The `transfer` dialect and its ops.

#ifndef GRAFT_DIALECTS_TRANSFER_TRANSFER_DIALECT_H_
#define GRAFT_DIALECTS_TRANSFER_TRANSFER_DIALECT_H_

#include <string>

#include "dialects/graft/graft_ops.h"
#include "dialects/transfer/transfer_dialect.h.inc"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

// The enumerations come first: attributes hold them.
#include "dialects/transfer/transfer_enums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/transfer/transfer_attrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/transfer/transfer_types.h.inc"
#define GET_OP_CLASSES
#include "dialects/transfer/transfer_strategy_ops.h.inc"
#define GET_OP_CLASSES
#include "dialects/transfer/transfer_loss_ops.h.inc"
#define GET_OP_CLASSES
#include "dialects/transfer/transfer_value_ops.h.inc"
#define GET_OP_CLASSES
#include "dialects/transfer/transfer_reward_ops.h.inc"

#endif  // GRAFT_DIALECTS_TRANSFER_TRANSFER_DIALECT_H_

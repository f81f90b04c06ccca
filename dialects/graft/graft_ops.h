// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The ops of the `graft` dialect.

#ifndef GRAFT_DIALECTS_GRAFT_GRAFT_OPS_H_
#define GRAFT_DIALECTS_GRAFT_GRAFT_OPS_H_

#include "dialects/graft/graft_dialect.h"
#include "dialects/graft/graft_interfaces.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#define GET_OP_CLASSES
#include "dialects/graft/graft_structure_ops.h.inc"
#define GET_OP_CLASSES
#include "dialects/graft/graft_nn_ops.h.inc"
#define GET_OP_CLASSES
#include "dialects/graft/graft_gradient_ops.h.inc"
#define GET_OP_CLASSES
#include "dialects/graft/graft_loss_ops.h.inc"
#define GET_OP_CLASSES
#include "dialects/graft/graft_math_ops.h.inc"
#define GET_OP_CLASSES
#include "dialects/graft/graft_optimizer_ops.h.inc"
#define GET_OP_CLASSES
#include "dialects/graft/graft_relation_ops.h.inc"

#endif  // GRAFT_DIALECTS_GRAFT_GRAFT_OPS_H_

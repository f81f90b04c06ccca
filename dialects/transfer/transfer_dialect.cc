// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "dialects/transfer/transfer_dialect.h"

#include "llvm/ADT/TypeSwitch.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;

#include "dialects/transfer/transfer_dialect.cc.inc"
#include "dialects/transfer/transfer_enums.cc.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/transfer/transfer_attrs.cc.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/transfer/transfer_types.cc.inc"

namespace graft::transfer {

void TransferDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/transfer/transfer_attrs.cc.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/transfer/transfer_types.cc.inc"
      >();
  registerOps();
}

void TransferDialect::registerOps() {
  addOperations<
#define GET_OP_LIST
#include "dialects/transfer/transfer_strategy_ops.cc.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/transfer/transfer_loss_ops.cc.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/transfer/transfer_value_ops.cc.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/transfer/transfer_reward_ops.cc.inc"
      >();
}

}  // namespace graft::transfer

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The dialect's list of ops. Apart from the dialect itself because it alone
// must see every generated class.

#include "dialects/graft/graft_ops.h"

using namespace mlir;

namespace graft {

void GraftDialect::registerOps() {
  addOperations<
#define GET_OP_LIST
#include "dialects/graft/graft_structure_ops.cc.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/graft/graft_nn_ops.cc.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/graft/graft_gradient_ops.cc.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/graft/graft_loss_ops.cc.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/graft/graft_math_ops.cc.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/graft/graft_optimizer_ops.cc.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/graft/graft_relation_ops.cc.inc"
      >();
}

}  // namespace graft

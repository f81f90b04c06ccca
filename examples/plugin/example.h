// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The `example` dialect and its pass.

#ifndef GRAFT_EXAMPLES_PLUGIN_EXAMPLE_H_
#define GRAFT_EXAMPLES_PLUGIN_EXAMPLE_H_

#include <memory>

#include "dialects/graft/graft_ops.h"
#include "example_dialect.h.inc"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#define GET_OP_CLASSES
#include "example_ops.h.inc"

namespace example {

#define GEN_PASS_DECL
#include "example_passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "example_passes.h.inc"

}  // namespace example

#endif  // GRAFT_EXAMPLES_PLUGIN_EXAMPLE_H_

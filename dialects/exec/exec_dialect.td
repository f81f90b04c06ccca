// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The `exec` dialect: programs of kernel launches, one-to-one with
// runtime/schema/artifact.fbs once planned.

#ifndef GRAFT_EXEC_DIALECT_TD
#define GRAFT_EXEC_DIALECT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"

def Exec_Dialect : Dialect {
  let name = "exec";
  let cppNamespace = "::graft::exec";
  let summary = "Static programs of kernel launches";
  let description = [{
    What the runtime executes. Before the plan stage launches work on tensors;
    after it, on offsets of arenas.
  }];
  let useDefaultAttributePrinterParser = 1;
}

def Exec_GridAttr : AttrDef<Exec_Dialect, "Grid"> {
  let mnemonic = "grid";
  let summary = "How many work items a launch has";
  let description = [{
    `ceil(value of size / block) * count` items, or `count` without `size`.
    Threads take contiguous ranges of items; a kernel's result must not depend
    on how the range is split. Examples: `#exec.grid<T / 32>`,
    `#exec.grid<T / 128 * 12>`, `#exec.grid<6>`.
  }];
  let parameters = (ins
    OptionalParameter<"::mlir::StringAttr">:$size,
    DefaultValuedParameter<"int64_t", "1">:$block,
    DefaultValuedParameter<"int64_t", "1">:$count);
  let hasCustomAssemblyFormat = 1;
}

#endif  // GRAFT_EXEC_DIALECT_TD

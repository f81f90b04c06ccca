// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A dialect with one op, and a pass that uses it.

#ifndef GRAFT_EXAMPLES_PLUGIN_EXAMPLE_TD
#define GRAFT_EXAMPLES_PLUGIN_EXAMPLE_TD

include "dialects/graft/graft_base.td"
include "mlir/Pass/PassBase.td"

def Example_Dialect : Dialect {
  let name = "example";
  let cppNamespace = "::example";
  let summary = "Ops that Graft does not have";
  let dependentDialects = ["::graft::GraftDialect"];
}

def Example_GatedGeluOp : Op<Example_Dialect, "gated_gelu", [
    Pure, SameOperandsAndResultType,
    DeclareOpInterfaceMethods<DifferentiableOpInterface>,
    DeclareOpInterfaceMethods<PrecisionOpInterface>,
    DeclareOpInterfaceMethods<RegionLoweringInterface>,
    DeclareOpInterfaceMethods<ShardingFactorInterface>]> {
  let summary = "GELU with a gate";
  let description = [{
    `input * Phi(input) * gate`, element by element, in one kernel.

    Example:
    ```mlir
    %y = example.gated_gelu %x, %gate : tensor<3x4xf32>
    ```
  }];
  let arguments = (ins Graft_Tensor:$input, Graft_Tensor:$gate);
  let results = (outs Graft_Tensor:$output);
  let assemblyFormat = "$input `,` $gate attr-dict `:` type($output)";
}

def ExampleGateGeluPass
    : Pass<"example-gate-gelu", "::mlir::func::FuncOp"> {
  let summary = "Gate each GELU by the sigmoid of its input";
  let description = [{
    Replaces `gelu(x)` (the `erf` form) by `gelu(x) sigmoid(x)`: another model,
    so the pass belongs before the gradients are taken.

    Example:
    ```mlir
    %y = graft.gelu erf %x : tensor<3x4xf32>
    // becomes
    %gate = graft.sigmoid %x : tensor<3x4xf32>
    %y = example.gated_gelu %x, %gate : tensor<3x4xf32>
    ```
  }];
  let options = [
    Option<"separate", "separate", "bool", "false",
           "Use graft.gelu and graft.mul instead of example.gated_gelu, for "
           "comparison">];
  let dependentDialects = ["::example::ExampleDialect", "::graft::GraftDialect"];
}

#endif  // GRAFT_EXAMPLES_PLUGIN_EXAMPLE_TD

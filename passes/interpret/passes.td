// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Passes that run programs instead of changing them.

#ifndef GRAFT_PASSES_INTERPRET_PASSES_TD
#define GRAFT_PASSES_INTERPRET_PASSES_TD

include "mlir/Pass/PassBase.td"

def InterpretPass : Pass<"interpret", "::mlir::ModuleOp"> {
  let summary = "Run one function in the reference interpreter";
  let description = [{
    Runs the function `entry` ("f", or "model::f") and prints its results and
    what it writes, by name (`graft.name`, else `result0`). The module stays as
    it is.

    Arguments, parameters and states have, in this order, the value in the
    safetensors file `inputs`, that of the attribute `graft.value` (arguments
    only), or a random one of their type made from `seed`: ids are inside of
    their tables, labels are classes, offsets fit. In a file an argument goes by
    its name, segments by `<name>.offsets` and optionally `<name>.ordinals`, a
    slot by `<model>::<name>`, a parameter also by its name in the weights. A
    name in the file that matches nothing is an error.

    Example:
    ```mlir
    // graft-opt --interpret="entry=f"
    func.func @f(%x: tensor<2xf32> {graft.value = dense<[1.0, 2.0]> : tensor<2xf32>}) -> tensor<2xf32> {
      %y = graft.scale %x by 5.000000e-01 : tensor<2xf32>
      return %y : tensor<2xf32>
    }
    // prints: result0: tensor<2xf32> [0.5, 1]
    ```
  }];
  let options = [
    Option<"entry", "entry", "std::string", "",
           "Function to run: its name, or model::name">,
    Option<"inputs", "inputs", "std::string", "",
           "Safetensors file with arguments, parameters and states">,
    Option<"output", "output", "std::string", "",
           "Safetensors file to write results and written slots to">,
    Option<"seed", "seed", "uint64_t", "0",
           "Seed of random inputs and of dropout">,
    Option<"step", "step", "uint32_t", "0", "Optimiser step of random draws">,
    Option<"phase", "phase", "uint32_t", "0", "Phase number of random draws">,
    Option<"limit", "limit", "int64_t", "64",
           "Elements printed of a tensor">,
    Option<"checkFinite", "check-finite", "bool", "false",
           "Make the first result that is not finite an error">,
    ListOption<"lengths", "lengths", "int32_t",
           "Lengths of the sequences of random segments">,
  ];
}

def CheckShardingPass : Pass<"check-sharding", "::mlir::ModuleOp"> {
  let summary = "Check each op's sharding rule by cutting the op into parts";
  let description = [{
    For each op with a sharding rule (docs/sharding-rules.md): makes random
    operands, cuts the op in 2 and in 3 parts along each factor that may be cut,
    runs whole and parts in the reference interpreter in double precision, and
    compares the combined results with those of the whole, within 1e-12. Also
    checks that the op is linear in the operands that the rule names. The module
    stays as it is; values in it are not used, only types and attributes.

    Example:
    ```mlir
    // graft-opt --check-sharding=print
    func.func @f(%x: tensor<4x6xf32>) -> tensor<6xf32> {
      %y = graft.reduce max %x over [0] : (tensor<4x6xf32>) -> tensor<6xf32>
      return %y : tensor<6xf32>
    }
    // prints: graft.reduce: d0d1->d1; max | cut: d0 d1
    ```
  }];
  let options = [
    Option<"seed", "seed", "uint64_t", "0", "Seed of operands and dropout">,
    Option<"print", "print", "bool", "false",
           "Print each op's rule and the factors along which it was cut">,
    ListOption<"complete", "complete", "std::string",
           "Dialects of which each op with a rule must be in the module">,
  ];
  // Brings what the linalg forms of plug-ins' ops are made of.
  let dependentDialects = ["::graft::GraftDialect"];
}

#endif  // GRAFT_PASSES_INTERPRET_PASSES_TD

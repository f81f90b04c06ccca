// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Stage 1: a model and a strategy become plain functions, one per phase.

#ifndef GRAFT_PASSES_TRANSFER_PASSES_TD
#define GRAFT_PASSES_TRANSFER_PASSES_TD

include "mlir/Pass/PassBase.td"

def TransferExpandLayersPass
    : Pass<"transfer-expand-layers", "::mlir::ModuleOp"> {
  let summary = "Write out every layer of a stack";
  let description = [{
    Replaces each `graft.layers` by the parameters of all its layers and each
    `graft.repeat` by all its turns. Layer i of `@layers` owns
    `@layers.<i>.<name>`; a `*` in a parameter's source stands for the number
    of the layer. Turn i reads the parameters of layer i, its random ops get
    the id written in the body plus 64 i, and its locations carry the scope
    path `layers.<i>`.

    - (C1) Ids of random ops are in [64, 128) inside `graft.repeat` and below
      64 outside, and are unique in a function, so that no two ops of the
      result have the same.
    - (C2) `graft.layers` holds `graft.parameter` only.
    - (C3) No `graft.repeat` lies inside another.

    Example:
    ```mlir
    graft.layers @layer count 2 {
      graft.parameter @w : tensor<4x4xf32> from "encoder.*.weight"
    }
    %y = graft.repeat 2 scope @layer (%h = %x) : tensor<3x4xf32> {
      %w = graft.read layer @w : tensor<4x4xf32>
      %l = graft.linear %h, %w : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
      graft.yield %l : tensor<3x4xf32>
    }
    ```
    becomes
    ```mlir
    graft.parameter @layer.0.w : tensor<4x4xf32> from "encoder.0.weight"
    graft.parameter @layer.1.w : tensor<4x4xf32> from "encoder.1.weight"

    %w0 = graft.read @layer.0.w : tensor<4x4xf32>
    %l0 = graft.linear %x, %w0 : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
    %w1 = graft.read @layer.1.w : tensor<4x4xf32>
    %y = graft.linear %l0, %w1 : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
    ```
  }];
  let dependentDialects = ["::graft::GraftDialect"];
}

def TransferInlineCallsPass
    : Pass<"transfer-inline-calls", "::mlir::ModuleOp"> {
  let summary = "Put the functions of models into the phases that call them";
  let description = [{
    Replaces each `graft.call` in a function of the module by the body of the
    callee, in which parameters are read as `@model::@name`. All reads of one
    tensor in a function become one. Each further call of one function in one
    phase gives its random ops the next `draw`, so two passes over one batch
    have masks of their own; a call that is `deterministic` drops nothing.
    At the end the functions of all models are removed, if the module has any
    function of its own.

    - (C1) No function calls itself, directly or through others.
    - (C2) A function has one block.
    - (C3) `graft.repeat` has been expanded.

    Example:
    ```mlir
    graft.model @m {
      graft.parameter @w : tensor<2x4xf32>
      func.func @f(%x: tensor<3x4xf32>) -> tensor<3x2xf32> {
        %w = graft.read @w : tensor<2x4xf32>
        %y = graft.linear %x, %w : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
        return %y : tensor<3x2xf32>
      }
    }
    func.func @predict(%x: tensor<3x4xf32>) -> tensor<3x2xf32> {
      %y = graft.call @m::@f(%x) : (tensor<3x4xf32>) -> tensor<3x2xf32>
      return %y : tensor<3x2xf32>
    }
    ```
    becomes
    ```mlir
    graft.model @m {
      graft.parameter @w : tensor<2x4xf32>
    }
    func.func @predict(%x: tensor<3x4xf32>) -> tensor<3x2xf32> {
      %w = graft.read @m::@w : tensor<2x4xf32>
      %y = graft.linear %x, %w : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
      return %y : tensor<3x2xf32>
    }
    ```
  }];
  let options = [
    Option<"keepFunctions", "keep-functions", "bool", "false",
           "Keep the functions of models after inlining">];
  let dependentDialects = ["::graft::GraftDialect"];
}

#endif  // GRAFT_PASSES_TRANSFER_PASSES_TD

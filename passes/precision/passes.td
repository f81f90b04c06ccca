// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Passes of the precision stage.

#ifndef GRAFT_PASSES_PRECISION_PASSES_TD
#define GRAFT_PASSES_PRECISION_PASSES_TD

include "mlir/Pass/PassBase.td"

def PrecisionAssignPass : Pass<"precision-assign", "::mlir::ModuleOp"> {
  let summary = "Compute in low precision what may be";
  let description = [{
    Gives the values of the phases a low-precision type where the ops that make and
    use them say so (PrecisionOpInterface, `graft.precision`), and casts where two
    of them differ. Parameters, states and what a phase takes and returns keep
    their types, so master weights, gradients in their slots and moments stay f32.

    - `low` ops get low-precision operands. Their results are low, too, unless all
      users want f32: a weight gradient that is added to its slot is the unrounded
      sum of its product.
    - `keep` ops, and ops without the interface, get what they had before.
    - `follow` ops get one type, the widest of their operands.
    - (C1) A value is cast at most once to a type, behind its definition, and never
      back to a type that it was cast from exactly.

    Runs on gradients that are there, behind autodiff: before it a weight gradient
    would have the rounded type of the cast weight, and be rounded before it is
    summed.

    Example: with `type=bf16`
    ```mlir
    func.func @f(%x: tensor<3x4xf32>, %w: tensor<8x4xf32>) -> tensor<3x8xf32>
        attributes {graft.phase = "f"} {
      %y = graft.linear %x, %w : (tensor<3x4xf32>, tensor<8x4xf32>) -> tensor<3x8xf32>
      %z = graft.gelu erf %y : tensor<3x8xf32>
      return %z : tensor<3x8xf32>
    }
    // becomes
    func.func @f(%x: tensor<3x4xf32>, %w: tensor<8x4xf32>) -> tensor<3x8xf32>
        attributes {graft.phase = "f"} {
      %a = graft.cast %w : tensor<8x4xf32> to tensor<8x4xbf16>
      %b = graft.cast %x : tensor<3x4xf32> to tensor<3x4xbf16>
      %y = graft.linear %b, %a : (tensor<3x4xbf16>, tensor<8x4xbf16>) -> tensor<3x8xbf16>
      %z = graft.gelu erf %y : tensor<3x8xbf16>
      %c = graft.cast %z : tensor<3x8xbf16> to tensor<3x8xf32>
      return %c : tensor<3x8xf32>
    }
    ```
  }];
  let options = [
    Option<"type", "type", "std::string", "\"bf16\"",
           "Low precision: bf16 or f16">,
  ];
  let dependentDialects = ["::graft::GraftDialect"];
}

def PrecisionScaleLossPass
    : Pass<"precision-scale-loss", "::mlir::ModuleOp"> {
  let summary = "Scale losses before gradients are taken";
  let description = [{
    Small gradients are zero in fp16. A phase that takes gradients gets an argument
    `scale`, by which it multiplies the loss of `graft.gradients` and not the one it
    returns. A phase that updates gets `unscale`, 1 / scale, which goes into the
    factor of each `graft.adamw`; norms are those of the unscaled gradients. The
    trainer chooses the scale, and leaves out a step whose gradients are not finite.

    Example:
    ```mlir
    func.func @f(%w: tensor<3xf32>) -> (tensor<3xf32>, tensor<f32>)
        attributes {graft.phase = "f"} {
      %loss = graft.reduce sum %w over [0] : (tensor<3xf32>) -> tensor<f32>
      %g = graft.gradients %loss wrt %w : tensor<3xf32>
      return %g, %loss : tensor<3xf32>, tensor<f32>
    }
    // becomes
    func.func @f(%w: tensor<3xf32>, %scale: tensor<f32> {graft.name = "scale"}) -> (tensor<3xf32>, tensor<f32>)
        attributes {graft.phase = "f"} {
      %loss = graft.reduce sum %w over [0] : (tensor<3xf32>) -> tensor<f32>
      %scaled = graft.mul %loss, %scale : tensor<f32>
      %g = graft.gradients %scaled wrt %w : tensor<3xf32>
      return %g, %loss : tensor<3xf32>, tensor<f32>
    }
    ```
  }];
  let dependentDialects = ["::graft::GraftDialect"];
}

#endif  // GRAFT_PASSES_PRECISION_PASSES_TD

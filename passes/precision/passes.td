// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Stage 3: low-precision types, and casts.

#ifndef GRAFT_PASSES_PRECISION_PASSES_TD
#define GRAFT_PASSES_PRECISION_PASSES_TD

include "mlir/Pass/PassBase.td"

def PrecisionAssignPass : Pass<"precision-assign", "::mlir::ModuleOp"> {
  let summary = "Assign low-precision types";
  let description = [{
    Gives values of the phases a low-precision type where the ops that define and
    use them allow it (PrecisionOpInterface, `graft.precision`), and inserts casts
    where two ops differ. Parameters, states, arguments and results of a phase keep
    their types, so master weights, gradient slots and moments stay f32.

    - `low` ops get low-precision operands. Their results are low, too, unless all
      users want f32: the gradient of a weight that is added to its slot is the
      unrounded sum of its GEMM.
    - `keep` ops, and ops without the interface, keep their operand types.
    - `follow` ops get one type, the widest of their operands.
    - (C1) A value is cast to a type at most once, after its definition, and never
      back to a type from which it was cast without rounding.

    Runs after autodiff. Before it, the gradient of a weight would have the type of
    the cast weight, and be rounded before it is summed.

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
  let summary = "Scale losses before differentiation";
  let description = [{
    Small gradients underflow to zero in fp16. A phase with `graft.gradients` gets an
    argument `scale`, which multiplies the loss that is differentiated, but not the
    loss that is returned. A phase with updates gets `unscale`, 1 / scale, as
    part of the factor of each update; norms are those of the unscaled gradients.
    In the `exec.host` that calls them, a step whose loss or gradients are not finite
    is skipped and the scale halves; after 2000 updates without that it doubles
    (Micikevicius et al. 2018). The parameter `loss_scale` of a run is the first.

    - (C1) The host program calls the phases as `transfer-expand-strategy` writes it:
      a loop over micro-batches, an `exec.when` that fails and the call of the update.
      Of several updates each has a scale of its own.

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
  let dependentDialects = ["::graft::GraftDialect",
                           "::graft::exec::ExecDialect"];
}

#endif  // GRAFT_PASSES_PRECISION_PASSES_TD

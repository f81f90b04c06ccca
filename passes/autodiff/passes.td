// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Stage 2: gradients become ops.

#ifndef GRAFT_PASSES_AUTODIFF_PASSES_TD
#define GRAFT_PASSES_AUTODIFF_PASSES_TD

include "mlir/Pass/PassBase.td"

def AutodiffExpandGradientsPass
    : Pass<"autodiff-expand-gradients", "::mlir::ModuleOp"> {
  let summary = "Replace graft.gradients by the backward computation";
  let description = [{
    Walks backwards from the loss over the ops on a path from `wrt` to the loss,
    and emits the gradient of each (DifferentiableOpInterface) before
    `graft.gradients`. Other ops get no backward code, so frozen parameters cost
    nothing. The gradient of a value with several uses is the sum over its uses,
    in reverse order. Gradients of gradients work, because the ops are replaced
    in program order. `graft.scale_gradient` has done its work then, and disappears.
    The ops of a gradient inherit the `graft.precision` of the
    op that they differentiate.

    - (C1) The loss depends on each value of `wrt`.
    - (C2) Each op on these paths implements DifferentiableOpInterface and has no
      side effects. An op without a derivative of its gradient emits a diagnostic.

    Example:
    ```mlir
    func.func @f(%x: tensor<3xf32>, %w: tensor<3xf32>) -> tensor<3xf32> {
      %y = graft.mul %x, %w : tensor<3xf32>
      %loss = graft.reduce sum %y over [0] : (tensor<3xf32>) -> tensor<f32>
      %g = graft.gradients %loss wrt %w : tensor<3xf32>
      return %g : tensor<3xf32>
    }
    // becomes
    func.func @f(%x: tensor<3xf32>, %w: tensor<3xf32>) -> tensor<3xf32> {
      %y = graft.mul %x, %w : tensor<3xf32>
      %loss = graft.reduce sum %y over [0] : (tensor<3xf32>) -> tensor<f32>
      %one = graft.constant 1.000000e+00 : tensor<f32>
      %dy = graft.broadcast %one along [0] : (tensor<f32>) -> tensor<3xf32>
      %g = graft.mul %dy, %x : tensor<3xf32>
      return %g : tensor<3xf32>
    }
    ```
  }];
  let dependentDialects = ["::graft::GraftDialect"];
}

#endif  // GRAFT_PASSES_AUTODIFF_PASSES_TD

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Passes of the autodiff stage.

#ifndef GRAFT_PASSES_AUTODIFF_PASSES_TD
#define GRAFT_PASSES_AUTODIFF_PASSES_TD

include "mlir/Pass/PassBase.td"

def AutodiffExpandGradientsPass
    : Pass<"autodiff-expand-gradients", "::mlir::ModuleOp"> {
  let summary = "Replace graft.gradients by the backward computation";
  let description = [{
    Walks from the loss backwards over the ops between the values of `wrt` and
    the loss, and emits the gradient of each (DifferentiableOpInterface) before
    `graft.gradients`. Ops that do not lie between get no backward code, so
    frozen parameters cost nothing. A value used twice has the sum of its
    gradients, taken in reverse order of the uses. Gradients of gradients work:
    the ops are replaced in program order. Ops of a gradient have the
    `graft.precision` of the op that they are the gradient of.

    - (C1) Each value of `wrt` reaches the loss.
    - (C2) Each op between them implements DifferentiableOpInterface and has no
      effects; what has no second derivative says so.

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

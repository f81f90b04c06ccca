// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The model of the domains of models/strategies/importance.mlir, for counts of words: its
// logit is the logarithm of the weight that a row of the source gets.

#S = #graft.dims<S>

!counts = tensor<?x50xf32, #S>
!one = tensor<?x1xf32, #S>

graft.model @domain {
  graft.parameter @weight : tensor<1x50xf32> initial "zeros"
  graft.parameter @bias : tensor<1xf32> initial "zeros"
  func.func @logits(%x: !counts) -> !one {
    %w = graft.read @weight : tensor<1x50xf32>
    %b = graft.read @bias : tensor<1xf32>
    %z = graft.linear %x, %w, %b : (!counts, tensor<1x50xf32>, tensor<1xf32>) -> !one
    return %z : !one
  }
}

transfer.strategy @noisy_importance {
  %x = transfer.stream @source of features<50> in @T, @S
  %u = transfer.stream @target of features<50> in @T, @S
  transfer.group @judge of @domain decay 0.01
  %ds = transfer.call @domain::@logits(%x) : (!counts) -> !one
  %dt = transfer.call @domain::@logits(%u) : (!counts) -> !one
  %zero = graft.constant 0.0 : !one
  %one = graft.constant 1.0 : !one
  %here = transfer.loss binary_cross_entropy %ds, %zero mean : !one, !one
  %there = transfer.loss binary_cross_entropy %dt, %one mean : !one, !one
  %apart = transfer.combine 0.5 * %here + 0.5 * %there
  transfer.predict %ds evaluate %here : !one
  transfer.phase @tell minimise %apart over [@judge] with adamw rate constant 1.0e-2
  transfer.schedule epochs 10 of [@tell]
}

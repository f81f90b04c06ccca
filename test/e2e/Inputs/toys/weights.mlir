// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The model of the domains of models/strategies/importance.mlir, of numbers: its
// logit is the logarithm of the weight that an example of the source gets.

#S = #graft.dims<S>

graft.model @domain {
  graft.parameter @weight : tensor<1x1xf32> initial "zeros"
  graft.parameter @bias : tensor<1xf32> initial "zeros"
  func.func @logits(%x: tensor<?x1xf32, #S>) -> tensor<?x1xf32, #S> {
    %w = graft.read @weight : tensor<1x1xf32>
    %b = graft.read @bias : tensor<1xf32>
    %z = graft.linear %x, %w, %b : (tensor<?x1xf32, #S>, tensor<1x1xf32>, tensor<1xf32>) -> tensor<?x1xf32, #S>
    return %z : tensor<?x1xf32, #S>
  }
}

transfer.strategy @weights {
  %x = transfer.stream @source of features<1> in @T, @S
  %u = transfer.stream @target of features<1> in @T, @S
  transfer.group @judge of @domain
  %ds = transfer.call @domain::@logits(%x) : (tensor<?x1xf32, #S>) -> tensor<?x1xf32, #S>
  %dt = transfer.call @domain::@logits(%u) : (tensor<?x1xf32, #S>) -> tensor<?x1xf32, #S>
  %zero = graft.constant 0.0 : tensor<?x1xf32, #S>
  %one = graft.constant 1.0 : tensor<?x1xf32, #S>
  %here = transfer.loss binary_cross_entropy %ds, %zero mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %there = transfer.loss binary_cross_entropy %dt, %one mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %apart = transfer.combine 0.5 * %here + 0.5 * %there
  transfer.predict %ds evaluate %here : tensor<?x1xf32, #S>
  transfer.phase @tell minimise %apart over [@judge] with adam rate linear 0.05
  transfer.schedule epochs 20 of [@tell]
}

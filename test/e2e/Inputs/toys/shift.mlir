// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Moves all points of the target by one number, so that the penalty sees as little
// of a difference from the source as it can. Theirs is a shift: mmd finds it, and
// coral, in place of it, sees none.

#S = #graft.dims<S>
#R = #graft.dims<R>

graft.model @move {
  graft.parameter @weight : tensor<1x1xf32> initial "ones"
  graft.parameter @by : tensor<1xf32> initial "zeros"
  func.func @moved(%x: tensor<?x1xf32, #R>) -> tensor<?x1xf32, #R> {
    %w = graft.read @weight : tensor<1x1xf32>
    %b = graft.read @by : tensor<1xf32>
    %y = graft.linear %x, %w, %b : (tensor<?x1xf32, #R>, tensor<1x1xf32>, tensor<1xf32>) -> tensor<?x1xf32, #R>
    return %y : tensor<?x1xf32, #R>
  }
}

transfer.strategy @shift {
  transfer.parameter @rate = 0.5 in [0.0, 10.0] "learning rate"
  %x = transfer.stream @source of features<1> in @T, @S
  %u = transfer.stream @target of features<1> in @U, @R
  transfer.group @by of @move select "^by$"
  transfer.group @weight of @move rest frozen
  %moved = transfer.call @move::@moved(%u) : (tensor<?x1xf32, #R>) -> tensor<?x1xf32, #R>
  %apart = transfer.penalty mmd %x, %moved : tensor<?x1xf32, #S>, tensor<?x1xf32, #R>
  %each = graft.reduce sum %moved over [1] : (tensor<?x1xf32, #R>) -> tensor<?xf32, #R>
  %where = transfer.mean %each : tensor<?xf32, #R>
  transfer.predict %moved evaluate %where : tensor<?x1xf32, #R>
  transfer.phase @step minimise %apart over [@by] with sgd rate constant @rate
  transfer.schedule epochs 60 of [@step]
}

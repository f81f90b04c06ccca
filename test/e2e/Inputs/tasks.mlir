// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Says by its loss which rows each batch has, where row i has the number 2^i: the mean of
// the numbers of @support, and 4096 times that of @query. Nothing is learnt.

#S = #graft.dims<S>

graft.model @same {
  graft.parameter @weight : tensor<1x1xf32> initial "ones"
  func.func @number(%x: tensor<?x1xf32, #S>) -> tensor<?x1xf32, #S> {
    %w = graft.read @weight : tensor<1x1xf32>
    %y = graft.linear %x, %w : (tensor<?x1xf32, #S>, tensor<1x1xf32>) -> tensor<?x1xf32, #S>
    return %y : tensor<?x1xf32, #S>
  }
}

transfer.strategy @tasks {
  transfer.parameter @epochs = 4 in [1, 1000] "passes over the rows of @support"
  %x = transfer.stream @support of features<1> in @T, @S
  %u = transfer.stream @query of features<1> in @T, @S
  transfer.group @all of @same
  %y = transfer.call @same::@number(%x) : (tensor<?x1xf32, #S>) -> tensor<?x1xf32, #S>
  %z = transfer.call @same::@number(%u) : (tensor<?x1xf32, #S>) -> tensor<?x1xf32, #S>
  %ys = graft.reduce sum %y over [1] : (tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
  %zs = graft.reduce sum %z over [1] : (tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
  %support = transfer.mean %ys : tensor<?xf32, #S>
  %query = transfer.mean %zs : tensor<?xf32, #S>
  %loss = transfer.combine 1.0 * %support + 4096.0 * %query
  transfer.predict %y evaluate %support : tensor<?x1xf32, #S>
  transfer.phase @step minimise %loss over [@all] with sgd rate constant 0.0
  transfer.schedule epochs @epochs of [@step]
}

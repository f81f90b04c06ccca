// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Learns the heights of waves by their places, of all tasks together. With sgd in place
// of adam it is what a model does that meets a new task.

#S = #graft.dims<S>

graft.model @wave {
  graft.parameter @first.weight : tensor<40x1xf32> initial "normal" deviation 1.0
  graft.parameter @first.bias : tensor<40xf32> initial "zeros"
  graft.parameter @second.weight : tensor<40x40xf32> initial "normal" deviation 0.22
  graft.parameter @second.bias : tensor<40xf32> initial "zeros"
  graft.parameter @third.weight : tensor<1x40xf32> initial "normal" deviation 0.16
  graft.parameter @third.bias : tensor<1xf32> initial "zeros"
  func.func @height(%x: tensor<?x1xf32, #S>) -> tensor<?x1xf32, #S> {
    %w = graft.read @first.weight : tensor<40x1xf32>
    %b = graft.read @first.bias : tensor<40xf32>
    %y = graft.linear %x, %w, %b : (tensor<?x1xf32, #S>, tensor<40x1xf32>, tensor<40xf32>) -> tensor<?x40xf32, #S>
    %h = graft.relu %y : tensor<?x40xf32, #S>
    %v = graft.read @second.weight : tensor<40x40xf32>
    %c = graft.read @second.bias : tensor<40xf32>
    %z = graft.linear %h, %v, %c : (tensor<?x40xf32, #S>, tensor<40x40xf32>, tensor<40xf32>) -> tensor<?x40xf32, #S>
    %g = graft.relu %z : tensor<?x40xf32, #S>
    %u = graft.read @third.weight : tensor<1x40xf32>
    %d = graft.read @third.bias : tensor<1xf32>
    %f = graft.linear %g, %u, %d : (tensor<?x40xf32, #S>, tensor<1x40xf32>, tensor<1xf32>) -> tensor<?x1xf32, #S>
    return %f : tensor<?x1xf32, #S>
  }
}

transfer.strategy @sine {
  transfer.parameter @rate = 2.0e-3 in [0.0, 1.0] "peak learning rate"
  transfer.parameter @epochs = 60 in [1, 1000] "passes over the points"
  %x, %y = transfer.stream @train of features<1>, labels<1> in @T, @S
  transfer.group @all of @wave
  %said = transfer.call @wave::@height(%x) : (tensor<?x1xf32, #S>) -> tensor<?x1xf32, #S>
  %loss = transfer.loss mse %said, %y mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  transfer.predict %said evaluate %loss : tensor<?x1xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adam rate linear @rate
  transfer.schedule epochs @epochs of [@step]
}

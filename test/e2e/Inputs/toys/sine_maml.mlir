// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A beginning from which a few steps on points of a wave tell its other points (Finn et
// al. 2017), for tasks that batches have one each of.

#S = #graft.dims<S>
#R = #graft.dims<R>

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

transfer.strategy @sine_maml {
  transfer.parameter @rate = 2.0e-3 in [0.0, 1.0] "peak learning rate"
  transfer.parameter @epochs = 30 in [1, 1000] "passes over the points"
  transfer.parameter @order = 1 in [1, 2] "1: inner steps are constants; 2: they are differentiated"
  transfer.parameter @steps = 3 in [1, 100] "inner steps"
  %x, %y = transfer.stream @support of features<1>, labels<1> in @T, @S
  %u, %v = transfer.stream @query of features<1>, labels<1> in @U, @R
  transfer.group @all of @wave
  %said = transfer.call @wave::@height(%x) : (tensor<?x1xf32, #S>) -> tensor<?x1xf32, #S>
  %learnt = transfer.loss mse %said, %y mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %fast = transfer.inner minimise %learnt over [@all] rate 0.01 times @steps order @order
  %after = transfer.call @wave::@height(%u) at %fast : (tensor<?x1xf32, #R>) -> tensor<?x1xf32, #R>
  %loss = transfer.loss mse %after, %v mean : tensor<?x1xf32, #R>, tensor<?x1xf32, #R>
  transfer.predict %said evaluate %learnt : tensor<?x1xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adam rate linear @rate clip 1.0
  transfer.schedule epochs @epochs of [@step]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Two tasks of numbers that weigh themselves, as models/strategies/uncertainty.mlir has them.
// All learn; then the weights settle where the network is; then the encoder makes a step.
#S = #graft.dims<S>

graft.model @encoder {
  graft.parameter @weight : tensor<2x16xf32> initial "normal" deviation 0.1
  func.func @features(%x: tensor<?x16xf32, #S>) -> tensor<?x2xf32, #S> {
    %w = graft.read @weight : tensor<2x16xf32>
    %f = graft.linear %x, %w : (tensor<?x16xf32, #S>, tensor<2x16xf32>) -> tensor<?x2xf32, #S>
    return %f : tensor<?x2xf32, #S>
  }
}
graft.model @heads {
  graft.parameter @first.weight : tensor<1x2xf32> initial "normal" deviation 0.3
  graft.parameter @second.weight : tensor<1x2xf32> initial "normal" deviation 0.3
  func.func @first(%f: tensor<?x2xf32, #S>) -> tensor<?x1xf32, #S> {
    %w = graft.read @first.weight : tensor<1x2xf32>
    %y = graft.linear %f, %w : (tensor<?x2xf32, #S>, tensor<1x2xf32>) -> tensor<?x1xf32, #S>
    return %y : tensor<?x1xf32, #S>
  }
  func.func @second(%f: tensor<?x2xf32, #S>) -> tensor<?x1xf32, #S> {
    %w = graft.read @second.weight : tensor<1x2xf32>
    %y = graft.linear %f, %w : (tensor<?x2xf32, #S>, tensor<1x2xf32>) -> tensor<?x1xf32, #S>
    return %y : tensor<?x1xf32, #S>
  }
}
graft.model @noise {
  graft.parameter @first_log : tensor<f32> initial "zeros"
  graft.parameter @second_log : tensor<f32> initial "zeros"
  func.func @weigh(%losses: tensor<?xf32, #S>, %n: tensor<f32>) -> tensor<?xf32, #S> {
    %s = graft.broadcast %n along [0] : (tensor<f32>) -> tensor<?xf32, #S>
    %less = graft.scale %s by -1.0 : tensor<?xf32, #S>
    %factor = graft.exp %less : tensor<?xf32, #S>
    %scaled = graft.mul %factor, %losses : tensor<?xf32, #S>
    %half = graft.scale %s by 0.5 : tensor<?xf32, #S>
    %sum = graft.add %scaled, %half : tensor<?xf32, #S>
    return %sum : tensor<?xf32, #S>
  }
  func.func @first(%losses: tensor<?xf32, #S>) -> tensor<?xf32, #S> {
    %n = graft.read @first_log : tensor<f32>
    %sum = graft.call @weigh(%losses, %n) : (tensor<?xf32, #S>, tensor<f32>) -> tensor<?xf32, #S>
    return %sum : tensor<?xf32, #S>
  }
  func.func @second(%losses: tensor<?xf32, #S>) -> tensor<?xf32, #S> {
    %n = graft.read @second_log : tensor<f32>
    %sum = graft.call @weigh(%losses, %n) : (tensor<?xf32, #S>, tensor<f32>) -> tensor<?xf32, #S>
    return %sum : tensor<?xf32, #S>
  }
}

transfer.strategy @tasks_noise {
  transfer.parameter @rate = 2.0e-2 in [0.0, 1.0] "peak learning rate while all learn"
  transfer.parameter @epochs = 600 in [1, 100000] "passes over the first task while all learn"
  transfer.parameter @settle_epochs = 400 in [1, 100000] "passes while the weights settle"
  transfer.parameter @step_rate = 0.0 in [0.0, 1.0] "learning rate of the encoder's step"
  transfer.parameter @scale = 1.0 in [0.0, 1.0e+6] "factor of the second task's losses"
  %x, %xs = transfer.stream @first of features<16>, labels<1> in @T, @S
  %u, %us = transfer.stream @second of features<16>, labels<1> in @T, @S
  transfer.group @encoder of @encoder
  transfer.group @heads of @heads
  transfer.group @noises of @noise
  %f = transfer.call @encoder::@features(%x) : (tensor<?x16xf32, #S>) -> tensor<?x2xf32, #S>
  %y = transfer.call @heads::@first(%f) : (tensor<?x2xf32, #S>) -> tensor<?x1xf32, #S>
  %l = transfer.loss mse %y, %xs mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %ls = graft.mse %y, %xs : (tensor<?x1xf32, #S>, tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
  %lw = transfer.call @noise::@first(%ls) : (tensor<?xf32, #S>) -> tensor<?xf32, #S>
  %a = transfer.mean %lw : tensor<?xf32, #S>
  %g = transfer.call @encoder::@features(%u) : (tensor<?x16xf32, #S>) -> tensor<?x2xf32, #S>
  %z = transfer.call @heads::@second(%g) : (tensor<?x2xf32, #S>) -> tensor<?x1xf32, #S>
  %m = transfer.loss mse %z, %us mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %ms = graft.mse %z, %us : (tensor<?x1xf32, #S>, tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
  %factor = transfer.number @scale : tensor<?xf32, #S>
  %mf = graft.mul %factor, %ms : tensor<?xf32, #S>
  %mw = transfer.call @noise::@second(%mf) : (tensor<?xf32, #S>) -> tensor<?xf32, #S>
  %b = transfer.mean %mw : tensor<?xf32, #S>
  %loss = transfer.combine 1.0 * %a + 1.0 * %b
  transfer.predict @first %y evaluate %l : tensor<?x1xf32, #S>
  transfer.predict @second %z evaluate %m : tensor<?x1xf32, #S>
  transfer.phase @learn minimise %loss over [@encoder, @heads, @noises] with adam rate linear @rate
  transfer.phase @settle minimise %loss over [@noises] with sgd rate constant 1.0e-1 clip 1.0
  transfer.phase @step minimise %loss over [@encoder] with sgd rate constant @step_rate
  transfer.schedule epochs @epochs of [@learn]
  transfer.schedule epochs @settle_epochs of [@settle]
  transfer.schedule epochs 1 of [@step]
}

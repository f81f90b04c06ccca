// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// As models/strategies/mmd.mlir, of points in place of texts; with coral in place of
// mmd as coral.mlir.
#S = #graft.dims<S>
#R = #graft.dims<R>

graft.model @encoder {
  graft.parameter @first.weight : tensor<32x2xf32> initial "normal" deviation 0.5
  graft.parameter @first.bias : tensor<32xf32> initial "zeros"
  graft.parameter @second.weight : tensor<8x32xf32> initial "normal" deviation 0.2
  graft.parameter @second.bias : tensor<8xf32> initial "zeros"
  func.func @features(%x: tensor<?x2xf32, #S>) -> tensor<?x8xf32, #S> {
    %w = graft.read @first.weight : tensor<32x2xf32>
    %b = graft.read @first.bias : tensor<32xf32>
    %y = graft.linear %x, %w, %b : (tensor<?x2xf32, #S>, tensor<32x2xf32>, tensor<32xf32>) -> tensor<?x32xf32, #S>
    %h = graft.relu %y : tensor<?x32xf32, #S>
    %v = graft.read @second.weight : tensor<8x32xf32>
    %c = graft.read @second.bias : tensor<8xf32>
    %z = graft.linear %h, %v, %c : (tensor<?x32xf32, #S>, tensor<8x32xf32>, tensor<8xf32>) -> tensor<?x8xf32, #S>
    %f = graft.relu %z : tensor<?x8xf32, #S>
    return %f : tensor<?x8xf32, #S>
  }
}
graft.model @head {
  graft.parameter @weight : tensor<2x8xf32> initial "normal" deviation 0.3
  graft.parameter @bias : tensor<2xf32> initial "zeros"
  func.func @logits(%x: tensor<?x8xf32, #S>) -> tensor<?x2xf32, #S> {
    %w = graft.read @weight : tensor<2x8xf32>
    %b = graft.read @bias : tensor<2xf32>
    %z = graft.linear %x, %w, %b : (tensor<?x8xf32, #S>, tensor<2x8xf32>, tensor<2xf32>) -> tensor<?x2xf32, #S>
    return %z : tensor<?x2xf32, #S>
  }
}

transfer.strategy @moons_penalty {
  transfer.parameter @rate = 5.0e-3 in [0.0, 1.0] "peak learning rate"
  transfer.parameter @epochs = 60 in [1, 1000] "passes over the source"
  transfer.parameter @share = 1.0 in [0.0, 1.0e+6] "weight of the distance in the loss"
  %x, %labels = transfer.stream @source of features<2>, labels<2> in @T, @S
  %u = transfer.stream @target of features<2> in @U, @R

  transfer.group @encoder of @encoder
  transfer.group @head of @head

  %fs = transfer.call @encoder::@features(%x) : (tensor<?x2xf32, #S>) -> tensor<?x8xf32, #S>
  %ft = transfer.call @encoder::@features(%u) : (tensor<?x2xf32, #R>) -> tensor<?x8xf32, #R>
  %logits = transfer.call @head::@logits(%fs) : (tensor<?x8xf32, #S>) -> tensor<?x2xf32, #S>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x2xf32, #S>, tensor<?xi32, #S>
  %apart = transfer.penalty mmd %fs, %ft : tensor<?x8xf32, #S>, tensor<?x8xf32, #R>
  %loss = transfer.combine 1.0 * %label + @share * %apart

  transfer.predict %logits softmax evaluate %label : tensor<?x2xf32, #S>
  transfer.phase @step minimise %loss over [@encoder, @head] with adam rate linear @rate
  transfer.schedule epochs @epochs of [@step]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// As models/strategies/dann.mlir, of points in place of texts.
#S = #graft.dims<S>

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
graft.model @domain {
  graft.parameter @hidden.weight : tensor<32x8xf32> initial "normal" deviation 0.3
  graft.parameter @hidden.bias : tensor<32xf32> initial "zeros"
  graft.parameter @output.weight : tensor<1x32xf32> initial "normal" deviation 0.2
  graft.parameter @output.bias : tensor<1xf32> initial "zeros"
  func.func @score(%x: tensor<?x8xf32, #S>) -> tensor<?x1xf32, #S> {
    %w = graft.read @hidden.weight : tensor<32x8xf32>
    %b = graft.read @hidden.bias : tensor<32xf32>
    %y = graft.linear %x, %w, %b : (tensor<?x8xf32, #S>, tensor<32x8xf32>, tensor<32xf32>) -> tensor<?x32xf32, #S>
    %h = graft.relu %y : tensor<?x32xf32, #S>
    %v = graft.read @output.weight : tensor<1x32xf32>
    %c = graft.read @output.bias : tensor<1xf32>
    %z = graft.linear %h, %v, %c : (tensor<?x32xf32, #S>, tensor<1x32xf32>, tensor<1xf32>) -> tensor<?x1xf32, #S>
    return %z : tensor<?x1xf32, #S>
  }
}

transfer.strategy @moons_dann {
  transfer.parameter @rate = 2.0e-2 in [0.0, 1.0] "peak learning rate"
  transfer.parameter @epochs = 120 in [1, 1000] "passes over the source"
  transfer.parameter @strength = 0.2 in [0.0, 1000.0] "factor of the reversed gradient at the end"
  transfer.parameter @critic_speed = 2.0 in [0.0, 1.0e+6] "factor of the learning rate for the model of the domains"
  %x, %labels = transfer.stream @source of features<2>, labels<2> in @T, @S
  %u = transfer.stream @target of features<2> in @T, @S

  transfer.group @encoder of @encoder
  transfer.group @head of @head
  transfer.group @critic of @domain multiplier @critic_speed

  %fs = transfer.call @encoder::@features(%x) : (tensor<?x2xf32, #S>) -> tensor<?x8xf32, #S>
  %ft = transfer.call @encoder::@features(%u) : (tensor<?x2xf32, #S>) -> tensor<?x8xf32, #S>
  %logits = transfer.call @head::@logits(%fs) : (tensor<?x8xf32, #S>) -> tensor<?x2xf32, #S>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x2xf32, #S>, tensor<?xi32, #S>

  %rs = transfer.scale_gradient %fs by "-@strength * (2 / (1 + exp(-10 * progress)) - 1)" : tensor<?x8xf32, #S>
  %rt = transfer.scale_gradient %ft by "-@strength * (2 / (1 + exp(-10 * progress)) - 1)" : tensor<?x8xf32, #S>
  %ds = transfer.call @domain::@score(%rs) : (tensor<?x8xf32, #S>) -> tensor<?x1xf32, #S>
  %dt = transfer.call @domain::@score(%rt) : (tensor<?x8xf32, #S>) -> tensor<?x1xf32, #S>
  %zero = graft.constant 0.0 : tensor<?x1xf32, #S>
  %one = graft.constant 1.0 : tensor<?x1xf32, #S>
  %source = transfer.loss binary_cross_entropy %ds, %zero mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %target = transfer.loss binary_cross_entropy %dt, %one mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %loss = transfer.combine 1.0 * %label + 0.5 * %source + 0.5 * %target

  transfer.predict %logits softmax evaluate %label : tensor<?x2xf32, #S>
  transfer.phase @step minimise %loss over [@encoder, @head, @critic] with adam rate linear @rate
  transfer.schedule epochs @epochs of [@step]
}

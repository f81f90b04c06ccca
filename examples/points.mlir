// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A classifier of points, from two columns of numbers and without any pretrained
// model (docs/strategies.md).

#S = #graft.dims<S>

graft.model @network {
  graft.parameter @hidden.weight : tensor<16x2xf32> initial "normal" deviation 0.5
  graft.parameter @hidden.bias : tensor<16xf32> initial "zeros"
  graft.parameter @output.weight : tensor<2x16xf32> initial "normal" deviation 0.2
  func.func @logits(%x: tensor<?x2xf32, #S>) -> tensor<?x2xf32, #S> {
    %w = graft.read @hidden.weight : tensor<16x2xf32>
    %b = graft.read @hidden.bias : tensor<16xf32>
    %y = graft.linear %x, %w, %b : (tensor<?x2xf32, #S>, tensor<16x2xf32>, tensor<16xf32>) -> tensor<?x16xf32, #S>
    %h = graft.relu %y : tensor<?x16xf32, #S>
    %v = graft.read @output.weight : tensor<2x16xf32>
    %z = graft.linear %h, %v : (tensor<?x16xf32, #S>, tensor<2x16xf32>) -> tensor<?x2xf32, #S>
    return %z : tensor<?x2xf32, #S>
  }
}
transfer.strategy @points {
  %x, %labels = transfer.stream @train of features<2>, labels<2> in @T, @S
  transfer.group @all of @network
  %logits = transfer.call @network::@logits(%x) : (tensor<?x2xf32, #S>) -> tensor<?x2xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x2xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x2xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adam rate linear 1.0e-2
  transfer.schedule epochs 50 of [@step]
}

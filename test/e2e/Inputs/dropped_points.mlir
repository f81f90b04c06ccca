// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Points without texts, of whose features some are dropped: `segments` tell them apart.

#S = #graft.dims<S>
graft.model @network {
  graft.parameter @w : tensor<64x2xf32> initial "normal" deviation 0.2
  graft.parameter @v : tensor<2x64xf32> initial "normal" deviation 0.2
  func.func @logits(%x: tensor<?x2xf32, #S>, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x2xf32, #S> {
    %w = graft.read @w : tensor<64x2xf32>
    %y = graft.linear %x, %w : (tensor<?x2xf32, #S>, tensor<64x2xf32>) -> tensor<?x64xf32, #S>
    %h = graft.relu %y : tensor<?x64xf32, #S>
    %d = graft.dropout %h, %seq rate 0.5 id 3 : (tensor<?x64xf32, #S>, !graft.segments<T, S>) -> tensor<?x64xf32, #S>
    %v = graft.read @v : tensor<2x64xf32>
    %z = graft.linear %d, %v : (tensor<?x64xf32, #S>, tensor<2x64xf32>) -> tensor<?x2xf32, #S>
    return %z : tensor<?x2xf32, #S>
  }
}
transfer.strategy @points {
  %x, %segments, %labels = transfer.stream @train of features<2>, segments, labels<2> in @T, @S
  transfer.group @all of @network
  %z = transfer.call @network::@logits(%x, %segments) : (tensor<?x2xf32, #S>, !graft.segments<T, S>) -> tensor<?x2xf32, #S>
  %loss = transfer.loss cross_entropy %z, %labels mean : tensor<?x2xf32, #S>, tensor<?xi32, #S>
  transfer.predict %z softmax : tensor<?x2xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.0e-2
  transfer.schedule epochs 2 of [@step]
}

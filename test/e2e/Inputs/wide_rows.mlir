// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A classifier of 4,096 random features of each text, which are computed once.

#S = #graft.dims<S>
#H = #graft.dims<H>
#SH = #graft.dims<S, H>

graft.model @wide {
  graft.parameter @map : tensor<4096x?xf32, #H> initial "normal" deviation 0.1
  func.func @rows(%x: tensor<?x?xf32, #SH>) -> tensor<?x4096xf32, #S> {
    %w = graft.read @map : tensor<4096x?xf32, #H>
    %y = graft.linear %x, %w : (tensor<?x?xf32, #SH>, tensor<4096x?xf32, #H>) -> tensor<?x4096xf32, #S>
    return %y : tensor<?x4096xf32, #S>
  }
}
graft.model @head {
  graft.parameter @weight : tensor<3x4096xf32> initial "normal" deviation 0.01
  func.func @logits(%x: tensor<?x4096xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @weight : tensor<3x4096xf32>
    %y = graft.linear %x, %w : (tensor<?x4096xf32, #S>, tensor<3x4096xf32>) -> tensor<?x3xf32, #S>
    return %y : tensor<?x3xf32, #S>
  }
}

transfer.strategy @wide_rows sizes (H) {
  %text, %labels = transfer.stream @train of text, labels<3> in @T, @S
  transfer.group @encoder of @net frozen
  transfer.group @map of @wide frozen
  transfer.group @top of @head
  %x = transfer.call deterministic @net::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %rows = transfer.call deterministic @wide::@rows(%x) : (tensor<?x?xf32, #SH>) -> tensor<?x4096xf32, #S>
  %kept = transfer.cache @rows %rows : tensor<?x4096xf32, #S>
  %z = transfer.call @head::@logits(%kept) : (tensor<?x4096xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %z, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %logits = transfer.call @head::@logits(%rows) : (tensor<?x4096xf32, #S>) -> tensor<?x3xf32, #S>
  %plain = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %plain : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@top] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

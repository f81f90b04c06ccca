// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Double backpropagation (Drucker and LeCun 1992) through a layer of attention: a text
// is read from the states of an encoder by a layer of the page's own, and the loss of a
// text may not be steep at these states, so that small changes of them change little.

#S = #graft.dims<S>
#T = #graft.dims<T>
#H = #graft.dims<H>
#K = #graft.dims<K>
#TH = #graft.dims<T, H>
#SH = #graft.dims<S, H>
#SK = #graft.dims<S, K>

graft.model @reader {
  graft.parameter @query : tensor<16x?xf32, #H> initial "normal" deviation 2.0e-1
  graft.parameter @key : tensor<16x?xf32, #H> initial "normal" deviation 2.0e-1
  graft.parameter @value : tensor<16x?xf32, #H> initial "normal" deviation 2.0e-1
  graft.parameter @scale : tensor<16xf32> initial "ones"
  graft.parameter @shift : tensor<16xf32> initial "zeros"
  graft.parameter @wide : tensor<24x16xf32> initial "normal" deviation 2.0e-1
  graft.parameter @label : tensor<?x24xf32, #K> initial "normal" deviation 2.0e-1
  func.func @read(%x: tensor<?x?xf32, #TH>, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x?xf32, #SK> {
    %wq = graft.read @query : tensor<16x?xf32, #H>
    %wk = graft.read @key : tensor<16x?xf32, #H>
    %wv = graft.read @value : tensor<16x?xf32, #H>
    %q = graft.linear %x, %wq : (tensor<?x?xf32, #TH>, tensor<16x?xf32, #H>) -> tensor<?x16xf32, #T>
    %k = graft.linear %x, %wk : (tensor<?x?xf32, #TH>, tensor<16x?xf32, #H>) -> tensor<?x16xf32, #T>
    %v = graft.linear %x, %wv : (tensor<?x?xf32, #TH>, tensor<16x?xf32, #H>) -> tensor<?x16xf32, #T>
    %a = graft.attention %q, %k, %v, %seq heads 2 : (tensor<?x16xf32, #T>, tensor<?x16xf32, #T>, tensor<?x16xf32, #T>, !graft.segments<T, S>) -> tensor<?x16xf32, #T>
    %sum = graft.add %a, %v : tensor<?x16xf32, #T>
    %scale = graft.read @scale : tensor<16xf32>
    %shift = graft.read @shift : tensor<16xf32>
    %n = graft.layer_norm %sum, %scale, %shift epsilon 1.0e-6 : (tensor<?x16xf32, #T>, tensor<16xf32>, tensor<16xf32>) -> tensor<?x16xf32, #T>
    %ww = graft.read @wide : tensor<24x16xf32>
    %w = graft.linear %n, %ww : (tensor<?x16xf32, #T>, tensor<24x16xf32>) -> tensor<?x24xf32, #T>
    %g = graft.gelu tanh %w : tensor<?x24xf32, #T>
    %p = graft.segment_pool max %g, %seq : (tensor<?x24xf32, #T>, !graft.segments<T, S>) -> tensor<?x24xf32, #S>
    %wl = graft.read @label : tensor<?x24xf32, #K>
    %z = graft.linear %p, %wl : (tensor<?x24xf32, #S>, tensor<?x24xf32, #K>) -> tensor<?x?xf32, #SK>
    return %z : tensor<?x?xf32, #SK>
  }
  func.func @length(%g: tensor<?x?xf32, #TH>, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?xf32, #S> {
    %squares = graft.mul %g, %g : tensor<?x?xf32, #TH>
    %each = graft.segment_pool mean %squares, %seq : (tensor<?x?xf32, #TH>, !graft.segments<T, S>) -> tensor<?x?xf32, #SH>
    %length = graft.reduce sum %each over [1] : (tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
    return %length : tensor<?xf32, #S>
  }
}

transfer.strategy @slope sizes (H, K) {
  transfer.parameter @rate = 1.0e-3 in [0.0, 1.0] "peak learning rate"
  transfer.parameter @share = 1.0 in [0.0, 1000.0] "weight of the slope"
  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @all of @model decay 0.01
  transfer.group @read of @reader decay 0.01
  %x = transfer.call @model::@encode(%text) : (!transfer.text) -> tensor<?x?xf32, #TH>
  %logits = transfer.call @reader::@read(%x, %text) : (tensor<?x?xf32, #TH>, !transfer.text) -> tensor<?x?xf32, #SK>
  %surprise = graft.cross_entropy %logits, %labels ignore -100 : (tensor<?x?xf32, #SK>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  %steep = transfer.gradient %surprise wrt %x : tensor<?xf32, #S>, tensor<?x?xf32, #TH>
  %length = transfer.call @reader::@length(%steep, %text) : (tensor<?x?xf32, #TH>, !transfer.text) -> tensor<?xf32, #S>
  %hard = transfer.mean %surprise : tensor<?xf32, #S>
  %flat = transfer.mean %length : tensor<?xf32, #S>
  %loss = transfer.combine 1.0 * %hard + @share * %flat
  transfer.predict %logits softmax evaluate %hard : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@all, @read] with adamw rate linear @rate warmup 0.1 clip 1.0
  transfer.schedule epochs 3 of [@step]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The last states of the tokens relate to each other as those of a teacher do: by the
// divergence of relations of states, in four heads of the page's choice, and by the
// squared error of scores of narrower maps, which learn.

#S = #graft.dims<S>
#TH = #graft.dims<T, H>
#TW = #graft.dims<T, W>
#SK = #graft.dims<S, K>

graft.model @maps {
  graft.parameter @query : tensor<12x?xf32, #graft.dims<H>> initial "normal" deviation 2.0e-1
  graft.parameter @key : tensor<12x?xf32, #graft.dims<H>> initial "normal" deviation 2.0e-1
  func.func @alike(%x: tensor<?x?xf32, #TH>, %y: tensor<?x?xf32, #TW>, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?xf32, #S> {
    %d = graft.relation_divergence kl %x, %x, %y, %y, %seq heads 4
        : (tensor<?x?xf32, #TH>, tensor<?x?xf32, #TH>, tensor<?x?xf32, #TW>, tensor<?x?xf32, #TW>, !graft.segments<T, S>) -> tensor<?xf32, #S>
    return %d : tensor<?xf32, #S>
  }
  func.func @near(%x: tensor<?x?xf32, #TH>, %y: tensor<?x?xf32, #TW>, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?xf32, #S> {
    %wq = graft.read @query : tensor<12x?xf32, #graft.dims<H>>
    %wk = graft.read @key : tensor<12x?xf32, #graft.dims<H>>
    %q = graft.linear %x, %wq : (tensor<?x?xf32, #TH>, tensor<12x?xf32, #graft.dims<H>>) -> tensor<?x12xf32, #graft.dims<T>>
    %k = graft.linear %x, %wk : (tensor<?x?xf32, #TH>, tensor<12x?xf32, #graft.dims<H>>) -> tensor<?x12xf32, #graft.dims<T>>
    %d = graft.relation_divergence mse %q, %k, %y, %y, %seq heads 2
        : (tensor<?x12xf32, #graft.dims<T>>, tensor<?x12xf32, #graft.dims<T>>, tensor<?x?xf32, #TW>, tensor<?x?xf32, #TW>, !graft.segments<T, S>) -> tensor<?xf32, #S>
    return %d : tensor<?xf32, #S>
  }
}

transfer.strategy @relations sizes (H, W, K) {
  transfer.parameter @rate = 1.0e-3 in [0.0, 1.0] "peak learning rate"
  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @frozen of @teacher frozen
  transfer.group @all of @model decay 0.01
  transfer.group @mapped of @maps decay 0.01
  %x = transfer.call @model::@encode(%text) : (!transfer.text) -> tensor<?x?xf32, #TH>
  %y = transfer.call deterministic @teacher::@encode(%text) : (!transfer.text) -> tensor<?x?xf32, #TW>
  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %alike = transfer.call @maps::@alike(%x, %y, %text) : (tensor<?x?xf32, #TH>, tensor<?x?xf32, #TW>, !transfer.text) -> tensor<?xf32, #S>
  %near = transfer.call @maps::@near(%x, %y, %text) : (tensor<?x?xf32, #TH>, tensor<?x?xf32, #TW>, !transfer.text) -> tensor<?xf32, #S>
  %hard = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %a = transfer.mean %alike : tensor<?xf32, #S>
  %n = transfer.mean %near : tensor<?xf32, #S>
  %loss = transfer.combine 1.0 * %hard + 4.0 * %a + 0.5 * %n
  transfer.predict %logits softmax evaluate %hard : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@all, @mapped] with adamw rate linear @rate warmup 0.1 clip 1.0
  transfer.schedule epochs 3 of [@step]
}

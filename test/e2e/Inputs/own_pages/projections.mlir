// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The queries, keys and values of the last layer shall be those of a teacher's last
// layer, beside the labels.

#S = #graft.dims<S>
#T = #graft.dims<T>
#SK = #graft.dims<S, K>
#TH = #graft.dims<T, H>

graft.model @compare {
  func.func @apart(%x: tensor<?x?xf32, #TH>, %y: tensor<?x?xf32, #TH>, %segments: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?xf32, #S> {
    %token = graft.mse %x, %y : (tensor<?x?xf32, #TH>, tensor<?x?xf32, #TH>) -> tensor<?xf32, #T>
    %column = graft.reshape %token : (tensor<?xf32, #T>) -> tensor<?x1xf32, #T>
    %mean = graft.segment_pool mean %column, %segments : (tensor<?x1xf32, #T>, !graft.segments<T, S>) -> tensor<?x1xf32, #S>
    %text = graft.reshape %mean : (tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
    return %text : tensor<?xf32, #S>
  }
}

transfer.strategy @projections sizes (H, K) {
  transfer.parameter @rate = 1.0e-3 in [0.0, 1.0] "peak learning rate"
  transfer.parameter @layer = -1 in [-1000, 1000] "layer of the teacher; -1: the last"
  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @teacher of @teacher frozen
  transfer.group @all of @model decay 0.01
  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %said = transfer.call deterministic @teacher::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>

  %q = transfer.tap "query" layer -1 of %logits : tensor<?x?xf32, #SK> -> tensor<?x?xf32, #TH>
  %k = transfer.tap "key" layer -1 of %logits : tensor<?x?xf32, #SK> -> tensor<?x?xf32, #TH>
  %v = transfer.tap "value" layer -1 of %logits : tensor<?x?xf32, #SK> -> tensor<?x?xf32, #TH>
  %q_t = transfer.tap "query" layer @layer of %said : tensor<?x?xf32, #SK> -> tensor<?x?xf32, #TH>
  %k_t = transfer.tap "key" layer @layer of %said : tensor<?x?xf32, #SK> -> tensor<?x?xf32, #TH>
  %v_t = transfer.tap "value" layer @layer of %said : tensor<?x?xf32, #SK> -> tensor<?x?xf32, #TH>
  %q_apart = transfer.call @compare::@apart(%q, %q_t, %text) : (tensor<?x?xf32, #TH>, tensor<?x?xf32, #TH>, !transfer.text) -> tensor<?xf32, #S>
  %k_apart = transfer.call @compare::@apart(%k, %k_t, %text) : (tensor<?x?xf32, #TH>, tensor<?x?xf32, #TH>, !transfer.text) -> tensor<?xf32, #S>
  %v_apart = transfer.call @compare::@apart(%v, %v_t, %text) : (tensor<?x?xf32, #TH>, tensor<?x?xf32, #TH>, !transfer.text) -> tensor<?xf32, #S>
  %qk = graft.add %q_apart, %k_apart : tensor<?xf32, #S>
  %qkv = graft.add %qk, %v_apart : tensor<?xf32, #S>
  %apart = transfer.mean %qkv : tensor<?xf32, #S>

  %hard = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %loss = transfer.combine 1.0 * %hard + 1.0 * %apart
  transfer.predict %logits softmax evaluate %hard : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear @rate warmup 0.1 clip 1.0
  transfer.schedule epochs 3 of [@step]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Distillation of hidden states (Jiao et al. 2020): @model first learns to have the
// states of @teacher. Its layer m of M matches the teacher's layer m N / M of N, and
// what its first layer reads that of the teacher. A matrix that is learned, too, maps
// them to the width of the teacher. Then @model learns from the labels and from the
// logits of @teacher, as in the page distill. The teacher is frozen; evaluation is by
// the labels alone. A text without a label, -100, has no part in the hard loss.

#S = #graft.dims<S>
#T = #graft.dims<T>
#SK = #graft.dims<S, K>
#TG = #graft.dims<T, G>
#TH = #graft.dims<T, H>
#GH = #graft.dims<G, H>
!own = !transfer.layers<tensor<?x?xf32, #TH>>
!other = !transfer.layers<tensor<?x?xf32, #TG>>
!losses = !transfer.layers<tensor<?x1xf32, #S>>

graft.model @fit {
  graft.parameter @weight : tensor<?x?xf32, #GH> initial "normal" deviation 0.02
  func.func @apart(%x: tensor<?x?xf32, #TH>, %y: tensor<?x?xf32, #TG>, %segments: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x1xf32, #S> {
    %w = graft.read @weight : tensor<?x?xf32, #GH>
    %z = graft.linear %x, %w : (tensor<?x?xf32, #TH>, tensor<?x?xf32, #GH>) -> tensor<?x?xf32, #TG>
    %token = graft.mse %z, %y : (tensor<?x?xf32, #TG>, tensor<?x?xf32, #TG>) -> tensor<?xf32, #T>
    %column = graft.reshape %token : (tensor<?xf32, #T>) -> tensor<?x1xf32, #T>
    %text = graft.segment_pool mean %column, %segments : (tensor<?x1xf32, #T>, !graft.segments<T, S>) -> tensor<?x1xf32, #S>
    return %text : tensor<?x1xf32, #S>
  }
}

transfer.strategy @hidden sizes (H, G, K) {
  transfer.parameter @state_rate = 1.0e-4 in [0.0, 3.0e+38] "peak learning rate for the hidden states"
  transfer.parameter @state_epochs = 3 in [1, 1000000000] "passes over the examples for the hidden states"
  transfer.parameter @rate = 5.0e-5 in [0.0, 3.0e+38] "peak learning rate for labels and logits"
  transfer.parameter @epochs = 1 in [1, 1000000000] "passes over the examples for labels and logits"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rates after the warm-up"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps of a stage in which the rate rises"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @temperature = 2.0 in [1.0e-9, 1.0e+9] "temperature of the softmax of teacher and model"
  transfer.parameter @soft_share = 0.5 in [0.0, 1.0] "weight of the teacher's logits beside the labels"

  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @teacher of @teacher frozen
  transfer.group @all of @model decay @weight_decay
  transfer.group @map of @fit

  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %said = transfer.call deterministic @teacher::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %mine = transfer.tap "hidden" of %logits : tensor<?x?xf32, #SK> -> !own
  %theirs = transfer.tap "hidden" of %said matching %mine : tensor<?x?xf32, #SK>, !own -> !other
  %losses = transfer.call @fit::@apart(%mine, %theirs, %text) : (!own, !other, !transfer.text) -> !losses
  %sum = transfer.sum %losses : !losses
  %apart = graft.reshape %sum : (tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
  %states = transfer.mean %apart : tensor<?xf32, #S>

  %hard = transfer.loss cross_entropy %logits, %labels ignore -100 mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %kept = transfer.cache @teacher_logits %said : tensor<?x?xf32, #SK>
  %soft = transfer.loss kl_divergence %logits, %kept temperature @temperature mean
      : tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>
  %loss = transfer.combine "1 - @soft_share" * %hard + @soft_share * %soft

  transfer.predict %logits softmax evaluate %hard : tensor<?x?xf32, #SK>
  transfer.phase @states minimise %states over [@all, @map]
      with adamw rate @schedule @state_rate warmup @warmup clip @clip
  transfer.phase @logits minimise %loss over [@all]
      with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.schedule epochs @state_epochs of [@states]
  transfer.schedule epochs @epochs of [@logits]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Patient distillation (Sun et al. 2019): beside the labels and the logits of
// @teacher, @model learns its states of the first token, normalised to length 1,
// layer m of M from the teacher's layer m N / M of N. The last layer learns from the
// logits alone. Both have one width. The teacher is frozen, so each text is shown to
// it once for each cache; evaluation is by the labels alone. A text without a label,
// -100, has no part in the hard loss.

#S = #graft.dims<S>
#T = #graft.dims<T>
#SH = #graft.dims<S, H>
#SK = #graft.dims<S, K>
!tokens = !transfer.layers<tensor<?x?xf32, #graft.dims<T, H>>>
!rows = !transfer.layers<tensor<?x?xf32, #SH>>
!losses = !transfer.layers<tensor<?xf32, #S>>

graft.model @states {
  func.func @first(%x: tensor<?x?xf32, #graft.dims<T, H>>, %segments: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x?xf32, #SH> {
    %row = graft.segment_pool first %x, %segments : (tensor<?x?xf32, #graft.dims<T, H>>, !graft.segments<T, S>) -> tensor<?x?xf32, #SH>
    %squares = graft.mul %row, %row : tensor<?x?xf32, #SH>
    %square = graft.reduce sum %squares over [1] : (tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
    %least = graft.constant 1.0e-24 : tensor<?xf32, #S>
    %positive = graft.max %square, %least : tensor<?xf32, #S>
    %length = graft.sqrt %positive : tensor<?xf32, #S>
    %lengths = graft.broadcast %length along [1] : (tensor<?xf32, #S>) -> tensor<?x?xf32, #SH>
    %unit = graft.div %row, %lengths : tensor<?x?xf32, #SH>
    return %unit : tensor<?x?xf32, #SH>
  }
  func.func @apart(%x: tensor<?x?xf32, #SH>, %y: tensor<?x?xf32, #SH>) -> tensor<?xf32, #S> {
    %loss = graft.mse %x, %y : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
    return %loss : tensor<?xf32, #S>
  }
}

transfer.strategy @pkd sizes (H, K) {
  transfer.parameter @rate = 5.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rate after the warm-up"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the examples"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @temperature = 2.0 in [1.0e-9, 1.0e+9] "temperature of the softmax of teacher and model"
  transfer.parameter @soft_share = 0.5 in [0.0, 1.0] "weight of the teacher's logits beside the labels"
  transfer.parameter @state_share = 100.0 in [0.0, 1.0e+6] "weight of the states, of mean squared errors, in the loss"

  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @teacher of @teacher frozen
  transfer.group @all of @model decay @weight_decay

  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %hard = transfer.loss cross_entropy %logits, %labels ignore -100 mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %said = transfer.call deterministic @teacher::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %kept = transfer.cache @teacher_logits %said : tensor<?x?xf32, #SK>
  %soft = transfer.loss kl_divergence %logits, %kept temperature @temperature mean
      : tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>

  %mine = transfer.tap "hidden" layers 1 to -2 of %logits : tensor<?x?xf32, #SK> -> !tokens
  %theirs = transfer.tap "hidden" of %said matching %mine : tensor<?x?xf32, #SK>, !tokens -> !tokens
  %own = transfer.call @states::@first(%mine, %text) : (!tokens, !transfer.text) -> !rows
  %shown = transfer.call deterministic @states::@first(%theirs, %text) : (!tokens, !transfer.text) -> !rows
  %states = transfer.cache @teacher_states %shown : !rows
  %losses = transfer.call @states::@apart(%own, %states) : (!rows, !rows) -> !losses
  %sum = transfer.sum %losses : !losses
  %apart = transfer.mean %sum : tensor<?xf32, #S>
  %loss = transfer.combine "1 - @soft_share" * %hard + @soft_share * %soft + @state_share * %apart

  transfer.predict %logits softmax evaluate %hard : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@all]
      with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.schedule epochs @epochs of [@step]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Distillation from two teachers (You et al. 2017): @model learns from the labels and
// from the logits of @teacher and @second, all softened by a temperature. Both are
// frozen, so each text is shown to them once; evaluation is by the labels alone. A
// text without a label, -100, has no part in the hard loss.

#S = #graft.dims<S>
#SK = #graft.dims<S, K>

transfer.strategy @distill_two sizes (K) {
  transfer.parameter @rate = 5.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rate after the warm-up"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the examples"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @temperature = 2.0 in [1.0e-9, 1.0e+9] "temperature of the softmax of teachers and model"
  transfer.parameter @soft_share = 0.5 in [0.0, 1.0] "weight of both teachers in the loss; the labels get the rest"
  transfer.parameter @second_share = 0.5 in [0.0, 1.0] "part of the second teacher in that weight"

  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @first_teacher of @teacher frozen
  transfer.group @second_teacher of @second frozen
  transfer.group @all of @model decay @weight_decay

  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %hard = transfer.loss cross_entropy %logits, %labels ignore -100 mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>

  %one = transfer.call deterministic @teacher::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %first = transfer.cache @teacher_logits %one : tensor<?x?xf32, #SK>
  %soft = transfer.loss kl_divergence %logits, %first temperature @temperature mean
      : tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>
  %two = transfer.call deterministic @second::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %other = transfer.cache @second_logits %two : tensor<?x?xf32, #SK>
  %softer = transfer.loss kl_divergence %logits, %other temperature @temperature mean
      : tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>
  %loss = transfer.combine "1 - @soft_share" * %hard + "@soft_share * (1 - @second_share)" * %soft
      + "@soft_share * @second_share" * %softer

  transfer.predict %logits softmax evaluate %hard : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@all]
      with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.schedule epochs @epochs of [@step]
}

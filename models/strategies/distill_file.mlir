// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Distillation of a classifier from a file (Hinton et al. 2015): @model learns from
// the labels and from the logits of a teacher, both softened by a temperature. The
// logits stand in the table, in the columns of --soft-column, so that the teacher
// may be any model, or several, and runs once for all students; evaluation is by
// the labels alone. A text without a label, -100, has no part in the hard loss.
//
// Patterns are regular expressions, found anywhere in the name of a parameter;
// "." matches every name and "^$" none.

#S = #graft.dims<S>
#SK = #graft.dims<S, K>

transfer.strategy @distill_file sizes (K) {
  transfer.parameter @rate = 5.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rate after the warm-up"
  transfer.parameter @warmup = 0.0 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 1 in [1, 1000000000] "passes over the examples"
  transfer.parameter @clip = 0.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @decayed = "." "pattern of the parameters that decay"
  transfer.parameter @undecayed = "^$" "pattern of exceptions from decayed"
  transfer.parameter @layer_decay = 1.0 in [1.0e-9, 1.0] "factor of the rate from each layer to the layer below"
  transfer.parameter @freeze = "^$" "pattern of the parameters that stay as they are"
  transfer.parameter @learn = "^$" "pattern of exceptions from freeze"
  transfer.parameter @label_smoothing = 0.0 in [0.0, 0.999] "probability mass spread from the label over all classes"
  transfer.parameter @temperature = 2.0 in [1.0e-9, 1.0e+9] "temperature of the softmax of targets and model"
  transfer.parameter @soft_share = 0.5 in [0.0, 1.0] "weight of the soft targets in the loss; the labels get the rest"

  %text, %labels, %soft_targets = transfer.stream @train of text, labels<K>, soft<K> in @T, @S

  transfer.group @frozen of @model select @freeze except @learn frozen optional
  transfer.group @decaying of @model select @decayed rest except @undecayed optional
      decay @weight_decay layer_decay @layer_decay
  transfer.group @plain of @model rest optional layer_decay @layer_decay

  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %hard = transfer.loss cross_entropy %logits, %labels smoothing @label_smoothing ignore -100 mean
      : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %soft = transfer.loss kl_divergence %logits, %soft_targets temperature @temperature mean
      : tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>
  %loss = transfer.combine "1 - @soft_share" * %hard + @soft_share * %soft

  transfer.predict %logits softmax evaluate %hard : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@decaying, @plain]
      with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.schedule epochs @epochs of [@step]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Distillation of a regression: @model learns from numbers and from those that
// @teacher predicts. Of numbers there is nothing to soften, so both losses are
// squared errors. The teacher is frozen, so each text is shown to it once;
// evaluation is by the labels alone.
//
// Patterns are regular expressions, found anywhere in the name of a parameter;
// "." matches every name and "^$" none.

#S = #graft.dims<S>

transfer.strategy @distill_regression {
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
  transfer.parameter @soft_share = 0.5 in [0.0, 1.0] "weight of the teacher in the loss; the labels get the rest"

  %text, %labels = transfer.stream @train of text, labels<1> in @T, @S

  transfer.group @teacher of @teacher frozen
  transfer.group @frozen of @model select @freeze except @learn frozen optional
  transfer.group @decaying of @model select @decayed rest except @undecayed optional
      decay @weight_decay layer_decay @layer_decay
  transfer.group @plain of @model rest optional layer_decay @layer_decay

  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x1xf32, #S>
  %hard = transfer.loss mse %logits, %labels mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %teacher = transfer.call deterministic @teacher::@logits(%text) : (!transfer.text) -> tensor<?x1xf32, #S>
  %kept = transfer.cache @teacher_logits %teacher : tensor<?x1xf32, #S>
  %soft = transfer.loss mse %logits, %kept mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %loss = transfer.combine "1 - @soft_share" * %hard + @soft_share * %soft

  transfer.predict %logits evaluate %hard : tensor<?x1xf32, #S>
  transfer.phase @step minimise %loss over [@decaying, @plain]
      with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.schedule epochs @epochs of [@step]
}

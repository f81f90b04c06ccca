// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Sentence embeddings without labels (SimCSE, Gao et al. 2021): of two dropout masks of a
// text each shall find the other one among all texts of the batch. More texts in a batch
// are more to tell apart; their number does not depend on memory. Evaluation is without
// dropout, where both are equal: nothing of it tells a good model.
//
// Invariant 4 does not hold: a text that stands twice in a batch is its own negative.

#S = #graft.dims<S>
#SH = #graft.dims<S, H>

transfer.strategy @contrastive sizes (H) {
  transfer.parameter @rate = 3.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rate after the warm-up"
  transfer.parameter @warmup = 0.0 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 1 in [1, 1000000000] "passes over the examples"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @temperature = 0.05 in [1.0e-9, 1.0e+9] "what cosines are divided by"

  %text = transfer.stream @train of text in @T, @S
  transfer.group @all of @model decay @weight_decay

  %a = transfer.call @model::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %b = transfer.call @model::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %loss = transfer.loss contrastive %a, %b temperature @temperature mean : tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>
  %moved = transfer.loss mse %a, %b mean : tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>

  transfer.predict %a evaluate %moved : tensor<?x?xf32, #SH>
  transfer.phase @step minimise %loss over [@all]
      with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.schedule epochs @epochs of [@step]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Fine-tuning that keeps an average of the weights of all steps, which predicts in
// their place (Polyak and Juditsky 1992): a training at a high rate ends as steady as
// one at a low rate.

#S = #graft.dims<S>
#SK = #graft.dims<S, K>

transfer.strategy @averaged sizes (K) {
  transfer.parameter @rate = 5.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rate after the warm-up"
  transfer.parameter @warmup = 0.0 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the examples"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @keep = 0.99 in [0.0, 1.0] "share of the average that a step keeps"

  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @all of @model decay @weight_decay
  transfer.group @mean of @average tracks @model keep "min(@keep, (1 + step) / (10 + step))"

  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %said = transfer.call @average::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %said_loss = transfer.loss cross_entropy %said, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>

  transfer.predict %said softmax evaluate %said_loss : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@all]
      with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.schedule epochs @epochs of [@step]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Fine-tuning with the focal loss (Lin et al. 2017): with p, the probability of the label,
// a text counts -(1 - p)^@gamma log p, and so less if the model classifies it well.
// Evaluation is by the cross-entropy, -log p, which is the same where @gamma is 0.

#S = #graft.dims<S>
#SK = #graft.dims<S, K>

transfer.strategy @focal sizes (K) {
  transfer.parameter @rate = 5.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rate after the warm-up"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the examples"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @gamma = 2.0 in [0.0, 100.0] "exponent of 1 - p; 0: plain cross-entropy"

  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @all of @model decay @weight_decay

  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>

  // (1 - p)^gamma -log(p), where 1 - p stays above 0 for its logarithm.
  %surprise = graft.cross_entropy %logits, %labels : (tensor<?x?xf32, #SK>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  %gamma = transfer.number @gamma : tensor<f32>
  %focal = graft.formula "e, gamma[]: exp(gamma * log(max(1 - exp(-e), 1e-7))) * e" (%surprise, %gamma) : (tensor<?xf32, #S>, tensor<f32>) -> tensor<?xf32, #S>
  %loss = transfer.mean %focal : tensor<?xf32, #S>

  transfer.predict %logits softmax evaluate %label : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@all]
      with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.schedule epochs @epochs of [@step]
}

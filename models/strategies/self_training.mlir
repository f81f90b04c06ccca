// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Self-training by pseudo-labels (Lee 2013), of texts of which the model is sure (Sohn
// et al. 2020). The first stage learns from the labels alone. In the second a text of
// @unlabelled has the label that the model itself, without dropout, thinks the most
// probable, if that probability is at least @threshold; else it counts as a loss of 0.

#S = #graft.dims<S>
#SK = #graft.dims<S, K>

transfer.strategy @self_training sizes (K) {
  transfer.parameter @rate = 5.0e-5 in [0.0, 3.0e+38] "peak learning rate of both stages"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rates after the warm-up"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps of a stage in which its rate rises"
  transfer.parameter @first_epochs = 3 in [1, 1000000000] "passes over the labelled texts alone"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the texts without labels"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @threshold = 0.95 in [0.0, 1.0] "least probability of a label that the model gives"
  transfer.parameter @share = 1.0 in [0.0, 1000.0] "weight of the texts without labels in the loss"

  %other = transfer.stream @unlabelled of text in @T, @S
  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @all of @model decay @weight_decay

  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>

  %steady = transfer.call deterministic @model::@logits(%other) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %fixed = graft.stop_gradient %steady : tensor<?x?xf32, #SK>
  %p = graft.softmax %fixed : (tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SK>

  // The logarithm of the probability of the label that p gives, where p is sure.
  %noisy = transfer.call @model::@logits(%other) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %log_q = graft.softmax %noisy log : (tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SK>
  %threshold = transfer.number @threshold : tensor<f32>
  %counted = graft.formula "p[s, k], log_q[s, k], threshold[] -> [s]: step(max k (p), threshold) * sum k (step(p, max k (p)) * log_q)" (%p, %log_q, %threshold) : (tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>, tensor<f32>) -> tensor<?xf32, #S>
  %likely = transfer.mean %counted : tensor<?xf32, #S>
  %loss = transfer.combine 1.0 * %label + "-@share" * %likely

  transfer.predict %logits softmax evaluate %label : tensor<?x?xf32, #SK>
  transfer.phase @fit minimise %label over [@all]
      with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.phase @self minimise %loss over [@all]
      with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.schedule epochs @first_epochs of [@fit]
  transfer.schedule epochs @epochs of [@self]
}

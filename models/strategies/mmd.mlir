// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Adaptation by maximum mean discrepancy (Long et al. 2015): the encoder learns
// from the labels of @source, and to give the texts of @target, which have none,
// features of the same distribution. Both have sizes of their own: the penalty
// compares all texts of a batch of one with all of the other, so no batch is cut.

#S = #graft.dims<S>
#SH = #graft.dims<S, H>
#RH = #graft.dims<R, H>
#SK = #graft.dims<S, K>

// Invariant 4 does not hold: the width is a mean over pairs of different rows.
transfer.strategy @mmd sizes (H, K) {
  transfer.parameter @rate = 2.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rate after the warm-up"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the source"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @share = 0.1 in [0.0, 1.0e+6] "weight of the penalty in the loss"

  %text, %labels = transfer.stream @source of text, labels<K> in @T, @S
  %other = transfer.stream @target of text in @U, @R

  transfer.group @all of @model decay @weight_decay

  %fs = transfer.call @model::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %ft = transfer.call @model::@pooled(%other) : (!transfer.text) -> tensor<?x?xf32, #RH>
  %logits = transfer.call @model::@classify(%fs, %text) : (tensor<?x?xf32, #SH>, !transfer.text) -> tensor<?x?xf32, #SK>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %apart = transfer.penalty mmd %fs, %ft : tensor<?x?xf32, #SH>, tensor<?x?xf32, #RH>
  %loss = transfer.combine 1.0 * %label + @share * %apart

  // How unsure the model is chooses the best epoch by texts without labels.
  %sure = graft.softmax %logits : (tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SK>
  %logs = graft.softmax %logits log : (tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SK>
  %unsure = graft.formula "p[s, k], logs[s, k] -> [s]: -sum k (p * logs)" (%sure, %logs) : (tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>) -> tensor<?xf32, #S>
  %entropy = transfer.mean %unsure : tensor<?xf32, #S>
  transfer.predict %logits softmax evaluate %label or %entropy : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@all]
      with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.schedule epochs @epochs of [@step]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Reinforced transfer learning (after Qu et al. 2019): a policy selects texts of @source,
// from which the encoder learns beside those of @target. Whether a selection was worth it
// is measured on @validation, by what the learning on it has changed there. The policy
// sees what the encoder makes of a text and what both heads say of its label. At first, for
// @warm_epochs, all texts are selected. A head for @source is on the page, that of the
// model is for @target.
//
// Invariant 3 does not hold: what is drawn depends on the place in the batch.
// Invariant 4 does not hold: what is drawn depends on the place in the batch.

#S = #graft.dims<S>
#H = #graft.dims<H>
#K = #graft.dims<K>
#KH = #graft.dims<K, H>
#SH = #graft.dims<S, H>
#SK = #graft.dims<S, K>

graft.model @source_head {
  graft.parameter @weight : tensor<?x?xf32, #KH> initial "normal" deviation 0.02
  graft.parameter @bias : tensor<?xf32, #K> initial "zeros"
}
// Two layers: the first has a matrix for the features and one for the signals.
graft.model @policy {
  graft.parameter @features : tensor<64x?xf32, #H> initial "normal" deviation 0.05
  graft.parameter @signals : tensor<64x4xf32> initial "normal" deviation 0.2
  graft.parameter @output : tensor<1x64xf32> initial "zeros"
  graft.parameter @bias : tensor<1xf32> initial "zeros"
}

transfer.strategy @rtl sizes (H, K) {
  transfer.parameter @rate = 2.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @target_speed = 0.3 in [0.0, 1.0e+6] "factor of the learning rate for the target"
  transfer.parameter @beta1 = 0.0 in [0.0, 0.999] "decay of first moments, which blur what a batch has brought about"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the source, of which texts are selected"
  transfer.parameter @warm_epochs = 1 in [1, 1000000000] "passes over all of the source before"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @speed = 0.3 in [0.0, 1.0e+6] "learning rate of the policy, which falls to 0"
  transfer.parameter @discount = 0.0 in [0.0, 0.999] "share of a reward that the step before gets"
  transfer.parameter @doubt = 0.1 in [0.0, 1.0e+6] "weight of the entropy of the policy"
  transfer.parameter @measure = "loss" of ["loss", "score"] "what a reward is the change of"

  %text, %labels = transfer.stream @source of text, labels<K> in @T, @S
  %other, %own = transfer.stream @target of text, labels<K> in @T, @S
  %unread, %truth = transfer.stream @validation of text, labels<K> in @T, @S
  transfer.group @learnt of @model decay @weight_decay
  transfer.group @beside of @source_head decay @weight_decay
  transfer.group @chooser of @policy

  %h, %hb = transfer.read @source_head [@weight, @bias] : tensor<?x?xf32, #KH>, tensor<?xf32, #K>
  %fs = transfer.call @model::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %ls = graft.linear %fs, %h, %hb : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #KH>, tensor<?xf32, #K>) -> tensor<?x?xf32, #SK>
  %each = graft.cross_entropy %ls, %labels : (tensor<?x?xf32, #SK>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  %all = transfer.mean %each : tensor<?xf32, #S>
  %lt = transfer.call @model::@logits(%other) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %target = transfer.loss cross_entropy %lt, %own mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %both = transfer.combine 1.0 * %all + 1.0 * %target

  // What the policy sees, and what it does, when a step begins.
  %f = transfer.call deterministic @model::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %a = graft.linear %f, %h, %hb : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #KH>, tensor<?xf32, #K>) -> tensor<?x?xf32, #SK>
  %b = transfer.call deterministic @model::@classify(%f, %text) : (tensor<?x?xf32, #SH>, !transfer.text) -> tensor<?x?xf32, #SK>
  %ca = graft.cross_entropy %a, %labels : (tensor<?x?xf32, #SK>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  %cb = graft.cross_entropy %b, %labels : (tensor<?x?xf32, #SK>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  %ra = graft.reshape %ca : (tensor<?xf32, #S>) -> tensor<?x1xf32, #S>
  %rb = graft.reshape %cb : (tensor<?xf32, #S>) -> tensor<?x1xf32, #S>
  %losses = graft.concat %ra, %rb : (tensor<?x1xf32, #S>, tensor<?x1xf32, #S>) -> tensor<?x2xf32, #S>
  %p = graft.formula "losses: exp(-losses)" (%losses) : (tensor<?x2xf32, #S>) -> tensor<?x2xf32, #S>
  %signals = graft.concat %losses, %p : (tensor<?x2xf32, #S>, tensor<?x2xf32, #S>) -> tensor<?x4xf32, #S>
  %seen = transfer.keep @seen %f : tensor<?x?xf32, #SH>
  %said = transfer.keep @said %signals : tensor<?x4xf32, #S>
  %w, %u, %v, %c = transfer.read @policy [@features, @signals, @output, @bias] : tensor<64x?xf32, #H>, tensor<64x4xf32>, tensor<1x64xf32>, tensor<1xf32>
  %z = graft.formula "x[s, h], y[s, i], w[j, h], u[j, i], v[1, j], c[1] -> [s, 1]: sum j (v * relu(sum h (x * w) + sum i (y * u))) + c" (%seen, %said, %w, %u, %v, %c) {graft.precision = "follow"} : (tensor<?x?xf32, #SH>, tensor<?x4xf32, #S>, tensor<64x?xf32, #H>, tensor<64x4xf32>, tensor<1x64xf32>, tensor<1xf32>) -> tensor<?x1xf32, #S>
  %draw = graft.uniform %text id 60 : (!transfer.text) -> tensor<?x1xf32, #S>
  %taken = graft.formula "z, draw: step(sigmoid(z), draw)" (%z, %draw) : (tensor<?x1xf32, #S>, tensor<?x1xf32, #S>) -> tensor<?x1xf32, #S>
  %action = transfer.keep @action %taken : tensor<?x1xf32, #S>

  %selected = graft.formula "each[s], action[s, 1] -> [s]: each * action" (%each, %action) : (tensor<?xf32, #S>, tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
  %source = transfer.mean %selected : tensor<?xf32, #S>
  // -log of the probability of what was done, and the entropy with the other sign.
  %surprise = transfer.loss binary_cross_entropy %z, %action mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %less = graft.formula "z[s, 1] -> [s]: z * sigmoid(z) - softplus(z)" (%z) : (tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
  %sure = transfer.mean %less : tensor<?xf32, #S>

  transfer.predict %lt softmax evaluate %target : tensor<?x?xf32, #SK>
  transfer.reward @now @measure on @validation
  transfer.register @before = 0.0 becomes @now
  // The change in this step, its mean so far and its spread.
  transfer.register @change = 0.0 becomes "min(step, 1) * (@now - @before)"
  transfer.register @usual = 0.0 becomes "0.9 * @usual + 0.1 * @change"
  transfer.register @square = 0.0 becomes "0.95 * @square + 0.05 * (@change - @usual) * (@change - @usual)"
  transfer.phase @warm minimise %both over [@learnt, @beside] with adamw rate constant @rate beta1 @beta1 clip @clip
  transfer.phase @learn_source minimise %source over [@learnt, @beside] with adamw rate constant @rate beta1 @beta1 clip @clip
  transfer.phase @learn_target minimise %target over [@learnt] with adamw rate constant "@rate * @target_speed" beta1 @beta1 clip @clip
  transfer.phase @choose minimise %surprise over [@chooser] with sgd rate constant "@speed * (1 - progress) * max(-3, min(3, (@change - @usual) / sqrt(@square + 1.0e-16)))" momentum @discount
  transfer.phase @explore minimise %sure over [@chooser] with sgd rate constant "@speed * @doubt * (1 - progress)"
  transfer.schedule epochs @warm_epochs of [@warm]
  transfer.schedule epochs @epochs of [@learn_source, @learn_target, @now, @change, @square, @choose, @explore, @usual, @before]
}

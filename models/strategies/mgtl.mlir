// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A minimax game for selective transfer (after Wang et al. 2019): a selector chooses texts
// of @source that a discriminator takes for texts of @target, and that help the encoder
// there. The discriminator learns to tell what was selected from @target. A text that is
// selected is rewarded by the logarithm of twice its probability of @target, which is 0
// where it is a half, and one that is not by that with the other sign; all are rewarded by
// the change on @validation. @share weighs the first against the second. The selector sees what the
// encoder makes of a text, and the loss and the probability of its label. At first, for
// @warm_epochs, all texts are selected.
//
// Invariant 3 does not hold: what is drawn depends on the place in the batch.
// Invariant 4 does not hold: what is drawn depends on the place in the batch.

#S = #graft.dims<S>
#H = #graft.dims<H>
#SH = #graft.dims<S, H>
#SK = #graft.dims<S, K>

graft.model @discriminator {
  graft.parameter @hidden : tensor<64x?xf32, #H> initial "normal" deviation 0.05
  graft.parameter @output : tensor<1x64xf32> initial "normal" deviation 0.05
}
graft.model @selector {
  graft.parameter @hidden : tensor<64x?xf32, #H> initial "normal" deviation 0.05
  graft.parameter @loss : tensor<64xf32> initial "normal" deviation 0.2
  graft.parameter @probability : tensor<64xf32> initial "normal" deviation 0.2
  graft.parameter @output : tensor<1x64xf32> initial "zeros"
  graft.parameter @bias : tensor<1xf32> initial "zeros"
}

transfer.strategy @mgtl sizes (H, K) {
  transfer.parameter @rate = 2.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @target_speed = 0.3 in [0.0, 1.0e+6] "factor of the learning rate for the target"
  transfer.parameter @beta1 = 0.0 in [0.0, 0.999] "decay of first moments, which blur what a batch has brought about"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the source, of which texts are selected"
  transfer.parameter @warm_epochs = 1 in [1, 1000000000] "passes over all of the source before"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @judge_rate = 1.0e-2 in [0.0, 3.0e+38] "learning rate of the discriminator"
  transfer.parameter @speed = 1.0 in [0.0, 1.0e+6] "learning rate of the selector, which falls to 0"
  transfer.parameter @doubt = 0.02 in [0.0, 1.0e+6] "weight of the entropy of the selector"
  transfer.parameter @share = 0.5 in [0.0, 1.0] "weight of the discriminator in the reward"
  transfer.parameter @measure = "loss" of ["loss", "score"] "what is measured on the validation data"

  %text, %labels = transfer.stream @source of text, labels<K> in @T, @S
  %other, %own = transfer.stream @target of text, labels<K> in @T, @S
  %unread, %truth = transfer.stream @validation of text, labels<K> in @T, @S
  transfer.group @learnt of @model decay @weight_decay
  transfer.group @judge of @discriminator
  transfer.group @chooser of @selector

  %ls = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %each = graft.cross_entropy %ls, %labels : (tensor<?x?xf32, #SK>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  %all = transfer.mean %each : tensor<?xf32, #S>
  %lt = transfer.call @model::@logits(%other) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %target = transfer.loss cross_entropy %lt, %own mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %both = transfer.combine 1.0 * %all + 1.0 * %target

  // What the selector sees when a step begins, and what it does.
  %fs = transfer.call deterministic @model::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %ft = transfer.call deterministic @model::@pooled(%other) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %lf = transfer.call deterministic @model::@classify(%fs, %text) : (tensor<?x?xf32, #SH>, !transfer.text) -> tensor<?x?xf32, #SK>
  %ce = graft.cross_entropy %lf, %labels : (tensor<?x?xf32, #SK>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  %here = transfer.keep @here %fs : tensor<?x?xf32, #SH>
  %there = transfer.keep @there %ft : tensor<?x?xf32, #SH>
  %said = transfer.keep @said %ce : tensor<?xf32, #S>
  %w, %l, %p, %v, %c = transfer.read @selector [@hidden, @loss, @probability, @output, @bias] : tensor<64x?xf32, #H>, tensor<64xf32>, tensor<64xf32>, tensor<1x64xf32>, tensor<1xf32>
  %z = graft.formula "x[s, h], e[s], w[j, h], l[j], p[j], v[1, j], c[1] -> [s]: sum j (v * relu(sum h (x * w) + e * l + exp(-e) * p)) + c" (%here, %said, %w, %l, %p, %v, %c) {graft.precision = "follow"} : (tensor<?x?xf32, #SH>, tensor<?xf32, #S>, tensor<64x?xf32, #H>, tensor<64xf32>, tensor<64xf32>, tensor<1x64xf32>, tensor<1xf32>) -> tensor<?xf32, #S>
  %draw = graft.uniform %text id 60 : (!transfer.text) -> tensor<?x1xf32, #S>
  %taken = graft.formula "z[s], draw[s, 1] -> [s]: step(sigmoid(z), draw)" (%z, %draw) : (tensor<?xf32, #S>, tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
  %action = transfer.keep @action %taken : tensor<?xf32, #S>
  %selected = graft.mul %each, %action : tensor<?xf32, #S>
  %source = transfer.mean %selected : tensor<?xf32, #S>

  // z of the discriminator, D = sigmoid(z): -log(D) = softplus(-z), -log(1 - D) = softplus(z).
  %dw, %dv = transfer.read @discriminator [@hidden, @output] : tensor<64x?xf32, #H>, tensor<1x64xf32>
  %ds = graft.formula "x[s, h], w[j, h], v[1, j] -> [s]: sum j (v * relu(sum h (x * w)))" (%here, %dw, %dv) {graft.precision = "follow"} : (tensor<?x?xf32, #SH>, tensor<64x?xf32, #H>, tensor<1x64xf32>) -> tensor<?xf32, #S>
  %false = graft.formula "z, action: action * softplus(z)" (%ds, %action) : (tensor<?xf32, #S>, tensor<?xf32, #S>) -> tensor<?xf32, #S>
  %missed = graft.formula "x[s, h], w[j, h], v[1, j] -> [s]: softplus(-sum j (v * relu(sum h (x * w))))" (%there, %dw, %dv) {graft.precision = "follow"} : (tensor<?x?xf32, #SH>, tensor<64x?xf32, #H>, tensor<1x64xf32>) -> tensor<?xf32, #S>
  %no = transfer.mean %false : tensor<?xf32, #S>
  %yes = transfer.mean %missed : tensor<?xf32, #S>
  %apart = transfer.combine 1.0 * %no + 1.0 * %yes

  // A reward times -log of the probability of what was done, less the entropy. A part of
  // it is log(2 D), at least -3, of what was selected, and that with the other sign of the rest.
  %share = transfer.number @share : tensor<f32>
  %useful = transfer.number "max(-3, min(3, (@change - @usual) / sqrt(@square + 1.0e-16)))" : tensor<f32>
  %doubt = transfer.number @doubt : tensor<f32>
  %play = graft.formula "z, d, action, share[], useful[], doubt[]: (share * (2 * action - 1) * max(log(2) - softplus(-d), -3) + (1 - share) * useful) * (softplus(z) - action * z) + doubt * (z * sigmoid(z) - softplus(z))" (%z, %ds, %action, %share, %useful, %doubt) : (tensor<?xf32, #S>, tensor<?xf32, #S>, tensor<?xf32, #S>, tensor<f32>, tensor<f32>, tensor<f32>) -> tensor<?xf32, #S>
  %game = transfer.mean %play : tensor<?xf32, #S>

  transfer.predict %lt softmax evaluate %target : tensor<?x?xf32, #SK>
  transfer.reward @now @measure on @validation
  transfer.register @before = 0.0 becomes @now
  // The change in this step, its mean so far and its spread.
  transfer.register @change = 0.0 becomes "min(step, 1) * (@now - @before)"
  transfer.register @usual = 0.0 becomes "0.9 * @usual + 0.1 * @change"
  transfer.register @square = 0.0 becomes "0.95 * @square + 0.05 * (@change - @usual) * (@change - @usual)"
  transfer.phase @warm minimise %both over [@learnt] with adamw rate constant @rate beta1 @beta1 clip @clip
  transfer.phase @tell minimise %apart over [@judge] with adamw rate constant @judge_rate
  transfer.phase @learn_source minimise %source over [@learnt] with adamw rate constant @rate beta1 @beta1 clip @clip
  transfer.phase @learn_target minimise %target over [@learnt] with adamw rate constant "@rate * @target_speed" beta1 @beta1 clip @clip
  transfer.phase @choose minimise %game over [@chooser] with sgd rate constant "@speed * (1 - progress)"
  transfer.schedule epochs @warm_epochs of [@warm]
  transfer.schedule epochs @epochs of [@tell, @learn_source, @learn_target, @now, @change, @square, @choose, @usual, @before]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A minimax game for selective transfer (after Wang et al. 2019): a selector chooses texts
// of @source that a discriminator takes for texts of @target, and that help the encoder
// there. The discriminator learns to tell what was selected from @target. A text that is
// selected is rewarded by the logarithm of twice its probability of @target, which is 0 for
// a guess, and one that is not by that with the other sign; all are rewarded by the change
// on @validation. @share weighs the first against the second. The selector sees what the
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
  func.func @score(%x: tensor<?x?xf32, #SH>) -> tensor<?x1xf32, #S> {
    %w = graft.read @hidden : tensor<64x?xf32, #H>
    %y = graft.linear %x, %w : (tensor<?x?xf32, #SH>, tensor<64x?xf32, #H>) -> tensor<?x64xf32, #S>
    %h = graft.relu %y : tensor<?x64xf32, #S>
    %v = graft.read @output : tensor<1x64xf32>
    %z = graft.linear %h, %v : (tensor<?x64xf32, #S>, tensor<1x64xf32>) -> tensor<?x1xf32, #S>
    return %z : tensor<?x1xf32, #S>
  }
}
graft.model @selector {
  graft.parameter @hidden : tensor<64x?xf32, #H> initial "normal" deviation 0.05
  graft.parameter @signals : tensor<64x2xf32> initial "normal" deviation 0.2
  graft.parameter @output : tensor<1x64xf32> initial "zeros"
  graft.parameter @bias : tensor<1xf32> initial "zeros"
  func.func @score(%x: tensor<?x?xf32, #SH>, %said: tensor<?x2xf32, #S>) -> tensor<?x1xf32, #S> {
    %w = graft.read @hidden : tensor<64x?xf32, #H>
    %u = graft.read @signals : tensor<64x2xf32>
    %a = graft.linear %x, %w : (tensor<?x?xf32, #SH>, tensor<64x?xf32, #H>) -> tensor<?x64xf32, #S>
    %b = graft.linear %said, %u : (tensor<?x2xf32, #S>, tensor<64x2xf32>) -> tensor<?x64xf32, #S>
    %y = graft.add %a, %b : tensor<?x64xf32, #S>
    %h = graft.relu %y : tensor<?x64xf32, #S>
    %v = graft.read @output : tensor<1x64xf32>
    %c = graft.read @bias : tensor<1xf32>
    %z = graft.linear %h, %v, %c : (tensor<?x64xf32, #S>, tensor<1x64xf32>, tensor<1xf32>) -> tensor<?x1xf32, #S>
    return %z : tensor<?x1xf32, #S>
  }
  func.func @choose(%z: tensor<?x1xf32, #S>, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x1xf32, #S> {
    %p = graft.sigmoid %z : tensor<?x1xf32, #S>
    %u = graft.uniform %seq id 60 : (!graft.segments<T, S>) -> tensor<?x1xf32, #S>
    %taken = graft.step %p, %u : tensor<?x1xf32, #S>
    return %taken : tensor<?x1xf32, #S>
  }
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
  %wide = graft.reshape %ce : (tensor<?xf32, #S>) -> tensor<?x1xf32, #S>
  %less = graft.scale %wide by -1.0 : tensor<?x1xf32, #S>
  %p = graft.exp %less : tensor<?x1xf32, #S>
  %signals = graft.concat %wide, %p : (tensor<?x1xf32, #S>, tensor<?x1xf32, #S>) -> tensor<?x2xf32, #S>
  %said = transfer.keep @said %signals : tensor<?x2xf32, #S>
  %here = transfer.keep @here %fs : tensor<?x?xf32, #SH>
  %there = transfer.keep @there %ft : tensor<?x?xf32, #SH>
  %z = transfer.call @selector::@score(%here, %said) : (tensor<?x?xf32, #SH>, tensor<?x2xf32, #S>) -> tensor<?x1xf32, #S>
  %drawn = transfer.call @selector::@choose(%z, %text) : (tensor<?x1xf32, #S>, !transfer.text) -> tensor<?x1xf32, #S>
  %action = transfer.keep @action %drawn : tensor<?x1xf32, #S>
  %taken = graft.reshape %action : (tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
  %selected = graft.mul %each, %taken : tensor<?xf32, #S>
  %source = transfer.mean %selected : tensor<?xf32, #S>

  %ds = transfer.call @discriminator::@score(%here) : (tensor<?x?xf32, #SH>) -> tensor<?x1xf32, #S>
  %dt = transfer.call @discriminator::@score(%there) : (tensor<?x?xf32, #SH>) -> tensor<?x1xf32, #S>
  %zero = graft.constant 0.0 : tensor<?x1xf32, #S>
  %one = graft.constant 1.0 : tensor<?x1xf32, #S>
  %false = graft.binary_cross_entropy %ds, %zero : (tensor<?x1xf32, #S>, tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
  %chosen = graft.mul %false, %taken : tensor<?xf32, #S>
  %no = transfer.mean %chosen : tensor<?xf32, #S>
  %yes = transfer.loss binary_cross_entropy %dt, %one mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %apart = transfer.combine 1.0 * %no + 1.0 * %yes

  // log(2 D), at least -3, of what was selected, and with the other sign of what was not.
  %minus = graft.binary_cross_entropy %ds, %one : (tensor<?x1xf32, #S>, tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
  %guess = transfer.number "log(2)" : tensor<?xf32, #S>
  %least = transfer.number -3.0 : tensor<?xf32, #S>
  %log = graft.sub %guess, %minus : tensor<?xf32, #S>
  %above = graft.max %log, %least : tensor<?xf32, #S>
  %won = graft.mul %above, %taken : tensor<?xf32, #S>
  %twice = graft.scale %won by 2.0 : tensor<?xf32, #S>
  %gain = graft.sub %twice, %above : tensor<?xf32, #S>
  %fixed = graft.stop_gradient %gain : tensor<?xf32, #S>
  // -log of the probability of what was done, and the derivative of the entropy.
  %surprise = graft.binary_cross_entropy %z, %action : (tensor<?x1xf32, #S>, tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
  %weighed = graft.mul %surprise, %fixed : tensor<?xf32, #S>
  %alike = transfer.mean %weighed : tensor<?xf32, #S>
  %useful = transfer.mean %surprise : tensor<?xf32, #S>
  %pi = graft.sigmoid %z : tensor<?x1xf32, #S>
  %score = graft.stop_gradient %z : tensor<?x1xf32, #S>
  %product = graft.mul %score, %pi : tensor<?x1xf32, #S>
  %sums = graft.reduce sum %product over [1] : (tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
  %sure = transfer.mean %sums : tensor<?xf32, #S>
  %game = transfer.combine @share * %alike + @doubt * %sure
      + "(1 - @share) * max(-3, min(3, (@change - @usual) / sqrt(@square + 1.0e-16)))" * %useful

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

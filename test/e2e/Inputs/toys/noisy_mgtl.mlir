// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The page `mgtl` for counts of words, with columns as noisy_rtl.mlir has: a selector and a
// discriminator play against each other, while one network learns from both domains.
// Without selection, which begins after @warm_epochs, it is plain training on both.

#S = #graft.dims<S>

!row = tensor<?x52xf32, #S>
!features = tensor<?x16xf32, #S>
!logits = tensor<?x2xf32, #S>
!each = tensor<?xf32, #S>
!one = tensor<?x1xf32, #S>

graft.model @network {
  graft.parameter @first.weight : tensor<32x50xf32> initial "normal" deviation 0.2
  graft.parameter @first.bias : tensor<32xf32> initial "zeros"
  graft.parameter @second.weight : tensor<16x32xf32> initial "normal" deviation 0.2
  graft.parameter @second.bias : tensor<16xf32> initial "zeros"
  func.func @features(%x: !row) -> !features {
    %counts = graft.slice %x columns 0 size 50 : (!row) -> tensor<?x50xf32, #S>
    %w = graft.read @first.weight : tensor<32x50xf32>
    %b = graft.read @first.bias : tensor<32xf32>
    %y = graft.linear %counts, %w, %b : (tensor<?x50xf32, #S>, tensor<32x50xf32>, tensor<32xf32>) -> tensor<?x32xf32, #S>
    %h = graft.relu %y : tensor<?x32xf32, #S>
    %v = graft.read @second.weight : tensor<16x32xf32>
    %c = graft.read @second.bias : tensor<16xf32>
    %z = graft.linear %h, %v, %c : (tensor<?x32xf32, #S>, tensor<16x32xf32>, tensor<16xf32>) -> !features
    %f = graft.relu %z : !features
    return %f : !features
  }
}
graft.model @head {
  graft.parameter @weight : tensor<2x16xf32> initial "normal" deviation 0.3
  graft.parameter @bias : tensor<2xf32> initial "zeros"
  func.func @logits(%x: !features) -> !logits {
    %w = graft.read @weight : tensor<2x16xf32>
    %b = graft.read @bias : tensor<2xf32>
    %z = graft.linear %x, %w, %b : (!features, tensor<2x16xf32>, tensor<2xf32>) -> !logits
    return %z : !logits
  }
}
graft.model @discriminator {
  graft.parameter @hidden : tensor<16x16xf32> initial "normal" deviation 0.3
  graft.parameter @output : tensor<1x16xf32> initial "normal" deviation 0.2
  func.func @score(%x: !features) -> !one {
    %w = graft.read @hidden : tensor<16x16xf32>
    %y = graft.linear %x, %w : (!features, tensor<16x16xf32>) -> !features
    %h = graft.relu %y : !features
    %v = graft.read @output : tensor<1x16xf32>
    %z = graft.linear %h, %v : (!features, tensor<1x16xf32>) -> !one
    return %z : !one
  }
}
graft.model @selector {
  graft.parameter @seen : tensor<16x16xf32> initial "normal" deviation 0.3
  graft.parameter @said : tensor<16x2xf32> initial "normal" deviation 0.3
  graft.parameter @output : tensor<1x16xf32> initial "zeros"
  graft.parameter @bias : tensor<1xf32> initial "zeros"
  // -log of the probability of the label, which the last columns of a row have, and the
  // probability.
  func.func @state(%z: !logits, %x: !row) -> !logits {
    %own = graft.slice %x columns 50 size 2 : (!row) -> !logits
    %logs = graft.softmax %z log : (!logits) -> !logits
    %product = graft.mul %logs, %own : !logits
    %log = graft.reduce sum %product over [1] : (!logits) -> !each
    %column = graft.reshape %log : (!each) -> !one
    %loss = graft.scale %column by -1.0 : !one
    %p = graft.exp %column : !one
    %state = graft.concat %loss, %p : (!one, !one) -> !logits
    return %state : !logits
  }
  func.func @score(%f: !features, %state: !logits) -> !one {
    %w = graft.read @seen : tensor<16x16xf32>
    %u = graft.read @said : tensor<16x2xf32>
    %a = graft.linear %f, %w : (!features, tensor<16x16xf32>) -> !features
    %b = graft.linear %state, %u : (!logits, tensor<16x2xf32>) -> !features
    %sum = graft.add %a, %b : !features
    %h = graft.relu %sum : !features
    %v = graft.read @output : tensor<1x16xf32>
    %c = graft.read @bias : tensor<1xf32>
    %z = graft.linear %h, %v, %c : (!features, tensor<1x16xf32>, tensor<1xf32>) -> !one
    return %z : !one
  }
  func.func @choose(%z: !one, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> !one {
    %p = graft.sigmoid %z : !one
    %u = graft.uniform %seq id 20 : (!graft.segments<T, S>) -> !one
    %a = graft.step %p, %u : !one
    return %a : !one
  }
}

transfer.strategy @noisy_mgtl {
  transfer.parameter @rate = 5.0e-4 in [0.0, 1.0] "learning rate"
  transfer.parameter @decay = 3.0 in [0.0, 100.0] "weight decay"
  transfer.parameter @judge_rate = 1.0e-2 in [0.0, 1.0] "learning rate of the discriminator"
  transfer.parameter @speed = 0.7 in [0.0, 10.0] "learning rate of the selector, which falls to 0"
  transfer.parameter @doubt = 0.05 in [0.0, 10.0] "weight of the entropy of the selector"
  transfer.parameter @share = 0.5 in [0.0, 1.0] "weight of the discriminator in the reward"
  transfer.parameter @warm_epochs = 2 in [1, 1000] "passes over all of the source"
  transfer.parameter @epochs = 6 in [1, 1000] "passes in which rows are selected"

  %x, %segments, %labels = transfer.stream @source of features<52>, segments, labels<2> in @T, @S
  %u, %own = transfer.stream @target of features<52>, labels<2> in @T, @S
  %unread, %truth = transfer.stream @validation of features<52>, labels<2> in @T, @S
  transfer.group @learnt of @network decay @decay
  transfer.group @top of @head decay @decay
  transfer.group @judge of @discriminator
  transfer.group @chooser of @selector

  %fs = transfer.call @network::@features(%x) : (!row) -> !features
  %ls = transfer.call @head::@logits(%fs) : (!features) -> !logits
  %each = graft.cross_entropy %ls, %labels : (!logits, tensor<?xi32, #S>) -> !each
  %all = transfer.mean %each : !each
  %ft = transfer.call @network::@features(%u) : (!row) -> !features
  %lt = transfer.call @head::@logits(%ft) : (!features) -> !logits
  %target = transfer.loss cross_entropy %lt, %own mean : !logits, tensor<?xi32, #S>
  %both = transfer.combine 1.0 * %all + 1.0 * %target

  %state = transfer.call @selector::@state(%ls, %x) : (!logits, !row) -> !logits
  %here = transfer.keep @here %fs : !features
  %there = transfer.keep @there %ft : !features
  %said = transfer.keep @said %state : !logits
  %z = transfer.call @selector::@score(%here, %said) : (!features, !logits) -> !one
  %drawn = transfer.call @selector::@choose(%z, %segments) : (!one, !graft.segments<T, S>) -> !one
  %action = transfer.keep @action %drawn : !one
  %taken = graft.reshape %action : (!one) -> !each
  %selected = graft.mul %each, %taken : !each
  %source = transfer.mean %selected : !each

  // What is selected against the target.
  %ds = transfer.call @discriminator::@score(%here) : (!features) -> !one
  %dt = transfer.call @discriminator::@score(%there) : (!features) -> !one
  %zero = graft.constant 0.0 : !one
  %one = graft.constant 1.0 : !one
  %false = graft.binary_cross_entropy %ds, %zero : (!one, !one) -> !each
  %seen_as = graft.mul %false, %taken : !each
  %no = transfer.mean %seen_as : !each
  %yes = transfer.loss binary_cross_entropy %dt, %one mean : !one, !one
  %apart = transfer.combine 1.0 * %no + 1.0 * %yes

  // log(2 D), at least -3, for a row that is selected, and minus that for another.
  %minus = graft.binary_cross_entropy %ds, %one : (!one, !one) -> !each
  %guess = transfer.number "log(2)" : !each
  %least = transfer.number -3.0 : !each
  %log = graft.sub %guess, %minus : !each
  %above = graft.max %log, %least : !each
  %won = graft.mul %above, %taken : !each
  %twice = graft.scale %won by 2.0 : !each
  %gain = graft.sub %twice, %above : !each
  %fixed = graft.stop_gradient %gain : !each
  %surprise = graft.binary_cross_entropy %z, %action : (!one, !one) -> !each
  %weighed = graft.mul %surprise, %fixed : !each
  %alike = transfer.mean %weighed : !each
  %useful = transfer.mean %surprise : !each
  // Has the derivative of minus the entropy.
  %pi = graft.sigmoid %z : !one
  %score = graft.stop_gradient %z : !one
  %product = graft.mul %score, %pi : !one
  %sums = graft.reshape %product : (!one) -> !each
  %sure = transfer.mean %sums : !each
  %game = transfer.combine @share * %alike + @doubt * %sure
      + "(1 - @share) * max(-3, min(3, (@change - @usual) / sqrt(@square + 1.0e-16)))" * %useful

  %now = transfer.call @selector::@score(%fs, %state) : (!features, !logits) -> !one
  %never = graft.constant 0.0 : !one
  %chosen = graft.concat %never, %now : (!one, !one) -> !logits
  %unread_loss = transfer.loss cross_entropy %chosen, %labels mean : !logits, tensor<?xi32, #S>
  transfer.predict @label %lt softmax evaluate %target : !logits
  transfer.predict @chosen %chosen softmax evaluate %unread_loss : !logits
  transfer.reward @after loss of @label on @validation
  transfer.register @before = 0.0 becomes @after
  transfer.register @change = 0.0 becomes "min(step, 1) * (@after - @before)"
  transfer.register @usual = 0.0 becomes "0.9 * @usual + 0.1 * @change"
  transfer.register @square = 0.0 becomes "0.95 * @square + 0.05 * (@change - @usual) * (@change - @usual)"
  transfer.phase @warm minimise %both over [@learnt, @top] with adamw rate constant @rate beta1 0.0
  transfer.phase @tell minimise %apart over [@judge] with adamw rate constant @judge_rate
  transfer.phase @learn_source minimise %source over [@learnt, @top] with adamw rate constant @rate beta1 0.0
  transfer.phase @learn_target minimise %target over [@learnt, @top] with adamw rate constant "0.3 * @rate" beta1 0.0
  transfer.phase @choose minimise %game over [@chooser] with sgd rate constant "@speed * (1 - progress)"
  transfer.schedule epochs @warm_epochs of [@warm]
  transfer.schedule epochs @epochs of [@tell, @learn_source, @learn_target, @after, @change, @square, @choose, @usual, @before]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The page `rtl` for counts of words: 50 columns, and two that have the label again, so that
// a prediction can say with what probability a row of the source is selected.

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
graft.model @heads {
  graft.parameter @source : tensor<2x16xf32> initial "normal" deviation 0.3
  graft.parameter @target : tensor<2x16xf32> initial "normal" deviation 0.3
  func.func @of_source(%x: !features) -> !logits {
    %w = graft.read @source : tensor<2x16xf32>
    %z = graft.linear %x, %w : (!features, tensor<2x16xf32>) -> !logits
    return %z : !logits
  }
  func.func @of_target(%x: !features) -> !logits {
    %w = graft.read @target : tensor<2x16xf32>
    %z = graft.linear %x, %w : (!features, tensor<2x16xf32>) -> !logits
    return %z : !logits
  }
}
graft.model @policy {
  graft.parameter @seen : tensor<16x16xf32> initial "normal" deviation 0.3
  graft.parameter @said : tensor<16x4xf32> initial "normal" deviation 0.3
  graft.parameter @output : tensor<1x16xf32> initial "zeros"
  graft.parameter @bias : tensor<1xf32> initial "zeros"
  // -log of the probability of the label, which the last columns of a row have.
  func.func @loss(%z: !logits, %x: !row) -> !one {
    %own = graft.slice %x columns 50 size 2 : (!row) -> !logits
    %logs = graft.softmax %z log : (!logits) -> !logits
    %product = graft.mul %logs, %own : !logits
    %log = graft.reduce sum %product over [1] : (!logits) -> !each
    %loss = graft.scale %log by -1.0 : !each
    %column = graft.reshape %loss : (!each) -> !one
    return %column : !one
  }
  func.func @state(%a: !logits, %b: !logits, %x: !row) -> tensor<?x4xf32, #S> {
    %source = graft.call @loss(%a, %x) : (!logits, !row) -> !one
    %target = graft.call @loss(%b, %x) : (!logits, !row) -> !one
    %losses = graft.concat %source, %target : (!one, !one) -> !logits
    %less = graft.scale %losses by -1.0 : !logits
    %p = graft.exp %less : !logits
    %state = graft.concat %losses, %p : (!logits, !logits) -> tensor<?x4xf32, #S>
    return %state : tensor<?x4xf32, #S>
  }
  func.func @score(%f: !features, %state: tensor<?x4xf32, #S>) -> !one {
    %w = graft.read @seen : tensor<16x16xf32>
    %u = graft.read @said : tensor<16x4xf32>
    %a = graft.linear %f, %w : (!features, tensor<16x16xf32>) -> !features
    %b = graft.linear %state, %u : (tensor<?x4xf32, #S>, tensor<16x4xf32>) -> !features
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

transfer.strategy @noisy_rtl {
  transfer.parameter @rate = 7.0e-4 in [0.0, 1.0] "learning rate"
  transfer.parameter @decay = 3.0 in [0.0, 100.0] "weight decay"
  transfer.parameter @speed = 0.3 in [0.0, 10.0] "learning rate of the policy, which falls to 0"
  transfer.parameter @doubt = 0.1 in [0.0, 10.0] "weight of the entropy of the policy"
  transfer.parameter @warm_epochs = 4 in [1, 1000] "passes over all of the source"
  transfer.parameter @epochs = 8 in [1, 1000] "passes in which rows are selected"

  %x, %segments, %labels = transfer.stream @source of features<52>, segments, labels<2> in @T, @S
  %u, %own = transfer.stream @target of features<52>, labels<2> in @T, @S
  %unread, %truth = transfer.stream @validation of features<52>, labels<2> in @T, @S
  transfer.group @learnt of @network decay @decay
  transfer.group @tops of @heads decay @decay
  transfer.group @chooser of @policy

  %fs = transfer.call @network::@features(%x) : (!row) -> !features
  %ls = transfer.call @heads::@of_source(%fs) : (!features) -> !logits
  %each = graft.cross_entropy %ls, %labels : (!logits, tensor<?xi32, #S>) -> !each
  %all = transfer.mean %each : !each
  %ft = transfer.call @network::@features(%u) : (!row) -> !features
  %lt = transfer.call @heads::@of_target(%ft) : (!features) -> !logits
  %target = transfer.loss cross_entropy %lt, %own mean : !logits, tensor<?xi32, #S>

  %b = transfer.call @heads::@of_target(%fs) : (!features) -> !logits
  %state = transfer.call @policy::@state(%ls, %b, %x) : (!logits, !logits, !row) -> tensor<?x4xf32, #S>
  %seen = transfer.keep @seen %fs : !features
  %said = transfer.keep @said %state : tensor<?x4xf32, #S>
  %z = transfer.call @policy::@score(%seen, %said) : (!features, tensor<?x4xf32, #S>) -> !one
  %drawn = transfer.call @policy::@choose(%z, %segments) : (!one, !graft.segments<T, S>) -> !one
  %action = transfer.keep @action %drawn : !one
  %taken = graft.reshape %action : (!one) -> !each
  %selected = graft.mul %each, %taken : !each
  %source = transfer.mean %selected : !each
  %surprise = transfer.loss binary_cross_entropy %z, %action mean : !one, !one
  %pi = graft.sigmoid %z : !one
  %fixed = graft.stop_gradient %z : !one
  %product = graft.mul %fixed, %pi : !one
  %sums = graft.reshape %product : (!one) -> !each
  %sure = transfer.mean %sums : !each

  %now = transfer.call @policy::@score(%fs, %state) : (!features, tensor<?x4xf32, #S>) -> !one
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
  transfer.phase @warm minimise %all over [@learnt, @tops] with adamw rate constant @rate beta1 0.0
  transfer.phase @warm_target minimise %target over [@learnt, @tops] with adamw rate constant "0.3 * @rate" beta1 0.0
  transfer.phase @learn_source minimise %source over [@learnt, @tops] with adamw rate constant @rate beta1 0.0
  transfer.phase @learn_target minimise %target over [@learnt, @tops] with adamw rate constant "0.3 * @rate" beta1 0.0
  transfer.phase @choose minimise %surprise over [@chooser]
      with sgd rate constant "@speed * (1 - progress) * max(-3, min(3, (@change - @usual) / sqrt(@square + 1.0e-16)))"
  transfer.phase @explore minimise %sure over [@chooser] with sgd rate constant "@speed * @doubt * (1 - progress)"
  transfer.schedule epochs @warm_epochs of [@warm, @warm_target]
  transfer.schedule epochs @epochs of [@learn_source, @learn_target, @after, @change, @square, @choose, @explore, @usual, @before]
}

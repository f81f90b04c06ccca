// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The discriminator and the selector of the page `mgtl` alone, for points: what is worth
// selecting is what the discriminator takes for the target.

#S = #graft.dims<S>

!point = tensor<?x2xf32, #S>
!hidden = tensor<?x16xf32, #S>
!each = tensor<?xf32, #S>
!one = tensor<?x1xf32, #S>

graft.model @discriminator {
  graft.parameter @hidden.weight : tensor<16x2xf32> initial "normal" deviation 0.3
  graft.parameter @hidden.bias : tensor<16xf32> initial "zeros"
  graft.parameter @output.weight : tensor<1x16xf32> initial "normal" deviation 0.2
  graft.parameter @output.bias : tensor<1xf32> initial "zeros"
  func.func @score(%x: !point) -> !one {
    %w = graft.read @hidden.weight : tensor<16x2xf32>
    %b = graft.read @hidden.bias : tensor<16xf32>
    %y = graft.linear %x, %w, %b : (!point, tensor<16x2xf32>, tensor<16xf32>) -> !hidden
    %h = graft.relu %y : !hidden
    %v = graft.read @output.weight : tensor<1x16xf32>
    %c = graft.read @output.bias : tensor<1xf32>
    %z = graft.linear %h, %v, %c : (!hidden, tensor<1x16xf32>, tensor<1xf32>) -> !one
    return %z : !one
  }
}
graft.model @selector {
  graft.parameter @hidden.weight : tensor<16x2xf32> initial "normal" deviation 0.3
  graft.parameter @hidden.bias : tensor<16xf32> initial "zeros"
  graft.parameter @output.weight : tensor<1x16xf32> initial "zeros"
  graft.parameter @output.bias : tensor<1xf32> initial "zeros"
  func.func @score(%x: !point) -> !one {
    %w = graft.read @hidden.weight : tensor<16x2xf32>
    %b = graft.read @hidden.bias : tensor<16xf32>
    %y = graft.linear %x, %w, %b : (!point, tensor<16x2xf32>, tensor<16xf32>) -> !hidden
    %h = graft.relu %y : !hidden
    %v = graft.read @output.weight : tensor<1x16xf32>
    %c = graft.read @output.bias : tensor<1xf32>
    %z = graft.linear %h, %v, %c : (!hidden, tensor<1x16xf32>, tensor<1xf32>) -> !one
    return %z : !one
  }
  func.func @choose(%z: !one, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> !one {
    %p = graft.sigmoid %z : !one
    %u = graft.uniform %seq id 20 : (!graft.segments<T, S>) -> !one
    %a = graft.step %p, %u : !one
    return %a : !one
  }
}

transfer.strategy @blob {
  transfer.parameter @speed = 0.3 in [0.0, 10.0] "learning rate of the selector"
  transfer.parameter @epochs = 20 in [1, 1000] "passes over the source"

  %x, %segments = transfer.stream @source of features<2>, segments in @T, @S
  %u = transfer.stream @target of features<2> in @T, @S
  transfer.group @judge of @discriminator
  transfer.group @chooser of @selector

  %z = transfer.call @selector::@score(%x) : (!point) -> !one
  %drawn = transfer.call @selector::@choose(%z, %segments) : (!one, !graft.segments<T, S>) -> !one
  %action = transfer.keep @action %drawn : !one
  %taken = graft.reshape %action : (!one) -> !each

  %ds = transfer.call @discriminator::@score(%x) : (!point) -> !one
  %dt = transfer.call @discriminator::@score(%u) : (!point) -> !one
  %zero = graft.constant 0.0 : !one
  %one = graft.constant 1.0 : !one
  %false = graft.binary_cross_entropy %ds, %zero : (!one, !one) -> !each
  %seen_as = graft.mul %false, %taken : !each
  %no = transfer.mean %seen_as : !each
  %yes = transfer.loss binary_cross_entropy %dt, %one mean : !one, !one
  %apart = transfer.combine 1.0 * %no + 1.0 * %yes

  // log(2 D), at least -3, for a point that is selected, and minus that for another.
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

  %sum = graft.reduce sum %z over [1] : (!one) -> !each
  %unread = transfer.mean %sum : !each
  transfer.predict @chosen %z evaluate %unread : !one
  transfer.predict @domain %dt evaluate %yes : !one
  transfer.phase @tell minimise %apart over [@judge] with adamw rate constant 1.0e-2
  transfer.phase @choose minimise %alike over [@chooser] with sgd rate constant @speed
  transfer.schedule epochs @epochs of [@tell, @choose]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A policy selects texts of @source, from what the model says of them when a step
// begins, and is rewarded by what their learning changes on @target. The rate of
// its phase may be negative, and its momentum is the trace of what it has done.

#S = #graft.dims<S>
#K = #graft.dims<K>
#SK = #graft.dims<S, K>

graft.model @policy {
  graft.parameter @weight : tensor<1x?xf32, #K> initial "normal" deviation 0.5
  func.func @score(%x: tensor<?x?xf32, #SK>) -> tensor<?x1xf32, #S> {
    %w = graft.read @weight : tensor<1x?xf32, #K>
    %z = graft.linear %x, %w : (tensor<?x?xf32, #SK>, tensor<1x?xf32, #K>) -> tensor<?x1xf32, #S>
    return %z : tensor<?x1xf32, #S>
  }
  func.func @choose(%z: tensor<?x1xf32, #S>, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x1xf32, #S> {
    %p = graft.sigmoid %z : tensor<?x1xf32, #S>
    %u = graft.uniform %seq id 5 : (!graft.segments<T, S>) -> tensor<?x1xf32, #S>
    %a = graft.step %p, %u : tensor<?x1xf32, #S>
    return %a : tensor<?x1xf32, #S>
  }
}

transfer.strategy @selected sizes (K) {
  transfer.parameter @rate = 1.0e-3 in [0.0, 1.0] "learning rate"
  transfer.parameter @passes = 2 in [1, 1000] "passes over the source"
  transfer.parameter @measure = "loss" of ["loss", "score"] "what is measured"
  transfer.parameter @start = 0.0 in [-1.0e+6, 1.0e+6] "what the first measurement is compared with"
  transfer.parameter @often = 1 in [1, 1000] "steps from one measurement to the next"
  %text, %labels = transfer.stream @source of text, labels<K> in @T, @S
  %unread, %truth = transfer.stream @target of text, labels<K> in @T, @S
  transfer.group @all of @net
  transfer.group @chooser of @policy

  %logits = transfer.call @net::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %plain = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %seen = transfer.keep @seen %logits : tensor<?x?xf32, #SK>
  %z = transfer.call @policy::@score(%seen) : (tensor<?x?xf32, #SK>) -> tensor<?x1xf32, #S>
  %drawn = transfer.call @policy::@choose(%z, %text) : (tensor<?x1xf32, #S>, !transfer.text) -> tensor<?x1xf32, #S>
  %action = transfer.keep @action %drawn : tensor<?x1xf32, #S>
  %taken = graft.reshape %action : (tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
  %each = graft.cross_entropy %logits, %labels : (tensor<?x?xf32, #SK>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  %selected = graft.mul %each, %taken : tensor<?xf32, #S>
  %loss = transfer.mean %selected : tensor<?xf32, #S>
  %surprise = transfer.loss binary_cross_entropy %z, %action mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>

  transfer.predict %logits softmax evaluate %plain : tensor<?x?xf32, #SK>
  transfer.reward @now @measure on @target
  transfer.register @before = @start becomes @now
  transfer.register @usual = 0.0 becomes "0.9 * @usual + 0.1 * (@now - @before)"
  transfer.phase @learn minimise %loss over [@all] with adamw rate constant @rate
  transfer.phase @choose minimise %surprise over [@chooser]
      with sgd rate constant "0.5 * (@now - @before - @usual)" momentum 0.5
  transfer.schedule epochs @passes of [@learn, @now every @often, @choose, @usual, @before]
}

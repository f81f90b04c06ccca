// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A policy that sees the class of a text and gets 1 for selecting one, but -1 for
// one of the first class. The loss of @wins is what the selected texts of a batch
// are worth, with the other sign; its gradient is that of the score function.

#S = #graft.dims<S>

graft.model @policy {
  graft.parameter @weight : tensor<1x3xf32> initial "zeros"
  func.func @score(%x: tensor<?x3xf32, #S>) -> tensor<?x1xf32, #S> {
    %w = graft.read @weight : tensor<1x3xf32>
    %z = graft.linear %x, %w : (tensor<?x3xf32, #S>, tensor<1x3xf32>) -> tensor<?x1xf32, #S>
    return %z : tensor<?x1xf32, #S>
  }
  func.func @choose(%z: tensor<?x1xf32, #S>, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x1xf32, #S> {
    %p = graft.sigmoid %z : tensor<?x1xf32, #S>
    %u = graft.uniform %seq id 5 : (!graft.segments<T, S>) -> tensor<?x1xf32, #S>
    %a = graft.step %p, %u : tensor<?x1xf32, #S>
    return %a : tensor<?x1xf32, #S>
  }
}

transfer.strategy @bandit {
  transfer.parameter @passes = 2 in [1, 1000] "passes over the texts"
  %text, %labels = transfer.stream @train of text, labels<3> in @T, @S
  transfer.group @all of @net
  transfer.group @chooser of @policy

  %logits = transfer.call @net::@logits(%text) : (!transfer.text) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %class = graft.one_hot %labels : (tensor<?xi32, #S>) -> tensor<?x3xf32, #S>
  %z = transfer.call @policy::@score(%class) : (tensor<?x3xf32, #S>) -> tensor<?x1xf32, #S>
  %drawn = transfer.call @policy::@choose(%z, %text) : (tensor<?x1xf32, #S>, !transfer.text) -> tensor<?x1xf32, #S>
  %action = transfer.keep @action %drawn : tensor<?x1xf32, #S>
  %first = graft.slice %class columns 0 size 1 : (tensor<?x3xf32, #S>) -> tensor<?x1xf32, #S>
  %twice = graft.scale %first by 2.0 : tensor<?x1xf32, #S>
  %one = graft.constant 1.0 : tensor<?x1xf32, #S>
  %worth = graft.sub %one, %twice : tensor<?x1xf32, #S>
  %won = graft.mul %worth, %action : tensor<?x1xf32, #S>
  %reward = graft.reshape %won : (tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
  %surprise = graft.binary_cross_entropy %z, %action : (tensor<?x1xf32, #S>, tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
  %slope = graft.mul %surprise, %reward : tensor<?xf32, #S>
  %fixed = graft.stop_gradient %slope : tensor<?xf32, #S>
  %none = graft.sub %slope, %fixed : tensor<?xf32, #S>
  %each = graft.sub %none, %reward : tensor<?xf32, #S>
  %wins = transfer.mean %each : tensor<?xf32, #S>

  transfer.predict %logits softmax evaluate %loss : tensor<?x3xf32, #S>
  transfer.phase @learn minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.phase @wins minimise %wins over [@chooser] with adam rate constant 0.1
  transfer.schedule epochs @passes of [@learn, @wins]
}

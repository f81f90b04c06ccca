// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The critic of models/strategies/wasserstein.mlir, a line, of numbers: what it tells
// apart is their distance. It begins with a slope of 0: one of the wrong sign would
// keep it, since the slope is drawn to 1 and to -1 alike.

#S = #graft.dims<S>

graft.model @critic {
  graft.parameter @weight : tensor<1x1xf32> initial "zeros"
  func.func @score(%x: tensor<?x1xf32, #S>) -> tensor<?x1xf32, #S> {
    %w = graft.read @weight : tensor<1x1xf32>
    %y = graft.linear %x, %w : (tensor<?x1xf32, #S>, tensor<1x1xf32>) -> tensor<?x1xf32, #S>
    return %y : tensor<?x1xf32, #S>
  }
  func.func @row(%y: tensor<?x1xf32, #S>) -> tensor<?xf32, #S> {
    %s = graft.reduce sum %y over [1] : (tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
    return %s : tensor<?xf32, #S>
  }
  func.func @excess(%g: tensor<?x1xf32, #S>) -> tensor<?xf32, #S> {
    %squares = graft.mul %g, %g : tensor<?x1xf32, #S>
    %sum = graft.reduce sum %squares over [1] : (tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
    %least = graft.constant 1.0e-12 : tensor<?xf32, #S>
    %positive = graft.add %sum, %least : tensor<?xf32, #S>
    %length = graft.sqrt %positive : tensor<?xf32, #S>
    %one = graft.constant 1.0 : tensor<?xf32, #S>
    %more = graft.sub %length, %one : tensor<?xf32, #S>
    %excess = graft.mul %more, %more : tensor<?xf32, #S>
    return %excess : tensor<?xf32, #S>
  }
}

transfer.strategy @critic_alone {
  transfer.parameter @slope = 10.0 in [0.0, 1000.0] "weight of the slope"
  %x = transfer.stream @source of features<1> in @T, @S
  %u = transfer.stream @target of features<1> in @T, @S
  transfer.group @judge of @critic
  %ys = transfer.call @critic::@score(%x) : (tensor<?x1xf32, #S>) -> tensor<?x1xf32, #S>
  %yt = transfer.call @critic::@score(%u) : (tensor<?x1xf32, #S>) -> tensor<?x1xf32, #S>
  %cs = transfer.call @critic::@row(%ys) : (tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
  %ct = transfer.call @critic::@row(%yt) : (tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
  %gs = transfer.gradient %cs wrt %x : tensor<?xf32, #S>, tensor<?x1xf32, #S>
  %gt = transfer.gradient %ct wrt %u : tensor<?xf32, #S>, tensor<?x1xf32, #S>
  %es = transfer.call @critic::@excess(%gs) : (tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
  %et = transfer.call @critic::@excess(%gt) : (tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
  %ms = transfer.mean %cs : tensor<?xf32, #S>
  %mt = transfer.mean %ct : tensor<?xf32, #S>
  %ps = transfer.mean %es : tensor<?xf32, #S>
  %pt = transfer.mean %et : tensor<?xf32, #S>
  %apart = transfer.combine 1.0 * %mt + -1.0 * %ms + "@slope / 2" * %ps + "@slope / 2" * %pt
  transfer.predict %ys evaluate %ms : tensor<?x1xf32, #S>
  transfer.phase @tell minimise %apart over [@judge] with sgd rate constant 0.02
  transfer.schedule epochs 100 of [@tell]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// (w - a)^2 / 2 of one number w, which every text has, and labels a: what a step from the
// labels of @support does for those of @query, in two loops, of which one goes on where
// the other ended, with a loss that is a sum.

#T = #graft.dims<T>
#S = #graft.dims<S>
#U = #graft.dims<U>
#R = #graft.dims<R>
graft.size @T bound 64
graft.size @S bound 8
graft.size @U bound 64
graft.size @R bound 8
graft.model @model {
  graft.parameter @w : tensor<1x1xf32>
  func.func @number(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x1xf32, #S> {
    %w = graft.read @w : tensor<1x1xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<1x1xf32>) -> tensor<?x1xf32, #T>
    %y = graft.segment_pool mean %x, %seq : (tensor<?x1xf32, #T>, !graft.segments<T, S>) -> tensor<?x1xf32, #S>
    return %y : tensor<?x1xf32, #S>
  }
  func.func @half(%w: tensor<?x1xf32, #S>, %a: tensor<?x1xf32, #S>) -> tensor<?xf32, #S> {
    %d = graft.sub %w, %a : tensor<?x1xf32, #S>
    %s = graft.mul %d, %d : tensor<?x1xf32, #S>
    %h = graft.scale %s by 0.5 : tensor<?x1xf32, #S>
    %r = graft.reduce sum %h over [1] : (tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
    return %r : tensor<?xf32, #S>
  }
}
transfer.strategy @meta {
  transfer.parameter @times = 1 in [1, 100] "inner steps"
  transfer.parameter @order = 2 in [1, 2] "1: inner steps are constants"
  transfer.parameter @query_share = 1.0 in [0.0, 1.0] "weight of the loss after the steps"
  transfer.parameter @far_share = 0.0 in [0.0, 1.0] "weight of the distance of the steps"
  %ids, %segments, %labels = transfer.stream @support of ids, segments, labels<1> in @T, @S
  %more, %others, %answers = transfer.stream @query of ids, segments, labels<1> in @U, @R
  transfer.group @all of @model
  %w = transfer.call @model::@number(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x1xf32, #S>
  %l = transfer.call @model::@half(%w, %labels) : (tensor<?x1xf32, #S>, tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
  %learnt = transfer.mean %l : tensor<?xf32, #S>
  %begun = transfer.inner minimise %learnt over [@all] rate 0.1 times 1 order @order
  %w1 = transfer.call @model::@number(%ids, %segments) at %begun : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x1xf32, #S>
  %l1 = transfer.call @model::@half(%w1, %labels) : (tensor<?x1xf32, #S>, tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
  %more_learnt = transfer.mean %l1 : tensor<?xf32, #S>
  %again = transfer.mean %l1 : tensor<?xf32, #S>
  %both = transfer.combine 0.25 * %more_learnt + 0.75 * %again
  %fast = transfer.inner from %begun minimise %both over [@all] rate 0.1 times @times order @order
  %v = transfer.call @model::@number(%more, %others) at %fast : (tensor<?xi32, #U>, !graft.segments<U, R>) -> tensor<?x1xf32, #R>
  %k = transfer.call @model::@half(%v, %answers) : (tensor<?x1xf32, #R>, tensor<?x1xf32, #R>) -> tensor<?xf32, #R>
  %helped = transfer.mean %k : tensor<?xf32, #R>
  %far = transfer.distance %fast : tensor<f32>
  %loss = transfer.combine @query_share * %helped + @far_share * %far
  transfer.predict %w evaluate %learnt : tensor<?x1xf32, #S>
  transfer.phase @step minimise %loss over [@all] with sgd rate constant 0.1
  transfer.schedule epochs 1 of [@step]
}

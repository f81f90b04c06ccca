// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Every loss that relates examples, of features that a linear model makes of
// counts of words. KIND is put in by the test.

#T = #graft.dims<T>
#S = #graft.dims<S>
#U = #graft.dims<U>
#R = #graft.dims<R>
graft.size @T bound 64
graft.size @S bound 8
graft.size @U bound 48
graft.size @R bound 6
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %z = graft.tanh %y : tensor<?x4xf32, #S>
    return %z : tensor<?x4xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments = transfer.stream @source of ids, segments in @T, @S
  %ids_0, %segments_1 = transfer.stream @target of ids, segments in @U, @R
  transfer.group @all of @model
  %a = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %b = transfer.call @model::@pooled(%ids_0, %segments_1) : (tensor<?xi32, #U>, !graft.segments<U, R>) -> tensor<?x4xf32, #R>
  %zero = graft.constant 0.0 : tensor<?x4xf32, #S>
  %ones = graft.constant 1.0 : tensor<?x4xf32, #R>
  %small = transfer.loss mse %a, %zero mean : tensor<?x4xf32, #S>, tensor<?x4xf32, #S>
  %large = transfer.loss mse %b, %ones mean : tensor<?x4xf32, #R>, tensor<?x4xf32, #R>
  %apart = transfer.penalty KIND %a, %b : tensor<?x4xf32, #S>, tensor<?x4xf32, #R>
  %loss = transfer.combine 1.0 * %small + 1.0 * %large + 3.0 * %apart
  transfer.predict %a evaluate %small : tensor<?x4xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 2 of [@step]
}

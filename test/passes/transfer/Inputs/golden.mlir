// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A penalty of points of the plane, each the row of one word. KIND is put in by the
// test.

#T = #graft.dims<T>
#S = #graft.dims<S>
#U = #graft.dims<U>
#R = #graft.dims<R>
graft.size @T bound 64
graft.size @S bound 8
graft.size @U bound 48
graft.size @R bound 8
graft.model @model {
  graft.parameter @words : tensor<16x2xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x2xf32, #S> {
    %w = graft.read @words : tensor<16x2xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x2xf32>) -> tensor<?x2xf32, #T>
    %y = graft.segment_pool mean %x, %seq : (tensor<?x2xf32, #T>, !graft.segments<T, S>) -> tensor<?x2xf32, #S>
    return %y : tensor<?x2xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments = transfer.stream @source of ids, segments in @T, @S
  %ids_0, %segments_1 = transfer.stream @target of ids, segments in @U, @R
  transfer.group @all of @model
  %a = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x2xf32, #S>
  %b = transfer.call @model::@pooled(%ids_0, %segments_1) : (tensor<?xi32, #U>, !graft.segments<U, R>) -> tensor<?x2xf32, #R>
  %zero = graft.constant 0.0 : tensor<?x2xf32, #S>
  %small = transfer.loss mse %a, %zero mean : tensor<?x2xf32, #S>, tensor<?x2xf32, #S>
  %apart = transfer.penalty KIND %a, %b : tensor<?x2xf32, #S>, tensor<?x2xf32, #R>
  transfer.predict %a evaluate %small : tensor<?x2xf32, #S>
  transfer.phase @step minimise %apart over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 2 of [@step]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The penalty of a critic of slope 2, at points of the plane.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
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
  transfer.group @all of @model
  %a = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x2xf32, #S>
  %zero = graft.constant 0.0 : tensor<?x2xf32, #S>
  %small = transfer.loss mse %a, %zero mean : tensor<?x2xf32, #S>, tensor<?x2xf32, #S>
  %twice = graft.scale %a by 1.41421354 : tensor<?x2xf32, #S>
  %score = graft.reduce sum %twice over [1] : (tensor<?x2xf32, #S>) -> tensor<?xf32, #S>
  %g = transfer.gradient %score wrt %a : tensor<?xf32, #S>, tensor<?x2xf32, #S>
  %squares = graft.mul %g, %g : tensor<?x2xf32, #S>
  %sum = graft.reduce sum %squares over [1] : (tensor<?x2xf32, #S>) -> tensor<?xf32, #S>
  %length = graft.sqrt %sum : tensor<?xf32, #S>
  %one = graft.constant 1.0 : tensor<?xf32, #S>
  %more = graft.sub %length, %one : tensor<?xf32, #S>
  %excess = graft.mul %more, %more : tensor<?xf32, #S>
  %steep = transfer.mean %excess : tensor<?xf32, #S>
  %loss = transfer.combine 10.0 * %steep + 0.0 * %small
  transfer.predict %a evaluate %small : tensor<?x2xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 2 of [@step]
}

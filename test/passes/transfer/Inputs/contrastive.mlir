// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Two linear views of the same texts, which attract each other.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.parameter @view : tensor<4x4xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %y : tensor<?x4xf32, #S>
  }
  func.func @viewed(%x: tensor<?x4xf32, #S>) -> tensor<?x4xf32, #S> {
    %w = graft.read @view : tensor<4x4xf32>
    %y = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<4x4xf32>) -> tensor<?x4xf32, #S>
    return %y : tensor<?x4xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments = transfer.stream @train of ids, segments in @T, @S
  transfer.group @all of @model
  %a = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %b = transfer.call @model::@viewed(%a) : (tensor<?x4xf32, #S>) -> tensor<?x4xf32, #S>
  %loss = transfer.loss contrastive %a, %b temperature 0.05 mean : tensor<?x4xf32, #S>, tensor<?x4xf32, #S>
  %apart = transfer.loss mse %a, %b mean : tensor<?x4xf32, #S>, tensor<?x4xf32, #S>
  transfer.predict %a evaluate %apart : tensor<?x4xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 2 of [@step]
}

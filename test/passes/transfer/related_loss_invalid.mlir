// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Losses that `batch` does not compute in two passes.
//
// RUN: graft-opt %s --transfer-expand-strategy --split-input-file --verify-diagnostics

#T = #graft.dims<T>
#S = #graft.dims<S>
// Words of all texts.
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  func.func @encode(%ids: tensor<?xi32, #T>) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    return %x : tensor<?x4xf32, #T>
  }
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %x = graft.call @encode(%ids) : (tensor<?xi32, #T>) -> tensor<?x4xf32, #T>
    %y = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %y : tensor<?x4xf32, #S>
  }
}
transfer.strategy @s batch 64 {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<4> in @T, @S
  transfer.group @all of @model
  %x = transfer.call @model::@encode(%ids) : (tensor<?xi32, #T>) -> tensor<?x4xf32, #T>
  // expected-error @+1 {{'graft.matmul' op expects to relate rows of examples alone, for a batch to be cut, got tensor<?x4xf32, #graft.dims<T>>; a larger --max-tokens, and no 'batch' of the strategy, make it one launch}}
  %pairs = graft.matmul %x, %x transpose_lhs : (tensor<?x4xf32, #T>, tensor<?x4xf32, #T>) -> tensor<4x4xf32>
  %p = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %mapped = graft.matmul %p, %pairs : (tensor<?x4xf32, #S>, tensor<4x4xf32>) -> tensor<?x4xf32, #S>
  %loss = transfer.loss cross_entropy %mapped, %labels mean : tensor<?x4xf32, #S>, tensor<?xi32, #S>
  %own = transfer.loss cross_entropy %p, %labels mean : tensor<?x4xf32, #S>, tensor<?xi32, #S>
  transfer.predict %p evaluate %own : tensor<?x4xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

// -----

// A derivative through what relates.
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %y : tensor<?x4xf32, #S>
  }
}
transfer.strategy @s batch 64 {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<4> in @T, @S
  transfer.group @all of @model
  %p = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %pairs = graft.matmul %p, %p transpose_rhs : (tensor<?x4xf32, #S>, tensor<?x4xf32, #S>) -> tensor<?x?xf32, #graft.dims<S, S>>
  %near = graft.tanh %pairs : tensor<?x?xf32, #graft.dims<S, S>>
  %sums = graft.reduce sum %near over [1] : (tensor<?x?xf32, #graft.dims<S, S>>) -> tensor<?xf32, #S>
  // expected-error @+1 {{'transfer.gradient' op expects to relate rows of examples alone, for a batch to be cut, got a derivative}}
  %g = transfer.gradient %sums wrt %p : tensor<?xf32, #S>, tensor<?x4xf32, #S>
  %squares = graft.mul %g, %g : tensor<?x4xf32, #S>
  %each = graft.reduce sum %squares over [1] : (tensor<?x4xf32, #S>) -> tensor<?xf32, #S>
  %loss = transfer.mean %each : tensor<?xf32, #S>
  %own = transfer.loss cross_entropy %p, %labels mean : tensor<?x4xf32, #S>, tensor<?xi32, #S>
  transfer.predict %p evaluate %own : tensor<?x4xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

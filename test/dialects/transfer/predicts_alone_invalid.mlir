// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The rules of a strategy that predicts alone, by the labels of transfer.strategy.

// RUN: graft-opt %s --split-input-file --verify-diagnostics

// C1: a cache without a phase.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @w : tensor<9x3xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @w : tensor<9x3xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<9x3xf32>) -> tensor<?x3xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments = transfer.stream @texts of ids, segments in @T, @S
  transfer.group @all of @m frozen
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.cache' op expects a transfer.phase that has a use for it, got none}}
  %kept = transfer.cache @kept %logits : tensor<?x3xf32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
}

// -----

// C4: nothing would update it.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @w : tensor<9x3xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @w : tensor<9x3xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<9x3xf32>) -> tensor<?x3xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments = transfer.stream @texts of ids, segments in @T, @S
  // expected-error @below {{'transfer.group' op expects to be frozen, or updated by a phase}}
  transfer.group @all of @m
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
}

// -----

// C7: no loss to evaluate.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @w : tensor<9x3xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @w : tensor<9x3xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<9x3xf32>) -> tensor<?x3xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @texts of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m frozen
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  // expected-error @below {{'transfer.predict' op expects no 'evaluate' in a strategy without phases, got one}}
  transfer.predict %logits softmax evaluate %loss : tensor<?x3xf32, #S>
}

// -----

// C10: a stream without a use.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @w : tensor<9x3xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @w : tensor<9x3xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<9x3xf32>) -> tensor<?x3xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments = transfer.stream @texts of ids, segments in @T, @S
  // expected-error @below {{'transfer.stream' op expects a prediction to read it, got none}}
  %more = transfer.stream @more of ids in @T, @S
  transfer.group @all of @m frozen
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// C1 and C7 of transfer.strategy, and C1 of transfer.predict, for several heads.

// RUN: graft-opt %s --split-input-file --verify-diagnostics

// A prediction without a head beside another one.
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x3xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x3xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x3xf32>) -> tensor<?x3xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %a = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %a, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict @first %a : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.predict' op expects a head, as transfer.predict @NAME, beside another transfer.predict, got 2 in all}}
  transfer.predict %a : tensor<?x3xf32, #S>
  transfer.phase @step minimise %l over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 2 of [@step]
}

// -----

// One head twice.
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x3xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x3xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x3xf32>) -> tensor<?x3xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %a = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %a, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  // expected-note @below {{predicted here}}
  transfer.predict @first %a : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.predict' op expects each head once, got @first twice}}
  transfer.predict @first %a softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %l over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 2 of [@step]
}

// -----

// A head whose name no entry can have.
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x3xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x3xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x3xf32>) -> tensor<?x3xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %a = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %a, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  // expected-error @below {{'transfer.predict' op expects a head of letters, digits and '_', got @a.b}}
  transfer.predict @a.b %a : tensor<?x3xf32, #S>
  transfer.phase @step minimise %l over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 2 of [@step]
}

// -----

// Rules of a prediction apply to each.
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x3xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x3xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x3xf32>) -> tensor<?x3xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %a = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %a, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %w = graft.constant 1.0 : tensor<?x3xf32, #S>
  transfer.predict @first %a : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.predict' op expects a prediction that depends on one stream, got 0}}
  transfer.predict @second %w : tensor<?x3xf32, #S>
  transfer.phase @step minimise %l over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 2 of [@step]
}

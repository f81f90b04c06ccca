// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// C17 of transfer.strategy: random ops that would draw the same numbers unseen.

// RUN: graft-opt %s --split-input-file --verify-diagnostics

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x3xf32>
  func.func @encode(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x3xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x3xf32>) -> tensor<?x3xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %p : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m
  %logits = transfer.call @m::@encode(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %plain = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  // expected-note @below {{drawn here first}}
  %u = graft.uniform %segments id 7 : (!graft.segments<T, S>) -> tensor<?x3xf32, #S>
  // expected-error @below {{'graft.uniform' op expects an id of its own, as two of one id draw the same numbers, got 7 again}}
  %v = graft.uniform %segments id 7 : (!graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %a = graft.add %u, %v : tensor<?x3xf32, #S>
  %c = graft.add %a, %logits : tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %c, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %plain : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// Those of two ids.
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x3xf32>
  func.func @encode(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x3xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x3xf32>) -> tensor<?x3xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %p : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m
  %logits = transfer.call @m::@encode(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %plain = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %u = graft.uniform %segments id 7 : (!graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %v = graft.uniform %segments id 8 : (!graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %a = graft.add %u, %v : tensor<?x3xf32, #S>
  %c = graft.add %a, %logits : tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %c, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %plain : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x3xf32>
  func.func @encode(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x3xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x3xf32>) -> tensor<?x3xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %p : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m
  %logits = transfer.call @m::@encode(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %plain = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  // expected-note @below {{drawn here first}}
  %u = graft.dropout %logits, %segments rate 0.5 id 7 : (tensor<?x3xf32, #S>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  // expected-error @below {{'graft.dropout' op expects an id of its own, as two of one id draw the same numbers, got 7 again}}
  %v = graft.dropout %logits, %segments rate 0.5 id 7 : (tensor<?x3xf32, #S>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %c = graft.add %u, %v : tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %c, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %plain : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// Ops of two kinds share no bits.
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x3xf32>
  func.func @encode(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x3xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x3xf32>) -> tensor<?x3xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %p : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m
  %logits = transfer.call @m::@encode(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %plain = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %u = graft.uniform %segments id 7 : (!graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %v = graft.dropout %logits, %segments rate 0.5 id 7 : (tensor<?x3xf32, #S>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %c = graft.add %u, %v : tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %c, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %plain : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

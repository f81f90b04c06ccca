// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Sizes and texts of a strategy become those of the models that it calls.

// RUN: graft-opt %s --split-input-file --transfer-link --verify-diagnostics | FileCheck %s
// RUN: graft-opt %s --split-input-file --transfer-link --verify-diagnostics | graft-opt --split-input-file --transfer-link > /dev/null

// A student without types, and a teacher with them: the stream has what both
// take, in the order of their first calls.

#T = #graft.dims<T>
#S = #graft.dims<S>
#SK = #graft.dims<S, K>
graft.size @T bound 64
graft.size @S bound 8
graft.model @student {
  graft.parameter @w : tensor<9x5xf32>
  func.func @logits(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x5xf32, #S> {
    %w = graft.read @w : tensor<9x5xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<9x5xf32>) -> tensor<?x5xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x5xf32, #T>, !graft.segments<T, S>) -> tensor<?x5xf32, #S>
    return %z : tensor<?x5xf32, #S>
  }
}
graft.model @teacher {
  graft.parameter @w : tensor<9x5xf32>
  func.func @logits(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %types: tensor<?xi32, #T> {graft.name = "types"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x5xf32, #S> {
    %w = graft.read @w : tensor<9x5xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<9x5xf32>) -> tensor<?x5xf32, #T>
    %z = graft.segment_pool first %x, %seq : (tensor<?x5xf32, #T>, !graft.segments<T, S>) -> tensor<?x5xf32, #S>
    return %z : tensor<?x5xf32, #S>
  }
}
// CHECK-LABEL: transfer.strategy @distill {
transfer.strategy @distill sizes (K) {
  // CHECK: %ids, %segments, %types, %labels = transfer.stream @train of ids, segments, types, labels<5> in @T, @S
  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @frozen of @teacher frozen
  transfer.group @all of @student
  // CHECK: %[[Z:.*]] = transfer.call @student::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x5xf32, #S>
  %logits = transfer.call @student::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  // CHECK: transfer.call deterministic @teacher::@logits(%ids, %types, %segments)
  %said = transfer.call deterministic @teacher::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  // CHECK: transfer.loss cross_entropy %[[Z]], %labels mean : tensor<?x5xf32, #S>, tensor<?xi32, #S>
  %hard = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %soft = transfer.loss kl_divergence %logits, %said mean : tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>
  %loss = transfer.combine 0.5 * %hard + 0.5 * %soft
  transfer.predict %logits softmax evaluate %hard : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// C1: two models that disagree.

#T = #graft.dims<T>
#S = #graft.dims<S>
#SK = #graft.dims<S, K>
graft.size @T bound 64
graft.size @S bound 8
graft.model @a {
  func.func private @logits(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x5xf32, #S>
}
graft.model @b {
  func.func private @logits(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x3xf32, #S>
}
transfer.strategy @s sizes (K) {
  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  // expected-note @below {{which @a::@logits has}}
  %y = transfer.call @a::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  // expected-error @below {{'transfer.call' op expects @b::@logits to have 5 for K, got 3}}
  %z = transfer.call @b::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
}

// -----

// C1: a size that no call has.

graft.size @T bound 64
graft.size @S bound 8
// expected-error @below {{'transfer.strategy' op expects a call whose result has the size K, got none}}
transfer.strategy @s sizes (K) {
  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
}

// -----

// C2: an argument that no text has.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  // expected-error @below {{'func.func' op expects graft.name of argument 0 to be ids, types or segments, to take a text, got pixels}}
  func.func private @logits(%x: tensor<?xi32, #T> {graft.name = "pixels"}) -> tensor<?x5xf32, #S>
}
transfer.strategy @s {
  %text = transfer.stream @train of text in @T, @S
  // expected-note @below {{called here}}
  %y = transfer.call @m::@logits(%text) : (!transfer.text) -> tensor<?x5xf32, #S>
}

// -----

// C3: a text is one stream's.

graft.size @T bound 64
graft.size @S bound 8
transfer.strategy @s {
  // expected-note @below {{the first}}
  %text = transfer.stream @source of text in @T, @S
  // expected-error @below {{'transfer.stream' op expects one stream of text to link, got another}}
  %other = transfer.stream @target of text in @T, @S
}

// -----

// C4: one class is none to tell apart.

#T = #graft.dims<T>
#S = #graft.dims<S>
#SK = #graft.dims<S, K>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  func.func private @logits(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x1xf32, #S>
}
transfer.strategy @s sizes (K) {
  // expected-error @below {{'transfer.stream' op expects labels<K> of at least 2 classes, got 1; labels<1> is a number for each text}}
  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  // expected-note @below {{which @m::@logits has}}
  %y = transfer.call @m::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
}

// -----

// Labels of a number, beside logits of a size that is another.

#T = #graft.dims<T>
#S = #graft.dims<S>
#SC = #graft.dims<S, C>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @w : tensor<9x3xf32>
  func.func @logits(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x3xf32, #S> {
    %w = graft.read @w : tensor<9x3xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<9x3xf32>) -> tensor<?x3xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s sizes (C) {
  // expected-note @below {{declared here}}
  %text, %labels = transfer.stream @train of text, labels<2> in @T, @S
  transfer.group @all of @m
  %logits = transfer.call @m::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SC>
  // expected-error @below {{'transfer.loss' op expects logits of 2 columns, for labels<2> of @train, got 'tensor<?x3xf32, #graft.dims<S>>'}}
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SC>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x?xf32, #SC>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

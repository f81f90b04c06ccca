// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// How the data of a strategy, its losses and its prediction fit to each other.

// RUN: graft-opt %s --split-input-file --verify-diagnostics

// C7: the prediction is of what was trained. Here it is of the frozen part.
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @encode(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %p : tensor<?x4xf32, #S>
  }
  func.func @logits(%p: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m select "^head"
  transfer.group @frozen of @m rest frozen
  %text = transfer.call @m::@encode(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @m::@logits(%text) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  // expected-error @below {{'transfer.predict' op expects a prediction that depends on a trained parameter, got none}}
  transfer.predict %text : tensor<?x4xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C7: one parameter that is trained is enough.
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @encode(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %p : tensor<?x4xf32, #S>
  }
  func.func @logits(%p: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m select "^head"
  transfer.group @frozen of @m rest frozen
  %text = transfer.call @m::@encode(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @m::@logits(%text) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C8: fewer labels than columns.
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @encode(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %p : tensor<?x4xf32, #S>
  }
  func.func @logits(%p: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  // expected-note @below {{declared here}}
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<2> in @T, @S
  transfer.group @all of @m
  %text = transfer.call @m::@encode(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @m::@logits(%text) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.loss' op expects logits of 2 columns, for labels<2> of @train, got 'tensor<?x3xf32, #graft.dims<S>>'}}
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C8: labels that are compared with another number of classes.
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @encode(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %p : tensor<?x4xf32, #S>
  }
  func.func @logits(%p: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  // expected-note @below {{declared here}}
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m
  %text = transfer.call @m::@encode(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @m::@logits(%text) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  // expected-error @below {{expects labels to be compared with 3 classes, for labels<3> of @train, got 2}}
  %is = graft.one_hot %labels : (tensor<?xi32, #S>) -> tensor<?x2xf32, #S>
  %own = graft.reduce sum %is over [1] : (tensor<?x2xf32, #S>) -> tensor<?xf32, #S>
  %each = graft.cross_entropy %logits, %labels : (tensor<?x3xf32, #S>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  %counted = graft.mul %own, %each : tensor<?xf32, #S>
  %loss = transfer.mean %counted : tensor<?xf32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C8: more, of a loss that only evaluates.
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @encode(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %p : tensor<?x4xf32, #S>
  }
  func.func @logits(%p: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  // expected-note @below {{declared here}}
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<4> in @T, @S
  transfer.group @all of @m
  %text = transfer.call @m::@encode(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @m::@logits(%text) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss mse %logits, %logits mean : tensor<?x3xf32, #S>, tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.loss' op expects logits of 4 columns, for labels<4> of @train, got 'tensor<?x3xf32, #graft.dims<S>>'}}
  %hard = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %hard : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C9: nobody reads the weights.
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @encode(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %p : tensor<?x4xf32, #S>
  }
  func.func @logits(%p: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  // expected-error @below {{'transfer.stream' op expects a loss of a phase to read its weights, got weights that no loss reads; a transfer.loss takes them by 'weight'}}
  %ids, %segments, %labels, %weights = transfer.stream @train of ids, segments, labels<3>, weights in @T, @S
  transfer.group @all of @m
  %text = transfer.call @m::@encode(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @m::@logits(%text) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C9: only a loss that is not minimised reads them; evaluation takes none.
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @encode(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %p : tensor<?x4xf32, #S>
  }
  func.func @logits(%p: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  // expected-error @below {{'transfer.stream' op expects a loss of a phase to read its weights, got weights that no loss reads; a transfer.loss takes them by 'weight'}}
  %ids, %segments, %labels, %weights = transfer.stream @train of ids, segments, labels<3>, weights in @T, @S
  transfer.group @all of @m
  %text = transfer.call @m::@encode(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @m::@logits(%text) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %weighted = transfer.loss cross_entropy %logits, %labels weight %weights mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>, tensor<?xf32, #S>
  transfer.predict %logits softmax evaluate %weighted : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C9: one of two losses, through another op.
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @encode(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %p : tensor<?x4xf32, #S>
  }
  func.func @logits(%p: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels, %weights = transfer.stream @train of ids, segments, labels<3>, weights in @T, @S
  transfer.group @all of @m
  %text = transfer.call @m::@encode(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @m::@logits(%text) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %plain = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %half = graft.scale %weights by 5.000000e-01 : tensor<?xf32, #S>
  %weighted = transfer.loss cross_entropy %logits, %labels weight %half sum : tensor<?x3xf32, #S>, tensor<?xi32, #S>, tensor<?xf32, #S>
  %loss = transfer.combine 0.5 * %plain + 0.5 * %weighted
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Patterns of groups: what is no POSIX extended regular expression, and what
// matches no parameter.

// RUN: graft-opt %s --split-input-file --verify-diagnostics

// Group, C1: LLVM reads `\d` as `d`.
transfer.strategy @s {
  // expected-error @below {{'transfer.group' op expects 'select' to be a POSIX extended regular expression, which has no \d, got "layer[.]\d"; write [0-9]}}
  transfer.group @g of @m select "layer[.]\\d"
}

// -----

// In brackets, too, and of a declared parameter.
transfer.strategy @s {
  transfer.parameter @p = "[\\w]+" "names"
  // expected-error @below {{'transfer.group' op expects 'except' to be a POSIX extended regular expression, which has no \w, got "[\w]+"; write [A-Za-z0-9_]}}
  transfer.group @g of @m except @p
}

// -----

// What has no other spelling.
transfer.strategy @s {
  // expected-error @below {{'transfer.group' op expects 'select' to be a POSIX extended regular expression, which has no \b, got "\bhead"}}
  transfer.group @g of @m select "\\bhead"
}

// -----

// Nor back-references.
transfer.strategy @s {
  // expected-error @below {{'transfer.group' op expects 'select' to be a POSIX extended regular expression, which has no \1, got "(a)\1"}}
  transfer.group @g of @m select "(a)\\1"
}

// -----

// A backslash before other characters, itself among them, makes them plain.
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
  transfer.group @body of @m select "^(body|a\\.0|a\\\\d)$"
  transfer.group @head of @m rest
  %text = transfer.call @m::@encode(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @m::@logits(%text) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@body, @head] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C3: a misspelt pattern is no pattern that selects nothing.
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
  transfer.parameter @freeze = "^boddy" "names"
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  // expected-error @below {{'transfer.group' op expects 'select' to match a parameter of @m, got "^boddy", the value of @freeze; "^$" means none}}
  transfer.group @frozen of @m select @freeze frozen optional
  transfer.group @all of @m rest
  %text = transfer.call @m::@encode(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @m::@logits(%text) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C3: one of exceptions.
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
  // expected-error @below {{'transfer.group' op expects 'except' to match a parameter of @m, got "heed"; "^$" means none}}
  transfer.group @frozen of @m select "." except "heed" frozen optional
  transfer.group @all of @m rest optional
  %text = transfer.call @m::@encode(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @m::@logits(%text) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C3: of a group with the rest.
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
  // expected-error @below {{'transfer.group' op expects 'select' to match a parameter of @m, got "weight$"; "^$" means none}}
  transfer.group @all of @m select "weight$" rest optional decay 1.000000e-02
  transfer.group @plain of @m rest
  %text = transfer.call @m::@encode(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @m::@logits(%text) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all, @plain] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C3: what other groups select, or exceptions, leave nothing of is no mistake;
// nor is "^$".
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
  transfer.group @all of @m select "." except "^$"
  transfer.group @frozen of @m select "^$" frozen optional
  transfer.group @body of @m select "^body" except "." frozen optional
  transfer.group @plain of @m select "head" rest optional
  %text = transfer.call @m::@encode(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @m::@logits(%text) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all, @plain] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

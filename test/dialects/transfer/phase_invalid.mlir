// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The rules of phases, losses, caches and predictions, by the labels of its documentation.

// RUN: graft-opt %s --split-input-file --verify-diagnostics

// C4.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.phase' op expects a transfer.group, got @train}}
  transfer.phase @step minimise %loss over [@train] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C4: a phase leaves frozen groups alone.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  // expected-note @below {{frozen here}}
  transfer.group @all of @m frozen
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.phase' op expects groups that are not frozen, got @all}}
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C4.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.phase' op expects each group once, got @all twice}}
  transfer.phase @step minimise %loss over [@all, @all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C4: what is left out by mistake would stay as it is in silence.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m rest
  // expected-error @below {{'transfer.group' op expects to be frozen, or updated by a phase}}
  transfer.group @head of @m select "^head"
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C5: one label is ignored.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @w : tensor<9x3xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @w : tensor<9x3xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x3xf32>) -> tensor<?x3xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  // expected-note @below {{ignored here}}
  %one = transfer.loss cross_entropy %logits, %labels ignore -100 mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  // expected-error @below {{'transfer.loss' op expects to ignore one label with all losses, got -1 and -100}}
  %two = transfer.loss cross_entropy %logits, %labels ignore -1 mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %loss = transfer.combine 0.5 * %one + 0.5 * %two
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C5: the only loss is cut off from the parameters that learn.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %cut = graft.stop_gradient %logits : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.loss' op expects to depend on a parameter of the phase's groups, got none}}
  %loss = transfer.loss cross_entropy %cut, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  // expected-note @below {{minimised here}}
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C6: what is kept must not change while the model learns.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  // expected-note @below {{not frozen here}}
  transfer.group @all of @m
  %logits = transfer.call deterministic @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.cache' op expects to depend on frozen parameters only, got @m::@}}
  %kept = transfer.cache @said %logits : tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C6: nor be random.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
graft.model @t {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m
  transfer.group @teacher of @t frozen
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  // expected-note @below {{called here}}
  %said = transfer.call @t::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.cache' op expects deterministic calls only, got @t::@logits}}
  %kept = transfer.cache @said %said : tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C6: labels belong to the batch, not to the text.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels, %weights = transfer.stream @train of ids, segments, labels<1>, weights in @T, @S
  transfer.group @all of @m
  %double = graft.scale %weights by 2.000000e+00 : tensor<?xf32, #S>
  // expected-error @below {{'transfer.cache' op expects a value that depends on no labels, weights or soft targets}}
  %twice = transfer.cache @twice %double : tensor<?xf32, #S>
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss mse %logits, %logits mean : tensor<?x3xf32, #S>, tensor<?x3xf32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C6.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
graft.model @t {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m
  transfer.group @teacher of @t frozen
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %said = transfer.call deterministic @t::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %kept = transfer.cache @said %said : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.cache' op expects a value that depends on no other cache}}
  %again = transfer.cache @again %kept : tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C6: one row an example.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
graft.model @t {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %one = graft.constant 1.000000e+00 : tensor<2xf32>
  // expected-error @below {{'transfer.cache' op expects one row per sequence, got 'tensor<2xf32>'}}
  %kept = transfer.cache @kept %one : tensor<2xf32>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C7: nothing is cached for a text that is new.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
graft.model @t {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m
  transfer.group @teacher of @t frozen
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %said = transfer.call deterministic @t::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %kept = transfer.cache @said %said : tensor<?x3xf32, #S>
  %loss = transfer.loss kl_divergence %logits, %kept temperature 2.000000e+00 mean : tensor<?x3xf32, #S>, tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.predict' op expects not to depend on a cache, got "said"; 'evaluate' names a loss without one}}
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C7.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<1> in @T, @S
  transfer.group @all of @m
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %known = graft.scale %labels by 2.000000e+00 : tensor<?x1xf32, #S>
  %loss = transfer.loss mse %logits, %logits mean : tensor<?x3xf32, #S>, tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.predict' op expects a prediction that does not depend on labels, weights or soft targets}}
  transfer.predict %known : tensor<?x1xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @w : tensor<3x2xf32>
  func.func @logits(%x: tensor<?x2xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @w : tensor<3x2xf32>
    %z = graft.linear %x, %w : (tensor<?x2xf32, #S>, tensor<3x2xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %x, %soft = transfer.stream @train of features<2>, soft<3> in @T, @S
  transfer.group @all of @m
  %logits = transfer.call @m::@logits(%x) : (tensor<?x2xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss kl_divergence %logits, %soft mean : tensor<?x3xf32, #S>, tensor<?x3xf32, #S>
  %known = graft.add %logits, %soft : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.predict' op expects a prediction that does not depend on labels, weights or soft targets}}
  transfer.predict %known softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// Phase C1: no such optimiser.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m decay 0.01
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.phase' op expects an optimiser of adamw, adam, lamb, sgd, got "adagrad"}}
  transfer.phase @step minimise %loss over [@all] with adagrad rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// Phase C1: a setting of another optimiser.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m decay 0.01
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.phase' op expects no 'momentum' with adamw}}
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.0e-3 momentum 9.0e-1
  transfer.schedule epochs 3 of [@step]
}

// -----

// Phase C1.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m decay 0.01
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.phase' op expects no 'beta2' with sgd}}
  transfer.phase @step minimise %loss over [@all] with sgd rate linear 1.0e-3 beta2 9.0e-1
  transfer.schedule epochs 3 of [@step]
}

// -----

// Phase C2.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m decay 0.01
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.phase' op expects a 'momentum' above 0 with 'nesterov'}}
  transfer.phase @step minimise %loss over [@all] with sgd rate linear 1.0e-3 momentum 0.0 nesterov
  transfer.schedule epochs 3 of [@step]
}

// -----

// A momentum of 1 never forgets.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m decay 0.01
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.phase' op expects 'momentum' to be a number in [0, 1), got 1}}
  transfer.phase @step minimise %loss over [@all] with sgd rate linear 1.0e-3 momentum 1.0
  transfer.schedule epochs 3 of [@step]
}

// -----

// Only the rate and factors of losses may change.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.phase' op expects 'warmup' to be the same in each step, got "progress"}}
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.0e-3 warmup "progress"
  transfer.schedule epochs 3 of [@step]
}

// -----

// C7: an evaluation has no step.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  // expected-note @below {{this one's change}}
  %all = transfer.combine "1 - progress" * %loss
  // expected-error @below {{'transfer.predict' op expects a loss to evaluate whose factors are the same in each step; 'evaluate' names one}}
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %all over [@all] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// C7: nor has what predicts later.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  // expected-note @below {{this one changes}}
  %heat = transfer.number "1 + progress" : tensor<f32>
  %heats = graft.broadcast %heat along [0, 1] : (tensor<f32>) -> tensor<?x3xf32, #S>
  %warm = graft.mul %logits, %heats : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.predict' op expects a prediction whose numbers are the same in each step}}
  transfer.predict %warm softmax evaluate %loss : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// Its first value is known.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.phase' op expects 'rate' to be a number that is not negative, got -1}}
  transfer.phase @step minimise %loss over [@all] with adamw rate constant "progress - 1"
  transfer.schedule epochs 3 of [@step]
}

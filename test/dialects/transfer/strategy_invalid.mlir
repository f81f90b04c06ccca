// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The rules of a whole strategy, by the labels of its documentation.

// RUN: graft-opt %s --split-input-file --verify-diagnostics

// C1: one of each.

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
// expected-error @below {{'transfer.strategy' op expects at least one transfer.schedule, got none}}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
}

// -----

// C2: each phase has its turn.

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
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  // expected-note @below {{declared here}}
  transfer.phase @again minimise %loss over [@all] with adamw rate linear 1.000000e-03
  // expected-error @below {{'transfer.schedule' op expects all phases, got none of @again}}
  transfer.schedule epochs 3 of [@step]
}

// -----

// C1: a strategy computes, it does not read.

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
  // expected-error @below {{'arith.constant' op expects to be outside of transfer.strategy, which holds ops of transfer and computing ops of graft}}
  %one = arith.constant 1 : i32
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C2.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
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
  // expected-error @below {{'transfer.stream' op expects a graft.size, got @S}}
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C2.

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
  // expected-error @below {{'transfer.group' op expects a graft.model, got @n}}
  transfer.group @all of @n
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C2.

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
  // expected-error @below {{'transfer.call' op expects a function of a model (@m has logits), got @m::@encode}}
  %logits = transfer.call @m::@encode(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C2.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  // expected-note @below {{declared here}}
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
  // expected-error @below {{'transfer.call' op expects @m::@logits of type '(!graft.segments<T, S>, tensor<?xi32, #graft.dims<T>>) -> tensor<?x3xf32, #graft.dims<S>>', got '(tensor<?xi32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x3xf32, #graft.dims<S>>'}}
  %logits = transfer.call @m::@logits(%segments, %ids) : (!graft.segments<T, S>, tensor<?xi32, #T>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C2.

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
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  // expected-error @below {{'transfer.schedule' op expects a transfer.phase, transfer.reward or transfer.register, got @warm}}
  transfer.schedule epochs 3 of [@warm]
}

// -----

// C3: disjoint.

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
  // expected-note @below {{the other group}}
  transfer.group @all of @m
  // expected-error @below {{'transfer.group' op expects disjoint groups, got @m::@head in "all" as well}}
  transfer.group @head of @m select "^head" frozen
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C3: complete.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  // expected-note @below {{declared here}}
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
// expected-error @below {{'transfer.strategy' op expects every parameter in a group, got none for @m::@body}}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m select "^head"
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C3: a group that is not optional has a parameter.

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
  // expected-error @below {{'transfer.group' op expects to select a parameter of @m, got none}}
  transfer.group @norm of @m select "^$" frozen
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C1: data comes from a stream.

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
// expected-error @below {{'transfer.strategy' op expects at least one transfer.stream, got none}}
transfer.strategy @s {
  transfer.group @all of @m
  %one = graft.constant 1.000000e+00 : tensor<2x3xf32>
  %loss = transfer.loss mse %one, %one mean : tensor<2x3xf32>, tensor<2x3xf32>
  transfer.predict %one : tensor<2x3xf32>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// -----

// C5: the loss of a phase reaches its own groups, not those of another.

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
  transfer.group @body of @m select "^body"
  transfer.group @head of @m rest
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %h = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %cut = graft.stop_gradient %h : tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  // expected-error @below {{'transfer.loss' op expects to depend on a parameter of the phase's groups, got none}}
  %other = transfer.loss cross_entropy %cut, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %loss : tensor<?x3xf32, #S>
  transfer.phase @first minimise %loss over [@body] with adamw rate linear 1.000000e-03
  // expected-note @below {{minimised here}}
  transfer.phase @second minimise %other over [@head] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@first, @second]
}

// -----

// C7: which loss measures the model is not left open.

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
  transfer.group @body of @m select "^body"
  transfer.group @head of @m rest
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  // expected-error @below {{'transfer.predict' op expects 'evaluate' in a strategy of several phases, got 2}}
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @first minimise %loss over [@body] with adamw rate linear 1.000000e-03
  transfer.phase @second minimise %loss over [@head] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@first, @second]
}

// -----

// C11: a size of a model is one of the strategy.

#T = #graft.dims<T>
#S = #graft.dims<S>
#SH = #graft.dims<S, H>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  // expected-error @below {{'graft.parameter' op expects a static shape, or sizes that @s declares, got 'tensor<9x?xf32, #graft.dims<H>>'}}
  graft.parameter @body : tensor<9x?xf32, #graft.dims<H>>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x?xf32, #SH> {
    %b = graft.read @body : tensor<9x?xf32, #graft.dims<H>>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x?xf32, #graft.dims<H>>) -> tensor<?x?xf32, #graft.dims<T, H>>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x?xf32, #graft.dims<T, H>>, !graft.segments<T, S>) -> tensor<?x?xf32, #SH>
    return %p : tensor<?x?xf32, #SH>
  }
}
// expected-note @below {{declared here}}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x?xf32, #SH>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SH>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x?xf32, #SH>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.000000e-03
  transfer.schedule epochs 3 of [@step]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// RUN: graft-opt %s --split-input-file --verify-diagnostics

// C1.
#T = #graft.dims<T>
#S = #graft.dims<S>
#U = #graft.dims<U>
#R = #graft.dims<R>
graft.size @T bound 4096
graft.size @S bound 512
graft.size @U bound 4096
graft.size @R bound 512
graft.model @net {
  graft.parameter @words : tensor<100x8xf32>
  graft.parameter @label : tensor<3x8xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #S> {
    %w = graft.read @words : tensor<100x8xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<100x8xf32>) -> tensor<?x8xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
    return %z : tensor<?x8xf32, #S>
  }
  func.func @classify(%x: tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x8xf32>
    %z = graft.linear %x, %w : (tensor<?x8xf32, #S>, tensor<3x8xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @support of ids, segments, labels<3> in @T, @S
  %more, %others, %answers = transfer.stream @query of ids, segments, labels<3> in @U, @R
  transfer.group @head of @net select "label"
  transfer.group @body of @net rest
  %x = transfer.call @net::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
  %z = transfer.call @net::@classify(%x) : (tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %z, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  // expected-error @+1 {{expects 'rate' to be a number that is not negative, got -1}}
  %fast = transfer.inner minimise %l over [@head] rate -1.0 times 2 order 2
  %y = transfer.call @net::@pooled(%more, %others) : (tensor<?xi32, #U>, !graft.segments<U, R>) -> tensor<?x8xf32, #R>
  %u = transfer.call @net::@classify(%y) at %fast : (tensor<?x8xf32, #R>) -> tensor<?x3xf32, #R>
  %k = transfer.loss cross_entropy %u, %answers mean : tensor<?x3xf32, #R>, tensor<?xi32, #R>
  transfer.predict %z softmax evaluate %l : tensor<?x3xf32, #S>
  transfer.phase @step minimise %k over [@head, @body] with adamw rate constant 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// C1.
#T = #graft.dims<T>
#S = #graft.dims<S>
#U = #graft.dims<U>
#R = #graft.dims<R>
graft.size @T bound 4096
graft.size @S bound 512
graft.size @U bound 4096
graft.size @R bound 512
graft.model @net {
  graft.parameter @words : tensor<100x8xf32>
  graft.parameter @label : tensor<3x8xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #S> {
    %w = graft.read @words : tensor<100x8xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<100x8xf32>) -> tensor<?x8xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
    return %z : tensor<?x8xf32, #S>
  }
  func.func @classify(%x: tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x8xf32>
    %z = graft.linear %x, %w : (tensor<?x8xf32, #S>, tensor<3x8xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @support of ids, segments, labels<3> in @T, @S
  %more, %others, %answers = transfer.stream @query of ids, segments, labels<3> in @U, @R
  transfer.group @head of @net select "label"
  transfer.group @body of @net rest
  %x = transfer.call @net::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
  %z = transfer.call @net::@classify(%x) : (tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %z, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  // expected-error @+1 {{expects 'times' to be an integer from 1 to 100, got 0}}
  %fast = transfer.inner minimise %l over [@head] rate 0.1 times 0 order 2
  %y = transfer.call @net::@pooled(%more, %others) : (tensor<?xi32, #U>, !graft.segments<U, R>) -> tensor<?x8xf32, #R>
  %u = transfer.call @net::@classify(%y) at %fast : (tensor<?x8xf32, #R>) -> tensor<?x3xf32, #R>
  %k = transfer.loss cross_entropy %u, %answers mean : tensor<?x3xf32, #R>, tensor<?xi32, #R>
  transfer.predict %z softmax evaluate %l : tensor<?x3xf32, #S>
  transfer.phase @step minimise %k over [@head, @body] with adamw rate constant 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// C1.
#T = #graft.dims<T>
#S = #graft.dims<S>
#U = #graft.dims<U>
#R = #graft.dims<R>
graft.size @T bound 4096
graft.size @S bound 512
graft.size @U bound 4096
graft.size @R bound 512
graft.model @net {
  graft.parameter @words : tensor<100x8xf32>
  graft.parameter @label : tensor<3x8xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #S> {
    %w = graft.read @words : tensor<100x8xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<100x8xf32>) -> tensor<?x8xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
    return %z : tensor<?x8xf32, #S>
  }
  func.func @classify(%x: tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x8xf32>
    %z = graft.linear %x, %w : (tensor<?x8xf32, #S>, tensor<3x8xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @support of ids, segments, labels<3> in @T, @S
  %more, %others, %answers = transfer.stream @query of ids, segments, labels<3> in @U, @R
  transfer.group @head of @net select "label"
  transfer.group @body of @net rest
  %x = transfer.call @net::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
  %z = transfer.call @net::@classify(%x) : (tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %z, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  // expected-error @+1 {{expects 'order' to be 1 or 2, got 3}}
  %fast = transfer.inner minimise %l over [@head] rate 0.1 times 2 order 3
  %y = transfer.call @net::@pooled(%more, %others) : (tensor<?xi32, #U>, !graft.segments<U, R>) -> tensor<?x8xf32, #R>
  %u = transfer.call @net::@classify(%y) at %fast : (tensor<?x8xf32, #R>) -> tensor<?x3xf32, #R>
  %k = transfer.loss cross_entropy %u, %answers mean : tensor<?x3xf32, #R>, tensor<?xi32, #R>
  transfer.predict %z softmax evaluate %l : tensor<?x3xf32, #S>
  transfer.phase @step minimise %k over [@head, @body] with adamw rate constant 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// C2.
#T = #graft.dims<T>
#S = #graft.dims<S>
#U = #graft.dims<U>
#R = #graft.dims<R>
graft.size @T bound 4096
graft.size @S bound 512
graft.size @U bound 4096
graft.size @R bound 512
graft.model @net {
  graft.parameter @words : tensor<100x8xf32>
  graft.parameter @label : tensor<3x8xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #S> {
    %w = graft.read @words : tensor<100x8xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<100x8xf32>) -> tensor<?x8xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
    return %z : tensor<?x8xf32, #S>
  }
  func.func @classify(%x: tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x8xf32>
    %z = graft.linear %x, %w : (tensor<?x8xf32, #S>, tensor<3x8xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @support of ids, segments, labels<3> in @T, @S
  %more, %others, %answers = transfer.stream @query of ids, segments, labels<3> in @U, @R
  transfer.group @head of @net select "label"
  transfer.group @body of @net rest
  %x = transfer.call @net::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
  %z = transfer.call @net::@classify(%x) : (tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %z, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  // expected-error @+1 {{expects a transfer.group, got @top}}
  %fast = transfer.inner minimise %l over [@top] rate 0.1 times 2 order 2
  %y = transfer.call @net::@pooled(%more, %others) : (tensor<?xi32, #U>, !graft.segments<U, R>) -> tensor<?x8xf32, #R>
  %u = transfer.call @net::@classify(%y) at %fast : (tensor<?x8xf32, #R>) -> tensor<?x3xf32, #R>
  %k = transfer.loss cross_entropy %u, %answers mean : tensor<?x3xf32, #R>, tensor<?xi32, #R>
  transfer.predict %z softmax evaluate %l : tensor<?x3xf32, #S>
  transfer.phase @step minimise %k over [@head, @body] with adamw rate constant 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// C2.
#T = #graft.dims<T>
#S = #graft.dims<S>
#U = #graft.dims<U>
#R = #graft.dims<R>
graft.size @T bound 4096
graft.size @S bound 512
graft.size @U bound 4096
graft.size @R bound 512
graft.model @net {
  graft.parameter @words : tensor<100x8xf32>
  graft.parameter @label : tensor<3x8xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #S> {
    %w = graft.read @words : tensor<100x8xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<100x8xf32>) -> tensor<?x8xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
    return %z : tensor<?x8xf32, #S>
  }
  func.func @classify(%x: tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x8xf32>
    %z = graft.linear %x, %w : (tensor<?x8xf32, #S>, tensor<3x8xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @support of ids, segments, labels<3> in @T, @S
  %more, %others, %answers = transfer.stream @query of ids, segments, labels<3> in @U, @R
  transfer.group @head of @net select "label"
  transfer.group @body of @net rest
  %x = transfer.call @net::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
  %z = transfer.call @net::@classify(%x) : (tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %z, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  // expected-error @+1 {{expects each group once, got @head twice}}
  %fast = transfer.inner minimise %l over [@head, @head] rate 0.1 times 2 order 2
  %y = transfer.call @net::@pooled(%more, %others) : (tensor<?xi32, #U>, !graft.segments<U, R>) -> tensor<?x8xf32, #R>
  %u = transfer.call @net::@classify(%y) at %fast : (tensor<?x8xf32, #R>) -> tensor<?x3xf32, #R>
  %k = transfer.loss cross_entropy %u, %answers mean : tensor<?x3xf32, #R>, tensor<?xi32, #R>
  transfer.predict %z softmax evaluate %l : tensor<?x3xf32, #S>
  transfer.phase @step minimise %k over [@head, @body] with adamw rate constant 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// C2.
#T = #graft.dims<T>
#S = #graft.dims<S>
#U = #graft.dims<U>
#R = #graft.dims<R>
graft.size @T bound 4096
graft.size @S bound 512
graft.size @U bound 4096
graft.size @R bound 512
graft.model @net {
  graft.parameter @words : tensor<100x8xf32>
  graft.parameter @label : tensor<3x8xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #S> {
    %w = graft.read @words : tensor<100x8xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<100x8xf32>) -> tensor<?x8xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
    return %z : tensor<?x8xf32, #S>
  }
  func.func @classify(%x: tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x8xf32>
    %z = graft.linear %x, %w : (tensor<?x8xf32, #S>, tensor<3x8xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @support of ids, segments, labels<3> in @T, @S
  %more, %others, %answers = transfer.stream @query of ids, segments, labels<3> in @U, @R
  // expected-note @+1 {{declared here}}
  transfer.group @head of @net select "label" frozen
  transfer.group @body of @net rest
  %x = transfer.call @net::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
  %z = transfer.call @net::@classify(%x) : (tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %z, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  // expected-error @+1 {{expects groups that are neither frozen nor track a model, got @head}}
  %fast = transfer.inner minimise %l over [@head] rate 0.1 times 2 order 2
  %y = transfer.call @net::@pooled(%more, %others) : (tensor<?xi32, #U>, !graft.segments<U, R>) -> tensor<?x8xf32, #R>
  %u = transfer.call @net::@classify(%y) at %fast : (tensor<?x8xf32, #R>) -> tensor<?x3xf32, #R>
  %k = transfer.loss cross_entropy %u, %answers mean : tensor<?x3xf32, #R>, tensor<?xi32, #R>
  transfer.predict %z softmax evaluate %l : tensor<?x3xf32, #S>
  transfer.phase @step minimise %k over [@head, @body] with adamw rate constant 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// C2.
#T = #graft.dims<T>
#S = #graft.dims<S>
#U = #graft.dims<U>
#R = #graft.dims<R>
graft.size @T bound 4096
graft.size @S bound 512
graft.size @U bound 4096
graft.size @R bound 512
graft.model @net {
  graft.parameter @words : tensor<100x8xf32>
  graft.parameter @label : tensor<3x8xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #S> {
    %w = graft.read @words : tensor<100x8xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<100x8xf32>) -> tensor<?x8xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
    return %z : tensor<?x8xf32, #S>
  }
  func.func @classify(%x: tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x8xf32>
    %z = graft.linear %x, %w : (tensor<?x8xf32, #S>, tensor<3x8xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @support of ids, segments, labels<3> in @T, @S
  %more, %others, %answers = transfer.stream @query of ids, segments, labels<3> in @U, @R
  transfer.group @head of @net select "label"
  // expected-note @+1 {{declared here}}
  transfer.group @body of @net rest
  %x = transfer.call @net::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
  %f = graft.stop_gradient %x : tensor<?x8xf32, #S>
  %z = transfer.call @net::@classify(%f) : (tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %z, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  // expected-error @+1 {{expects its loss to depend on a parameter of each group, got none of @body}}
  %fast = transfer.inner minimise %l over [@head, @body] rate 0.1 times 2 order 2
  %y = transfer.call @net::@pooled(%more, %others) : (tensor<?xi32, #U>, !graft.segments<U, R>) -> tensor<?x8xf32, #R>
  %u = transfer.call @net::@classify(%y) at %fast : (tensor<?x8xf32, #R>) -> tensor<?x3xf32, #R>
  %k = transfer.loss cross_entropy %u, %answers mean : tensor<?x3xf32, #R>, tensor<?xi32, #R>
  transfer.predict %z softmax evaluate %l : tensor<?x3xf32, #S>
  transfer.phase @step minimise %k over [@head, @body] with adamw rate constant 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// C3.
#T = #graft.dims<T>
#S = #graft.dims<S>
#U = #graft.dims<U>
#R = #graft.dims<R>
graft.size @T bound 4096
graft.size @S bound 512
graft.size @U bound 4096
graft.size @R bound 512
graft.model @net {
  graft.parameter @words : tensor<100x8xf32>
  graft.parameter @label : tensor<3x8xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #S> {
    %w = graft.read @words : tensor<100x8xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<100x8xf32>) -> tensor<?x8xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
    return %z : tensor<?x8xf32, #S>
  }
  func.func @classify(%x: tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x8xf32>
    %z = graft.linear %x, %w : (tensor<?x8xf32, #S>, tensor<3x8xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @support of ids, segments, labels<3> in @T, @S
  %more, %others, %answers = transfer.stream @query of ids, segments, labels<3> in @U, @R
  transfer.group @head of @net select "label"
  transfer.group @body of @net rest
  %x = transfer.call @net::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
  // expected-note @+1 {{called here}}
  %z = transfer.call @net::@classify(%x) : (tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %z, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %begun = transfer.inner minimise %l over [@head] rate 0.1 times 1 order 2
  // expected-error @+1 {{expects a loss of calls that are where the loop begins: at what follows 'from'}}
  %fast = transfer.inner from %begun minimise %l over [@head] rate 0.1 times 2 order 2
  %y = transfer.call @net::@pooled(%more, %others) : (tensor<?xi32, #U>, !graft.segments<U, R>) -> tensor<?x8xf32, #R>
  %u = transfer.call @net::@classify(%y) at %fast : (tensor<?x8xf32, #R>) -> tensor<?x3xf32, #R>
  %k = transfer.loss cross_entropy %u, %answers mean : tensor<?x3xf32, #R>, tensor<?xi32, #R>
  transfer.predict %z softmax evaluate %l : tensor<?x3xf32, #S>
  transfer.phase @step minimise %k over [@head, @body] with adamw rate constant 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// C3.
#T = #graft.dims<T>
#S = #graft.dims<S>
#U = #graft.dims<U>
#R = #graft.dims<R>
graft.size @T bound 4096
graft.size @S bound 512
graft.size @U bound 4096
graft.size @R bound 512
graft.model @net {
  graft.parameter @words : tensor<100x8xf32>
  graft.parameter @label : tensor<3x8xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #S> {
    %w = graft.read @words : tensor<100x8xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<100x8xf32>) -> tensor<?x8xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
    return %z : tensor<?x8xf32, #S>
  }
  func.func @classify(%x: tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x8xf32>
    %z = graft.linear %x, %w : (tensor<?x8xf32, #S>, tensor<3x8xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @support of ids, segments, labels<3> in @T, @S
  %more, %others, %answers = transfer.stream @query of ids, segments, labels<3> in @U, @R
  transfer.group @head of @net select "label"
  transfer.group @body of @net rest
  %x = transfer.call @net::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
  %z = transfer.call @net::@classify(%x) : (tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %z, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %begun = transfer.inner minimise %l over [@head] rate 0.1 times 1 order 2
  // expected-note @+1 {{called here}}
  %z1 = transfer.call @net::@classify(%x) at %begun : (tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S>
  %l1 = transfer.loss cross_entropy %z1, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  // expected-error @+1 {{expects a loss of calls that are where the loop begins: at none without 'from'}}
  %fast = transfer.inner minimise %l1 over [@head] rate 0.1 times 2 order 2
  %y = transfer.call @net::@pooled(%more, %others) : (tensor<?xi32, #U>, !graft.segments<U, R>) -> tensor<?x8xf32, #R>
  %u = transfer.call @net::@classify(%y) at %fast : (tensor<?x8xf32, #R>) -> tensor<?x3xf32, #R>
  %k = transfer.loss cross_entropy %u, %answers mean : tensor<?x3xf32, #R>, tensor<?xi32, #R>
  transfer.predict %z softmax evaluate %l : tensor<?x3xf32, #S>
  transfer.phase @step minimise %k over [@head, @body] with adamw rate constant 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// A function that reads nothing that the loop leads.
#T = #graft.dims<T>
#S = #graft.dims<S>
#U = #graft.dims<U>
#R = #graft.dims<R>
graft.size @T bound 4096
graft.size @S bound 512
graft.size @U bound 4096
graft.size @R bound 512
graft.model @net {
  graft.parameter @words : tensor<100x8xf32>
  graft.parameter @label : tensor<3x8xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #S> {
    %w = graft.read @words : tensor<100x8xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<100x8xf32>) -> tensor<?x8xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
    return %z : tensor<?x8xf32, #S>
  }
  func.func @classify(%x: tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x8xf32>
    %z = graft.linear %x, %w : (tensor<?x8xf32, #S>, tensor<3x8xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @support of ids, segments, labels<3> in @T, @S
  %more, %others, %answers = transfer.stream @query of ids, segments, labels<3> in @U, @R
  transfer.group @head of @net select "label"
  transfer.group @body of @net rest
  %x = transfer.call @net::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
  %z = transfer.call @net::@classify(%x) : (tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %z, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  // expected-note @+1 {{of which there is none here}}
  %fast = transfer.inner minimise %l over [@head] rate 0.1 times 2 order 2
  // expected-error @+1 {{expects a function that reads a parameter of the groups of the inner loop it is at, got @net::@pooled}}
  %y = transfer.call @net::@pooled(%more, %others) at %fast : (tensor<?xi32, #U>, !graft.segments<U, R>) -> tensor<?x8xf32, #R>
  %u = transfer.call @net::@classify(%y) at %fast : (tensor<?x8xf32, #R>) -> tensor<?x3xf32, #R>
  %k = transfer.loss cross_entropy %u, %answers mean : tensor<?x3xf32, #R>, tensor<?xi32, #R>
  transfer.predict %z softmax evaluate %l : tensor<?x3xf32, #S>
  transfer.phase @step minimise %k over [@head, @body] with adamw rate constant 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// C12 of transfer.strategy.
#T = #graft.dims<T>
#S = #graft.dims<S>
#U = #graft.dims<U>
#R = #graft.dims<R>
graft.size @T bound 4096
graft.size @S bound 512
graft.size @U bound 4096
graft.size @R bound 512
graft.model @net {
  graft.parameter @words : tensor<100x8xf32>
  graft.parameter @label : tensor<3x8xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #S> {
    %w = graft.read @words : tensor<100x8xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<100x8xf32>) -> tensor<?x8xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
    return %z : tensor<?x8xf32, #S>
  }
  func.func @classify(%x: tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x8xf32>
    %z = graft.linear %x, %w : (tensor<?x8xf32, #S>, tensor<3x8xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @support of ids, segments, labels<3> in @T, @S
  %more, %others, %answers = transfer.stream @query of ids, segments, labels<3> in @U, @R
  transfer.group @head of @net select "label"
  transfer.group @body of @net rest
  %x = transfer.call @net::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
  %z = transfer.call @net::@classify(%x) : (tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %z, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  // expected-note @+1 {{led here}}
  %fast = transfer.inner minimise %l over [@head] rate 0.1 times 2 order 2
  %y = transfer.call @net::@pooled(%more, %others) : (tensor<?xi32, #U>, !graft.segments<U, R>) -> tensor<?x8xf32, #R>
  %u = transfer.call @net::@classify(%y) at %fast : (tensor<?x8xf32, #R>) -> tensor<?x3xf32, #R>
  %k = transfer.loss cross_entropy %u, %answers mean : tensor<?x3xf32, #R>, tensor<?xi32, #R>
  %v = transfer.call @net::@classify(%x) at %fast : (tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S>
  // expected-error @+1 {{expects a prediction of the trained parameters, got one where an inner loop leads}}
  transfer.predict %v softmax evaluate %l : tensor<?x3xf32, #S>
  transfer.phase @step minimise %k over [@head, @body] with adamw rate constant 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

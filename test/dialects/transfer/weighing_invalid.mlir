// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// RUN: graft-opt %s --split-input-file --verify-diagnostics

// A loss alone.
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 4096
graft.size @S bound 512
graft.model @net {
  graft.parameter @words : tensor<100x8xf32>
  graft.parameter @one : tensor<3x8xf32>
  graft.parameter @two : tensor<3x8xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #S> {
    %w = graft.read @words : tensor<100x8xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<100x8xf32>) -> tensor<?x8xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
    return %z : tensor<?x8xf32, #S>
  }
  func.func @first(%x: tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @one : tensor<3x8xf32>
    %z = graft.linear %x, %w : (tensor<?x8xf32, #S>, tensor<3x8xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
  func.func @second(%x: tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @two : tensor<3x8xf32>
    %z = graft.linear %x, %w : (tensor<?x8xf32, #S>, tensor<3x8xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
graft.model @surgery {
  func.func @equal(%p: tensor<2x2xf32>) -> tensor<2xf32> {
    %w = graft.constant 1.0 : tensor<2xf32>
    return %w : tensor<2xf32>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @net
  %x = transfer.call @net::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
  %z = transfer.call @net::@first(%x) : (tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %z, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %loss = transfer.combine 1.0 * %l
  transfer.predict %z softmax evaluate %l : tensor<?x3xf32, #S>
  // expected-error @+1 {{expects a transfer.combine of two losses at least to weigh, got 1}}
  transfer.phase @step minimise %loss weighing @surgery::@equal over [@all] with sgd rate constant 0.1
  transfer.schedule epochs 3 of [@step]
}

// -----

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 4096
graft.size @S bound 512
graft.model @net {
  graft.parameter @words : tensor<100x8xf32>
  graft.parameter @one : tensor<3x8xf32>
  graft.parameter @two : tensor<3x8xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #S> {
    %w = graft.read @words : tensor<100x8xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<100x8xf32>) -> tensor<?x8xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
    return %z : tensor<?x8xf32, #S>
  }
  func.func @first(%x: tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @one : tensor<3x8xf32>
    %z = graft.linear %x, %w : (tensor<?x8xf32, #S>, tensor<3x8xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
  func.func @second(%x: tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @two : tensor<3x8xf32>
    %z = graft.linear %x, %w : (tensor<?x8xf32, #S>, tensor<3x8xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
graft.model @surgery {
  func.func @equal(%p: tensor<2x2xf32>) -> tensor<2xf32> {
    %w = graft.constant 1.0 : tensor<2xf32>
    return %w : tensor<2xf32>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  %more, %others, %answers = transfer.stream @more of ids, segments, labels<3> in @T, @S
  transfer.group @all of @net
  %x = transfer.call @net::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
  %y = transfer.call @net::@pooled(%more, %others) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
  %z = transfer.call @net::@first(%x) : (tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S>
  %u = transfer.call @net::@second(%y) : (tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %z, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %k = transfer.loss cross_entropy %u, %answers mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %loss = transfer.combine 1.0 * %l + 1.0 * %k
  transfer.predict %z softmax evaluate %l : tensor<?x3xf32, #S>
  // expected-error @+1 {{expects a function of a model (@surgery has equal), got @surgery::@none}}
  transfer.phase @step minimise %loss weighing @surgery::@none over [@all] with sgd rate constant 0.1
  transfer.schedule epochs 3 of [@step]
}

// -----

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 4096
graft.size @S bound 512
graft.model @net {
  graft.parameter @words : tensor<100x8xf32>
  graft.parameter @one : tensor<3x8xf32>
  graft.parameter @two : tensor<3x8xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #S> {
    %w = graft.read @words : tensor<100x8xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<100x8xf32>) -> tensor<?x8xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
    return %z : tensor<?x8xf32, #S>
  }
  func.func @first(%x: tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @one : tensor<3x8xf32>
    %z = graft.linear %x, %w : (tensor<?x8xf32, #S>, tensor<3x8xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
  func.func @second(%x: tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @two : tensor<3x8xf32>
    %z = graft.linear %x, %w : (tensor<?x8xf32, #S>, tensor<3x8xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
graft.model @surgery {
  // expected-note @+1 {{declared here}}
  func.func @equal(%p: tensor<3x3xf32>) -> tensor<3xf32> {
    %w = graft.constant 1.0 : tensor<3xf32>
    return %w : tensor<3xf32>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  %more, %others, %answers = transfer.stream @more of ids, segments, labels<3> in @T, @S
  transfer.group @all of @net
  %x = transfer.call @net::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
  %y = transfer.call @net::@pooled(%more, %others) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
  %z = transfer.call @net::@first(%x) : (tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S>
  %u = transfer.call @net::@second(%y) : (tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %z, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %k = transfer.loss cross_entropy %u, %answers mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %loss = transfer.combine 1.0 * %l + 1.0 * %k
  transfer.predict %z softmax evaluate %l : tensor<?x3xf32, #S>
  // expected-error @+1 {{expects @surgery::@equal of type '(tensor<2x2xf32>) -> tensor<2xf32>', got '(tensor<3x3xf32>) -> tensor<3xf32>'}}
  transfer.phase @step minimise %loss weighing @surgery::@equal over [@all] with sgd rate constant 0.1
  transfer.schedule epochs 3 of [@step]
}

// -----

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 4096
graft.size @S bound 512
graft.model @net {
  graft.parameter @words : tensor<100x8xf32>
  graft.parameter @one : tensor<3x8xf32>
  graft.parameter @two : tensor<3x8xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #S> {
    %w = graft.read @words : tensor<100x8xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<100x8xf32>) -> tensor<?x8xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
    return %z : tensor<?x8xf32, #S>
  }
  func.func @first(%x: tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @one : tensor<3x8xf32>
    %z = graft.linear %x, %w : (tensor<?x8xf32, #S>, tensor<3x8xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
  func.func @second(%x: tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @two : tensor<3x8xf32>
    %z = graft.linear %x, %w : (tensor<?x8xf32, #S>, tensor<3x8xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
graft.model @surgery {
  graft.parameter @w : tensor<2xf32>
  // expected-note @+1 {{declared here}}
  func.func @equal(%p: tensor<2x2xf32>) -> tensor<2xf32> {
    %w = graft.read @w : tensor<2xf32>
    return %w : tensor<2xf32>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  %more, %others, %answers = transfer.stream @more of ids, segments, labels<3> in @T, @S
  transfer.group @all of @net
  %x = transfer.call @net::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
  %y = transfer.call @net::@pooled(%more, %others) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
  %z = transfer.call @net::@first(%x) : (tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S>
  %u = transfer.call @net::@second(%y) : (tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %z, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %k = transfer.loss cross_entropy %u, %answers mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %loss = transfer.combine 1.0 * %l + 1.0 * %k
  transfer.predict %z softmax evaluate %l : tensor<?x3xf32, #S>
  // expected-error @+1 {{expects @surgery::@equal to read no parameter and call no function}}
  transfer.phase @step minimise %loss weighing @surgery::@equal over [@all] with sgd rate constant 0.1
  transfer.schedule epochs 3 of [@step]
}

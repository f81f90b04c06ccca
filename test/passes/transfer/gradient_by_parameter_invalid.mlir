// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A gradient by a parameter is a sum over the examples, each of which then depends on all.

// RUN: graft-opt %s --transfer --verify-diagnostics

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
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %p : tensor<?x4xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m
  %w = transfer.read @m [@head] : tensor<3x4xf32>
  %p = transfer.call @m::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = graft.linear %p, %w : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
  %e = graft.cross_entropy %logits, %labels : (tensor<?x3xf32, #S>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  // expected-note @below {{examples meet here}}
  %g = transfer.gradient %e wrt %w : tensor<?xf32, #S>, tensor<3x4xf32>
  %size = graft.reduce sum %g over [0, 1] : (tensor<3x4xf32>) -> tensor<f32>
  %sizes = graft.broadcast %size along [0] : (tensor<f32>) -> tensor<?xf32, #S>
  %each = graft.add %e, %sizes : tensor<?xf32, #S>
  %loss = transfer.mean %each : tensor<?xf32, #S>
  // expected-error @below {{'transfer.predict' op expects a loss to evaluate of each example by itself}}
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

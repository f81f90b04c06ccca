// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Ops that the autodiff pass emits, and row ops, on operands that do not fit.
// RUN: graft-opt %s --split-input-file --verify-diagnostics

func.func @embedding_gradient(%ids: tensor<3xi32>, %dy: tensor<4x8xf32>) {
  // expected-error @below {{expects 'ids' and 'gradient' to have as many rows, got 'tensor<3xi32>' and 'tensor<4x8xf32>'}}
  %0 = graft.embedding_gradient %ids, %dy rows 10 : (tensor<3xi32>, tensor<4x8xf32>) -> tensor<10x8xf32>
  return
}

// -----

func.func @layer_norm_width(%x: tensor<3x4xf32>, %s: tensor<5xf32>) {
  // expected-error @below {{expects 'scale' to have the row's width, got 'tensor<3x4xf32>' and 'tensor<5xf32>'}}
  %0:3 = graft.layer_norm_gradient %x, %x, %s epsilon 1.000000e-05 : (tensor<3x4xf32>, tensor<3x4xf32>, tensor<5xf32>) -> (tensor<3x4xf32>, tensor<5xf32>, tensor<5xf32>)
  return
}

// -----

func.func @layer_norm_epsilon(%x: tensor<3x4xf32>, %s: tensor<4xf32>) {
  // expected-error @below {{expects a positive 'epsilon', got 0}}
  %0:3 = graft.layer_norm_gradient %x, %x, %s epsilon 0.000000e+00 : (tensor<3x4xf32>, tensor<3x4xf32>, tensor<4xf32>) -> (tensor<3x4xf32>, tensor<4xf32>, tensor<4xf32>)
  return
}

// -----

#T = #graft.dims<T>
func.func @attention_heads(%q: tensor<?x8xf32, #T>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects the width to be a multiple of 'heads', got 'tensor<?x8xf32, #graft.dims<T>>' and 3}}
  %0:3 = graft.attention_gradient %q, %q, %q, %q, %seq heads 3 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>)
  return
}

// -----

#S = #graft.dims<S>
func.func @attention_rows(%q: tensor<?x8xf32, #S>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects 'query' to have the segments' token dimension}}
  %0:3 = graft.attention_gradient %q, %q, %q, %q, %seq heads 2 : (tensor<?x8xf32, #S>, tensor<?x8xf32, #S>, tensor<?x8xf32, #S>, tensor<?x8xf32, #S>, !graft.segments<T, S>) -> (tensor<?x8xf32, #S>, tensor<?x8xf32, #S>, tensor<?x8xf32, #S>)
  return
}

// -----

#T = #graft.dims<T>
func.func @attention_id(%q: tensor<?x8xf32, #T>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects 'id' where 'dropout' is above zero}}
  %0:3 = graft.attention_gradient %q, %q, %q, %q, %seq heads 2 dropout 1.000000e-01 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>)
  return
}

// -----

#T = #graft.dims<T>
func.func @attention_second_heads(%q: tensor<?x8xf32, #T>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects the width to be a multiple of 'heads', got 'tensor<?x8xf32, #graft.dims<T>>' and 3}}
  %0:4 = graft.attention_second_gradient %q, %q, %q, %q, %q, %q, %q, %seq heads 3 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>)
  return
}

// -----

#S = #graft.dims<S>
func.func @attention_second_rows(%q: tensor<?x8xf32, #S>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects 'query' to have the segments' token dimension}}
  %0:4 = graft.attention_second_gradient %q, %q, %q, %q, %q, %q, %q, %seq heads 2 : (tensor<?x8xf32, #S>, tensor<?x8xf32, #S>, tensor<?x8xf32, #S>, tensor<?x8xf32, #S>, tensor<?x8xf32, #S>, tensor<?x8xf32, #S>, tensor<?x8xf32, #S>, !graft.segments<T, S>) -> (tensor<?x8xf32, #S>, tensor<?x8xf32, #S>, tensor<?x8xf32, #S>, tensor<?x8xf32, #S>)
  return
}

// -----

#T = #graft.dims<T>
func.func @attention_second_id(%q: tensor<?x8xf32, #T>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects 'id' where 'dropout' is above zero}}
  %0:4 = graft.attention_second_gradient %q, %q, %q, %q, %q, %q, %q, %seq heads 2 dropout 1.000000e-01 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>)
  return
}

// -----

#T = #graft.dims<T>
func.func @pool_rows(%x: tensor<?x8xf32, #T>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects 'input' to have the segments' tokens as rows and 'gradient' its sequences}}
  %0 = graft.segment_pool_gradient mean %x, %x, %seq : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #T>
  return
}

// -----

#S = #graft.dims<S>
#T = #graft.dims<T>
func.func @pool_width(%dy: tensor<?x4xf32, #S>, %x: tensor<?x8xf32, #T>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects 'gradient' and 'input' of one width}}
  %0 = graft.segment_pool_gradient mean %dy, %x, %seq : (tensor<?x4xf32, #S>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #T>
  return
}

// -----

func.func @cross_entropy_gradient(%dl: tensor<2xf32>, %z: tensor<3x4xf32>, %y: tensor<3xi32>) {
  // expected-error @below {{expects 'gradient', 'logits' and 'labels' to have as many rows, got 'tensor<2xf32>', 'tensor<3x4xf32>' and 'tensor<3xi32>'}}
  %0 = graft.cross_entropy_gradient %dl, %z, %y : (tensor<2xf32>, tensor<3x4xf32>, tensor<3xi32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @scatter_rows(%x: tensor<5x4xf32>, %i: tensor<3xi32>, %u: tensor<2x4xf32>) {
  // expected-error @below {{expects 'indices' and 'updates' to have as many rows}}
  %0 = graft.scatter_add %x, %i, %u : (tensor<5x4xf32>, tensor<3xi32>, tensor<2x4xf32>) -> tensor<5x4xf32>
  return
}

// -----

func.func @scatter_width(%x: tensor<5x4xf32>, %i: tensor<3xi32>, %u: tensor<3x2xf32>) {
  // expected-error @below {{expects 'input' and 'updates' of one width}}
  %0 = graft.scatter_add %x, %i, %u : (tensor<5x4xf32>, tensor<3xi32>, tensor<3x2xf32>) -> tensor<5x4xf32>
  return
}

// -----

func.func @concat_width(%x: tensor<4x?xf32, #graft.dims<T>>) {
  // expected-error @below {{'graft.concat' op expects inputs of static width, got 'tensor<4x?xf32, #graft.dims<T>>'}}
  %0 = graft.concat %x : (tensor<4x?xf32, #graft.dims<T>>) -> tensor<4x?xf32, #graft.dims<T>>
  return
}

// -----

func.func @softmax_gradient_c1(%x: tensor<f32>) {
  // expected-error @below {{expects 'gradient' of at least one dimension, got 'tensor<f32>'}}
  %0 = graft.softmax_gradient %x, %x : tensor<f32>
  return
}

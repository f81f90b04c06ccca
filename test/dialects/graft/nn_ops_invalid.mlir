// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Layers on operands that do not fit.
// RUN: graft-opt %s --split-input-file --verify-diagnostics

func.func @linear_c2(%x: tensor<3x4xf32>, %w: tensor<2x4xf32>, %b: tensor<4xf32>) {
  // expected-error @below {{expects 'bias' to have one value an output feature, got 'tensor<4xf32>' and 'tensor<2x4xf32>'}}
  %0 = graft.linear %x, %w, %b : (tensor<3x4xf32>, tensor<2x4xf32>, tensor<4xf32>) -> tensor<3x2xf32>
  return
}

// -----

func.func @matmul_c1(%x: tensor<3x4xf32>, %y: tensor<5x2xf32>) {
  // expected-error @below {{expects equal contracted dimensions, got 'tensor<3x4xf32>' and 'tensor<5x2xf32>'}}
  %0 = graft.matmul %x, %y : (tensor<3x4xf32>, tensor<5x2xf32>) -> tensor<3x2xf32>
  return
}

// -----

func.func @matmul_c1_transpose_lhs(%x: tensor<3x4xf32>, %y: tensor<4x2xf32>) {
  // expected-error @below {{expects equal contracted dimensions, got 'tensor<3x4xf32>' and 'tensor<4x2xf32>'}}
  %0 = graft.matmul %x, %y transpose_lhs : (tensor<3x4xf32>, tensor<4x2xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @matmul_c1_transpose_rhs(%x: tensor<3x4xf32>, %y: tensor<4x2xf32>) {
  // expected-error @below {{expects equal contracted dimensions, got 'tensor<3x4xf32>' and 'tensor<4x2xf32>'}}
  %0 = graft.matmul %x, %y transpose_rhs : (tensor<3x4xf32>, tensor<4x2xf32>) -> tensor<3x4xf32>
  return
}

// -----

#S = #graft.dims<S>
#T = #graft.dims<T>
func.func @matmul_c1_names(%x: tensor<?x4xf32, #T>, %y: tensor<?x2xf32, #S>) {
  // expected-error @below {{expects equal contracted dimensions, got 'tensor<?x4xf32, #graft.dims<T>>' and 'tensor<?x2xf32, #graft.dims<S>>'}}
  %0 = graft.matmul %x, %y transpose_lhs : (tensor<?x4xf32, #T>, tensor<?x2xf32, #S>) -> tensor<4x2xf32>
  return
}

// -----

func.func @matmul_result(%x: tensor<3x4xf32>, %y: tensor<4x2xf32>) {
  // expected-error @below {{op inferred type(s) 'tensor<3x2xf32>' are incompatible with return type(s) of operation 'tensor<2x3xf32>'}}
  // expected-error @below {{op failed to infer returned types}}
  %0 = graft.matmul %x, %y : (tensor<3x4xf32>, tensor<4x2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @matmul_rank(%x: tensor<4xf32>, %y: tensor<4x2xf32>) {
  // expected-error @below {{operand #0 must be 2D tensor of}}
  %0 = graft.matmul %x, %y : (tensor<4xf32>, tensor<4x2xf32>) -> tensor<1x2xf32>
  return
}

// -----

#S = #graft.dims<S>
func.func @positions_result(%seq: !graft.segments<T, S>) {
  // expected-error @below {{op inferred type(s) 'tensor<?xi32, #graft.dims<T>>' are incompatible with return type(s) of operation 'tensor<?xi32, #graft.dims<S>>'}}
  // expected-error @below {{op failed to infer returned types}}
  %0 = graft.positions %seq : (!graft.segments<T, S>) -> tensor<?xi32, #S>
  return
}

// -----

func.func @positions_operand(%x: tensor<4xi32>) {
  // expected-error @below {{operand #0 must be }}
  %0 = "graft.positions"(%x) : (tensor<4xi32>) -> tensor<4xi32>
  return
}

// -----

func.func @layer_norm_c1_scale(%x: tensor<3x4xf32>, %g: tensor<3xf32>, %b: tensor<4xf32>) {
  // expected-error @below {{expects 'scale' and 'shift' to have the row's width, got 'tensor<3x4xf32>', 'tensor<3xf32>' and 'tensor<4xf32>'}}
  %0 = graft.layer_norm %x, %g, %b epsilon 1.0e-5 : (tensor<3x4xf32>, tensor<3xf32>, tensor<4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @layer_norm_c1_shift(%x: tensor<3x4xf32>, %g: tensor<4xf32>, %b: tensor<3xf32>) {
  // expected-error @below {{expects 'scale' and 'shift' to have the row's width, got 'tensor<3x4xf32>', 'tensor<4xf32>' and 'tensor<3xf32>'}}
  %0 = graft.layer_norm %x, %g, %b epsilon 1.0e-5 : (tensor<3x4xf32>, tensor<4xf32>, tensor<3xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @layer_norm_c2(%x: tensor<3x4xf32>, %g: tensor<4xf32>) {
  // expected-error @below {{expects a positive 'epsilon', got 0.000000e+00}}
  %0 = graft.layer_norm %x, %g, %g epsilon 0.0 : (tensor<3x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<3x4xf32>
  return
}

// -----

#T = #graft.dims<T>
func.func @attention_c1(%q: tensor<?x8xf32, #T>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects the width to be a multiple of 'heads', got 'tensor<?x8xf32, #graft.dims<T>>' and 3}}
  %0 = graft.attention %q, %q, %q, %seq heads 3 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #T>
  return
}

// -----

#TH = #graft.dims<T, H>
func.func @attention_c1_dynamic(%q: tensor<?x?xf32, #TH>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects the width to be a multiple of 'heads', got 'tensor<?x?xf32, #graft.dims<T, H>>' and 2}}
  %0 = graft.attention %q, %q, %q, %seq heads 2 : (tensor<?x?xf32, #TH>, tensor<?x?xf32, #TH>, tensor<?x?xf32, #TH>, !graft.segments<T, S>) -> tensor<?x?xf32, #TH>
  return
}

// -----

#S = #graft.dims<S>
func.func @attention_c2_names(%q: tensor<?x8xf32, #S>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects 'query' to have the segments' token dimension, got 'tensor<?x8xf32, #graft.dims<S>>' and '!graft.segments<T, S>'}}
  %0 = graft.attention %q, %q, %q, %seq heads 2 : (tensor<?x8xf32, #S>, tensor<?x8xf32, #S>, tensor<?x8xf32, #S>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
  return
}

// -----

func.func @attention_c2_static(%q: tensor<3x8xf32>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects 'query' to have the segments' token dimension, got 'tensor<3x8xf32>' and '!graft.segments<T, S>'}}
  %0 = graft.attention %q, %q, %q, %seq heads 2 : (tensor<3x8xf32>, tensor<3x8xf32>, tensor<3x8xf32>, !graft.segments<T, S>) -> tensor<3x8xf32>
  return
}

// -----

#T = #graft.dims<T>
func.func @attention_c3(%q: tensor<?x8xf32, #T>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects 'id' where 'dropout' is above zero}}
  %0 = graft.attention %q, %q, %q, %seq heads 2 dropout 1.0e-1 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #T>
  return
}

// -----

#T = #graft.dims<T>
func.func @attention_heads(%q: tensor<?x8xf32, #T>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{attribute 'heads' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive}}
  %0 = graft.attention %q, %q, %q, %seq heads 0 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #T>
  return
}

// -----

#T = #graft.dims<T>
func.func @attention_dropout(%q: tensor<?x8xf32, #T>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{attribute 'dropout' failed to satisfy constraint: 32-bit float attribute a rate in [0, 1)}}
  %0 = graft.attention %q, %q, %q, %seq heads 2 dropout 1.0 id 3 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #T>
  return
}

// -----

#T = #graft.dims<T>
func.func @attention_types(%q: tensor<?x8xf32, #T>, %k: tensor<?x4xf32, #T>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{failed to verify that all of {query, key, value} have same type}}
  %0 = graft.attention %q, %k, %q, %seq heads 2 : (tensor<?x8xf32, #T>, tensor<?x4xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #T>
  return
}

// -----

#T = #graft.dims<T>
func.func @attention_result(%q: tensor<?x8xf32, #T>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{op inferred type(s) 'tensor<?x8xf32, #graft.dims<T>>' are incompatible with return type(s) of operation 'tensor<?x4xf32, #graft.dims<T>>'}}
  // expected-error @below {{op failed to infer returned types}}
  %0 = graft.attention %q, %q, %q, %seq heads 2 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
  return
}

// -----

#P = #graft.dims<P>
func.func @uniform_c1(%seq: !graft.segments<T, S>) {
  // expected-error @below {{expects rows that are the segments' tokens or sequences, got 'tensor<?x8xf32, #graft.dims<P>>' and '!graft.segments<T, S>'}}
  %0 = graft.uniform %seq id 7 : (!graft.segments<T, S>) -> tensor<?x8xf32, #P>
  return
}

// -----

#P = #graft.dims<P>
func.func @dropout_c1(%x: tensor<?x8xf32, #P>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects rows that are the segments' tokens or sequences, got 'tensor<?x8xf32, #graft.dims<P>>' and '!graft.segments<T, S>'}}
  %0 = graft.dropout %x, %seq rate 1.0e-1 id 7 : (tensor<?x8xf32, #P>, !graft.segments<T, S>) -> tensor<?x8xf32, #P>
  return
}

// -----

func.func @softmax_c1(%x: tensor<f32>) {
  // expected-error @below {{expects 'input' of at least one dimension, got 'tensor<f32>'}}
  %0 = graft.softmax %x : (tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @softmax_element(%x: tensor<3x4xi32>) {
  // expected-error @below {{operand #0 must be ranked tensor of}}
  %0 = graft.softmax %x : (tensor<3x4xi32>) -> tensor<3x4xi32>
  return
}

// -----

func.func @softmax_result(%x: tensor<3x4xf32>) {
  // expected-error @below {{op inferred type(s) 'tensor<3x4xf32>' are incompatible with return type(s) of operation 'tensor<4x3xf32>'}}
  // expected-error @below {{op failed to infer returned types}}
  %0 = graft.softmax %x log : (tensor<3x4xf32>) -> tensor<4x3xf32>
  return
}

// -----

#S = #graft.dims<S>
func.func @segment_pool_c1(%x: tensor<?x8xf32, #S>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects 'input' to have the segments' token dimension, got 'tensor<?x8xf32, #graft.dims<S>>' and '!graft.segments<T, S>'}}
  %0 = graft.segment_pool mean %x, %seq : (tensor<?x8xf32, #S>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
  return
}

// -----

#S = #graft.dims<S>
func.func @segment_pool_c1_static(%x: tensor<4x8xf32>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects 'input' to have the segments' token dimension, got 'tensor<4x8xf32>' and '!graft.segments<T, S>'}}
  %0 = graft.segment_pool max %x, %seq : (tensor<4x8xf32>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
  return
}

// -----

#T = #graft.dims<T>
func.func @segment_pool_result(%x: tensor<?x8xf32, #T>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{op inferred type(s) 'tensor<?x8xf32, #graft.dims<S>>' are incompatible with return type(s) of operation 'tensor<?x8xf32, #graft.dims<T>>'}}
  // expected-error @below {{op failed to infer returned types}}
  %0 = graft.segment_pool first %x, %seq : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #T>
  return
}

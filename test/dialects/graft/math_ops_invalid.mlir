// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Reductions and ops that move elements, on operands that do not fit.
// RUN: graft-opt %s --split-input-file --verify-diagnostics

func.func @reduce_c1_rank(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects ascending dimensions inside the input's rank 2, got [2]}}
  %0 = graft.reduce sum %x over [2] : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @reduce_c1_order(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects ascending dimensions inside the input's rank 2, got [1, 0]}}
  %0 = graft.reduce max %x over [1, 0] : (tensor<3x4xf32>) -> tensor<f32>
  return
}

// -----

func.func @reduce_c1_negative(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects ascending dimensions inside the input's rank 2, got [-1]}}
  %0 = graft.reduce sum %x over [-1] : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @reduce_result(%x: tensor<3x4xf32>) {
  // expected-error @below {{op inferred type(s) 'tensor<4xf32>' are incompatible with return type(s) of operation 'tensor<3xf32>'}}
  // expected-error @below {{op failed to infer returned types}}
  %0 = graft.reduce sum %x over [0] : (tensor<3x4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @broadcast_c1_shape(%x: tensor<4xf32>) {
  // expected-error @below {{expects the result without dimensions [0] to have the input's shape, got 'tensor<4xf32>' and 'tensor<3x5xf32>'}}
  %0 = graft.broadcast %x along [0] : (tensor<4xf32>) -> tensor<3x5xf32>
  return
}

// -----

func.func @broadcast_c1_rank(%x: tensor<4xf32>) {
  // expected-error @below {{expects the result without dimensions [] to have the input's shape, got 'tensor<4xf32>' and 'tensor<3x4xf32>'}}
  %0 = graft.broadcast %x along [] : (tensor<4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @broadcast_c1_outside(%x: tensor<4xf32>) {
  // expected-error @below {{expects the result without dimensions [1] to have the input's shape, got 'tensor<4xf32>' and 'tensor<4xf32>'}}
  %0 = graft.broadcast %x along [1] : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @broadcast_c1_order(%x: tensor<f32>) {
  // expected-error @below {{expects the result without dimensions [1, 0] to have the input's shape}}
  %0 = graft.broadcast %x along [1, 0] : (tensor<f32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @broadcast_c1_negative(%x: tensor<4xf32>) {
  // expected-error @below {{expects the result without dimensions [-1] to have the input's shape}}
  %0 = graft.broadcast %x along [-1] : (tensor<4xf32>) -> tensor<3x4xf32>
  return
}

// -----

#S = #graft.dims<S>
#T = #graft.dims<T>
func.func @broadcast_c1_names(%x: tensor<?xf32, #T>) {
  // expected-error @below {{expects the result without dimensions [1] to have the input's shape, got 'tensor<?xf32, #graft.dims<T>>' and 'tensor<?x4xf32, #graft.dims<S>>'}}
  %0 = graft.broadcast %x along [1] : (tensor<?xf32, #T>) -> tensor<?x4xf32, #S>
  return
}

// -----

func.func @broadcast_c2(%x: tensor<4xf32>) {
  // expected-error @below {{expects input and result of one element type, got 'tensor<4xf32>' and 'tensor<3x4xbf16>'}}
  %0 = graft.broadcast %x along [0] : (tensor<4xf32>) -> tensor<3x4xbf16>
  return
}

// -----

func.func @reshape_c1(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects as many elements in input and result, got 'tensor<3x4xf32>' and 'tensor<2x5xf32>'}}
  %0 = graft.reshape %x : (tensor<3x4xf32>) -> tensor<2x5xf32>
  return
}

// -----

#T = #graft.dims<T>
func.func @reshape_c1_dynamic(%x: tensor<?x4xf32, #T>) {
  // expected-error @below {{expects as many elements in input and result, got 'tensor<?x4xf32, #graft.dims<T>>' and 'tensor<4xf32>'}}
  %0 = graft.reshape %x : (tensor<?x4xf32, #T>) -> tensor<4xf32>
  return
}

// -----

#S = #graft.dims<S>
#T = #graft.dims<T>
func.func @reshape_c1_names(%x: tensor<?x4xf32, #T>) {
  // expected-error @below {{expects as many elements in input and result, got 'tensor<?x4xf32, #graft.dims<T>>' and 'tensor<?x2x2xf32, #graft.dims<S>>'}}
  %0 = graft.reshape %x : (tensor<?x4xf32, #T>) -> tensor<?x2x2xf32, #S>
  return
}

// -----

func.func @reshape_c2(%x: tensor<4xf32>) {
  // expected-error @below {{expects input and result of one element type, got 'tensor<4xf32>' and 'tensor<2x2xf16>'}}
  %0 = graft.reshape %x : (tensor<4xf32>) -> tensor<2x2xf16>
  return
}

// -----

func.func @transpose_result(%x: tensor<3x4xf32>) {
  // expected-error @below {{op inferred type(s) 'tensor<4x3xf32>' are incompatible with return type(s) of operation 'tensor<3x4xf32>'}}
  // expected-error @below {{op failed to infer returned types}}
  %0 = graft.transpose %x : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

#S = #graft.dims<S>
#T = #graft.dims<T>
func.func @transpose_names(%x: tensor<?x4xf32, #T>) {
  // expected-error @below {{op inferred type(s) 'tensor<4x?xf32, #graft.dims<T>>' are incompatible with return type(s) of operation 'tensor<4x?xf32, #graft.dims<S>>'}}
  // expected-error @below {{op failed to infer returned types}}
  %0 = graft.transpose %x : (tensor<?x4xf32, #T>) -> tensor<4x?xf32, #S>
  return
}

// -----

func.func @transpose_rank(%x: tensor<2x3x4xf32>) {
  // expected-error @below {{operand #0 must be 2D tensor of}}
  %0 = graft.transpose %x : (tensor<2x3x4xf32>) -> tensor<4x3xf32>
  return
}

// -----

func.func @concat_c1(%x: tensor<3x4xf32>, %y: tensor<2x4xf32>) {
  // expected-error @below {{expects inputs of the same rows, got 'tensor<3x4xf32>' and 'tensor<2x4xf32>'}}
  %0 = graft.concat %x, %y : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @concat_c3(%x: tensor<3x4xf32>, %y: tensor<3x4xbf16>) {
  // expected-error @below {{expects inputs of one element type, got 'tensor<3x4xf32>' and 'tensor<3x4xbf16>'}}
  %0 = graft.concat %x, %y : (tensor<3x4xf32>, tensor<3x4xbf16>) -> tensor<3x8xf32>
  return
}

// -----

func.func @concat_c1_none() {
  // expected-error @below {{expects at least one input, got none}}
  %0 = "graft.concat"() : () -> tensor<3x8xf32>
  return
}

// -----

func.func @slice_c1(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects columns [3, 5) inside the input, got 'tensor<3x4xf32>'}}
  %0 = graft.slice %x columns 3 size 2 : (tensor<3x4xf32>) -> tensor<3x2xf32>
  return
}

// -----

func.func @slice_c1_overflow(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects columns [9223372036854775807, 9223372036854775809) inside the input, got 'tensor<3x4xf32>'}}
  %0 = graft.slice %x columns 9223372036854775807 size 2 : (tensor<3x4xf32>) -> tensor<3x2xf32>
  return
}

// -----

#T = #graft.dims<T>
func.func @slice_c1_dynamic(%x: tensor<3x?xf32, #T>) {
  // expected-error @below {{expects columns [0, 2) inside the input, got 'tensor<3x?xf32, #graft.dims<T>>'}}
  %0 = graft.slice %x columns 0 size 2 : (tensor<3x?xf32, #T>) -> tensor<3x2xf32>
  return
}

// -----

func.func @slice_offset(%x: tensor<3x4xf32>) {
  // expected-error @below {{attribute 'offset' failed to satisfy constraint: 64-bit signless integer attribute whose value is non-negative}}
  %0 = graft.slice %x columns -1 size 2 : (tensor<3x4xf32>) -> tensor<3x2xf32>
  return
}

// -----

func.func @slice_size(%x: tensor<3x4xf32>) {
  // expected-error @below {{attribute 'size' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive}}
  %0 = graft.slice %x columns 1 size 0 : (tensor<3x4xf32>) -> tensor<3x0xf32>
  return
}

// -----

func.func @slice_result(%x: tensor<3x4xf32>) {
  // expected-error @below {{op inferred type(s) 'tensor<3x2xf32>' are incompatible with return type(s) of operation 'tensor<3x3xf32>'}}
  // expected-error @below {{op failed to infer returned types}}
  %0 = graft.slice %x columns 1 size 2 : (tensor<3x4xf32>) -> tensor<3x3xf32>
  return
}

// -----

func.func @gather_indices(%x: tensor<3x4xf32>, %i: tensor<2x1xi32>) {
  // expected-error @below {{operand #1 must be 1D tensor of 32-bit signless integer values}}
  %0 = graft.gather %x, %i : (tensor<3x4xf32>, tensor<2x1xi32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @gather_index_type(%x: tensor<3x4xf32>, %i: tensor<2xf32>) {
  // expected-error @below {{operand #1 must be 1D tensor of 32-bit signless integer values}}
  %0 = graft.gather %x, %i : (tensor<3x4xf32>, tensor<2xf32>) -> tensor<2x4xf32>
  return
}

// -----

#P = #graft.dims<P>
#T = #graft.dims<T>
func.func @gather_result(%x: tensor<?x4xf32, #T>, %i: tensor<?xi32, #P>) {
  // expected-error @below {{op inferred type(s) 'tensor<?x4xf32, #graft.dims<P>>' are incompatible with return type(s) of operation 'tensor<?x4xf32, #graft.dims<T>>'}}
  // expected-error @below {{op failed to infer returned types}}
  %0 = graft.gather %x, %i : (tensor<?x4xf32, #T>, tensor<?xi32, #P>) -> tensor<?x4xf32, #T>
  return
}

// -----

func.func @scatter_add_c3(%x: tensor<5x4xf32>, %i: tensor<3xi32>, %u: tensor<3x4xbf16>) {
  // expected-error @below {{expects 'input' and 'updates' of one element type, got 'tensor<5x4xf32>' and 'tensor<3x4xbf16>'}}
  %0 = graft.scatter_add %x, %i, %u : (tensor<5x4xf32>, tensor<3xi32>, tensor<3x4xbf16>) -> tensor<5x4xf32>
  return
}

// -----

func.func @one_hot_c1(%y: tensor<3xi32>) {
  // expected-error @below {{expects a row for each label, got 'tensor<3xi32>' and 'tensor<4x5xf32>'}}
  %0 = graft.one_hot %y : (tensor<3xi32>) -> tensor<4x5xf32>
  return
}

// -----

#R = #graft.dims<R>
#S = #graft.dims<S>
func.func @one_hot_names(%y: tensor<?xi32, #S>) {
  // expected-error @below {{expects a row for each label, got 'tensor<?xi32, #graft.dims<S>>' and 'tensor<?x5xf32, #graft.dims<R>>'}}
  %0 = graft.one_hot %y : (tensor<?xi32, #S>) -> tensor<?x5xf32, #R>
  return
}

// -----

func.func @one_hot_labels(%y: tensor<3xf32>) {
  // expected-error @below {{operand #0 must be 1D tensor of 32-bit signless integer values}}
  %0 = graft.one_hot %y : (tensor<3xf32>) -> tensor<3x5xf32>
  return
}

// -----

func.func @spectral_c1_square(%m: tensor<3x4xf32>) {
  // expected-error @below {{expects a square matrix, got 'tensor<3x4xf32>'}}
  %0 = graft.spectral root %m above 1.0e-6 : tensor<3x4xf32>
  return
}

// -----

func.func @spectral_c1_rows(%m: tensor<65x65xf32>) {
  // expected-error @below {{expects at most 64 rows, got 65}}
  %0 = graft.spectral inverse %m above 1.0e-6 : tensor<65x65xf32>
  return
}

// -----

func.func @spectral_c2(%m: tensor<3x3xf32>) {
  // expected-error @below {{expects above in [0, 1), got 1.0}}
  %0 = graft.spectral inverse_root %m above 1.0 : tensor<3x3xf32>
  return
}

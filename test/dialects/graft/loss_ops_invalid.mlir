// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Losses on operands that do not fit.
// RUN: graft-opt %s --split-input-file --verify-diagnostics

func.func @cross_entropy_c1(%z: tensor<3x4xf32>, %y: tensor<2xi32>) {
  // expected-error @below {{expects 'logits' and 'labels' to have as many rows, got 'tensor<3x4xf32>' and 'tensor<2xi32>'}}
  %0 = graft.cross_entropy %z, %y : (tensor<3x4xf32>, tensor<2xi32>) -> tensor<3xf32>
  return
}

// -----

#S = #graft.dims<S>
#T = #graft.dims<T>
func.func @cross_entropy_names(%z: tensor<?x4xf32, #S>, %y: tensor<?xi32, #T>) {
  // expected-error @below {{expects 'logits' and 'labels' to have as many rows}}
  %0 = graft.cross_entropy %z, %y : (tensor<?x4xf32, #S>, tensor<?xi32, #T>) -> tensor<?xf32, #S>
  return
}

// -----

func.func @cross_entropy_smoothing(%z: tensor<3x4xf32>, %y: tensor<3xi32>) {
  // expected-error @below {{attribute 'label_smoothing' failed to satisfy constraint: 32-bit float attribute a rate in [0, 1)}}
  %0 = graft.cross_entropy %z, %y smoothing 1.0 : (tensor<3x4xf32>, tensor<3xi32>) -> tensor<3xf32>
  return
}

// -----

func.func @mse_shapes(%p: tensor<3x4xf32>, %t: tensor<3x5xf32>) {
  // expected-error @below {{failed to verify that all of {prediction, target} have same type}}
  %0 = graft.mse %p, %t : (tensor<3x4xf32>, tensor<3x5xf32>) -> tensor<3xf32>
  return
}

// -----

#S = #graft.dims<S>
#T = #graft.dims<T>
func.func @mse_names(%p: tensor<?x4xf32, #S>, %t: tensor<?x4xf32, #T>) {
  // expected-error @below {{failed to verify that all of {prediction, target} have same type}}
  %0 = graft.mse %p, %t : (tensor<?x4xf32, #S>, tensor<?x4xf32, #T>) -> tensor<?xf32, #S>
  return
}

// -----

func.func @mse_rank(%p: tensor<3xf32>) {
  // expected-error @below {{operand #0 must be 2D tensor of}}
  %0 = graft.mse %p, %p : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @mse_result(%p: tensor<3x4xf32>) {
  // expected-error @below {{op inferred type(s) 'tensor<3xf32>' are incompatible with return type(s) of operation 'tensor<4xf32>'}}
  // expected-error @below {{op failed to infer returned types}}
  %0 = graft.mse %p, %p : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @binary_cross_entropy_types(%z: tensor<3x4xf32>, %t: tensor<3x4xbf16>) {
  // expected-error @below {{failed to verify that all of {logits, target} have same type}}
  %0 = graft.binary_cross_entropy %z, %t : (tensor<3x4xf32>, tensor<3x4xbf16>) -> tensor<3xf32>
  return
}

// -----

func.func @binary_cross_entropy_rank(%z: tensor<2x3x4xf32>) {
  // expected-error @below {{operand #0 must be 2D tensor of}}
  %0 = graft.binary_cross_entropy %z, %z : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @binary_cross_entropy_result(%z: tensor<3x4xf32>) {
  // expected-error @below {{result #0 must be 1D tensor of}}
  %0 = graft.binary_cross_entropy %z, %z : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @kl_divergence_c1(%z: tensor<3x4xf32>) {
  // expected-error @below {{expects a positive 'temperature', got 0.000000e+00}}
  %0 = graft.kl_divergence %z, %z temperature 0.0 : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @kl_divergence_negative(%z: tensor<3x4xf32>) {
  // expected-error @below {{expects a positive 'temperature', got -1.000000e+00}}
  %0 = graft.kl_divergence %z, %z temperature -1.0 : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @kl_divergence_nan(%z: tensor<3x4xf32>) {
  // expected-error @below {{expects a positive 'temperature', got nan}}
  %0 = graft.kl_divergence %z, %z temperature 0x7FC00000 : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @kl_divergence_shapes(%z: tensor<3x4xf32>, %t: tensor<2x4xf32>) {
  // expected-error @below {{failed to verify that all of {logits, target} have same type}}
  %0 = graft.kl_divergence %z, %t : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3xf32>
  return
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Updates of parameters that cannot be.
// RUN: graft-opt %s --split-input-file --verify-diagnostics

func.func @adamw_c1_beta1(%w: tensor<4xf32>, %lr: tensor<f32>, %t: tensor<i32>) {
  // expected-error @below {{expects 'beta1' and 'beta2' in [0, 1), got 1.000000e+00 and 5.000000e-01}}
  %a, %b, %c = graft.adamw %w, %w, %w, %w rate %lr step %t beta1 1.0 beta2 5.0e-1 epsilon 1.0e-8 decay 0.0 : tensor<4xf32>
  return
}

// -----

func.func @adamw_c1_beta2(%w: tensor<4xf32>, %lr: tensor<f32>, %t: tensor<i32>) {
  // expected-error @below {{expects 'beta1' and 'beta2' in [0, 1), got 5.000000e-01 and -5.000000e-01}}
  %a, %b, %c = graft.adamw %w, %w, %w, %w rate %lr step %t beta1 5.0e-1 beta2 -5.0e-1 epsilon 1.0e-8 decay 0.0 : tensor<4xf32>
  return
}

// -----

func.func @adamw_c1_epsilon(%w: tensor<4xf32>, %lr: tensor<f32>, %t: tensor<i32>) {
  // expected-error @below {{expects a positive 'epsilon', got 0.000000e+00}}
  %a, %b, %c = graft.adamw %w, %w, %w, %w rate %lr step %t beta1 5.0e-1 beta2 5.0e-1 epsilon 0.0 decay 0.0 : tensor<4xf32>
  return
}

// -----

func.func @adamw_c2_decay(%w: tensor<4xf32>, %lr: tensor<f32>, %t: tensor<i32>) {
  // expected-error @below {{expects 'decay' and 'multiplier' of at least 0, got -1.000000e+00 and 1.000000e+00}}
  %a, %b, %c = graft.adamw %w, %w, %w, %w rate %lr step %t beta1 5.0e-1 beta2 5.0e-1 epsilon 1.0e-8 decay -1.0 : tensor<4xf32>
  return
}

// -----

func.func @adamw_c2_multiplier(%w: tensor<4xf32>, %lr: tensor<f32>, %t: tensor<i32>) {
  // expected-error @below {{expects 'decay' and 'multiplier' of at least 0, got 0.000000e+00 and -2.000000e+00}}
  %a, %b, %c = graft.adamw %w, %w, %w, %w rate %lr step %t beta1 5.0e-1 beta2 5.0e-1 epsilon 1.0e-8 decay 0.0 multiplier -2.0 : tensor<4xf32>
  return
}

// -----

func.func @adamw_shapes(%w: tensor<4xf32>, %lr: tensor<f32>, %t: tensor<i32>, %g: tensor<5xf32>) {
  // expected-error @below {{failed to verify that all of {parameter, gradient, first_moment, second_moment, new_parameter, new_first_moment, new_second_moment} have same type}}
  %0:3 = "graft.adamw"(%w, %g, %w, %w, %lr, %t) <{beta1 = 5.0e-1 : f32, beta2 = 5.0e-1 : f32, epsilon = 1.0e-8 : f32, decay = 0.0 : f32}> : (tensor<4xf32>, tensor<5xf32>, tensor<4xf32>, tensor<4xf32>, tensor<f32>, tensor<i32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
  return
}

// -----

func.func @adamw_rate(%w: tensor<4xf32>, %lr: tensor<1xf32>, %t: tensor<i32>) {
  // expected-error @below {{operand #4 must be tensor<f32>}}
  %0:3 = "graft.adamw"(%w, %w, %w, %w, %lr, %t) <{beta1 = 5.0e-1 : f32, beta2 = 5.0e-1 : f32, epsilon = 1.0e-8 : f32, decay = 0.0 : f32}> : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<1xf32>, tensor<i32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
  return
}

// -----

func.func @sgd_c1(%w: tensor<4xf32>, %lr: tensor<f32>) {
  // expected-error @below {{expects 'decay' and 'multiplier' of at least 0, got -1.000000e+00 and 1.000000e+00}}
  %a = graft.sgd %w, %w rate %lr decay -1.0 : tensor<4xf32>
  return
}

// -----

func.func @momentum_c1(%w: tensor<4xf32>, %lr: tensor<f32>) {
  // expected-error @below {{expects 'momentum' in [0, 1), got 1.000000e+00}}
  %a, %b = graft.momentum %w, %w, %w rate %lr momentum 1.0 decay 0.0 : tensor<4xf32>
  return
}

// -----

func.func @momentum_c2(%w: tensor<4xf32>, %lr: tensor<f32>) {
  // expected-error @below {{expects 'decay' and 'multiplier' of at least 0, got 0.000000e+00 and -2.000000e+00}}
  %a, %b = graft.momentum %w, %w, %w rate %lr momentum 5.0e-1 decay 0.0 multiplier -2.0 : tensor<4xf32>
  return
}

// -----

func.func @lamb_c1(%w: tensor<4xf32>, %lr: tensor<f32>, %t: tensor<i32>) {
  // expected-error @below {{expects a positive 'epsilon', got 0.000000e+00}}
  %a, %b, %c = graft.lamb %w, %w, %w, %w rate %lr step %t beta1 5.0e-1 beta2 5.0e-1 epsilon 0.0 decay 0.0 : tensor<4xf32>
  return
}

// -----

func.func @lamb_c2(%w: tensor<4xf32>, %lr: tensor<f32>, %t: tensor<i32>) {
  // expected-error @below {{expects 'decay' and 'multiplier' of at least 0, got -1.000000e+00 and 1.000000e+00}}
  %a, %b, %c = graft.lamb %w, %w, %w, %w rate %lr step %t beta1 5.0e-1 beta2 5.0e-1 epsilon 1.0e-8 decay -1.0 : tensor<4xf32>
  return
}

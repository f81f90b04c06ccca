// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Precision that an op cannot have.
// RUN: graft-opt %s --split-input-file --verify-diagnostics

func.func @name(%x: tensor<3xf32>) -> tensor<3xf32> {
  // expected-error @below {{expects 'graft.precision' to be "low", "keep" or "follow", got "high"}}
  %0 = graft.gelu erf %x {graft.precision = "high"} : tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

func.func @kind(%x: tensor<3xf32>) -> tensor<3xf32> {
  // expected-error @below {{expects 'graft.precision' to be "low", "keep" or "follow", got 16 : i64}}
  %0 = graft.gelu erf %x {graft.precision = 16} : tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

// Sums may be left unrounded, but not be rounded to another type.
func.func @product(%x: tensor<3x4xbf16>, %w: tensor<2x4xbf16>) -> tensor<3x2xf16> {
  // expected-error @below {{op inferred type(s) 'tensor<3x2xbf16>' are incompatible with return type(s) of operation 'tensor<3x2xf16>'}}
  // expected-error @below {{op failed to infer returned types}}
  %0 = graft.linear %x, %w : (tensor<3x4xbf16>, tensor<2x4xbf16>) -> tensor<3x2xf16>
  return %0 : tensor<3x2xf16>
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Regions whose body does not fit.
// RUN: graft-opt %s --split-input-file --verify-diagnostics

func.func @inputs(%x: tensor<3xf32>) -> tensor<3xf32> {
  // expected-error @below {{expects arguments of the types of its operands, got 'tensor<4xf32>' for 'tensor<3xf32>'}}
  %0 = "graft.region"(%x) ({
  ^bb0(%a: tensor<4xf32>):
    %1 = graft.constant 0.0 : tensor<3xf32>
    graft.yield %1 : tensor<3xf32>
  }) : (tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// -----

func.func @results(%x: tensor<3xf32>) -> tensor<4xf32> {
  // expected-error @below {{expects results of the types it yields, got 'tensor<4xf32>' for 'tensor<3xf32>'}}
  %0 = graft.region (%a = %x) : (tensor<3xf32>) -> tensor<4xf32> {
    graft.yield %a : tensor<3xf32>
  }
  return %0 : tensor<4xf32>
}

// -----

func.func @operands(%x: tensor<3xf32>) -> tensor<3xf32> {
  // expected-error @below {{expects 1 types of operands, got 2}}
  %0 = graft.region (%a = %x) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32> {
    graft.yield %a : tensor<3xf32>
  }
  return %0 : tensor<3xf32>
}

// -----

graft.model @m {
  graft.parameter @w : tensor<3xf32>
}
func.func @effects(%x: tensor<3xf32>) -> tensor<3xf32> {
  // expected-error @below {{expects ops without effects, got 'graft.write'}}
  %0 = graft.region (%a = %x) : (tensor<3xf32>) -> tensor<3xf32> {
    graft.write @m::@w, %a : tensor<3xf32>
    graft.yield %a : tensor<3xf32>
  }
  return %0 : tensor<3xf32>
}

// -----

func.func @outside(%x: tensor<3xf32>) -> tensor<3xf32> {
  // expected-note @below {{required by region isolation constraints}}
  %0 = graft.region (%a = %x) : (tensor<3xf32>) -> tensor<3xf32> {
    // expected-error @below {{using value defined outside the region}}
    %1 = graft.add %a, %x : tensor<3xf32>
    graft.yield %1 : tensor<3xf32>
  }
  return %0 : tensor<3xf32>
}

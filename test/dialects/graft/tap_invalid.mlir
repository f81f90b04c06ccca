// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The rules of graft.tap, by the labels of its documentation.

// RUN: graft-opt %s --split-input-file --verify-diagnostics

// C1.

func.func @f(%x: tensor<3x4xf32>) {
  // expected-error @below {{'graft.tap' op expects to be in a function of a graft.model}}
  graft.tap "hidden" %x : tensor<3x4xf32>
  return
}

// -----

// C2.

graft.model @m {
  graft.layers @layer count 2 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @f(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
    %y = graft.repeat 2 scope @layer (%h = %x) : tensor<3x4xf32> {
      // expected-error @below {{'graft.tap' op expects no 'layer' inside graft.repeat, whose iterations count, got 1}}
      graft.tap "hidden" %h layer 1 : tensor<3x4xf32>
      graft.yield %h : tensor<3x4xf32>
    }
    return %y : tensor<3x4xf32>
  }
}

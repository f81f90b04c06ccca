// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// C1: layers are expanded before they are tapped.

// RUN: graft-opt %s --transfer-link --transfer-expand-taps --verify-diagnostics

#T = #graft.dims<T>
#S = #graft.dims<S>
!layers = !transfer.layers<tensor<?x4xf32, #T>>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  // expected-error @below {{'graft.layers' op expects to be expanded by transfer-expand-layers before they are tapped}}
  graft.layers @stack count 2 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %z : tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
graft.model @teacher {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 3 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 3 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %z : tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
transfer.strategy @s {
  %text = transfer.stream @train of text in @T, @S
  transfer.group @all of @model
  transfer.group @frozen of @teacher frozen
  %own = transfer.call @model::@encode(%text) : (!transfer.text) -> tensor<?x4xf32, #T>
  %q = transfer.tap "hidden" of %own : tensor<?x4xf32, #T> -> !layers
}

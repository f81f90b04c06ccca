// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// C8: a formula of layers that is no layers.

// RUN: graft-opt %s --transfer-expand-taps --verify-diagnostics

#T = #graft.dims<T>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @words : tensor<16x4xf32>
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    graft.tap "hidden" %x layer 1 : tensor<?x4xf32, #T>
    return %x : tensor<?x4xf32, #T>
  }
}
transfer.strategy @s {
  %ids = transfer.stream @train of ids in @T, @S
  transfer.group @all of @m
  %x = transfer.call @m::@encode(%ids) : (tensor<?xi32, #T>) -> tensor<?x4xf32, #T>
  %h = transfer.tap "hidden" of %x : tensor<?x4xf32, #T> -> !transfer.layers<tensor<?x4xf32, #T>>
  // expected-error @below {{'graft.formula' op expects layers as its result, as an operand is, got 'tensor<?x4xf32, #graft.dims<T>>'}}
  %y = graft.formula "h[t, k] -> [t, k]: exp(h)" (%h) : (!transfer.layers<tensor<?x4xf32, #T>>) -> tensor<?x4xf32, #T>
}

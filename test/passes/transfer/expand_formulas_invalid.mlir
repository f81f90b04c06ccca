// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: graft-opt %s --transfer-expand-formulas --split-input-file --verify-diagnostics

// C1: texts have their fields, and layers are single ones.
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
transfer.strategy @c1_text {
  %text = transfer.stream @train of text in @T, @S
  %x = transfer.call @m::@encode(%text) : (!transfer.text) -> tensor<?x4xf32, #T>
  // expected-error @below {{expects tensors and segments, got '!transfer.text'}}
  %y = graft.formula "x[t, h], text[t, s] -> [s, h]: mean text (x)" (%x, %text) : (tensor<?x4xf32, #T>, !transfer.text) -> tensor<?x4xf32, #S>
}

// -----

#T = #graft.dims<T>
graft.size @T bound 64
graft.size @S bound 8
transfer.strategy @c1_layers {
  %text = transfer.stream @train of text in @T, @S
  %x = transfer.call @m::@encode(%text) : (!transfer.text) -> tensor<?x4xf32, #T>
  // expected-error @below {{expects a tensor as its result, got '!transfer.layers<tensor<?x4xf32, #graft.dims<T>>>'}}
  %y = graft.formula "x: exp(x)" (%x) : (tensor<?x4xf32, #T>) -> !transfer.layers<tensor<?x4xf32, #T>>
}

// -----

// C2.
graft.size @T bound 64
graft.size @S bound 8
transfer.strategy @c2_model {
  %text = transfer.stream @train of text in @T, @S
  // expected-error @below {{expects parameters of a graft.model, got @m}}
  %w = transfer.read @m [@w] : tensor<4xf32>
}

// -----

graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  // expected-error @below {{expects to be expanded by transfer-expand-layers before its parameters are read}}
  graft.layers @layer count 2 {
    graft.parameter @w : tensor<4xf32>
  }
}
transfer.strategy @c2_layers {
  %text = transfer.stream @train of text in @T, @S
  %w = transfer.read @m [@layer.1.w] : tensor<4xf32>
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The rules of transfer.tap and of calls of layers, by the labels of their
// documentation.

// RUN: graft-opt %s --split-input-file --verify-diagnostics

// C1 of transfer.tap.

#S = #graft.dims<S>
!layers = !transfer.layers<tensor<?x4xf32, #S>>
transfer.strategy @s {
  %x = graft.constant 0.0 : tensor<?x4xf32, #S>
  // expected-error @below {{'transfer.tap' op expects 'source' to be a result of a transfer.call}}
  %h = transfer.tap "hidden" of %x : tensor<?x4xf32, #S> -> !layers
}

// -----

// C2.

#S = #graft.dims<S>
!layers = !transfer.layers<tensor<?x4xf32, #S>>
transfer.strategy @s {
  %x = transfer.call @m::@f() : () -> tensor<?x4xf32, #S>
  // expected-error @below {{'transfer.tap' op expects one of 'layer', 'layers' and 'matching' at most}}
  %h = transfer.tap "hidden" layer 1 layers 1 to 2 of %x : tensor<?x4xf32, #S> -> !layers
}

// -----

// C2.

#S = #graft.dims<S>
!layers = !transfer.layers<tensor<?x4xf32, #S>>
transfer.strategy @s {
  %x = transfer.call @m::@f() : () -> tensor<?x4xf32, #S>
  // expected-error @below {{'transfer.tap' op expects a tensor of one 'layer', and else layers, got '!transfer.layers<tensor<?x4xf32, #graft.dims<S>>>'}}
  %h = transfer.tap "hidden" layer 1 of %x : tensor<?x4xf32, #S> -> !layers
}

// -----

// C2.

#S = #graft.dims<S>
transfer.strategy @s {
  %x = transfer.call @m::@f() : () -> tensor<?x4xf32, #S>
  // expected-error @below {{'transfer.tap' op expects a tensor of one 'layer', and else layers, got 'tensor<?x4xf32, #graft.dims<S>>'}}
  %h = transfer.tap "hidden" of %x : tensor<?x4xf32, #S> -> tensor<?x4xf32, #S>
}

// -----

// C3.

#S = #graft.dims<S>
!layers = !transfer.layers<tensor<?x4xf32, #S>>
transfer.strategy @s {
  %x = transfer.call @m::@f() : () -> tensor<?x4xf32, #S>
  %h = transfer.tap "hidden" of %x : tensor<?x4xf32, #S> -> !layers
  %k = transfer.cache @kept %h : !layers
  // expected-error @below {{'transfer.tap' op expects 'matching' to be the result of a transfer.tap}}
  %t = transfer.tap "hidden" of %x matching %k : tensor<?x4xf32, #S>, !layers -> !layers
}

// -----

// C4.

#S = #graft.dims<S>
!layers = !transfer.layers<tensor<?x4xf32, #S>>
transfer.strategy @s {
  %x = transfer.call @m::@f() : () -> tensor<?x4xf32, #S>
  // expected-error @below {{'transfer.tap' op expects 'last' to be an integer in [-10000, 10000], got 1.5}}
  %h = transfer.tap "hidden" layers 1 to 1.5 of %x : tensor<?x4xf32, #S> -> !layers
}

// -----

// C4.

#S = #graft.dims<S>
!layers = !transfer.layers<tensor<?x4xf32, #S>>
transfer.strategy @s {
  %x = transfer.call @m::@f() : () -> tensor<?x4xf32, #S>
  // expected-error @below {{'transfer.tap' op expects 'layer' to be the same in each step, got "step"}}
  %h = transfer.tap "hidden" layer "step" of %x : tensor<?x4xf32, #S> -> tensor<?x4xf32, #S>
}

// -----

// C4.

#S = #graft.dims<S>
!layers = !transfer.layers<tensor<?x4xf32, #S>>
transfer.strategy @s {
  %x = transfer.call @m::@f() : () -> tensor<?x4xf32, #S>
  // expected-error @below {{'transfer.tap' op expects 'first' and 'last' together}}
  %h = "transfer.tap"(%x) <{kind = "hidden", first = 1 : i64}> : (tensor<?x4xf32, #S>) -> !layers
}

// -----

// C1 of transfer.call.

#S = #graft.dims<S>
!layers = !transfer.layers<tensor<?x4xf32, #S>>
transfer.strategy @s {
  // expected-error @below {{'transfer.call' op expects layers as results where an operand is, got '!transfer.layers<tensor<?x4xf32, #graft.dims<S>>>'}}
  %x = transfer.call @m::@f() : () -> !layers
}

// -----

// C1 of transfer.call.

#S = #graft.dims<S>
!layers = !transfer.layers<tensor<?x4xf32, #S>>
transfer.strategy @s {
  %x = transfer.call @m::@f() : () -> tensor<?x4xf32, #S>
  %h = transfer.tap "hidden" of %x : tensor<?x4xf32, #S> -> !layers
  // expected-error @below {{'transfer.call' op expects layers as results, as an operand is, got 'tensor<?x4xf32, #graft.dims<S>>'}}
  %y = transfer.call @m::@f(%h) : (!layers) -> tensor<?x4xf32, #S>
}

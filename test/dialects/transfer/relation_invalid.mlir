// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The rules of transfer.relation_divergence and transfer.count, by the labels of their
// documentation.

// RUN: graft-opt %s --split-input-file --verify-diagnostics

// C1 of transfer.relation_divergence.

#T = #graft.dims<T>
#S = #graft.dims<S>
!layers = !transfer.layers<tensor<?x4xf32, #T>>
transfer.strategy @s {
  %seq = transfer.stream @train of segments in @T, @S
  %x = transfer.call @m::@f() : () -> tensor<?x4xf32, #T>
  %h = transfer.tap "query" of %x : tensor<?x4xf32, #T> -> !layers
  // expected-error @below {{'transfer.relation_divergence' op expects layers only where the result is, got '!transfer.layers<tensor<?x4xf32, #graft.dims<T>>>'}}
  %d = transfer.relation_divergence kl %h, %h, %x, %x over %seq : (!layers, !layers, tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?xf32, #S>
}

// -----

// C1.

#T = #graft.dims<T>
#S = #graft.dims<S>
!layers = !transfer.layers<tensor<?x4xf32, #T>>
!losses = !transfer.layers<tensor<?xf32, #S>>
transfer.strategy @s {
  %seq = transfer.stream @train of segments in @T, @S
  %x = transfer.call @m::@f() : () -> tensor<?x4xf32, #T>
  %h = transfer.tap "query" of %x : tensor<?x4xf32, #T> -> !layers
  // expected-error @below {{'transfer.relation_divergence' op expects layers, as the result is, got 'tensor<?x4xf32, #graft.dims<T>>'}}
  %d = transfer.relation_divergence kl %h, %h, %x, %x over %seq : (!layers, !layers, tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, !graft.segments<T, S>) -> !losses
}

// -----

// C2.

#T = #graft.dims<T>
#S = #graft.dims<S>
transfer.strategy @s {
  %seq = transfer.stream @train of segments in @T, @S
  %x = transfer.call @m::@f() : () -> tensor<?x4xf32, #T>
  %y = transfer.call @m::@g() : () -> tensor<?x8xf32, #T>
  // expected-error @below {{'transfer.relation_divergence' op expects 'target_query' and 'target_key' of one type, got 'tensor<?x4xf32, #graft.dims<T>>' and 'tensor<?x8xf32, #graft.dims<T>>'}}
  %d = transfer.relation_divergence mse %x, %x, %x, %y over %seq heads 2 : (tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?xf32, #S>
}

// -----

// C3.

#T = #graft.dims<T>
#S = #graft.dims<S>
transfer.strategy @s {
  %seq = transfer.stream @train of segments in @T, @S
  %x = transfer.call @m::@f() : () -> tensor<?x4xf32, #T>
  // expected-error @below {{'transfer.relation_divergence' op expects 'heads' to be an integer that is not negative, got 1.500000e+00}}
  %d = transfer.relation_divergence mse %x, %x, %x, %x over %seq heads 1.5 : (tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?xf32, #S>
}

// -----

// C1 of transfer.count.

transfer.strategy @s {
  // expected-error @below {{'transfer.count' op expects 'count' to be a positive integer, got 0}}
  transfer.count @m::@stack is 0
}

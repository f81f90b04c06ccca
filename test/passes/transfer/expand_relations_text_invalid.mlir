// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// C7: texts have their fields before layers are expanded.

// RUN: graft-opt %s --transfer-expand-taps --verify-diagnostics

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
transfer.strategy @s {
  %text = transfer.stream @train of text in @T, @S
  %x = transfer.call @m::@encode(%text) : (!transfer.text) -> tensor<?x4xf32, #T>
  // expected-error @below {{'transfer.relation_divergence' op expects to be linked by transfer-link before layers are expanded}}
  %d = transfer.relation_divergence kl %x, %x, %x, %x over %text heads 2 : (tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, !transfer.text) -> tensor<?xf32, #S>
}

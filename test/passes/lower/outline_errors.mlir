// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: %graft-opt %s --lower-outline --split-input-file --verify-diagnostics
// RUN: not %graft-opt %s --lower-outline=target=z80 --split-input-file 2>&1 | FileCheck %s

// CHECK: expects a known target, got 'z80'

// An op that no one lowers is named.

func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> attributes {graft.phase = "f"} {
  // expected-error @below {{'arith.negf' op expects a kernel emitter or the RegionLoweringInterface, got neither}}
  %y = arith.negf %x : tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

#TH = #graft.dims<T, H>
graft.size @T bound 64
graft.size @S bound 8
graft.size @H bound 8
func.func @open_width(%q: tensor<?x?xf32, #TH>, %s: !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>> attributes {graft.phase = "f"} {
  // expected-error @below {{expects rows of static width for CPU kernels, got 'tensor<?x?xf32, #graft.dims<T, H>>'}}
  %d = graft.relation_divergence kl %q, %q, %q, %q, %s heads 2 : (tensor<?x?xf32, #TH>, tensor<?x?xf32, #TH>, tensor<?x?xf32, #TH>, tensor<?x?xf32, #TH>, !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>>
  return %d : tensor<?xf32, #graft.dims<S>>
}

// -----

#T = #graft.dims<T>
graft.size @T bound 64
graft.size @S bound 8
func.func @wide_heads(%g: tensor<?xf32, #graft.dims<S>>, %q: tensor<?x8xf32, #T>, %r: tensor<?x9000xf32, #T>, %s: !graft.segments<T, S>) -> tensor<?x8xf32, #T> attributes {graft.phase = "f"} {
  // expected-error @below {{expects heads of at most 4096 features for CPU kernels, got 4500}}
  %dq, %dk = graft.relation_divergence_gradient kl %g, %q, %q, %r, %r, %s heads 2 : (tensor<?xf32, #graft.dims<S>>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x9000xf32, #T>, tensor<?x9000xf32, #T>, !graft.segments<T, S>) -> (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>)
  return %dq : tensor<?x8xf32, #T>
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: graft-opt %s --plan-memory --split-input-file --verify-diagnostics

// C1
func.func @op(%x: tensor<3x4xf32>) -> tensor<3x4xf32> attributes {graft.phase = "op"} {
  // expected-error @+1 {{expects launches, reads, writes and constants in a phase}}
  %y = graft.relu %x : tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

// -----

// C2
// expected-error @+1 {{expects named dimensions that graft.size declares, got 'tensor<?x4xf32, #graft.dims<T>>'}}
func.func @dims(%x: tensor<?x4xf32, #graft.dims<T>>) attributes {graft.phase = "dims"} {
  return
}

// -----

// C3
graft.model @m {
  graft.parameter @w : tensor<4xf32>
}
func.func @twice(%x: tensor<4xf32>, %y: tensor<4xf32>) attributes {graft.phase = "twice"} {
  graft.write @m::@w, %x : tensor<4xf32>
  // expected-error @+1 {{expects one write of @m::@w in a phase, got a second}}
  graft.write @m::@w, %y : tensor<4xf32>
  return
}

// -----

// C4
graft.size @T bound 4
graft.size @S bound 4
func.func @segments(%x: !graft.segments<T, S>) -> !graft.segments<T, S> attributes {graft.phase = "segments"} {
  // expected-error @+1 {{expects tensors as results, got '!graft.segments<T, S>'}}
  return %x : !graft.segments<T, S>
}

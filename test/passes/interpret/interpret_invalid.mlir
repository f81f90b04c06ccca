// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: graft-opt %s --split-input-file --verify-diagnostics --interpret=entry=f -o /dev/null

func.func @f(%ids: tensor<2xi32> {graft.value = dense<[1, 4]> : tensor<2xi32>}, %w: tensor<4x2xf32>) -> tensor<2x2xf32> {
  // expected-error @below {{expects ids in [0, 4), got 4 at row 1}}
  %y = graft.embedding %ids, %w : (tensor<2xi32>, tensor<4x2xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// -----

func.func @f(%z: tensor<2x3xf32>, %y: tensor<2xi32> {graft.value = dense<[-1, 3]> : tensor<2xi32>}) -> tensor<2xf32> {
  // expected-error @below {{expects labels in [0, 3), got 3 at row 1}}
  %l = graft.cross_entropy %z, %y ignore -1 : (tensor<2x3xf32>, tensor<2xi32>) -> tensor<2xf32>
  return %l : tensor<2xf32>
}

// -----

// expected-note @below {{declared here}}
graft.size @T bound 4
// expected-error @below {{expects size @T to be at most 4, got 5}}
func.func @f(%seq: !graft.segments<T, S> {graft.value = array<i32: 0, 2, 5>}) -> tensor<?xi32, #graft.dims<T>> {
  %p = graft.positions %seq : (!graft.segments<T, S>) -> tensor<?xi32, #graft.dims<T>>
  return %p : tensor<?xi32, #graft.dims<T>>
}

// -----

// expected-error @below {{expects size @S to be 2, got 3}}
func.func @f(%seq: !graft.segments<T, S> {graft.value = array<i32: 0, 2, 5>},
             %y: tensor<?xi32, #graft.dims<S>> {graft.value = dense<1> : tensor<3xi32>}) {
  return
}

// -----

// expected-error @below {{expects offsets of argument 0 that ascend from 0, one more than ordinals}}
func.func @f(%seq: !graft.segments<T, S> {graft.value = array<i32: 0, 5, 5>}) {
  return
}

// -----

// expected-error @below {{expects names for the dynamic dimensions of argument 0, got 'tensor<?xf32>'}}
func.func @f(%x: tensor<?xf32>) {
  return
}

// -----

func.func @f() -> tensor<f32> {
  // expected-error @below {{has no reference implementation}}
  %x = tensor.empty() : tensor<f32>
  return %x : tensor<f32>
}

// -----

graft.model @m {
  graft.parameter @w : tensor<2xf32>
}
func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {
  graft.write @m::@w, %x : tensor<2xf32>
  // expected-error @below {{expects no write of @m::@w before a read of it}}
  %w = graft.read @m::@w : tensor<2xf32>
  return %w : tensor<2xf32>
}

// -----

graft.model @m {
  func.func @g() {
    graft.call @h() : () -> ()
    return
  }
  func.func @h() {
    // expected-error @below {{expects no recursion, got a call of @g in itself}}
    graft.call @g() : () -> ()
    return
  }
}
func.func @f() {
  graft.call @m::@g() : () -> ()
  return
}

// -----

// expected-error @below {{expects 'entry' to name a function, got "f"}}
module {}

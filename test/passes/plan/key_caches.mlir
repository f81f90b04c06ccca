// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: graft-opt %s --split-input-file --plan-key-caches | FileCheck %s

// The names of a cache and of its entry do not count, nor what else is in the module.
// CHECK-LABEL: func.func @said
// CHECK: exec.cache @said of @train by @said output 0 key "[[$KEY:[0-9a-f]+]]"
graft.size @T bound 8
graft.size @S bound 4
graft.model @m {
  graft.parameter @w : tensor<8x3xf32>
}
func.func @said(%ids: tensor<?xi32, #graft.dims<T>>) -> tensor<?x3xf32, #graft.dims<T>> attributes {graft.phase = "said"} {
  %w = graft.read @m::@w : tensor<8x3xf32>
  %y = graft.embedding %ids, %w : (tensor<?xi32, #graft.dims<T>>, tensor<8x3xf32>) -> tensor<?x3xf32, #graft.dims<T>>
  return %y : tensor<?x3xf32, #graft.dims<T>>
}
exec.host @run {
  exec.stream @train sizes (T, S)
  exec.cache @said of @train by @said output 0
  exec.fill_cache @said
}

// -----

// CHECK-LABEL: func.func @told
// CHECK: exec.cache @other of @train by @told output 0 key "[[$KEY]]"
// Rows of a batch are kept by nobody.
// CHECK-NEXT: exec.cache @now of @train by @told output 0 batch{{$}}
graft.size @T bound 4096
graft.size @S bound 64
graft.size @B bound 64
graft.model @m {
  graft.parameter @w : tensor<8x3xf32>
}
func.func @told(%ids: tensor<?xi32, #graft.dims<T>>) -> (tensor<?x3xf32, #graft.dims<T>> {graft.name = "cached.other"}) attributes {graft.phase = "told", graft.phase_ordinal = 3 : i32} {
  %x = graft.read @m::@w : tensor<8x3xf32>
  %z = graft.embedding %ids, %x : (tensor<?xi32, #graft.dims<T>>, tensor<8x3xf32>) -> tensor<?x3xf32, #graft.dims<T>>
  return %z : tensor<?x3xf32, #graft.dims<T>>
}
exec.host @run {
  exec.stream @train sizes (T, S) batch @B
  exec.cache @other of @train by @told output 0
  exec.cache @now of @train by @told output 0 batch
  exec.fill_cache @other
}

// -----

// Another parameter.
// CHECK-LABEL: func.func @said
// CHECK: exec.cache @said of @train by @said output 0 key
// CHECK-NOT: "[[$KEY]]"
graft.size @T bound 8
graft.size @S bound 4
graft.model @m {
  graft.parameter @v : tensor<8x3xf32>
}
func.func @said(%ids: tensor<?xi32, #graft.dims<T>>) -> tensor<?x3xf32, #graft.dims<T>> attributes {graft.phase = "said"} {
  %w = graft.read @m::@v : tensor<8x3xf32>
  %y = graft.embedding %ids, %w : (tensor<?xi32, #graft.dims<T>>, tensor<8x3xf32>) -> tensor<?x3xf32, #graft.dims<T>>
  return %y : tensor<?x3xf32, #graft.dims<T>>
}
exec.host @run {
  exec.stream @train sizes (T, S)
  exec.cache @said of @train by @said output 0
  exec.fill_cache @said
}

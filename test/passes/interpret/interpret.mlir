// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: graft-opt %s --interpret=entry=linear -o /dev/null | FileCheck %s --check-prefix=LINEAR
// RUN: graft-opt %s --interpret=entry=update -o /dev/null | FileCheck %s --check-prefix=UPDATE
// RUN: graft-opt %s --interpret="entry=packed seed=7" -o /dev/null > %t.1
// RUN: graft-opt %s --interpret="entry=packed seed=7" -o /dev/null > %t.2
// RUN: cmp %t.1 %t.2
// RUN: graft-opt %s --interpret="entry=packed seed=7 lengths=2,3" -o /dev/null | FileCheck %s --check-prefix=PACKED
// RUN: graft-opt %s --interpret="entry=m::stack" -o /dev/null | FileCheck %s --check-prefix=STACK
// RUN: graft-opt %s --interpret="entry=linear output=%t.safetensors" -o /dev/null
// RUN: not graft-opt %s --interpret="entry=linear inputs=%t.safetensors" -o /dev/null 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: graft-opt %s --interpret="entry=again inputs=%t.safetensors limit=3" -o /dev/null | FileCheck %s --check-prefix=FILE

graft.size @T bound 64
graft.size @S bound 8

// NAME: error: expects names of arguments, parameters and states in {{.*}}, got "y"{{$}}
// LINEAR: y: tensor<2x2xf32> {{\[\[}}1.5, 2], [3.5, 4]]
func.func @linear(
    %x: tensor<2x2xf32> {graft.value = dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>},
    %w: tensor<2x2xf32> {graft.value = dense<[[1.0, 0.0], [0.0, 1.0]]> : tensor<2x2xf32>},
    %b: tensor<2xf32> {graft.value = dense<[0.5, 0.0]> : tensor<2xf32>})
    -> (tensor<2x2xf32> {graft.name = "y"}) {
  %y = graft.linear %x, %w, %b : (tensor<2x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// FILE: result0: tensor<2x2xf32> {{\[\[}}3, 4], [7, ...]]
func.func @again(%y: tensor<2x2xf32> {graft.name = "y"}) -> tensor<2x2xf32> {
  %z = graft.scale %y by 2.000000e+00 : tensor<2x2xf32>
  return %z : tensor<2x2xf32>
}

graft.model @m {
  graft.parameter @w : tensor<2xf32>
  graft.state @w.first_moment "first_moment" of @w : tensor<2xf32>
  graft.layers @layer count 3 {
    graft.parameter @bias : tensor<2xf32>
  }

  // Three layers of three values each; one turn adds a layer's parameter.
  // STACK: result0: tensor<2xf32> [{{[-0-9.e]+}}, {{[-0-9.e]+}}]
  func.func @stack(%x: tensor<2xf32>) -> tensor<2xf32> {
    %y = graft.repeat 3 scope @layer (%h = %x) : tensor<2xf32> {
      %b = graft.read layer @bias : tensor<2xf32>
      %s = graft.add %h, %b : tensor<2xf32>
      graft.yield %s : tensor<2xf32>
    }
    return %y : tensor<2xf32>
  }
}

// Reads see the values before the phase; writes take effect at its end.
// UPDATE: result0: tensor<2xf32> [1, -2]
// UPDATE-NEXT: write m::w: tensor<2xf32> [1, -2]
func.func @update(%x: tensor<2xf32> {graft.value = dense<[1.0, -2.0]> : tensor<2xf32>}) -> tensor<2xf32> {
  graft.write @m::@w, %x : tensor<2xf32>
  return %x : tensor<2xf32>
}

// Random segments, ids below the shorter of the tables, labels below three.
// PACKED: losses: tensor<2xf32> [{{[0-9.]+}}, {{[0-9.]+}}]
func.func @packed(
    %ids: tensor<?xi32, #graft.dims<T>> {graft.name = "ids"},
    %table: tensor<10x4xf32>, %head: tensor<3x4xf32>,
    %seq: !graft.segments<T, S> {graft.name = "segments"},
    %labels: tensor<?xi32, #graft.dims<S>> {graft.name = "labels"})
    -> (tensor<?xf32, #graft.dims<S>> {graft.name = "losses"}) {
  %e = graft.embedding %ids, %table : (tensor<?xi32, #graft.dims<T>>, tensor<10x4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
  %d = graft.dropout %e, %seq rate 1.000000e-01 id 1 : (tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>>
  %a = graft.attention %d, %d, %d, %seq heads 2 : (tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>>
  %p = graft.segment_pool mean %a, %seq : (tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<S>>
  %z = graft.linear %p, %head : (tensor<?x4xf32, #graft.dims<S>>, tensor<3x4xf32>) -> tensor<?x3xf32, #graft.dims<S>>
  %l = graft.cross_entropy %z, %labels : (tensor<?x3xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>) -> tensor<?xf32, #graft.dims<S>>
  return %l : tensor<?xf32, #graft.dims<S>>
}

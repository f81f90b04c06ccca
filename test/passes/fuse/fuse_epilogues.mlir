// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: graft-opt %s --fuse-elementwise --fuse-epilogues | FileCheck %s
// RUN: graft-opt %s --check-numerics-each --fuse-elementwise --fuse-epilogues -o /dev/null

graft.size @T bound 4096
graft.size @S bound 512
graft.model @m {
  graft.parameter @w : tensor<8x8xf32>
  graft.parameter @b : tensor<8xf32>
  graft.state @w.gradient "gradient" of @w : tensor<8x8xf32>
}

// What the activation was applied to, which the backward pass reads, is a
// further result; and its gradient follows the product that comes back.

// CHECK-LABEL: func.func @activation(
// CHECK:         %[[R:.+]]:2 = graft.region (%[[X:.+]] = %arg0, %[[W:.+]] = %{{.+}}, %[[B:.+]] = %{{.+}})
// CHECK-NEXT:      %[[P:.+]] = graft.linear %[[X]], %[[W]], %[[B]]
// CHECK-NEXT:      %[[G:.+]] = graft.gelu erf %[[P]]
// CHECK-NEXT:      graft.yield %[[P]], %[[G]]
// CHECK:         graft.region (%[[D:.+]] = %[[R]]#1, %{{.+}} = %{{.+}}, %[[Q:.+]] = %[[R]]#0)
// CHECK-NEXT:      graft.matmul %[[D]]
// CHECK-NEXT:      graft.gelu_gradient erf %{{.+}}, %[[Q]]
// CHECK-NEXT:      graft.yield
func.func @activation(%x: tensor<?x8xf32, #graft.dims<T>>)
    -> tensor<?x8xf32, #graft.dims<T>> attributes {graft.phase = "activation"} {
  %w = graft.read @m::@w : tensor<8x8xf32>
  %b = graft.read @m::@b : tensor<8xf32>
  %p = graft.linear %x, %w, %b : (tensor<?x8xf32, #graft.dims<T>>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %g = graft.gelu erf %p : tensor<?x8xf32, #graft.dims<T>>
  %d = graft.matmul %g, %w : (tensor<?x8xf32, #graft.dims<T>>, tensor<8x8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %e = graft.gelu_gradient erf %d, %p : tensor<?x8xf32, #graft.dims<T>>
  return %e : tensor<?x8xf32, #graft.dims<T>>
}

// A region of elementwise ops becomes part of the product's.

// CHECK-LABEL: func.func @residual(
// CHECK:         graft.region
// CHECK-NEXT:      graft.linear
// CHECK-NEXT:      graft.dropout
// CHECK-NEXT:      graft.add
// CHECK-NEXT:      graft.yield
// CHECK-NOT:     graft.region
// CHECK:         return
func.func @residual(%x: tensor<?x8xf32, #graft.dims<T>>, %y: tensor<?x8xf32, #graft.dims<T>>, %s: !graft.segments<T, S>)
    -> tensor<?x8xf32, #graft.dims<T>> attributes {graft.phase = "residual"} {
  %w = graft.read @m::@w : tensor<8x8xf32>
  %p = graft.linear %x, %w : (tensor<?x8xf32, #graft.dims<T>>, tensor<8x8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %d = graft.dropout %p, %s rate 1.000000e-01 id 7 : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
  %a = graft.add %d, %y : tensor<?x8xf32, #graft.dims<T>>
  return %a : tensor<?x8xf32, #graft.dims<T>>
}

// The product begins with the slot's value; a result in low precision cannot
// hold partial sums; a product of unknown width stays by itself.

// CHECK-LABEL: func.func @apart(
// CHECK-NOT:     graft.region
// CHECK:         return
func.func @apart(%x: tensor<?x8xf32, #graft.dims<T>>)
    -> (tensor<?x8xbf16, #graft.dims<T>>, tensor<?x?xf32, #graft.dims<T, T>>)
    attributes {graft.phase = "apart"} {
  %g = graft.matmul %x, %x transpose_lhs : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>) -> tensor<8x8xf32>
  %old = graft.read @m::@w.gradient : tensor<8x8xf32>
  %new = graft.add %old, %g : tensor<8x8xf32>
  %p = graft.matmul %x, %new : (tensor<?x8xf32, #graft.dims<T>>, tensor<8x8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %c = graft.cast %p : tensor<?x8xf32, #graft.dims<T>> to tensor<?x8xbf16, #graft.dims<T>>
  %q = graft.matmul %x, %x transpose_rhs : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>) -> tensor<?x?xf32, #graft.dims<T, T>>
  %e = graft.exp %q : tensor<?x?xf32, #graft.dims<T, T>>
  return %c, %e : tensor<?x8xbf16, #graft.dims<T>>, tensor<?x?xf32, #graft.dims<T, T>>
}

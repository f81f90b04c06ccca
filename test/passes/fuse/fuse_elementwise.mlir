// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: graft-opt %s --fuse-elementwise | FileCheck %s
// RUN: graft-opt %s --check-numerics-each --fuse-elementwise -o /dev/null

graft.size @T bound 4096
graft.size @S bound 512
graft.model @m {
  graft.parameter @w : tensor<8x8xf32>
  graft.state @w.gradient "gradient" of @w : tensor<8x8xf32>
}

// What is used inside and outside is a result; a linear layer ends a region.

// CHECK-LABEL: func.func @activation(
// CHECK-SAME:      %[[X:.+]]: tensor<?x8xf32, #{{.+}}>, %[[Y:.+]]: tensor<?x8xf32, #{{.+}}>, %[[S:.+]]: !graft.segments<T, S>)
// CHECK:         %[[R:.+]]:2 = graft.region (%[[A:.+]] = %[[X]], %[[B:.+]] = %[[S]], %[[C:.+]] = %[[Y]])
// CHECK-NEXT:      %[[D:.+]] = graft.dropout %[[A]], %[[B]] rate 1.000000e-01 id 7
// CHECK-NEXT:      %[[E:.+]] = graft.add %[[D]], %[[C]]
// CHECK-NEXT:      %[[F:.+]] = graft.gelu erf %[[E]]
// CHECK-NEXT:      graft.yield %[[E]], %[[F]]
// CHECK:         %[[W:.+]] = graft.read @m::@w
// CHECK:         %[[L:.+]] = graft.linear %[[R]]#1, %[[W]]
// CHECK:         %[[Z:.+]] = graft.region (%[[G:.+]] = %[[L]], %[[H:.+]] = %[[R]]#0)
// CHECK-NEXT:      %[[I:.+]] = graft.tanh %[[G]]
// CHECK-NEXT:      %[[J:.+]] = graft.mul %[[I]], %[[H]]
// CHECK-NEXT:      graft.yield %[[J]]
// CHECK:         return %[[Z]]
func.func @activation(%x: tensor<?x8xf32, #graft.dims<T>>, %y: tensor<?x8xf32, #graft.dims<T>>, %s: !graft.segments<T, S>)
    -> tensor<?x8xf32, #graft.dims<T>> attributes {graft.phase = "activation"} {
  %d = graft.dropout %x, %s rate 1.000000e-01 id 7 : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
  %a = graft.add %d, %y : tensor<?x8xf32, #graft.dims<T>>
  %g = graft.gelu erf %a : tensor<?x8xf32, #graft.dims<T>>
  %w = graft.read @m::@w : tensor<8x8xf32>
  %l = graft.linear %g, %w : (tensor<?x8xf32, #graft.dims<T>>, tensor<8x8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %t = graft.tanh %l : tensor<?x8xf32, #graft.dims<T>>
  %z = graft.mul %t, %a : tensor<?x8xf32, #graft.dims<T>>
  return %z : tensor<?x8xf32, #graft.dims<T>>
}

// Two chains that meet are one region, whichever comes first; a read between
// them moves up. Types of elements may differ, shapes may not.

// CHECK-LABEL: func.func @meet(
// CHECK:         %[[W:.+]] = graft.read @m::@w
// CHECK:         %[[R:.+]] = graft.region
// CHECK-NEXT:      graft.exp
// CHECK-NEXT:      graft.cast
// CHECK-NEXT:      graft.tanh
// CHECK-NEXT:      graft.cast
// CHECK-NEXT:      graft.mul
// CHECK-NEXT:      graft.sub
// CHECK-NEXT:      graft.yield
// CHECK:         %[[S:.+]] = graft.reshape %[[R]]
// CHECK:         %[[E:.+]] = graft.exp %[[S]]
// CHECK:         return %[[E]]
func.func @meet(%x: tensor<8x8xf32>, %y: tensor<8x8xf32>) -> tensor<64xf32>
    attributes {graft.phase = "meet"} {
  %a = graft.exp %x : tensor<8x8xf32>
  %h = graft.cast %a : tensor<8x8xf32> to tensor<8x8xbf16>
  %b = graft.tanh %y : tensor<8x8xf32>
  %f = graft.cast %h : tensor<8x8xbf16> to tensor<8x8xf32>
  %w = graft.read @m::@w : tensor<8x8xf32>
  %c = graft.mul %b, %w : tensor<8x8xf32>
  %d = graft.sub %f, %c : tensor<8x8xf32>
  %e = graft.reshape %d : (tensor<8x8xf32>) -> tensor<64xf32>
  %z = graft.exp %e : tensor<64xf32>
  return %z : tensor<64xf32>
}

// No region over a product: its operand would have to be there before its
// result is used.

// CHECK-LABEL: func.func @between(
// CHECK-NOT:     graft.region
// CHECK:         return
func.func @between(%x: tensor<8x8xf32>) -> tensor<8x8xf32>
    attributes {graft.phase = "between"} {
  %a = graft.exp %x : tensor<8x8xf32>
  %p = graft.matmul %a, %a : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %q = graft.matmul %p, %a : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %b = graft.sub %q, %a : tensor<8x8xf32>
  return %b : tensor<8x8xf32>
}

// A product begins with what it is added to, so that the sum stays outside.

// CHECK-LABEL: func.func @accumulate(
// CHECK-NOT:     graft.region
// CHECK:         return
func.func @accumulate(%x: tensor<8x8xf32>) attributes {graft.phase = "accumulate"} {
  %p = graft.matmul %x, %x : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %old = graft.read @m::@w.gradient : tensor<8x8xf32>
  %a = graft.scale %old by 2.0 : tensor<8x8xf32>
  %p2 = graft.matmul %x, %x transpose_lhs : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %new = graft.add %a, %p2 : tensor<8x8xf32>
  %sum = graft.add %new, %p : tensor<8x8xf32>
  graft.write @m::@w.gradient, %new : tensor<8x8xf32>
  graft.write @m::@w, %sum : tensor<8x8xf32>
  return
}

// Nothing moves over a write.

// CHECK-LABEL: func.func @written(
// CHECK:         graft.exp
// CHECK-NEXT:    graft.write
// CHECK-NEXT:    graft.tanh
func.func @written(%x: tensor<8x8xf32>) -> tensor<8x8xf32>
    attributes {graft.phase = "written"} {
  %a = graft.exp %x : tensor<8x8xf32>
  graft.write @m::@w, %x : tensor<8x8xf32>
  %b = graft.tanh %a : tensor<8x8xf32>
  return %b : tensor<8x8xf32>
}

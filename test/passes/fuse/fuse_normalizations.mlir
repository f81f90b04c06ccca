// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: graft-opt %s --fuse-elementwise --fuse-normalizations | FileCheck %s
// RUN: graft-opt %s --check-numerics-each --fuse-elementwise --fuse-normalizations -o /dev/null

graft.size @T bound 4096
graft.size @S bound 512
graft.model @m {
  graft.parameter @g : tensor<8xf32>
  graft.parameter @b : tensor<8xf32>
}

// The residual of a layer: what is normalised is a result for those who use it,
// and reads of scale and shift move up.

// CHECK-LABEL: func.func @residual(
// CHECK-SAME:      %[[X:.+]]: tensor<?x8xf32, #{{.+}}>, %[[Y:.+]]: tensor<?x8xf32, #{{.+}}>, %[[S:.+]]: !graft.segments<T, S>)
// CHECK:         %[[G:.+]] = graft.read @m::@g
// CHECK:         %[[B:.+]] = graft.read @m::@b
// CHECK:         %[[R:.+]]:2 = graft.region (%[[A:.+]] = %[[X]], %[[C:.+]] = %[[S]], %[[D:.+]] = %[[Y]], %[[E:.+]] = %[[G]], %[[F:.+]] = %[[B]])
// CHECK-NEXT:      %[[P:.+]] = graft.dropout %[[A]], %[[C]] rate 1.000000e-01 id 7
// CHECK-NEXT:      %[[Q:.+]] = graft.add %[[P]], %[[D]]
// CHECK-NEXT:      %[[N:.+]] = graft.layer_norm %[[Q]], %[[E]], %[[F]]
// CHECK-NEXT:      graft.yield %[[Q]], %[[N]]
// CHECK:         graft.layer_norm_gradient %[[R]]#1, %[[R]]#0
func.func @residual(%x: tensor<?x8xf32, #graft.dims<T>>, %y: tensor<?x8xf32, #graft.dims<T>>, %s: !graft.segments<T, S>)
    -> tensor<?x8xf32, #graft.dims<T>> attributes {graft.phase = "residual"} {
  %d = graft.dropout %x, %s rate 1.000000e-01 id 7 : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
  %a = graft.add %d, %y : tensor<?x8xf32, #graft.dims<T>>
  %g = graft.read @m::@g : tensor<8xf32>
  %b = graft.read @m::@b : tensor<8xf32>
  %n = graft.layer_norm %a, %g, %b epsilon 1.0e-5 : (tensor<?x8xf32, #graft.dims<T>>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %dx, %dg, %db = graft.layer_norm_gradient %n, %a, %g epsilon 1.0e-5 : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<8xf32>) -> (tensor<?x8xf32, #graft.dims<T>>, tensor<8xf32>, tensor<8xf32>)
  return %dx : tensor<?x8xf32, #graft.dims<T>>
}

// One elementwise op is enough; its value stays inside.

// CHECK-LABEL: func.func @single(
// CHECK:         graft.region
// CHECK-NEXT:      %[[T:.+]] = graft.tanh
// CHECK-NEXT:      %[[N:.+]] = graft.layer_norm %[[T]]
// CHECK-NEXT:      graft.yield %[[N]] :
func.func @single(%x: tensor<3x8xf32>, %g: tensor<8xf32>, %b: tensor<8xf32>)
    -> tensor<3x8xf32> attributes {graft.phase = "single"} {
  %t = graft.tanh %x : tensor<3x8xf32>
  %n = graft.layer_norm %t, %g, %b epsilon 1.0e-5 : (tensor<3x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<3x8xf32>
  return %n : tensor<3x8xf32>
}

// What is no elementwise op, an argument or a normalisation, stays apart; and so
// does a value that computes its own scale.

// CHECK-LABEL: func.func @apart(
// CHECK-NOT:     graft.region
// CHECK:         return
func.func @apart(%x: tensor<8x8xf32>, %g: tensor<8xf32>, %b: tensor<8xf32>)
    -> (tensor<8x8xf32>, tensor<8x8xf32>) attributes {graft.phase = "apart"} {
  %n = graft.layer_norm %x, %g, %b epsilon 1.0e-5 : (tensor<8x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<8x8xf32>
  %m = graft.layer_norm %n, %g, %b epsilon 1.0e-5 : (tensor<8x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<8x8xf32>
  %t = graft.tanh %m : tensor<8x8xf32>
  %c = graft.reduce sum %t over [0] : (tensor<8x8xf32>) -> tensor<8xf32>
  %o = graft.layer_norm %t, %c, %b epsilon 1.0e-5 : (tensor<8x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<8x8xf32>
  return %m, %o : tensor<8x8xf32>, tensor<8x8xf32>
}

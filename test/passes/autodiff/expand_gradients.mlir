// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: graft-opt %s --autodiff-expand-gradients --split-input-file | FileCheck %s

// Only what leads from %w to the loss is differentiated.
// CHECK-LABEL: func.func @linear
// CHECK-SAME: (%[[X:.*]]: tensor<5x4xf32>, %[[W:.*]]: tensor<2x4xf32>, %[[B:.*]]: tensor<2xf32>)
func.func @linear(%x: tensor<5x4xf32>, %w: tensor<2x4xf32>, %b: tensor<2xf32>) -> (tensor<2x4xf32>, tensor<2xf32>) {
  // CHECK: graft.linear
  // CHECK: graft.reduce sum
  // CHECK-NEXT: %[[ONE:.*]] = graft.constant 1.000000e+00 : tensor<f32>
  // CHECK-NEXT: %[[DY:.*]] = graft.broadcast %[[ONE]] along [0, 1] : (tensor<f32>) -> tensor<5x2xf32>
  // CHECK-NEXT: %[[DW:.*]] = graft.matmul %[[DY]], %[[X]] transpose_lhs
  // CHECK-NEXT: %[[DB:.*]] = graft.reduce sum %[[DY]] over [0]
  // CHECK-NEXT: return %[[DW]], %[[DB]]
  %y = graft.linear %x, %w, %b : (tensor<5x4xf32>, tensor<2x4xf32>, tensor<2xf32>) -> tensor<5x2xf32>
  %loss = graft.reduce sum %y over [0, 1] : (tensor<5x2xf32>) -> tensor<f32>
  %dw, %db = graft.gradients %loss wrt %w, %b : tensor<2x4xf32>, tensor<2xf32>
  return %dw, %db : tensor<2x4xf32>, tensor<2xf32>
}

// -----

// A value used twice has the sum of its gradients, the later use first.
// CHECK-LABEL: func.func @twice
// CHECK-SAME: (%[[X:.*]]: tensor<3xf32>)
func.func @twice(%x: tensor<3xf32>) -> tensor<3xf32> {
  // CHECK: %[[E:.*]] = graft.exp %[[X]]
  // CHECK: %[[DY:.*]] = graft.broadcast
  // CHECK: %[[SECOND:.*]] = graft.mul %[[DY]], %[[E]]
  // CHECK: %[[DE:.*]] = graft.mul %[[DY]], %[[X]]
  // CHECK: %[[FIRST:.*]] = graft.mul %[[DE]], %[[E]]
  // CHECK: %[[SUM:.*]] = graft.add %[[SECOND]], %[[FIRST]]
  // CHECK: return %[[SUM]]
  %e = graft.exp %x : tensor<3xf32>
  %y = graft.mul %x, %e : tensor<3xf32>
  %loss = graft.reduce sum %y over [0] : (tensor<3xf32>) -> tensor<f32>
  %g = graft.gradients %loss wrt %x : tensor<3xf32>
  return %g : tensor<3xf32>
}

// -----

// The frozen lower layer has no backward code.
graft.model @m {
  graft.parameter @lower : tensor<4x4xf32>
  graft.parameter @upper : tensor<4x4xf32>
}
// CHECK-LABEL: func.func @frozen
func.func @frozen(%x: tensor<?x4xf32, #graft.dims<T>>) -> tensor<4x4xf32> {
  // CHECK: %[[H:.*]] = graft.gelu erf
  // CHECK: graft.constant 1.000000e+00
  // CHECK-NEXT: %[[DY:.*]] = graft.broadcast
  // CHECK-NEXT: %[[DW:.*]] = graft.matmul %[[DY]], %[[H]] transpose_lhs
  // CHECK-NEXT: return %[[DW]]
  %w0 = graft.read @m::@lower : tensor<4x4xf32>
  %w1 = graft.read @m::@upper : tensor<4x4xf32>
  %a = graft.linear %x, %w0 : (tensor<?x4xf32, #graft.dims<T>>, tensor<4x4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
  %h = graft.gelu erf %a : tensor<?x4xf32, #graft.dims<T>>
  %y = graft.linear %h, %w1 : (tensor<?x4xf32, #graft.dims<T>>, tensor<4x4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
  %loss = graft.reduce sum %y over [0, 1] : (tensor<?x4xf32, #graft.dims<T>>) -> tensor<f32>
  %g = graft.gradients %loss wrt %w1 : tensor<4x4xf32>
  return %g : tensor<4x4xf32>
}

// -----

// The trainable lower layer below a frozen one: only the frozen layer's input
// gradient is computed.
// CHECK-LABEL: func.func @through
// CHECK-SAME: (%[[X:.*]]: tensor<3x4xf32>, %[[LOW:.*]]: tensor<4x4xf32>, %[[HIGH:.*]]: tensor<4x4xf32>)
func.func @through(%x: tensor<3x4xf32>, %low: tensor<4x4xf32>, %high: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // CHECK: graft.constant 1.000000e+00
  // CHECK-NEXT: %[[DY:.*]] = graft.broadcast
  // CHECK-NEXT: %[[DH:.*]] = graft.matmul %[[DY]], %[[HIGH]] :
  // CHECK-NEXT: %[[DW:.*]] = graft.matmul %[[DH]], %[[X]] transpose_lhs
  // CHECK-NEXT: return %[[DW]]
  %h = graft.linear %x, %low : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %y = graft.linear %h, %high : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %loss = graft.reduce sum %y over [0, 1] : (tensor<3x4xf32>) -> tensor<f32>
  %g = graft.gradients %loss wrt %low : tensor<4x4xf32>
  return %g : tensor<4x4xf32>
}

// -----

// Nothing flows through graft.stop_gradient.
// CHECK-LABEL: func.func @stopped
// CHECK-SAME: (%[[X:.*]]: tensor<3xf32>)
func.func @stopped(%x: tensor<3xf32>) -> tensor<3xf32> {
  // CHECK: %[[S:.*]] = graft.stop_gradient
  // CHECK: %[[DY:.*]] = graft.broadcast
  // CHECK-NEXT: %[[G:.*]] = graft.mul %[[DY]], %[[S]]
  // CHECK-NEXT: return %[[G]]
  %e = graft.exp %x : tensor<3xf32>
  %s = graft.stop_gradient %e : tensor<3xf32>
  %y = graft.mul %x, %s : tensor<3xf32>
  %loss = graft.reduce sum %y over [0] : (tensor<3xf32>) -> tensor<f32>
  %g = graft.gradients %loss wrt %x : tensor<3xf32>
  return %g : tensor<3xf32>
}

// -----

// A reversed gradient: nothing of the result changes, and the op disappears.
// CHECK-LABEL: func.func @reversed
// CHECK-SAME: (%[[X:.*]]: tensor<3xf32>, %[[F:.*]]: tensor<f32>)
func.func @reversed(%x: tensor<3xf32>, %f: tensor<f32>) -> (tensor<3xf32>, tensor<3xf32>) {
  // CHECK: %[[E:.*]] = graft.exp %[[X]]
  // CHECK-NOT: scale_gradient
  // CHECK: %[[DY:.*]] = graft.broadcast
  // CHECK: %[[WIDE:.*]] = graft.broadcast %[[F]] along [0]
  // CHECK-NEXT: %[[DE:.*]] = graft.mul %[[DY]], %[[WIDE]]
  // CHECK-NEXT: %[[G:.*]] = graft.mul %[[DE]], %[[E]]
  // CHECK-NEXT: return %[[E]], %[[G]]
  %e = graft.exp %x : tensor<3xf32>
  %r = graft.scale_gradient %e by %f : tensor<3xf32>
  %loss = graft.reduce sum %r over [0] : (tensor<3xf32>) -> tensor<f32>
  %g = graft.gradients %loss wrt %x : tensor<3xf32>
  return %r, %g : tensor<3xf32>, tensor<3xf32>
}

// -----

// A layer's backward: the fused gradients, and dropout as its own gradient.
// CHECK-LABEL: func.func @layer
func.func @layer(%x: tensor<?x8xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>, %s: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<?x8xf32, #graft.dims<T>> {
  // CHECK: graft.reduce
  // CHECK: %{{.*}}, %{{.*}}, %{{.*}} = graft.layer_norm_gradient {{.*}} epsilon 9.99999996E-13
  // CHECK: graft.dropout {{.*}} rate 1.000000e-01 id 7 draw 2
  // CHECK: graft.attention_gradient {{.*}} heads 2 dropout 1.000000e-01 id 3
  // CHECK: graft.add
  // CHECK: graft.add
  // CHECK: return
  %a = graft.attention %x, %x, %x, %seq heads 2 dropout 1.000000e-01 id 3 : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
  %d = graft.dropout %a, %seq rate 1.000000e-01 id 7 draw 2 : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
  %n = graft.layer_norm %d, %s, %b epsilon 9.99999996E-13 : (tensor<?x8xf32, #graft.dims<T>>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %loss = graft.reduce sum %n over [0, 1] : (tensor<?x8xf32, #graft.dims<T>>) -> tensor<f32>
  %g = graft.gradients %loss wrt %x : tensor<?x8xf32, #graft.dims<T>>
  return %g : tensor<?x8xf32, #graft.dims<T>>
}

// -----

// A gradient of a gradient: the inner one is expanded first.
// CHECK-LABEL: func.func @second
func.func @second(%x: tensor<3xf32>) -> tensor<3xf32> {
  // CHECK-NOT: graft.gradients
  %y = graft.tanh %x : tensor<3xf32>
  %loss = graft.reduce sum %y over [0] : (tensor<3xf32>) -> tensor<f32>
  %g = graft.gradients %loss wrt %x : tensor<3xf32>
  %square = graft.mul %g, %g : tensor<3xf32>
  %penalty = graft.reduce sum %square over [0] : (tensor<3xf32>) -> tensor<f32>
  %h = graft.gradients %penalty wrt %x : tensor<3xf32>
  return %h : tensor<3xf32>
}

// -----

// What an op says of its precision holds for its gradient, and for nothing else.
// CHECK-LABEL: func.func @precision
func.func @precision(%x: tensor<3x4xf32>, %w: tensor<2x4xf32>) -> tensor<2x4xf32> {
  // CHECK: graft.gelu_gradient erf %{{[^{]+}} : tensor<3x2xf32>
  // CHECK: graft.matmul {{.*}} transpose_lhs {graft.precision = "keep"} : (tensor<3x2xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  %y = graft.linear %x, %w {graft.precision = "keep"} : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  %z = graft.gelu erf %y : tensor<3x2xf32>
  %loss = graft.reduce sum %z over [0, 1] : (tensor<3x2xf32>) -> tensor<f32>
  %g = graft.gradients %loss wrt %w : tensor<2x4xf32>
  return %g : tensor<2x4xf32>
}

// -----

// A product that reads one type and gives another: gradients have the types of
// what they belong to.
// CHECK-LABEL: func.func @mixed
func.func @mixed(%x: tensor<3x4xbf16>, %w: tensor<2x4xbf16>) -> tensor<2x4xbf16> {
  // CHECK: %[[DW:.+]] = graft.matmul {{.*}} transpose_lhs : (tensor<3x2xf32>, tensor<3x4xbf16>) -> tensor<2x4xf32>
  // CHECK: graft.cast %[[DW]] : tensor<2x4xf32> to tensor<2x4xbf16>
  %y = graft.linear %x, %w : (tensor<3x4xbf16>, tensor<2x4xbf16>) -> tensor<3x2xf32>
  %loss = graft.reduce sum %y over [0, 1] : (tensor<3x2xf32>) -> tensor<f32>
  %g = graft.gradients %loss wrt %w : tensor<2x4xbf16>
  return %g : tensor<2x4xbf16>
}

// -----

// An f32 sum of a low-precision value: the gradient is f32 until it is rounded.
// CHECK-LABEL: func.func @wide_sum
func.func @wide_sum(%x: tensor<3x4xbf16>) -> tensor<3x4xbf16> {
  // CHECK: %[[ROWS:.+]] = graft.broadcast %{{.+}} along [0, 1] : (tensor<f32>) -> tensor<3x4xf32>
  // CHECK: graft.cast %[[ROWS]] : tensor<3x4xf32> to tensor<3x4xbf16>
  %loss = graft.reduce sum %x over [0, 1] : (tensor<3x4xbf16>) -> tensor<f32>
  %g = graft.gradients %loss wrt %x : tensor<3x4xbf16>
  return %g : tensor<3x4xbf16>
}

// -----

// Products of the gradients of two losses by two parameters, each computed once.

// CHECK-LABEL: func.func @products
// CHECK-SAME:    (%[[A:.*]]: tensor<3xf32>, %[[B:.*]]: tensor<2x2xf32>, %[[C:.*]]: tensor<3xf32>, %[[D:.*]]: tensor<2x2xf32>)
// CHECK:         graft.mul %[[A]], %[[A]]
// CHECK:         graft.mul %[[B]], %[[B]]
// CHECK:         %[[AA:.*]] = graft.reshape %{{.*}} : (tensor<f32>) -> tensor<1x1xf32>
// CHECK:         graft.mul %[[C]], %[[A]]
// CHECK:         %[[V:.*]] = graft.mul %[[D]], %[[B]]
// CHECK-NEXT:    %[[SUM:.*]] = graft.reduce sum %[[V]] over [0, 1]
// CHECK-NEXT:    %[[BOTH:.*]] = graft.add %{{.*}}, %[[SUM]]
// CHECK-NEXT:    %[[CA:.*]] = graft.reshape %[[BOTH]] : (tensor<f32>) -> tensor<1x1xf32>
// CHECK:         %[[CC:.*]] = graft.reshape
// CHECK-NEXT:    %[[ROW:.*]] = graft.concat %[[AA]], %[[CA]], %[[CA]], %[[CC]]
// CHECK-NEXT:    %[[P:.*]] = graft.reshape %[[ROW]] : (tensor<1x4xf32>) -> tensor<2x2xf32>
// CHECK-NEXT:    return %[[P]]
func.func @products(%a: tensor<3xf32>, %b: tensor<2x2xf32>, %c: tensor<3xf32>, %d: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %p = graft.gradient_products %a, %b, %c, %d of 2 : (tensor<3xf32>, tensor<2x2xf32>, tensor<3xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %p : tensor<2x2xf32>
}

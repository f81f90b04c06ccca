// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: %graft-opt %s --split-input-file --verify-diagnostics --lower-outline=target=avx512 --lower-merge-kernels | FileCheck %s

graft.size @T bound 4096
graft.size @S bound 512

// The place of draws is a launch's, so that regions that differ in nothing else
// are one kernel. The residual may be overwritten.

// CHECK-LABEL: func.func @layers(
// CHECK-SAME:      %[[X:[^:]+]]: {{.+}}, %[[Y:[^:]+]]: {{.+}}, %[[S:[^:]+]]: !graft.segments<T, S>)
// CHECK-NEXT:    %[[A:.+]] = exec.launch @kernels::@[[KERNEL:dropout_add.[0-9]+]](%[[X]], %[[S]], %[[Y]]) grid <T / {{[0-9]+}}> ties [0, 0, 0, 2] random 7
// CHECK-NEXT:    %[[B:.+]] = exec.launch @kernels::@[[KERNEL]](%[[A]], %[[S]], %[[X]]){{.*}} random 8
// CHECK-NEXT:    %[[C:.+]] = exec.launch @kernels::@dropout.{{[0-9]+}}(%[[B]], %[[S]]){{.*}} random 7
// CHECK-NEXT:    return %[[C]]
func.func @layers(%x: tensor<?x8xf32, #graft.dims<T>>, %y: tensor<?x8xf32, #graft.dims<T>>, %s: !graft.segments<T, S>)
    -> tensor<?x8xf32, #graft.dims<T>> attributes {graft.phase = "layers"} {
  %a = graft.region (%u = %x, %v = %s, %w = %y) : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>, tensor<?x8xf32, #graft.dims<T>>) -> tensor<?x8xf32, #graft.dims<T>> {
    %d = graft.dropout %u, %v rate 1.000000e-01 id 7 : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
    %e = graft.add %d, %w : tensor<?x8xf32, #graft.dims<T>>
    graft.yield %e : tensor<?x8xf32, #graft.dims<T>>
  }
  %b = graft.region (%u = %a, %v = %s, %w = %x) : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>, tensor<?x8xf32, #graft.dims<T>>) -> tensor<?x8xf32, #graft.dims<T>> {
    %d = graft.dropout %u, %v rate 1.000000e-01 id 8 : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
    %e = graft.add %d, %w : tensor<?x8xf32, #graft.dims<T>>
    graft.yield %e : tensor<?x8xf32, #graft.dims<T>>
  }
  %c = graft.dropout %b, %s rate 1.000000e-01 id 7 : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
  return %c : tensor<?x8xf32, #graft.dims<T>>
}

// -----

func.func @reduction(%x: tensor<4x8xf32>) -> tensor<4x8xf32>
    attributes {graft.phase = "reduction"} {
  // expected-error @below {{expects elementwise ops that have a form in registers, got 'graft.softmax'}}
  %r = graft.region (%a = %x) : (tensor<4x8xf32>) -> tensor<4x8xf32> {
    %s = graft.softmax %a : (tensor<4x8xf32>) -> tensor<4x8xf32>
    graft.yield %s : tensor<4x8xf32>
  }
  return %r : tensor<4x8xf32>
}

// -----

graft.size @T bound 64
graft.size @S bound 8
func.func @draws(%x: tensor<?x8xf32, #graft.dims<T>>, %s: !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
    attributes {graft.phase = "draws"} {
  // expected-error @below {{expects one dropout, got another}}
  %r = graft.region (%a = %x, %v = %s) : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>> {
    %d = graft.dropout %a, %v rate 1.000000e-01 id 7 : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
    %e = graft.dropout %d, %v rate 1.000000e-01 id 8 : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
    graft.yield %e : tensor<?x8xf32, #graft.dims<T>>
  }
  return %r : tensor<?x8xf32, #graft.dims<T>>
}

// -----

// A product begins its region's kernel; what it is added to may be overwritten
// unless the product reads it, and packing draws nothing.

graft.size @T bound 4096
graft.size @S bound 512

// CHECK-LABEL: func.func @product(
// CHECK-SAME:      %[[X:[^:]+]]: {{.+}}, %[[Y:[^:]+]]: {{.+}}, %[[W:[^:]+]]: {{.+}}, %[[S:[^:]+]]: !graft.segments<T, S>)
// CHECK-NEXT:    %[[P:.+]] = exec.launch @kernels::@pack_rhs.{{[0-9]+}}(%[[W]]) grid <1> cost
// CHECK-NEXT:    %[[R:.+]]:2 = exec.launch @kernels::@matmul_dropout_sub_mul.{{[0-9]+}}(%[[X]], %[[P]], %[[X]], %[[Y]], %[[S]]) grid <T / {{[0-9]+}}> ties [1, 3] random 7
// CHECK-NEXT:    return %[[R]]#0, %[[R]]#1
func.func @product(%x: tensor<?x8xf32, #graft.dims<T>>, %y: tensor<?x8xf32, #graft.dims<T>>, %w: tensor<8x8xf32>, %s: !graft.segments<T, S>)
    -> (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>) attributes {graft.phase = "product"} {
  %r:2 = graft.region (%a = %x, %b = %y, %c = %w, %v = %s) : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<8x8xf32>, !graft.segments<T, S>) -> (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>) {
    %p = graft.matmul %a, %c : (tensor<?x8xf32, #graft.dims<T>>, tensor<8x8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
    %d = graft.dropout %p, %v rate 1.000000e-01 id 7 : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
    %e = graft.sub %d, %a : tensor<?x8xf32, #graft.dims<T>>
    %f = graft.mul %e, %b : tensor<?x8xf32, #graft.dims<T>>
    graft.yield %e, %f : tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>
  }
  return %r#0, %r#1 : tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>
}

// What is left of a region whose other results nobody reads; and of one that
// has none.

// CHECK-LABEL: func.func @left(
// CHECK:         %[[R:.+]] = exec.launch @kernels::@matmul_gelu
// CHECK-NEXT:    return %[[R]]
func.func @left(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>) -> tensor<4x8xf32>
    attributes {graft.phase = "left"} {
  %r = graft.region (%a = %x, %b = %w) : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32> {
    %p = graft.matmul %a, %b : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %g = graft.gelu erf %p : tensor<4x8xf32>
    graft.yield %p : tensor<4x8xf32>
  }
  graft.region (%a = %x) : (tensor<4x8xf32>) -> () {
    %g = graft.gelu erf %a : tensor<4x8xf32>
    graft.yield
  }
  return %r : tensor<4x8xf32>
}

// -----

func.func @holder(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>) -> tensor<4x8xbf16>
    attributes {graft.phase = "holder"} {
  // expected-error @below {{expects a product of static width and a result of its type, got 'tensor<4x8xf32>'}}
  %r = graft.region (%a = %x, %b = %w) : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xbf16> {
    %p = graft.matmul %a, %b : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %c = graft.cast %p : tensor<4x8xf32> to tensor<4x8xbf16>
    graft.yield %c : tensor<4x8xbf16>
  }
  return %r : tensor<4x8xbf16>
}

// -----

func.func @given(%x: tensor<4x8xf32>, %g: tensor<8xf32>) -> tensor<4x8xf32>
    attributes {graft.phase = "given"} {
  // expected-error @below {{expects it to compute and to normalise rows, and to yield what the normalisation gives, got}}
  %r = graft.region (%a = %x, %b = %g) : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32> {
    %n = graft.layer_norm %a, %b, %b epsilon 1.0e-5 : (tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
    graft.yield %n : tensor<4x8xf32>
  }
  return %r : tensor<4x8xf32>
}

// -----

func.func @empty(%x: tensor<4x8xf32>) -> tensor<4x8xf32>
    attributes {graft.phase = "empty"} {
  // expected-error @below {{expects ops in its body, got none}}
  %r = graft.region (%a = %x) : (tensor<4x8xf32>) -> tensor<4x8xf32> {
    graft.yield %a : tensor<4x8xf32>
  }
  return %r : tensor<4x8xf32>
}

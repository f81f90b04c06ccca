// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: %graft-opt %s --split-input-file --verify-diagnostics --lower-outline=level=avx512 --lower-merge-kernels | FileCheck %s

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

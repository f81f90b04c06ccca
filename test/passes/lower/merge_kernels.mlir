// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: %graft-opt %s --lower-outline --lower-merge-kernels | FileCheck %s

graft.size @T bound 4096
graft.size @S bound 64

// Two layers of equal width share their kernels; another width has its own.
// Those that are left are numbered without gaps.

// CHECK-LABEL: func.func @layers(
// CHECK:         exec.launch @kernels::@relu.0(
// CHECK-NEXT:    exec.launch @kernels::@relu.0(
// CHECK-NEXT:    exec.launch @kernels::@relu.1(
func.func @layers(%x: tensor<?x4xf32, #graft.dims<T>>, %y: tensor<?x8xf32, #graft.dims<T>>)
    -> (tensor<?x4xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>)
    attributes {graft.phase = "layers"} {
  %0 = graft.relu %x : tensor<?x4xf32, #graft.dims<T>>
  %1 = graft.relu %0 : tensor<?x4xf32, #graft.dims<T>>
  %2 = graft.relu %y : tensor<?x8xf32, #graft.dims<T>>
  return %1, %2 : tensor<?x4xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>
}

// What only tells random draws apart is handed to the kernel.

// CHECK-LABEL: func.func @draws(
// CHECK:         exec.launch @kernels::@dropout.2({{.*}} random 5 cost
// CHECK-NEXT:    exec.launch @kernels::@dropout.2({{.*}} random 4294967302 cost
// CHECK-NEXT:    exec.launch @kernels::@dropout.3({{.*}} random 5 cost
func.func @draws(%x: tensor<?x4xf32, #graft.dims<T>>, %s: !graft.segments<T, S>)
    -> tensor<?x4xf32, #graft.dims<T>> attributes {graft.phase = "draws"} {
  %0 = graft.dropout %x, %s rate 1.0e-01 id 5 : (tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>>
  %1 = graft.dropout %0, %s rate 1.0e-01 id 6 draw 1 : (tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>>
  %2 = graft.dropout %1, %s rate 2.0e-01 id 5 : (tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>>
  return %2 : tensor<?x4xf32, #graft.dims<T>>
}

// Any other attribute of an op is part of its kernel.

// CHECK-LABEL: func.func @scales(
// CHECK:         exec.launch @kernels::@scale.4(
// CHECK-NEXT:    exec.launch @kernels::@scale.5(
func.func @scales(%x: tensor<4xf32>) -> tensor<4xf32> attributes {graft.phase = "scales"} {
  %0 = graft.scale %x by 2.0 : tensor<4xf32>
  %1 = graft.scale %0 by 3.0 : tensor<4xf32>
  return %1 : tensor<4xf32>
}

// CHECK-LABEL: exec.kernels @kernels
// CHECK:         func.func @relu.0(
// CHECK:         func.func @relu.1(
// CHECK:         func.func @dropout.2(
// CHECK:         func.func @dropout.3(
// CHECK:         func.func @scale.4(
// CHECK:         func.func @scale.5(
// CHECK-NOT:     func.func

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: %graft-opt %s --lower-outline=generic=true | FileCheck %s

graft.size @T bound 4096

// Rows of a softmax are independent: an item of work is 16 of them, and the
// kernel holds the op's linalg form on one row.

// CHECK-LABEL: func.func @rows(
// CHECK:         exec.launch @kernels::@softmax.0(%{{.+}}) grid <T / 16>
func.func @rows(%x: tensor<?x4xf32, #graft.dims<T>>) -> tensor<?x4xf32, #graft.dims<T>>
    attributes {graft.phase = "rows"} {
  %y = graft.softmax %x : (tensor<?x4xf32, #graft.dims<T>>) -> tensor<?x4xf32, #graft.dims<T>>
  return %y : tensor<?x4xf32, #graft.dims<T>>
}

// CHECK-LABEL: func.func @softmax.0(
// CHECK:         scf.for %[[ROW:.+]] =
// CHECK:           %[[IN:.+]] = memref.subview %{{.+}}[%[[ROW]], 0] [1, 4] [1, 1]
// CHECK:           bufferization.to_tensor %[[IN]]
// CHECK:           linalg.generic
// CHECK:           bufferization.materialize_in_destination

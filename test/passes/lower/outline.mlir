// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: %graft-opt %s --lower-outline=target=avx512 | FileCheck %s
// RUN: %graft-opt %s --lower-outline=target=avx2 | FileCheck %s --check-prefix=AVX2

graft.size @T bound 4096

// Launches take the place of ops; reads, writes and values of the function
// stay as they are, and what only cut gradients is gone.

// CHECK-LABEL: func.func @two(
// CHECK-SAME:    %[[X:[^:]+]]: tensor<?x4xf32
// CHECK-NEXT:    %[[Y:.+]] = exec.launch @kernels::@add.0(%[[X]], %[[X]]) grid <T / 2048> ties [0, 0, 0, 1]
// CHECK-NEXT:    %[[Z:.+]] = exec.launch @kernels::@relu.1(%[[Y]])
// CHECK-NEXT:    return %[[Z]]
func.func @two(%x: tensor<?x4xf32, #graft.dims<T>>) -> tensor<?x4xf32, #graft.dims<T>>
    attributes {graft.phase = "two"} {
  %y = graft.add %x, %x : tensor<?x4xf32, #graft.dims<T>>
  %s = graft.stop_gradient %y : tensor<?x4xf32, #graft.dims<T>>
  %z = graft.relu %s : tensor<?x4xf32, #graft.dims<T>>
  return %z : tensor<?x4xf32, #graft.dims<T>>
}

// A function that is no phase is left alone.

// CHECK-LABEL: func.func @other(
// CHECK-NEXT:    graft.add
func.func @other(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = graft.add %x, %x : tensor<4xf32>
  return %y : tensor<4xf32>
}

// Kernels know the names of their sizes, and use the registers of the level.

// CHECK-LABEL: exec.kernels @kernels
// CHECK:         func.func @add.0(%{{.+}}: memref<?x4xf32> {exec.dims = ["T"]}, %{{.+}}: memref<?x4xf32> {exec.dims = ["T"]}, %{{.+}}: memref<?x4xf32> {exec.dims = ["T"]}, %{{.+}}: index, %{{.+}}: i64, %{{.+}}: i32, %{{.+}}: i64, %{{.+}}: index, %{{.+}}: index) attributes {exec.sizes = ["T"]}
// CHECK:           arith.addf %{{.+}}, %{{.+}} : vector<16xf32>
// AVX2:            arith.addf %{{.+}}, %{{.+}} : vector<8xf32>

// A product asks for packed weights ahead of those that it uses.

// CHECK-LABEL: func.func @matmul.{{[0-9]+}}(
// CHECK:         %[[FAR:.+]] = arith.constant 128 : index
// CHECK:         %[[AHEAD:.+]] = arith.addi %[[AT:.+]], %[[FAR]] : index
// CHECK:         memref.prefetch %[[W:.+]][%[[PANEL:.+]], %[[AHEAD]], %{{.+}}], read, locality<2>, data
// CHECK:         vector.load %[[W]][%[[PANEL]], %[[AT]],
func.func @product(%x: tensor<?x4xf32, #graft.dims<T>>, %w: tensor<8x4xf32>) -> tensor<?x8xf32, #graft.dims<T>>
    attributes {graft.phase = "product"} {
  %y = graft.linear %x, %w : (tensor<?x4xf32, #graft.dims<T>>, tensor<8x4xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  return %y : tensor<?x8xf32, #graft.dims<T>>
}

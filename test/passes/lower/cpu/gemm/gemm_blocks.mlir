// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A module may say how GEMMs are cut: items of 48 rows, as whole tiles have 6, and
// two turns of 12, which both of the two items side by side take together.
// RUN: graft-opt %s --lower-outline=target=avx2 | FileCheck %s
// RUN: graft-opt %s --check-numerics-each --lower-outline=target=avx2 -o /dev/null 2>&1 | count 0

module attributes {exec.gemm_blocks = #exec.gemm_blocks<rows = 50, depth = 12, group = 2>} {
  graft.size @T bound 200
  // CHECK-LABEL: func.func @f(
  // CHECK: exec.launch @kernels::@matmul.{{.*}} grid <T / 48 * 2>
  // CHECK: func.func @matmul.
  // CHECK-DAG: %[[TURN:.*]] = arith.constant 12 : index
  // CHECK-DAG: %[[K:.*]] = arith.constant 24 : index
  // CHECK: scf.for %{{.*}} = %{{.*}} to %[[K]] step %[[TURN]] {
  func.func @f(%x: tensor<?x24xf32, #graft.dims<T>>, %w: tensor<32x24xf32>) -> tensor<?x32xf32, #graft.dims<T>> attributes {graft.phase = "f"} {
    %y = graft.linear %x, %w : (tensor<?x24xf32, #graft.dims<T>>, tensor<32x24xf32>) -> tensor<?x32xf32, #graft.dims<T>>
    return %y : tensor<?x32xf32, #graft.dims<T>>
  }
}

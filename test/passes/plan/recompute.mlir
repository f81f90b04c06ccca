// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: split-file %s %t
// RUN: graft-opt %t/cheap.mlir --plan-recompute="budget=384" | FileCheck %t/cheap.mlir
// RUN: graft-opt %t/cheap.mlir --plan-recompute="budget=384" --plan-memory | FileCheck %t/cheap.mlir --check-prefix=PLAN
// RUN: graft-opt %t/cheap.mlir --plan-recompute="budget=512" | FileCheck %t/cheap.mlir --check-prefix=ENOUGH
// RUN: graft-opt %t/chain.mlir --plan-recompute="budget=512" | FileCheck %t/chain.mlir
// RUN: graft-opt %t/cheap.mlir --plan-recompute="choices" | FileCheck %t/cheap.mlir --check-prefix=CHOICES
// RUN: not graft-opt %t/cheap.mlir --plan-recompute="budget=128" 2>&1 | FileCheck %t/cheap.mlir --check-prefix=LEAST

// At the call of @wide %a, %b, %c and %d are there: 512 bytes. Of what is
// needed only later, %b is computed again: %a costs a hundred times more for the
// same bytes. The draws are those of the first time.
//--- cheap.mlir
exec.kernels @kernels {
  func.func @one(%x: memref<32xf32>, %y: memref<32xf32>) { return }
  func.func @two(%x: memref<32xf32>, %z: memref<32xf32>, %y: memref<32xf32>) { return }
  func.func @wide(%x: memref<32xf32>, %y: memref<32xf32>) { return }
}
// CHECK-LABEL: func.func @f
// CHECK: %[[A:.*]] = exec.launch @kernels::@one(%arg0) grid <1> random 7 cost
// CHECK: %[[B:.*]] = exec.launch @kernels::@one(%arg1) grid <1> random 8 cost
// CHECK: %[[C:.*]] = exec.launch @kernels::@two(%[[A]], %[[B]])
// CHECK: %[[D:.*]] = exec.launch @kernels::@wide(%[[C]])
// CHECK: %[[AGAIN:.*]] = exec.launch @kernels::@one(%arg1) grid <1> random 8 cost
// CHECK: %[[E:.*]] = exec.launch @kernels::@two(%[[D]], %[[AGAIN]])
// CHECK: exec.launch @kernels::@two(%[[E]], %[[A]])
// PLAN: exec.program @f{{.*}} arena 384 live 384
// In tenths of 512; what is saved by %b is there at the first of them. Without a
// budget nothing is computed again.
// CHOICES: graft.choice_bytes = array<i64: 512, 461, 410, 384>
// CHOICES-SAME: graft.choice_times = array<f64: 1.000000e+00, [[TIME:1\.00[0-9]+]], [[TIME]], [[TIME]]>
// CHOICES-COUNT-2: @kernels::@one
// CHOICES-NOT: @kernels::@one
// ENOUGH-COUNT-2: @kernels::@one
// ENOUGH-NOT: @kernels::@one
// LEAST: error: expects a memory budget of at least 384 bytes, which 'f' needs with all recomputation, got 128
func.func @f(%x: tensor<32xf32>, %z: tensor<32xf32>) -> tensor<32xf32> attributes {graft.phase = "f"} {
  %a = exec.launch @kernels::@one(%x) grid <1> random 7 cost <flops [100000000] bytes [256]> : (tensor<32xf32>) -> tensor<32xf32>
  %b = exec.launch @kernels::@one(%z) grid <1> random 8 cost <flops [1000] bytes [256]> : (tensor<32xf32>) -> tensor<32xf32>
  %c = exec.launch @kernels::@two(%a, %b) grid <1> : (tensor<32xf32>, tensor<32xf32>) -> tensor<32xf32>
  %d = exec.launch @kernels::@wide(%c) grid <1> : (tensor<32xf32>) -> tensor<32xf32>
  %e = exec.launch @kernels::@two(%d, %b) grid <1> ties [0, 0] : (tensor<32xf32>, tensor<32xf32>) -> tensor<32xf32>
  %g = exec.launch @kernels::@two(%e, %a) grid <1> : (tensor<32xf32>, tensor<32xf32>) -> tensor<32xf32>
  return %g : tensor<32xf32>
}

// %b is made of %a, which is gone: both are computed again.
//--- chain.mlir
exec.kernels @kernels {
  func.func @one(%x: memref<32xf32>, %y: memref<32xf32>) { return }
  func.func @next(%x: memref<32xf32>, %y: memref<32xf32>) { return }
  func.func @wide(%x: memref<64xf32>, %y: memref<64xf32>) { return }
  func.func @start(%y: memref<64xf32>) { return }
  func.func @end(%x: memref<64xf32>, %b: memref<32xf32>, %y: memref<32xf32>) { return }
}
// CHECK-LABEL: func.func @f
// CHECK: exec.launch @kernels::@end
// CHECK: %[[A:.*]] = exec.launch @kernels::@one(%arg0)
// CHECK: %[[B:.*]] = exec.launch @kernels::@next(%[[A]])
// CHECK: exec.launch @kernels::@end({{.*}}, %[[B]])
func.func @f(%x: tensor<32xf32>) -> (tensor<32xf32>, tensor<32xf32>) attributes {graft.phase = "f"} {
  %a = exec.launch @kernels::@one(%x) grid <1> : (tensor<32xf32>) -> tensor<32xf32>
  %b = exec.launch @kernels::@next(%a) grid <1> : (tensor<32xf32>) -> tensor<32xf32>
  %s = exec.launch @kernels::@start() grid <1> : () -> tensor<64xf32>
  %first = exec.launch @kernels::@end(%s, %b) grid <1> : (tensor<64xf32>, tensor<32xf32>) -> tensor<32xf32>
  %t = exec.launch @kernels::@start() grid <1> : () -> tensor<64xf32>
  %u = exec.launch @kernels::@wide(%t) grid <1> : (tensor<64xf32>) -> tensor<64xf32>
  %v = exec.launch @kernels::@wide(%u) grid <1> : (tensor<64xf32>) -> tensor<64xf32>
  %last = exec.launch @kernels::@end(%v, %b) grid <1> : (tensor<64xf32>, tensor<32xf32>) -> tensor<32xf32>
  return %first, %last : tensor<32xf32>, tensor<32xf32>
}

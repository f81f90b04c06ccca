// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Operands and results of a region that nobody reads go away, and with them
// the ops behind them.
// RUN: graft-opt %s --verify-roundtrip --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @drop(
// CHECK-SAME:      %[[X:.+]]: tensor<3xf32>, %[[Y:.+]]: tensor<3xf32>)
// CHECK-NEXT:    %[[R:.+]] = graft.region (%[[A:.+]] = %[[X]]) : (tensor<3xf32>) -> tensor<3xf32> {
// CHECK-NEXT:      %[[S:.+]] = graft.mul %[[A]], %[[A]]
// CHECK-NEXT:      graft.yield %[[S]] : tensor<3xf32>
// CHECK-NEXT:    }
// CHECK-NEXT:    return %[[R]]
func.func @drop(%x: tensor<3xf32>, %y: tensor<3xf32>) -> tensor<3xf32> {
  %r:2 = graft.region (%a = %x, %b = %x, %c = %y) : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
    %s = graft.mul %a, %b : tensor<3xf32>
    %t = graft.exp %c : tensor<3xf32>
    graft.yield %t, %s : tensor<3xf32>, tensor<3xf32>
  }
  return %r#1 : tensor<3xf32>
}

// CHECK-LABEL: func.func @dead(
// CHECK-NEXT:    return
func.func @dead(%x: tensor<3xf32>) {
  %r = graft.region (%a = %x) : (tensor<3xf32>) -> tensor<3xf32> {
    graft.yield %a : tensor<3xf32>
  }
  return
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: %graft-opt %s --canonicalize --cse | FileCheck %s

// Upstream dialects and passes are part of graft-opt.

// CHECK-LABEL: func @fold(
// CHECK-SAME:    %[[X:.+]]: tensor<4xf32>
// CHECK-NEXT:    %[[Y:.+]] = arith.addf %[[X]], %[[X]]
// CHECK-NEXT:    return %[[Y]]
func.func @fold(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c = arith.constant dense<0.0> : tensor<4xf32>
  %0 = arith.addf %x, %x : tensor<4xf32>
  %1 = arith.addf %x, %x : tensor<4xf32>
  return %1 : tensor<4xf32>
}

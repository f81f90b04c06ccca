// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: not graft-opt %s --check-sharding=complete=graft -o %t 2>&1 | FileCheck %s

// An op of the dialect without a case is an error, one for each op.

// CHECK-NOT: 'graft.add'
// CHECK:     error: expects an op 'graft.{{.+}}', whose sharding rule is unchecked
// CHECK-NOT: 'graft.add'
func.func @add(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = graft.add %x, %x : tensor<3xf32>
  return %y : tensor<3xf32>
}

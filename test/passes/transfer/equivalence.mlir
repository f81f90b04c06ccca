// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The stage does not change what a program computes: the interpreter gets the
// same bits before and after each pass, dropout and a second call included.

// RUN: cat %S/Inputs/tiny_bert.mlir %s > %t.mlir
// RUN: graft-opt %t.mlir -o /dev/null \
// RUN:   --interpret="entry=twice lengths=3,5,1 seed=7 output=%t.written"
// RUN: graft-opt %t.mlir -o /dev/null --transfer-expand-layers \
// RUN:   --interpret="entry=twice lengths=3,5,1 seed=7 output=%t.expanded"
// RUN: cmp %t.written %t.expanded
// RUN: graft-opt %t.mlir -o /dev/null --transfer-expand-layers \
// RUN:   --transfer-inline-calls \
// RUN:   --interpret="entry=twice lengths=3,5,1 seed=7 output=%t.inlined" \
// RUN:   | FileCheck %s
// RUN: cmp %t.expanded %t.inlined

// The calls differ from each other by their draws, and from the deterministic
// one, so that the comparison has something to compare.

// CHECK: first: tensor<3x3xf32> {{\[\[}}[[FIRST:[-.0-9]+]],
// CHECK-NOT: second: {{.*\[\[}}[[FIRST]],
// CHECK: second: tensor<3x3xf32> {{\[\[}}[[SECOND:[-.0-9]+]],
// CHECK-NOT: sure: {{.*\[\[}}[[FIRST]],
// CHECK-NOT: sure: {{.*\[\[}}[[SECOND]],
// CHECK: sure: tensor<3x3xf32> {{.*}}

func.func @twice(%ids: tensor<?xi32, #T>, %types: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> (tensor<?x3xf32, #S> {graft.name = "first"}, tensor<?x3xf32, #S> {graft.name = "second"}, tensor<?x3xf32, #S> {graft.name = "sure"}) {
  %a = graft.call @model::@logits(%ids, %types, %seq) : (tensor<?xi32, #T>, tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %b = graft.call @model::@logits(%ids, %types, %seq) : (tensor<?xi32, #T>, tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %c = graft.call deterministic @model::@logits(%ids, %types, %seq) : (tensor<?xi32, #T>, tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  return %a, %b, %c : tensor<?x3xf32, #S>, tensor<?x3xf32, #S>, tensor<?x3xf32, #S>
}

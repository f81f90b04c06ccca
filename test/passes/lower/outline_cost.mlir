// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What a launch costs: its operands and results once each, and the operations of
// its products.
// RUN: %graft-opt --lower-outline %s | FileCheck %s

graft.size @T bound 64
graft.size @S bound 8

// Packing reads and writes 8 x 4 numbers (16 columns a panel); the product reads
// 16 bytes a token, and writes 32.
// CHECK-LABEL: func.func @linear(
// CHECK-NEXT:    exec.launch @kernels::@pack_rhs.{{.*}} cost <bytes [384]>
// CHECK-NEXT:    exec.launch @kernels::@linear.{{.*}} cost <flops [64 * T] bytes [48 * T, 288]>
func.func @linear(%x: tensor<?x4xf32, #graft.dims<T>>, %w: tensor<8x4xf32>, %b: tensor<8xf32>) -> tensor<?x8xf32, #graft.dims<T>> attributes {graft.phase = "f"} {
  %y = graft.linear %x, %w, %b : (tensor<?x4xf32, #graft.dims<T>>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  return %y : tensor<?x8xf32, #graft.dims<T>>
}

// The one operand is read once; pairs of tokens of a sequence have 8 features in
// two products.
// CHECK-LABEL: func.func @attention(
// CHECK-NEXT:    exec.launch @kernels::@attention.{{.*}} cost <flops [32 * squares(T)] bytes [68 * T, 8 * S]>
func.func @attention(%x: tensor<?x8xf32, #graft.dims<T>>, %s: !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>> attributes {graft.phase = "g"} {
  %y = graft.attention %x, %x, %x, %s heads 2 : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
  return %y : tensor<?x8xf32, #graft.dims<T>>
}

// Of a large table, only the rows of the tokens; a small one is in the cache.
// CHECK-LABEL: func.func @embedding(
// CHECK-NEXT:    exec.launch @kernels::@embedding.{{.*}} cost <bytes [36 * T]>
// CHECK-NEXT:    exec.launch @kernels::@embedding.{{.*}} cost <bytes [20 * T, 32]>
func.func @embedding(%ids: tensor<?xi32, #graft.dims<T>>, %large: tensor<5000x4xf32>, %small: tensor<2x4xf32>) -> (tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>) attributes {graft.phase = "h"} {
  %0 = graft.embedding %ids, %large : (tensor<?xi32, #graft.dims<T>>, tensor<5000x4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
  %1 = graft.embedding %ids, %small : (tensor<?xi32, #graft.dims<T>>, tensor<2x4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
  return %0, %1 : tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>
}

// Scores of 8 features and 12 of the target; the losses of two heads lie between the
// kernels. Gradients are two products more, and written.
// CHECK-LABEL: func.func @relations(
// CHECK-NEXT:    exec.launch @kernels::@relation_divergence.{{.*}} cost <flops [40 * squares(T)] bytes [84 * T, 16 * S]>
// CHECK-NEXT:    exec.launch @kernels::@relation_divergence_sum.{{.*}} cost <bytes [12 * S]>
// CHECK-NEXT:    exec.launch @kernels::@relation_divergence_gradient.{{.*}} cost <flops [72 * squares(T)] bytes [12 * S, 148 * T]>
func.func @relations(%q: tensor<?x8xf32, #graft.dims<T>>, %r: tensor<?x12xf32, #graft.dims<T>>, %s: !graft.segments<T, S>) -> (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>) attributes {graft.phase = "i"} {
  %d = graft.relation_divergence kl %q, %q, %r, %r, %s heads 2 : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x12xf32, #graft.dims<T>>, tensor<?x12xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>>
  %dq, %dk = graft.relation_divergence_gradient kl %d, %q, %q, %r, %r, %s heads 2 : (tensor<?xf32, #graft.dims<S>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x12xf32, #graft.dims<T>>, tensor<?x12xf32, #graft.dims<T>>, !graft.segments<T, S>) -> (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>)
  return %dq, %dk : tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>
}

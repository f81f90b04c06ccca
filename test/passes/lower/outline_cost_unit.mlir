// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Of what tile registers, or else dot products of pairs, multiply, the cost says
// how many products of bf16 one takes.
// RUN: %graft-opt --lower-outline=target=amx_bf16 %s | FileCheck %s
// RUN: %graft-opt --lower-outline=target=avx512_bf16 %s \
// RUN:   | FileCheck %s --check-prefix=PAIRS

graft.size @T bound 64
graft.model @m {
  graft.parameter @s : tensor<1xf32>
}

// CHECK-LABEL: func.func @bf16(
// CHECK: exec.launch @kernels::@matmul.{{.*}} cost <flops [4096 * T] each 1 "bf16" bytes
// PAIRS-LABEL: func.func @bf16(
// PAIRS: exec.launch @kernels::@matmul.{{.*}} cost <flops [4096 * T] each 1 "bf16" bytes
func.func @bf16(%x: tensor<?x32xbf16, #graft.dims<T>>, %w: tensor<32x64xbf16>) -> tensor<?x64xbf16, #graft.dims<T>> attributes {graft.phase = "f"} {
  %y = graft.matmul %x, %w : (tensor<?x32xbf16, #graft.dims<T>>, tensor<32x64xbf16>) -> tensor<?x64xbf16, #graft.dims<T>>
  return %y : tensor<?x64xbf16, #graft.dims<T>>
}

// CHECK-LABEL: func.func @f32(
// CHECK: exec.launch @kernels::@matmul.{{.*}} cost <flops [4096 * T] each 6 "bf16" bytes
// PAIRS-LABEL: func.func @f32(
// PAIRS: exec.launch @kernels::@matmul.{{.*}} cost <flops [4096 * T] bytes
func.func @f32(%x: tensor<?x32xf32, #graft.dims<T>>, %w: tensor<32x64xf32>) -> tensor<?x64xf32, #graft.dims<T>> attributes {graft.phase = "g"} {
  %y = graft.matmul %x, %w : (tensor<?x32xf32, #graft.dims<T>>, tensor<32x64xf32>) -> tensor<?x64xf32, #graft.dims<T>>
  return %y : tensor<?x64xf32, #graft.dims<T>>
}

// Few rows are left to vectors, whose limit counts.
// CHECK-LABEL: func.func @answers(
// CHECK: exec.launch @kernels::@linear.{{.*}} cost <flops [4096 * T] bytes
func.func @answers(%x: tensor<?x32xf32, #graft.dims<T>>, %w: tensor<64x32xf32>, %b: tensor<64xf32>) -> tensor<?x64xf32, #graft.dims<T>> attributes {graft.phase = "h"} {
  %y = graft.linear %x, %w, %b : (tensor<?x32xf32, #graft.dims<T>>, tensor<64x32xf32>, tensor<64xf32>) -> tensor<?x64xf32, #graft.dims<T>>
  return %y : tensor<?x64xf32, #graft.dims<T>>
}

// A phase that writes slots packs in each call, and packs parts.
// CHECK-LABEL: func.func @training(
// CHECK: exec.launch @kernels::@split_rhs.
// CHECK: exec.launch @kernels::@linear.{{.*}} cost <flops [4096 * T] each 6 "bf16" bytes
func.func @training(%x: tensor<?x32xf32, #graft.dims<T>>, %w: tensor<64x32xf32>, %b: tensor<64xf32>, %s: tensor<1xf32>) -> tensor<?x64xf32, #graft.dims<T>> attributes {graft.phase = "i"} {
  graft.write @m::@s, %s : tensor<1xf32>
  %y = graft.linear %x, %w, %b : (tensor<?x32xf32, #graft.dims<T>>, tensor<64x32xf32>, tensor<64xf32>) -> tensor<?x64xf32, #graft.dims<T>>
  return %y : tensor<?x64xf32, #graft.dims<T>>
}

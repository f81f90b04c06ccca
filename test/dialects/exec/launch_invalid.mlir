// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Launches that name no kernel or a buffer that the result cannot take.
// RUN: graft-opt %s --split-input-file --verify-diagnostics

exec.kernels @kernels {
  func.func @add.0(%a: memref<4xf32>, %y: memref<4xf32>, %seed: i64, %step: i32, %place: i64, %begin: index, %end: index) {
    return
  }
}
func.func @launch_c1(%a: tensor<4xf32>) {
  // expected-error @below {{expects a function of exec.kernels, got @kernels::@mul.0}}
  %y = exec.launch @kernels::@mul.0(%a) grid <1> : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @f(%a: tensor<4xf32>) {
  return
}
func.func @launch_c1_function(%a: tensor<4xf32>) {
  // expected-error @below {{expects a function of exec.kernels, got @f}}
  %y = exec.launch @f(%a) grid <1> : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

exec.kernels @kernels {
  func.func @add.0(%a: memref<4xf32>, %y: memref<4xf32>, %seed: i64, %step: i32, %place: i64, %begin: index, %end: index) {
    return
  }
}
func.func @launch_c2_pairs(%a: tensor<4xf32>) {
  // expected-error @below {{expects pairs in 'ties', got 1 numbers}}
  %y = exec.launch @kernels::@add.0(%a) grid <1> ties [0] : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

exec.kernels @kernels {
  func.func @add.0(%a: memref<4xf32>, %y: memref<4xf32>, %seed: i64, %step: i32, %place: i64, %begin: index, %end: index) {
    return
  }
}
func.func @launch_c2_result(%a: tensor<4xf32>) {
  // expected-error @below {{expects a tie of a result and an operand of the same type, got result 1 and operand 0}}
  %y = exec.launch @kernels::@add.0(%a) grid <1> ties [1, 0] : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

exec.kernels @kernels {
  func.func @add.0(%a: memref<4xf32>, %y: memref<4xf32>, %seed: i64, %step: i32, %place: i64, %begin: index, %end: index) {
    return
  }
}
func.func @launch_c2_operand(%a: tensor<4xf32>) {
  // expected-error @below {{expects a tie of a result and an operand of the same type, got result 0 and operand -1}}
  %y = exec.launch @kernels::@add.0(%a) grid <1> ties [0, -1] : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

exec.kernels @kernels {
  func.func @add.0(%a: memref<4xf32>, %y: memref<4xf32>, %seed: i64, %step: i32, %place: i64, %begin: index, %end: index) {
    return
  }
}
func.func @launch_c2_type(%a: tensor<4xf32>) {
  // expected-error @below {{expects a tie of a result and an operand of the same type, got result 0 and operand 0}}
  %y = exec.launch @kernels::@add.0(%a) grid <1> ties [0, 0] : (tensor<4xf32>) -> tensor<5xf32>
  return
}

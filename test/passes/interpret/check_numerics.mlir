// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: graft-opt %s --check-numerics-each --autodiff-expand-gradients --canonicalize --cse | FileCheck %s
// RUN: graft-opt %s --check-numerics-each --convert-arith-to-llvm -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// The whole way of a BERT of two layers to its training program on buffers:
// nothing differs, and nothing is left out.
// RUN: cat %S/../transfer/Inputs/tiny_bert.mlir %S/../transfer/Inputs/finetune.mlir > %t.mlir
// RUN: graft-opt %t.mlir --check-numerics-each --transfer --autodiff-expand-gradients --canonicalize --cse --lower-outline --lower-merge-kernels --cse --plan-memory -o /dev/null 2>&1 | count 0

// Where it begins with memory, there is nothing to compare with.
// RUN: graft-opt %t.mlir --transfer --autodiff-expand-gradients --lower-outline --plan-memory | graft-opt --check-numerics-each --cse -o /dev/null 2>&1 | FileCheck %s --check-prefix=PROGRAM
// PROGRAM: remark: numerics of @predict are not checked at all: it is a program from the start

// CHECK-LABEL: func.func @phase
// CHECK-NOT: graft.gradients
func.func @phase(%x: tensor<3x4xf32>) -> (tensor<3x4xf32> {graft.name = "gradient"}) attributes {graft.phase = "phase"} {
  %y = graft.tanh %x : tensor<3x4xf32>
  %loss = graft.reduce sum %y over [0, 1] : (tensor<3x4xf32>) -> tensor<f32>
  %g = graft.gradients %loss wrt %x : tensor<3x4xf32>
  return %g : tensor<3x4xf32>
}

// REMARK: remark: numerics of @unknown are not checked at all: the interpreter does not know 'tensor.empty'
func.func @unknown() -> tensor<2xf32> attributes {graft.phase = "unknown"} {
  %x = tensor.empty() : tensor<2xf32>
  return %x : tensor<2xf32>
}

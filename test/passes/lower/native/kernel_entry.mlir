// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: %graft-opt %s --lower-kernel-entry=sizes=S,T --split-input-file --verify-diagnostics | FileCheck %s

// T is the second size of the program, so its value is 8 bytes into the table;
// the second buffer's pointer is 8 bytes into the list of buffers.

// CHECK-LABEL: llvm.func @k(
// CHECK-SAME:    %[[BUFFERS:[^:]+]]: !llvm.ptr, %[[SIZES:[^:]+]]: !llvm.ptr, %[[RANDOM:[^:]+]]: !llvm.ptr, %[[BEGIN:[^:]+]]: i64, %[[END:[^:]+]]: i64
// CHECK:         %[[AT:.+]] = llvm.getelementptr %[[SIZES]][8]
// CHECK:         llvm.load %[[AT]] : !llvm.ptr -> i64
// CHECK:         llvm.getelementptr %[[BUFFERS]][0]
// CHECK:         llvm.getelementptr %[[BUFFERS]][8]
// CHECK:         llvm.getelementptr %[[RANDOM]][0]
// CHECK:         llvm.getelementptr %[[RANDOM]][16]
// CHECK:         llvm.getelementptr %[[RANDOM]][8]
// CHECK:         memref.load %{{.+}} : memref<?x4xf32>
// CHECK:         llvm.return
func.func @k(%x: memref<?x4xf32> {exec.dims = ["T"]}, %y: memref<4xf32>, %T: index,
             %seed: i64, %step: i32, %place: i64, %begin: index, %end: index)
    attributes {exec.sizes = ["T"]} {
  %v = memref.load %x[%begin, %begin] : memref<?x4xf32>
  memref.store %v, %y[%begin] : memref<4xf32>
  return
}

// -----

// expected-error @below {{expects a named size of the program, got 'Q'}}
func.func @k(%x: memref<?xf32> {exec.dims = ["Q"]}, %Q: index,
             %seed: i64, %step: i32, %place: i64, %begin: index, %end: index)
    attributes {exec.sizes = ["Q"]} {
  return
}

// -----

// expected-error @below {{expects 'exec.dims' to name each '?' of 'memref<?xf32>'}}
func.func @k(%x: memref<?xf32>,
             %seed: i64, %step: i32, %place: i64, %begin: index, %end: index)
    attributes {exec.sizes = []} {
  return
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: %graft-opt %s --lower-vector-math | FileCheck %s

// CHECK-LABEL: func.func @functions(
// CHECK-NOT:     math.{{exp|log|tanh|erf}}
// CHECK:         math.fma {{.*}} : vector<16xf32>
// CHECK:         return
func.func @functions(%x: vector<16xf32>) -> vector<16xf32> {
  %0 = math.exp %x : vector<16xf32>
  %1 = math.log %0 : vector<16xf32>
  %2 = math.tanh %1 : vector<16xf32>
  %3 = math.erf %2 : vector<16xf32>
  return %3 : vector<16xf32>
}

// What an instruction does stays.

// CHECK-LABEL: func.func @instructions(
// CHECK:         math.sqrt
func.func @instructions(%x: vector<16xf32>) -> vector<16xf32> {
  %0 = math.sqrt %x : vector<16xf32>
  return %0 : vector<16xf32>
}

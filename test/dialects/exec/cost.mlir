// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// RUN: %graft-opt --split-input-file --verify-diagnostics %s | FileCheck %s

// CHECK: test.a = #exec.cost<flops [2 * T * S, 48 * squares(T)] bytes [1536 * T, 4]>
// CHECK-SAME: test.b = #exec.cost<bytes [4]>
// CHECK-SAME: test.c = #exec.cost<>
// CHECK-SAME: test.c2 = #exec.cost<flops [2 * T] each 6 "bf16" bytes [4]>
// CHECK-SAME: test.d = #exec.cost_term<3 * squares(T)>
module attributes {
  test.a = #exec.cost<flops [2 * T * S, 48 * squares(T)] bytes [1536 * T, 4]>,
  test.b = #exec.cost<bytes [4]>, test.c = #exec.cost<>,
  test.c2 = #exec.cost<flops [2 * T] each 6 "bf16" bytes [4]>,
  test.d = #exec.cost_term<3 * squares(T)>
} {}

// -----

// Nothing multiplies.
// expected-error@+1 {{expected '>'}}
module attributes {test.a = #exec.cost<each 6 "bf16" bytes [4]>} {}

// -----

// expected-error@+1 {{expects the name of a unit and a count from 1 to 255, got 256 "bf16"}}
module attributes {test.a = #exec.cost<flops [2 * T] each 256 "bf16">} {}

// -----

// expected-error@+1 {{expects the name of a unit and a count from 1 to 255, got 0 "bf16"}}
module attributes {test.a = #exec.cost<flops [2 * T] each 0 "bf16">} {}

// -----

// expected-error@+1 {{expects nothing after squares of lengths}}
module attributes {test.a = #exec.cost_term<3 * squares(T) * S>} {}

// -----

// expected-error@+1 {{expects nothing before squares of lengths}}
module attributes {test.a = #exec.cost_term<3 * S * squares(T)>} {}

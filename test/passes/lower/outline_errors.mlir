// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: %graft-opt %s --lower-outline --split-input-file --verify-diagnostics
// RUN: not %graft-opt %s --lower-outline=target=z80 --split-input-file 2>&1 | FileCheck %s

// CHECK: expects a known target, got 'z80'

// An op that no one lowers is named.

func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> attributes {graft.phase = "f"} {
  // expected-error @below {{'arith.negf' op expects a kernel emitter or the RegionLoweringInterface, got neither}}
  %y = arith.negf %x : tensor<4xf32>
  return %y : tensor<4xf32>
}

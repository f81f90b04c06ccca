// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Sizes of blocks that nothing can be cut into, or that lie elsewhere.
// RUN: graft-opt %s --split-input-file --verify-diagnostics

// expected-error @below {{expects at least one row, a depth of at least 0 and a group of at least 1, got 0, 256 and 1}}
module attributes {exec.gemm_blocks = #exec.gemm_blocks<rows = 0, depth = 256, group = 1>} {
}

// -----

// expected-error @below {{expects 'exec.gemm_blocks' to be an #exec.gemm_blocks, got 96 : i64}}
module attributes {exec.gemm_blocks = 96} {
}

// -----

// expected-error @below {{expects 'exec.gemm_blocks' on a module only}}
func.func @f() attributes {exec.gemm_blocks = #exec.gemm_blocks<rows = 96, depth = 256, group = 1>} {
  return
}

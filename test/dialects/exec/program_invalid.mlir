// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: graft-opt %s --split-input-file --verify-diagnostics

exec.program @c1() -> () phase 0 arena 0 live 0 {
  // expected-error @+1 {{expects only commands in a program}}
  %c = arith.constant 1 : i32
}

// -----

exec.program @c2(x: tensor<4xf32>) -> () phase 0 arena 64 live 64 {
  // expected-error @+1 {{expects an aligned range of the arena of 64 bytes, got 16 bytes at 64}}
  exec.copy input 0 to arena 64 : 16 grid <16>
}

// -----

exec.program @c2_alignment(x: tensor<4xf32>) -> () phase 0 arena 64 live 64 {
  // expected-error @+1 {{expects an aligned range of the arena of 64 bytes, got 16 bytes at 8}}
  exec.copy input 0 to arena 8 : 16 grid <16>
}

// -----

exec.program @c3() -> (y: tensor<4xf32>) phase 0 arena 0 live 0 {
  // expected-error @+1 {{expects a buffer of the program's signature, got #exec.buffer<input 0>}}
  exec.copy input 0 to output 0 grid <16>
}

// -----

exec.program @c3_part(x: tensor<4xf32>) -> (y: tensor<4xf32>) phase 0 arena 0 live 0 {
  // expected-error @+1 {{expects a buffer of the program's signature, got #exec.buffer<rows 0>}}
  exec.copy rows 0 to output 0 grid <16>
}

// -----

exec.program @c4() -> (y: tensor<4xf32>) phase 0 arena 0 live 0 {
  // expected-error @+1 {{expects a parameter or state tensor, got @m::@w}}
  exec.copy @m::@w to output 0 grid <16>
}

// -----

exec.program @c5(x: tensor<4xf32>) -> () phase 0 arena 0 live 0 {
  // expected-error @+1 {{expects to write no input, got #exec.buffer<input 0>}}
  exec.fill input 0 with 0 grid <16>
}

// -----

exec.program @c6_move(x: tensor<4xf32>) -> () phase 0 arena 64 live 64 prologue 1 {
  // expected-error @+1 {{expects a command that depends on parameters only in the prologue}}
  exec.copy input 0 to arena 0 : 16 grid <16>
}

// -----

exec.program @c6_random() -> () phase 0 arena 64 live 64 prologue 1 {
  // expected-error @+1 {{expects a command that depends on parameters only in the prologue}}
  exec.command @kernels::@k() -> (arena 0 : 16) grid <1> random 7
}

// -----

exec.program @c6_read(x: tensor<4xf32>) -> () phase 0 arena 64 live 64 prologue 1 {
  // expected-error @+1 {{expects the prologue to read slots and the arena, got #exec.buffer<input 0>}}
  exec.command @kernels::@k(input 0) -> (arena 0 : 16) grid <1>
}

// -----

exec.program @c6_write() -> (y: tensor<4xf32>) phase 0 arena 64 live 64 prologue 1 {
  // expected-error @+1 {{expects the prologue to write the arena, got #exec.buffer<output 0>}}
  exec.command @kernels::@k() -> (output 0) grid <1>
}

// -----

// expected-error @+1 {{expects a prologue of at most as many commands as there are, got 1}}
exec.program @c6_count() -> () phase 0 arena 0 live 0 prologue 1 {
}

// -----

exec.program @kernel() -> () phase 0 arena 0 live 0 {
  // expected-error @+1 {{expects a function of exec.kernels, got @kernels::@k}}
  exec.command @kernels::@k() -> () grid <1>
}

// -----

exec.program @place(x: tensor<4xf32>) -> () phase 0 arena 0 live 0 {
  // expected-error @+1 {{expects a buffer, got attic}}
  exec.fill attic 0 with 0 grid <16>
}

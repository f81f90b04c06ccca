// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: graft-opt %s --plan-memory --split-input-file | FileCheck %s

// Arguments are inputs, parameters are read in place, results are written
// straight into outputs; the arena holds what is between. A value that is dead
// gives its place to the next (%a to %c).
graft.size @T bound 8
graft.size @S bound 2
graft.model @m {
  graft.parameter @w : tensor<4xf32>
}
exec.host @train {
  exec.stream @train sizes (T, S)
}
exec.kernels @kernels {
  func.func @two(%x: memref<?x4xf32>, %w: memref<4xf32>, %y: memref<?x4xf32>) { return }
  func.func @pool(%x: memref<?x4xf32>, %o: memref<?xi32>, %n: memref<?xi32>, %r: memref<?xi32>, %y: memref<?x4xf32>) { return }
}
// CHECK-LABEL: exec.program @predict
// CHECK-SAME: (x: tensor<?x4xf32, #T>, segments: !graft.segments<T, S> below 512 from stream @train segments)
// CHECK-SAME: -> (logits: tensor<?x4xf32, #S>) phase 3 arena 256 live 256
// CHECK-NEXT: exec.command @kernels::@two(input 0, @m::@w) -> (arena [[A:[0-9]+]] : 128) grid <T / 4> "encoder/dense"
// CHECK-NEXT: exec.command @kernels::@two(arena [[A]] : 128, @m::@w) -> (arena [[B:[0-9]+]] : 128) grid <T / 4>
// CHECK-NEXT: exec.command @kernels::@two(arena [[B]] : 128, @m::@w) -> (arena [[A]] : 128) grid <T / 4>
// CHECK-NEXT: exec.command @kernels::@pool(arena [[A]] : 128, input 1, ordinals 1, rows 1) -> (output 0) grid <S>
// CHECK-NEXT: }
// CHECK-NOT: func.func @predict
func.func @predict(%x: tensor<?x4xf32, #graft.dims<T>> {graft.name = "x"},
                   %seq: !graft.segments<T, S> {graft.name = "segments", graft.limit = 512 : i64, exec.source = #exec.source<stream @train segments>})
    -> (tensor<?x4xf32, #graft.dims<S>> {graft.name = "logits"})
    attributes {graft.phase = "predict", graft.phase_ordinal = 3 : i64} {
  %w = graft.read @m::@w : tensor<4xf32>
  %a = exec.launch @kernels::@two(%x, %w) grid <T / 4> : (tensor<?x4xf32, #graft.dims<T>>, tensor<4xf32>) -> tensor<?x4xf32, #graft.dims<T>> loc("encoder"("dense"("model.mlir":1:1)))
  %b = exec.launch @kernels::@two(%a, %w) grid <T / 4> : (tensor<?x4xf32, #graft.dims<T>>, tensor<4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
  %c = exec.launch @kernels::@two(%b, %w) grid <T / 4> : (tensor<?x4xf32, #graft.dims<T>>, tensor<4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
  %p = exec.launch @kernels::@pool(%c, %seq) grid <S> : (tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<S>>
  return %p : tensor<?x4xf32, #graft.dims<S>>
}

// -----

// A tie puts the result where the operand was, if nobody needs the operand
// later and the operand is not read through another, untied, place.
exec.kernels @kernels {
  func.func @make(%y: memref<32xf32>) { return }
  func.func @relu(%x: memref<32xf32>, %y: memref<32xf32>) { return }
  func.func @add(%a: memref<32xf32>, %b: memref<32xf32>, %y: memref<32xf32>) { return }
}
// CHECK-LABEL: exec.program @ties() -> (output0: tensor<32xf32>) phase 0 arena 256 live 256
// CHECK-NEXT: @make() -> (arena [[A:[0-9]+]] : 128)
// CHECK-NEXT: @relu(arena [[A]] : 128) -> (arena [[A]] : 128)
// CHECK-NEXT: @relu(arena [[A]] : 128) -> (arena [[B:[0-9]+]] : 128)
// CHECK-NEXT: @add(arena [[A]] : 128, arena [[B]] : 128) -> (arena [[A]] : 128)
// CHECK-NEXT: @add(arena [[A]] : 128, arena [[A]] : 128) -> (arena [[B]] : 128)
// CHECK-NEXT: @relu(arena [[B]] : 128) -> (output 0)
// CHECK-NEXT: }
func.func @ties() -> tensor<32xf32> attributes {graft.phase = "ties"} {
  %a = exec.launch @kernels::@make() grid <1> : () -> tensor<32xf32>
  %b = exec.launch @kernels::@relu(%a) grid <1> ties [0, 0] : (tensor<32xf32>) -> tensor<32xf32>
  %c = exec.launch @kernels::@relu(%b) grid <1> ties [0, 0] : (tensor<32xf32>) -> tensor<32xf32>
  %d = exec.launch @kernels::@add(%b, %c) grid <1> ties [0, 0, 0, 1] : (tensor<32xf32>, tensor<32xf32>) -> tensor<32xf32>
  %e = exec.launch @kernels::@add(%d, %d) grid <1> ties [0, 0] : (tensor<32xf32>, tensor<32xf32>) -> tensor<32xf32>
  %f = exec.launch @kernels::@relu(%e) grid <1> ties [0, 0] : (tensor<32xf32>) -> tensor<32xf32>
  return %f : tensor<32xf32>
}

// -----

// An update writes into the slots themselves: the tied ones in place, the zero
// of the gradient at the end.
graft.model @m {
  graft.parameter @w : tensor<4xf32>
  graft.state @w.gradient "gradient" of @w : tensor<4xf32>
  graft.state @w.first_moment "first_moment" of @w : tensor<4xf32>
}
exec.kernels @kernels {
  func.func @norm(%g: memref<4xf32>, %n: memref<f32>) { return }
  func.func @step(%w: memref<4xf32>, %g: memref<4xf32>, %m: memref<4xf32>, %n: memref<f32>, %x: memref<4xf32>, %y: memref<4xf32>) { return }
}
// CHECK-LABEL: exec.program @update() -> (norm: tensor<f32>) phase 0 arena 0 live 0
// CHECK-NEXT: @norm(@m::@w.gradient) -> (output 0)
// CHECK-NEXT: @step(@m::@w, @m::@w.gradient, @m::@w.first_moment, output 0) -> (@m::@w, @m::@w.first_moment)
// CHECK-NEXT: exec.fill @m::@w.gradient with 0 grid <16>
// CHECK-NEXT: }
func.func @update() -> (tensor<f32> {graft.name = "norm"})
    attributes {graft.phase = "update"} {
  %w = graft.read @m::@w : tensor<4xf32>
  %g = graft.read @m::@w.gradient : tensor<4xf32>
  %m = graft.read @m::@w.first_moment : tensor<4xf32>
  %zero = graft.constant 0.000000e+00 : tensor<4xf32>
  %n = exec.launch @kernels::@norm(%g) grid <1> : (tensor<4xf32>) -> tensor<f32>
  %new:2 = exec.launch @kernels::@step(%w, %g, %m, %n) grid <1> ties [0, 0, 1, 2] : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<f32>) -> (tensor<4xf32>, tensor<4xf32>)
  graft.write @m::@w, %new#0 : tensor<4xf32>
  graft.write @m::@w.first_moment, %new#1 : tensor<4xf32>
  graft.write @m::@w.gradient, %zero : tensor<4xf32>
  return %n : tensor<f32>
}

// -----

// A slot whose old value is read later, or by the same launch without a tie,
// gets its new value by a copy.
graft.model @m {
  graft.parameter @w : tensor<4xf32>
  graft.parameter @v : tensor<4xf32>
}
exec.kernels @kernels {
  func.func @relu(%x: memref<4xf32>, %y: memref<4xf32>) { return }
}
// CHECK-LABEL: exec.program @late
// CHECK-NEXT: @relu(@m::@w) -> (arena [[A:[0-9]+]] : 16)
// CHECK-NEXT: @relu(@m::@w) -> (output 0)
// CHECK-NEXT: @relu(@m::@v) -> (arena [[B:[0-9]+]] : 16)
// CHECK-NEXT: exec.copy arena [[A]] : 16 to @m::@w grid <16>
// CHECK-NEXT: exec.copy arena [[B]] : 16 to @m::@v grid <16>
// CHECK-NEXT: }
func.func @late() -> tensor<4xf32> attributes {graft.phase = "late"} {
  %w = graft.read @m::@w : tensor<4xf32>
  %v = graft.read @m::@v : tensor<4xf32>
  %new = exec.launch @kernels::@relu(%w) grid <1> ties [0, 0] : (tensor<4xf32>) -> tensor<4xf32>
  graft.write @m::@w, %new : tensor<4xf32>
  %y = exec.launch @kernels::@relu(%w) grid <1> : (tensor<4xf32>) -> tensor<4xf32>
  %untied = exec.launch @kernels::@relu(%v) grid <1> : (tensor<4xf32>) -> tensor<4xf32>
  graft.write @m::@v, %untied : tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// Two slots are swapped through saved values; an old value that is returned is
// copied before it is overwritten; a slot written with itself costs nothing.
graft.model @m {
  graft.parameter @a : tensor<4xf32>
  graft.parameter @b : tensor<4xf32>
  graft.parameter @c : tensor<4xf32>
}
// CHECK-LABEL: exec.program @swap() -> (output0: tensor<4xf32>, output1: tensor<4xf32>) phase 0 arena 128 live 128
// CHECK-NEXT: exec.copy @m::@a to output 0 grid <16>
// CHECK-NEXT: exec.copy @m::@b to arena [[B:[0-9]+]] : 16 grid <16>
// CHECK-NEXT: exec.copy @m::@a to arena [[A:[0-9]+]] : 16 grid <16>
// CHECK-NEXT: exec.copy arena [[B]] : 16 to @m::@a grid <16>
// CHECK-NEXT: exec.copy arena [[A]] : 16 to @m::@b grid <16>
// CHECK-NEXT: exec.copy @m::@c to output 1 grid <16>
// CHECK-NEXT: }
func.func @swap() -> (tensor<4xf32>, tensor<4xf32>) attributes {graft.phase = "swap"} {
  %a = graft.read @m::@a : tensor<4xf32>
  %b = graft.read @m::@b : tensor<4xf32>
  %c = graft.read @m::@c : tensor<4xf32>
  graft.write @m::@a, %b : tensor<4xf32>
  graft.write @m::@b, %a : tensor<4xf32>
  graft.write @m::@c, %c : tensor<4xf32>
  return %a, %c : tensor<4xf32>, tensor<4xf32>
}

// -----

// A value returned twice, an argument returned, constants as operand, result
// and new value of a slot, a result that nobody reads.
graft.size @T bound 4
graft.model @m {
  graft.parameter @w : tensor<2xf16>
}
exec.kernels @kernels {
  func.func @pair(%c: memref<?x2xf32>, %x: memref<?x2xf32>, %y: memref<?x2xf32>, %z: memref<?x2xf32>) { return }
}
// CHECK-LABEL: exec.program @results(input0: tensor<?x2xf32, #T> below 3 or -100)
// CHECK-SAME: arena 128 live 128
// CHECK-NEXT: exec.fill arena [[C:[0-9]+]] : 32 with 1065353216 grid <T * 8>
// CHECK-NEXT: @pair(arena [[C]] : 32, input 0) -> (output 0, arena [[Z:[0-9]+]] : 32) grid <T>
// CHECK-NEXT: exec.fill @m::@w with 1006648320 grid <4>
// CHECK-NEXT: exec.copy output 0 to output 1 grid <T * 8>
// CHECK-NEXT: exec.copy input 0 to output 2 grid <T * 8>
// CHECK-NEXT: exec.fill output 3 with 1065353216 grid <T * 8>
// CHECK-NEXT: }
func.func @results(%x: tensor<?x2xf32, #graft.dims<T>> {graft.limit = 3 : i64, graft.limit_exception = -100 : i64})
    -> (tensor<?x2xf32, #graft.dims<T>>, tensor<?x2xf32, #graft.dims<T>>,
        tensor<?x2xf32, #graft.dims<T>>, tensor<?x2xf32, #graft.dims<T>>)
    attributes {graft.phase = "results"} {
  %one = graft.constant 1.000000e+00 : tensor<?x2xf32, #graft.dims<T>>
  %half = graft.constant 1.000000e+00 : tensor<2xf16>
  %y:2 = exec.launch @kernels::@pair(%one, %x) grid <T> : (tensor<?x2xf32, #graft.dims<T>>, tensor<?x2xf32, #graft.dims<T>>) -> (tensor<?x2xf32, #graft.dims<T>>, tensor<?x2xf32, #graft.dims<T>>)
  graft.write @m::@w, %half : tensor<2xf16>
  return %y#0, %y#0, %x, %one : tensor<?x2xf32, #graft.dims<T>>, tensor<?x2xf32, #graft.dims<T>>, tensor<?x2xf32, #graft.dims<T>>, tensor<?x2xf32, #graft.dims<T>>
}

// -----

// One new value for two slots: the second gets a copy. A tensor with two sizes
// is moved whole. Functions that are no phase stay.
graft.size @T bound 4
graft.size @S bound 3
graft.model @m {
  graft.parameter @v : tensor<4xf32>
  graft.parameter @w : tensor<4xf32>
}
exec.kernels @kernels {
  func.func @make(%y: memref<4xf32>) { return }
}
// CHECK-LABEL: exec.program @twice
// CHECK-NEXT: @make() -> (@m::@v)
// CHECK-NEXT: exec.copy @m::@v to @m::@w grid <16>
// CHECK-NEXT: exec.copy input 0 to output 0 grid <48>
func.func @twice(%x: tensor<?x?xf32, #graft.dims<T, S>>)
    -> tensor<?x?xf32, #graft.dims<T, S>> attributes {graft.phase = "twice"} {
  %y = exec.launch @kernels::@make() grid <1> : () -> tensor<4xf32>
  graft.write @m::@v, %y : tensor<4xf32>
  graft.write @m::@w, %y : tensor<4xf32>
  return %x : tensor<?x?xf32, #graft.dims<T, S>>
}
// CHECK: func.func @helper
func.func @helper() {
  return
}

// -----

// What is computed from parameters alone comes first and stays: neither does it
// take the place of another value of its kind, nor is its own taken. A result is
// no part of it, and neither are draws.
exec.kernels @kernels {
  func.func @pack(%x: memref<16xf32>, %y: memref<16xf32>) { return }
  func.func @two(%x: memref<16xf32>, %w: memref<16xf32>, %y: memref<16xf32>) { return }
}
graft.model @m {
  graft.parameter @w : tensor<16xf32>
}
// CHECK-LABEL: exec.program @prologue
// CHECK-SAME:    live 256 prologue 2 {
// CHECK-NEXT: @pack(@m::@w) -> (arena [[A:[0-9]+]] : 64) grid <1>
// CHECK-NEXT: @pack(arena [[A]] : 64) -> (arena [[B:[0-9]+]] : 64) grid <1>
// CHECK-NEXT: @two(input 0, input 0) -> (arena [[C:[0-9]+]] : 64)
// CHECK-NEXT: @two(arena [[C]] : 64, arena [[B]] : 64) -> (arena [[D:[0-9]+]] : 64)
// CHECK-NEXT: @pack(@m::@w) -> (arena [[E:[0-9]+]] : 64) grid <1> random 5
// CHECK-NEXT: @two(arena [[D]] : 64, arena [[E]] : 64) -> (output 0)
// CHECK-NEXT: @pack(@m::@w) -> (output 1)
// CHECK-NEXT: }
func.func @prologue(%x: tensor<16xf32>) -> (tensor<16xf32>, tensor<16xf32>)
    attributes {graft.phase = "prologue"} {
  %a = exec.launch @kernels::@two(%x, %x) grid <1> : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  %w = graft.read @m::@w : tensor<16xf32>
  %p = exec.launch @kernels::@pack(%w) grid <1> : (tensor<16xf32>) -> tensor<16xf32>
  %q = exec.launch @kernels::@pack(%p) grid <1> ties [0, 0] : (tensor<16xf32>) -> tensor<16xf32>
  %b = exec.launch @kernels::@two(%a, %q) grid <1> ties [0, 1] : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  %d = exec.launch @kernels::@pack(%w) grid <1> random 5 : (tensor<16xf32>) -> tensor<16xf32>
  %c = exec.launch @kernels::@two(%b, %d) grid <1> : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  %e = exec.launch @kernels::@pack(%w) grid <1> : (tensor<16xf32>) -> tensor<16xf32>
  return %c, %e : tensor<16xf32>, tensor<16xf32>
}

// -----

// A phase that writes slots has no prologue.
exec.kernels @kernels {
  func.func @pack(%x: memref<16xf32>, %y: memref<16xf32>) { return }
  func.func @two(%x: memref<16xf32>, %w: memref<16xf32>, %y: memref<16xf32>) { return }
}
graft.model @m {
  graft.parameter @w : tensor<16xf32>
}
// CHECK-LABEL: exec.program @writes
// CHECK-SAME:    live {{[0-9]+}} {
func.func @writes(%x: tensor<16xf32>) attributes {graft.phase = "writes"} {
  %w = graft.read @m::@w : tensor<16xf32>
  %p = exec.launch @kernels::@pack(%w) grid <1> : (tensor<16xf32>) -> tensor<16xf32>
  %a = exec.launch @kernels::@two(%x, %p) grid <1> : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  graft.write @m::@w, %a : tensor<16xf32>
  return
}

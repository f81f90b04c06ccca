// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: graft-opt %s --check-sharding='print complete=graft' -o %t | FileCheck %s

// Every op that has a rule is cut along every factor that may be cut, whole and
// parts are run, and compared. `complete` makes this test fail for an op without
// a case here.

#T = #graft.dims<T>
#S = #graft.dims<S>
#P = #graft.dims<P>

// Elementwise, over tokens and features.

// CHECK: graft.add: d0d1,d0d1->d0d1; linear 0+1; elementwise | cut: d1 d0
func.func @add(%x: tensor<?x5xf32, #T>, %y: tensor<?x5xf32, #T>) -> tensor<?x5xf32, #T> {
  %r0 = graft.add %x, %y : tensor<?x5xf32, #T>
  return %r0 : tensor<?x5xf32, #T>
}
func.func @sub(%x: tensor<?x5xf32, #T>, %y: tensor<?x5xf32, #T>) -> tensor<?x5xf32, #T> {
  %r0 = graft.sub %x, %y : tensor<?x5xf32, #T>
  return %r0 : tensor<?x5xf32, #T>
}

// CHECK: graft.mul: d0d1,d0d1->d0d1; linear 0 1; elementwise | cut: d1 d0
func.func @mul(%x: tensor<?x5xf32, #T>, %y: tensor<?x5xf32, #T>) -> tensor<?x5xf32, #T> {
  %r0 = graft.mul %x, %y : tensor<?x5xf32, #T>
  return %r0 : tensor<?x5xf32, #T>
}
func.func @div(%x: tensor<?x5xf32, #T>, %y: tensor<?x5xf32, #T>) -> tensor<?x5xf32, #T> {
  %r0 = graft.div %x, %y : tensor<?x5xf32, #T>
  return %r0 : tensor<?x5xf32, #T>
}
func.func @max(%x: tensor<?x5xf32, #T>, %y: tensor<?x5xf32, #T>) -> tensor<?x5xf32, #T> {
  %r0 = graft.max %x, %y : tensor<?x5xf32, #T>
  return %r0 : tensor<?x5xf32, #T>
}
func.func @step(%x: tensor<?x5xf32, #T>, %y: tensor<?x5xf32, #T>) -> tensor<?x5xf32, #T> {
  %r0 = graft.step %x, %y : tensor<?x5xf32, #T>
  return %r0 : tensor<?x5xf32, #T>
}
func.func @exp(%x: tensor<4x3x2xf32>) -> tensor<4x3x2xf32> {
  %r0 = graft.exp %x : tensor<4x3x2xf32>
  return %r0 : tensor<4x3x2xf32>
}
func.func @log(%x: tensor<4x3x2xf32>) -> tensor<4x3x2xf32> {
  %r0 = graft.log %x : tensor<4x3x2xf32>
  return %r0 : tensor<4x3x2xf32>
}
func.func @sqrt(%x: tensor<4x3x2xf32>) -> tensor<4x3x2xf32> {
  %r0 = graft.sqrt %x : tensor<4x3x2xf32>
  return %r0 : tensor<4x3x2xf32>
}
func.func @tanh(%x: tensor<4x3x2xf32>) -> tensor<4x3x2xf32> {
  %r0 = graft.tanh %x : tensor<4x3x2xf32>
  return %r0 : tensor<4x3x2xf32>
}
func.func @sigmoid(%x: tensor<4x3x2xf32>) -> tensor<4x3x2xf32> {
  %r0 = graft.sigmoid %x : tensor<4x3x2xf32>
  return %r0 : tensor<4x3x2xf32>
}
func.func @relu(%x: tensor<4x3x2xf32>) -> tensor<4x3x2xf32> {
  %r0 = graft.relu %x : tensor<4x3x2xf32>
  return %r0 : tensor<4x3x2xf32>
}
func.func @stop_gradient(%x: tensor<4x3x2xf32>) -> tensor<4x3x2xf32> {
  %r0 = graft.stop_gradient %x : tensor<4x3x2xf32>
  return %r0 : tensor<4x3x2xf32>
}
func.func @scale_gradient(%x: tensor<4x3x2xf32>, %f: tensor<f32>) -> tensor<4x3x2xf32> {
  %r0 = graft.scale_gradient %x by %f : tensor<4x3x2xf32>
  return %r0 : tensor<4x3x2xf32>
}
func.func @gelu_erf(%x: tensor<4x3x2xf32>) -> tensor<4x3x2xf32> {
  %r0 = graft.gelu erf %x : tensor<4x3x2xf32>
  return %r0 : tensor<4x3x2xf32>
}
func.func @gelu_tanh(%x: tensor<4x3x2xf32>) -> tensor<4x3x2xf32> {
  %r0 = graft.gelu tanh %x : tensor<4x3x2xf32>
  return %r0 : tensor<4x3x2xf32>
}
func.func @scale(%x: tensor<6xf32>) -> tensor<6xf32> {
  %r0 = graft.scale %x by 5.000000e-01 : tensor<6xf32>
  return %r0 : tensor<6xf32>
}

// CHECK: graft.add: d0,d0->d0; linear 0+1; elementwise | cut: d0
func.func @same_operand(%x: tensor<6xf32>) -> tensor<6xf32> {
  %r0 = graft.add %x, %x : tensor<6xf32>
  return %r0 : tensor<6xf32>
}
func.func @gelu_gradient(%x: tensor<?x5xf32, #T>, %y: tensor<?x5xf32, #T>) -> tensor<?x5xf32, #T> {
  %r0 = graft.gelu_gradient erf %x, %y : tensor<?x5xf32, #T>
  return %r0 : tensor<?x5xf32, #T>
}

// CHECK: graft.cast: d0d1->d0d1; linear 0; elementwise | cut: d1 d0
func.func @widen(%x: tensor<?x5xbf16, #T>) -> tensor<?x5xf32, #T> {
  %r0 = graft.cast %x : tensor<?x5xbf16, #T> to tensor<?x5xf32, #T>
  return %r0 : tensor<?x5xf32, #T>
}

// CHECK: graft.cast: d0d1->d0d1; elementwise | cut: d1 d0
func.func @narrow(%x: tensor<?x5xf32, #T>) -> tensor<?x5xbf16, #T> {
  %r0 = graft.cast %x : tensor<?x5xf32, #T> to tensor<?x5xbf16, #T>
  return %r0 : tensor<?x5xbf16, #T>
}

// CHECK: graft.constant: ->d0d1 | cut: d1 d0
func.func @constant() -> tensor<?x5xf32, #T> {
  %r0 = graft.constant 2.000000e+00 : tensor<?x5xf32, #T>
  return %r0 : tensor<?x5xf32, #T>
}

// CHECK: graft.adamw: d0d1,d0d1,d0d1,d0d1,-,-,-->d0d1,d0d1,d0d1; elementwise | cut: d0 d1
func.func @adamw(%w: tensor<4x3xf32>, %g: tensor<4x3xf32>, %m: tensor<4x3xf32>, %v: tensor<4x3xf32>, %lr: tensor<f32>, %t: tensor<i32>, %f: tensor<f32>) -> (tensor<4x3xf32>, tensor<4x3xf32>, tensor<4x3xf32>) {
  %r0, %r1, %r2 = graft.adamw %w, %g, %m, %v rate %lr step %t factor %f beta1 9.000000e-01 beta2 9.990000e-01 epsilon 9.99999993E-9 decay 0.00999999977 : tensor<4x3xf32>
  return %r0, %r1, %r2 : tensor<4x3xf32>, tensor<4x3xf32>, tensor<4x3xf32>
}

// CHECK: graft.adamw: {{.*}}; elementwise | cut: d0 d1
func.func @adam(%w: tensor<4x3xf32>, %g: tensor<4x3xf32>, %m: tensor<4x3xf32>, %v: tensor<4x3xf32>, %lr: tensor<f32>, %t: tensor<i32>) -> (tensor<4x3xf32>, tensor<4x3xf32>, tensor<4x3xf32>) {
  %r0, %r1, %r2 = graft.adamw %w, %g, %m, %v rate %lr step %t beta1 9.000000e-01 beta2 9.990000e-01 epsilon 9.99999993E-9 coupled decay 0.00999999977 : tensor<4x3xf32>
  return %r0, %r1, %r2 : tensor<4x3xf32>, tensor<4x3xf32>, tensor<4x3xf32>
}

// CHECK: graft.sgd: d0d1,d0d1,-,-->d0d1; elementwise | cut: d0 d1
func.func @sgd(%w: tensor<4x3xf32>, %g: tensor<4x3xf32>, %lr: tensor<f32>, %f: tensor<f32>) -> tensor<4x3xf32> {
  %r0 = graft.sgd %w, %g rate %lr factor %f decay 0.00999999977 : tensor<4x3xf32>
  return %r0 : tensor<4x3xf32>
}

// CHECK: graft.momentum: d0d1,d0d1,d0d1,-,-->d0d1,d0d1; elementwise | cut: d0 d1
func.func @momentum(%w: tensor<4x3xf32>, %g: tensor<4x3xf32>, %v: tensor<4x3xf32>, %lr: tensor<f32>, %f: tensor<f32>) -> (tensor<4x3xf32>, tensor<4x3xf32>) {
  %r0, %r1 = graft.momentum %w, %g, %v rate %lr factor %f momentum 9.000000e-01 nesterov decay 0.00999999977 : tensor<4x3xf32>
  return %r0, %r1 : tensor<4x3xf32>, tensor<4x3xf32>
}

// Norms are of the whole parameter.
// CHECK: graft.lamb: AB,AB,AB,AB,-,-,-->AB,AB,AB
func.func @lamb(%w: tensor<4x3xf32>, %g: tensor<4x3xf32>, %m: tensor<4x3xf32>, %v: tensor<4x3xf32>, %lr: tensor<f32>, %t: tensor<i32>, %f: tensor<f32>) -> (tensor<4x3xf32>, tensor<4x3xf32>, tensor<4x3xf32>) {
  %r0, %r1, %r2 = graft.lamb %w, %g, %m, %v rate %lr step %t factor %f beta1 9.000000e-01 beta2 9.990000e-01 epsilon 9.99999993E-9 decay 0.00999999977 : tensor<4x3xf32>
  return %r0, %r1, %r2 : tensor<4x3xf32>, tensor<4x3xf32>, tensor<4x3xf32>
}

// Reductions and what undoes them.

// CHECK: graft.reduce: d0d1->d1; linear 0 | cut: d1 d0
func.func @reduce_sum(%x: tensor<?x6xf32, #T>) -> tensor<6xf32> {
  %r0 = graft.reduce sum %x over [0] : (tensor<?x6xf32, #T>) -> tensor<6xf32>
  return %r0 : tensor<6xf32>
}

// CHECK: graft.reduce: d0d1->-; linear 0 | cut: d1 d0
func.func @reduce_all(%x: tensor<?x6xf32, #T>) -> tensor<f32> {
  %r0 = graft.reduce sum %x over [0, 1] : (tensor<?x6xf32, #T>) -> tensor<f32>
  return %r0 : tensor<f32>
}

// CHECK: graft.reduce: d0d1d2->d1; max | cut: d0 d1 d2
func.func @reduce_max(%x: tensor<4x3x5xf32>) -> tensor<3xf32> {
  %r0 = graft.reduce max %x over [0, 2] : (tensor<4x3x5xf32>) -> tensor<3xf32>
  return %r0 : tensor<3xf32>
}

// CHECK: graft.broadcast: d1->d0d1d2; linear 0 | cut: d1 d2 d0
func.func @broadcast(%x: tensor<6xf32>) -> tensor<?x6x2xf32, #T> {
  %r0 = graft.broadcast %x along [0, 2] : (tensor<6xf32>) -> tensor<?x6x2xf32, #T>
  return %r0 : tensor<?x6x2xf32, #T>
}

// CHECK: graft.global_norm: a0b0,a1,-->-; norm; addend 0 1 2 | cut: a0 b0 a1
func.func @global_norm(%x: tensor<4x3xf32>, %y: tensor<5xf32>, %z: tensor<f32>) -> tensor<f32> {
  %r0 = graft.global_norm %x, %y, %z : (tensor<4x3xf32>, tensor<5xf32>, tensor<f32>) -> tensor<f32>
  return %r0 : tensor<f32>
}

// CHECK: graft.global_norm: a0b0,-->-; norm; addend 1 | cut: a0 b0
// CHECK: graft.global_norm: a0b0->-; norm | cut: a0 b0
// CHECK: graft.add: -,-->-; linear 0+1; elementwise | cut:
func.func @global_norm_of_one(%x: tensor<4x3xf32>, %z: tensor<f32>) -> tensor<f32> {
  %r0 = graft.global_norm %x, %z : (tensor<4x3xf32>, tensor<f32>) -> tensor<f32>
  %r1 = graft.global_norm %x : (tensor<4x3xf32>) -> tensor<f32>
  %r2 = graft.add %r0, %r1 : tensor<f32>
  return %r2 : tensor<f32>
}

// CHECK: graft.spectral: IJ->IJ | cut:
func.func @spectral(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %r0 = graft.spectral inverse %x above 1.000000e-06 : tensor<4x4xf32>
  return %r0 : tensor<4x4xf32>
}

// CHECK: graft.clip_factor: -->- | cut:
func.func @clip_factor(%x: tensor<f32>) -> tensor<f32> {
  %r0 = graft.clip_factor %x limit 1.000000e+00 : (tensor<f32>) -> tensor<f32>
  return %r0 : tensor<f32>
}

// Shapes.

// CHECK: graft.reshape: t0(f1f2)->t0f1f2; linear 0 | cut: f1 f2 t0
func.func @split_heads(%x: tensor<?x12xf32, #T>) -> tensor<?x4x3xf32, #T> {
  %r0 = graft.reshape %x : (tensor<?x12xf32, #T>) -> tensor<?x4x3xf32, #T>
  return %r0 : tensor<?x4x3xf32, #T>
}

// CHECK: graft.reshape: t0f1f2->t0(f1f2); linear 0 | cut: f1 f2 t0
func.func @merge_heads(%x: tensor<?x4x3xf32, #T>) -> tensor<?x12xf32, #T> {
  %r0 = graft.reshape %x : (tensor<?x4x3xf32, #T>) -> tensor<?x12xf32, #T>
  return %r0 : tensor<?x12xf32, #T>
}

// CHECK: graft.reshape: t0U1f2->t0f2U3; linear 0 | cut: f2 t0
func.func @reshape_ones(%x: tensor<?x1x6xf32, #T>) -> tensor<?x6x1xf32, #T> {
  %r0 = graft.reshape %x : (tensor<?x1x6xf32, #T>) -> tensor<?x6x1xf32, #T>
  return %r0 : tensor<?x6x1xf32, #T>
}

// CHECK: graft.reshape: (f0W1)W2->(f0W3)W4; f0 = 2; W1 = 3; W3 = 2; linear 0 | cut: f0
func.func @reshape_partly(%x: tensor<6x4xf32>) -> tensor<4x6xf32> {
  %r0 = graft.reshape %x : (tensor<6x4xf32>) -> tensor<4x6xf32>
  return %r0 : tensor<4x6xf32>
}

// CHECK: graft.reshape: f0(f1f2)f3->(f0f1)f2f3; f1 = 2; linear 0 | cut: f0 f1 f2 f3
func.func @reshape_mixed(%x: tensor<2x6x5xf32>) -> tensor<4x3x5xf32> {
  %r0 = graft.reshape %x : (tensor<2x6x5xf32>) -> tensor<4x3x5xf32>
  return %r0 : tensor<4x3x5xf32>
}

// CHECK: graft.reshape: U0U1->-; linear 0 | cut:
func.func @reshape_scalar(%x: tensor<1x1xf32>) -> tensor<f32> {
  %r0 = graft.reshape %x : (tensor<1x1xf32>) -> tensor<f32>
  return %r0 : tensor<f32>
}

// CHECK: graft.reshape: W0W1->W2W3; linear 0 | cut:
func.func @reshape_across(%x: tensor<2x?xf32, #T>) -> tensor<?x2xf32, #T> {
  %r0 = graft.reshape %x : (tensor<2x?xf32, #T>) -> tensor<?x2xf32, #T>
  return %r0 : tensor<?x2xf32, #T>
}

// CHECK: graft.transpose: ij->ji; linear 0 | cut: i j
func.func @transpose(%x: tensor<4x3xf32>) -> tensor<3x4xf32> {
  %r0 = graft.transpose %x : (tensor<4x3xf32>) -> tensor<3x4xf32>
  return %r0 : tensor<3x4xf32>
}

// CHECK: graft.concat: rw,rw,rw->r(Nw); N = 3; linear 0+1+2 | cut: w r
func.func @concat_blocks(%x: tensor<?x4xf32, #T>, %y: tensor<?x4xf32, #T>, %z: tensor<?x4xf32, #T>) -> tensor<?x12xf32, #T> {
  %r0 = graft.concat %x, %y, %z : (tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, tensor<?x4xf32, #T>) -> tensor<?x12xf32, #T>
  return %r0 : tensor<?x12xf32, #T>
}

// CHECK: graft.concat: rA0,rA1->rB; linear 0+1 | cut: r
func.func @concat_uneven(%x: tensor<?x4xf32, #T>, %y: tensor<?x2xf32, #T>) -> tensor<?x6xf32, #T> {
  %r0 = graft.concat %x, %y : (tensor<?x4xf32, #T>, tensor<?x2xf32, #T>) -> tensor<?x6xf32, #T>
  return %r0 : tensor<?x6xf32, #T>
}

// CHECK: graft.slice: r(Nw)->rw; N = 3; w = size; offset ~ w; linear 0 | cut: w r
func.func @slice_block(%x: tensor<?x12xf32, #T>) -> tensor<?x4xf32, #T> {
  %r0 = graft.slice %x columns 4 size 4 : (tensor<?x12xf32, #T>) -> tensor<?x4xf32, #T>
  return %r0 : tensor<?x4xf32, #T>
}

// CHECK: graft.slice: rA->rB; linear 0 | cut: r
func.func @slice_inside(%x: tensor<?x12xf32, #T>) -> tensor<?x4xf32, #T> {
  %r0 = graft.slice %x columns 1 size 4 : (tensor<?x12xf32, #T>) -> tensor<?x4xf32, #T>
  return %r0 : tensor<?x4xf32, #T>
}

// Rows by index: of a table, and of a stream by rows of a stream.

// CHECK: graft.gather: th,p->ph; segmented t; linear 0; index 1 t | cut: h t p
func.func @gather_rows(%x: tensor<?x6xf32, #T>, %i: tensor<?xi32, #P>) -> tensor<?x6xf32, #P> {
  %r0 = graft.gather %x, %i : (tensor<?x6xf32, #T>, tensor<?xi32, #P>) -> tensor<?x6xf32, #P>
  return %r0 : tensor<?x6xf32, #P>
}

// CHECK: graft.gather: Th,p->ph; linear 0 | cut: h p
func.func @gather_table(%x: tensor<5x6xf32>, %i: tensor<?xi32, #P>) -> tensor<?x6xf32, #P> {
  %r0 = graft.gather %x, %i : (tensor<5x6xf32>, tensor<?xi32, #P>) -> tensor<?x6xf32, #P>
  return %r0 : tensor<?x6xf32, #P>
}

// CHECK: graft.scatter_add: th,p,ph->th; segmented t p; linear 0+2; index 1 t | cut: h t p
func.func @scatter_add_rows(%x: tensor<?x6xf32, #T>, %i: tensor<?xi32, #P>, %u: tensor<?x6xf32, #P>) -> tensor<?x6xf32, #T> {
  %r0 = graft.scatter_add %x, %i, %u : (tensor<?x6xf32, #T>, tensor<?xi32, #P>, tensor<?x6xf32, #P>) -> tensor<?x6xf32, #T>
  return %r0 : tensor<?x6xf32, #T>
}

// CHECK: graft.scatter_add: Th,p,ph->Th; addend 0; linear 0+2 | cut: h p
func.func @scatter_add_table(%x: tensor<5x6xf32>, %i: tensor<?xi32, #P>, %u: tensor<?x6xf32, #P>) -> tensor<5x6xf32> {
  %r0 = graft.scatter_add %x, %i, %u : (tensor<5x6xf32>, tensor<?xi32, #P>, tensor<?x6xf32, #P>) -> tensor<5x6xf32>
  return %r0 : tensor<5x6xf32>
}

// CHECK: graft.scatter_add: Th,p,ph->Th; addend 0; linear 0+2 | cut: h p
func.func @scatter_add_static(%x: tensor<5x6xf32>, %i: tensor<7xi32>, %u: tensor<7x6xf32>) -> tensor<5x6xf32> {
  %r0 = graft.scatter_add %x, %i, %u : (tensor<5x6xf32>, tensor<7xi32>, tensor<7x6xf32>) -> tensor<5x6xf32>
  return %r0 : tensor<5x6xf32>
}

// CHECK: graft.embedding: t,Vh->th; linear 1 | cut: h t
func.func @embedding(%i: tensor<?xi32, #T>, %w: tensor<10x6xf32>) -> tensor<?x6xf32, #T> {
  %r0 = graft.embedding %i, %w : (tensor<?xi32, #T>, tensor<10x6xf32>) -> tensor<?x6xf32, #T>
  return %r0 : tensor<?x6xf32, #T>
}

// CHECK: graft.embedding_gradient: t,th->Vh; linear 1 | cut: h t
func.func @embedding_gradient(%i: tensor<?xi32, #T>, %dy: tensor<?x6xf32, #T>) -> tensor<10x6xf32> {
  %r0 = graft.embedding_gradient %i, %dy rows 10 : (tensor<?xi32, #T>, tensor<?x6xf32, #T>) -> tensor<10x6xf32>
  return %r0 : tensor<10x6xf32>
}

// Products.

// CHECK: graft.linear: ti,oi,o->to; addend 2; linear 0+2 1+2 | cut: i o t
func.func @linear(%x: tensor<?x6xf32, #T>, %w: tensor<4x6xf32>, %b: tensor<4xf32>) -> tensor<?x4xf32, #T> {
  %r0 = graft.linear %x, %w, %b : (tensor<?x6xf32, #T>, tensor<4x6xf32>, tensor<4xf32>) -> tensor<?x4xf32, #T>
  return %r0 : tensor<?x4xf32, #T>
}

// CHECK: graft.linear: ti,oi->to; linear 0 1 | cut: i o t
func.func @linear_no_bias(%x: tensor<?x6xf32, #T>, %w: tensor<4x6xf32>) -> tensor<?x4xf32, #T> {
  %r0 = graft.linear %x, %w : (tensor<?x6xf32, #T>, tensor<4x6xf32>) -> tensor<?x4xf32, #T>
  return %r0 : tensor<?x4xf32, #T>
}

// CHECK: graft.matmul: mk,kn->mn; linear 0 1 | cut: m k n
func.func @matmul(%x: tensor<4x6xf32>, %y: tensor<6x3xf32>) -> tensor<4x3xf32> {
  %r0 = graft.matmul %x, %y : (tensor<4x6xf32>, tensor<6x3xf32>) -> tensor<4x3xf32>
  return %r0 : tensor<4x3xf32>
}

// CHECK: graft.matmul: km,kn->mn; linear 0 1 | cut: m n k
func.func @matmul_lhs(%x: tensor<?x6xf32, #T>, %y: tensor<?x3xf32, #T>) -> tensor<6x3xf32> {
  %r0 = graft.matmul %x, %y transpose_lhs : (tensor<?x6xf32, #T>, tensor<?x3xf32, #T>) -> tensor<6x3xf32>
  return %r0 : tensor<6x3xf32>
}

// CHECK: graft.matmul: mk,nk->mn; linear 0 1 | cut: k n m
func.func @matmul_rhs(%x: tensor<?x6xf32, #T>, %y: tensor<3x6xf32>) -> tensor<?x3xf32, #T> {
  %r0 = graft.matmul %x, %y transpose_rhs : (tensor<?x6xf32, #T>, tensor<3x6xf32>) -> tensor<?x3xf32, #T>
  return %r0 : tensor<?x3xf32, #T>
}

// CHECK: graft.matmul: km,nk->mn; linear 0 1 | cut: k m n
func.func @matmul_both(%x: tensor<4x4xf32>, %y: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %r0 = graft.matmul %x, %y transpose_lhs transpose_rhs : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %r0 : tensor<4x4xf32>
}

// Rows and sequences.

// CHECK: graft.positions: ts->t; segmented t s | cut: t s
func.func @positions(%s: !graft.segments<T, S>) -> tensor<?xi32, #T> {
  %r0 = graft.positions %s : (!graft.segments<T, S>) -> tensor<?xi32, #T>
  return %r0 : tensor<?xi32, #T>
}

// CHECK: graft.one_hot: s->sK | cut: s
func.func @one_hot(%y: tensor<?xi32, #S>) -> tensor<?x5xf32, #S> {
  %r0 = graft.one_hot %y : (tensor<?xi32, #S>) -> tensor<?x5xf32, #S>
  return %r0 : tensor<?x5xf32, #S>
}

// CHECK: graft.layer_norm: tH,H,H->tH; linear 1+2 | cut: t
func.func @layer_norm(%x: tensor<?x6xf32, #T>, %g: tensor<6xf32>, %b: tensor<6xf32>) -> tensor<?x6xf32, #T> {
  %r0 = graft.layer_norm %x, %g, %b epsilon 9.99999996E-13 : (tensor<?x6xf32, #T>, tensor<6xf32>, tensor<6xf32>) -> tensor<?x6xf32, #T>
  return %r0 : tensor<?x6xf32, #T>
}

// CHECK: graft.layer_norm_gradient: tH,tH,H->tH,H,H; linear 0 | cut: t
func.func @layer_norm_gradient(%dy: tensor<?x6xf32, #T>, %x: tensor<?x6xf32, #T>, %g: tensor<6xf32>) -> (tensor<?x6xf32, #T>, tensor<6xf32>, tensor<6xf32>) {
  %r0, %r1, %r2 = graft.layer_norm_gradient %dy, %x, %g epsilon 9.99999996E-13 : (tensor<?x6xf32, #T>, tensor<?x6xf32, #T>, tensor<6xf32>) -> (tensor<?x6xf32, #T>, tensor<6xf32>, tensor<6xf32>)
  return %r0, %r1, %r2 : tensor<?x6xf32, #T>, tensor<6xf32>, tensor<6xf32>
}

// CHECK: graft.softmax: r0r1K->r0r1K | cut: r1 r0
func.func @softmax(%x: tensor<?x3x5xf32, #T>) -> tensor<?x3x5xf32, #T> {
  %r0 = graft.softmax %x : (tensor<?x3x5xf32, #T>) -> tensor<?x3x5xf32, #T>
  return %r0 : tensor<?x3x5xf32, #T>
}

// CHECK: graft.softmax_gradient: r0K,r0K->r0K; linear 0 | cut: r0
func.func @softmax_gradient(%dy: tensor<?x5xf32, #T>, %y: tensor<?x5xf32, #T>) -> tensor<?x5xf32, #T> {
  %r0 = graft.softmax_gradient %dy, %y : tensor<?x5xf32, #T>
  return %r0 : tensor<?x5xf32, #T>
}

// CHECK: graft.softmax: r0r1K->r0r1K | cut: r1 r0
func.func @softmax_log(%x: tensor<?x3x5xf32, #T>) -> tensor<?x3x5xf32, #T> {
  %r0 = graft.softmax %x log : (tensor<?x3x5xf32, #T>) -> tensor<?x3x5xf32, #T>
  return %r0 : tensor<?x3x5xf32, #T>
}

// CHECK: graft.softmax_gradient: r0K,r0K->r0K; linear 0 | cut: r0
func.func @softmax_log_gradient(%dy: tensor<?x5xf32, #T>, %y: tensor<?x5xf32, #T>) -> tensor<?x5xf32, #T> {
  %r0 = graft.softmax_gradient %dy, %y log : tensor<?x5xf32, #T>
  return %r0 : tensor<?x5xf32, #T>
}

// CHECK: graft.softmax: K->K | cut:
func.func @softmax_vector(%x: tensor<4xf32>) -> tensor<4xf32> {
  %r0 = graft.softmax %x : (tensor<4xf32>) -> tensor<4xf32>
  return %r0 : tensor<4xf32>
}

// CHECK: graft.dropout: th,ts->th; segmented s; linear 0; random feature h; elementwise | cut: h t s
func.func @dropout_tokens(%x: tensor<?x200xf32, #T>, %s: !graft.segments<T, S>) -> tensor<?x200xf32, #T> {
  %r0 = graft.dropout %x, %s rate 3.000000e-01 id 7 : (tensor<?x200xf32, #T>, !graft.segments<T, S>) -> tensor<?x200xf32, #T>
  return %r0 : tensor<?x200xf32, #T>
}

// CHECK: graft.dropout: sh,ts->sh; segmented t; linear 0; random feature h; elementwise | cut: h s t
func.func @dropout_sequences(%x: tensor<?x200xf32, #S>, %s: !graft.segments<T, S>) -> tensor<?x200xf32, #S> {
  %r0 = graft.dropout %x, %s rate 3.000000e-01 id 7 draw 1 : (tensor<?x200xf32, #S>, !graft.segments<T, S>) -> tensor<?x200xf32, #S>
  return %r0 : tensor<?x200xf32, #S>
}

// CHECK: graft.uniform: ts->th; segmented s; random feature h | cut: h t s
func.func @uniform_tokens(%s: !graft.segments<T, S>) -> tensor<?x20xf32, #T> {
  %r0 = graft.uniform %s id 7 : (!graft.segments<T, S>) -> tensor<?x20xf32, #T>
  return %r0 : tensor<?x20xf32, #T>
}

// CHECK: graft.uniform: ts->sh; segmented t; random feature h | cut: h t s
func.func @uniform_sequences(%s: !graft.segments<T, S>) -> tensor<?x20xf32, #S> {
  %r0 = graft.uniform %s id 7 draw 1 : (!graft.segments<T, S>) -> tensor<?x20xf32, #S>
  return %r0 : tensor<?x20xf32, #S>
}

// CHECK: graft.uniform: ts->s; segmented t | cut: t s
func.func @uniform_vector(%s: !graft.segments<T, S>) -> tensor<?xf32, #S> {
  %r0 = graft.uniform %s id 7 : (!graft.segments<T, S>) -> tensor<?xf32, #S>
  return %r0 : tensor<?xf32, #S>
}

// CHECK: graft.attention: t(hD),t(hD),t(hD),ts->t(hD); h = heads; D = 3; segmented t s; linear 2; random head h | cut: h t s
func.func @attention(%q: tensor<?x12xf32, #T>, %k: tensor<?x12xf32, #T>, %v: tensor<?x12xf32, #T>, %s: !graft.segments<T, S>) -> tensor<?x12xf32, #T> {
  %r0 = graft.attention %q, %k, %v, %s heads 4 dropout 3.000000e-01 id 3 : (tensor<?x12xf32, #T>, tensor<?x12xf32, #T>, tensor<?x12xf32, #T>, !graft.segments<T, S>) -> tensor<?x12xf32, #T>
  return %r0 : tensor<?x12xf32, #T>
}

// CHECK: graft.attention_gradient: t(hD),t(hD),t(hD),t(hD),ts->t(hD),t(hD),t(hD); h = heads; D = 3; segmented t s; linear 0; random head h | cut: h t s
func.func @attention_gradient(%dy: tensor<?x12xf32, #T>, %q: tensor<?x12xf32, #T>, %k: tensor<?x12xf32, #T>, %v: tensor<?x12xf32, #T>, %s: !graft.segments<T, S>) -> (tensor<?x12xf32, #T>, tensor<?x12xf32, #T>, tensor<?x12xf32, #T>) {
  %r0, %r1, %r2 = graft.attention_gradient %dy, %q, %k, %v, %s heads 4 scale 2.500000e-01 dropout 3.000000e-01 id 3 : (tensor<?x12xf32, #T>, tensor<?x12xf32, #T>, tensor<?x12xf32, #T>, tensor<?x12xf32, #T>, !graft.segments<T, S>) -> (tensor<?x12xf32, #T>, tensor<?x12xf32, #T>, tensor<?x12xf32, #T>)
  return %r0, %r1, %r2 : tensor<?x12xf32, #T>, tensor<?x12xf32, #T>, tensor<?x12xf32, #T>
}

// CHECK: graft.attention_second_gradient: t(hD),t(hD),t(hD),t(hD),t(hD),t(hD),t(hD),ts->t(hD),t(hD),t(hD),t(hD); h = heads; D = 3; segmented t s; linear 0+1+2; random head h | cut: h t s
func.func @attention_second_gradient(%a0: tensor<?x12xf32, #T>, %a1: tensor<?x12xf32, #T>, %a2: tensor<?x12xf32, #T>, %a3: tensor<?x12xf32, #T>, %a4: tensor<?x12xf32, #T>, %a5: tensor<?x12xf32, #T>, %a6: tensor<?x12xf32, #T>, %s: !graft.segments<T, S>) -> (tensor<?x12xf32, #T>, tensor<?x12xf32, #T>, tensor<?x12xf32, #T>, tensor<?x12xf32, #T>) {
  %r0, %r1, %r2, %r3 = graft.attention_second_gradient %a0, %a1, %a2, %a3, %a4, %a5, %a6, %s heads 4 scale 2.500000e-01 dropout 3.000000e-01 id 3 : (tensor<?x12xf32, #T>, tensor<?x12xf32, #T>, tensor<?x12xf32, #T>, tensor<?x12xf32, #T>, tensor<?x12xf32, #T>, tensor<?x12xf32, #T>, tensor<?x12xf32, #T>, !graft.segments<T, S>) -> (tensor<?x12xf32, #T>, tensor<?x12xf32, #T>, tensor<?x12xf32, #T>, tensor<?x12xf32, #T>)
  return %r0, %r1, %r2, %r3 : tensor<?x12xf32, #T>, tensor<?x12xf32, #T>, tensor<?x12xf32, #T>, tensor<?x12xf32, #T>
}

// CHECK: graft.segment_pool: th,ts->sh; segmented t s; linear 0 | cut: h t s
func.func @segment_pool_first(%x: tensor<?x6xf32, #T>, %s: !graft.segments<T, S>) -> tensor<?x6xf32, #S> {
  %r0 = graft.segment_pool first %x, %s : (tensor<?x6xf32, #T>, !graft.segments<T, S>) -> tensor<?x6xf32, #S>
  return %r0 : tensor<?x6xf32, #S>
}

// CHECK: graft.segment_pool_gradient: sh,th,ts->th; segmented s t; linear 0 | cut: h s t
func.func @segment_pool_gradient_first(%dy: tensor<?x6xf32, #S>, %x: tensor<?x6xf32, #T>, %s: !graft.segments<T, S>) -> tensor<?x6xf32, #T> {
  %r0 = graft.segment_pool_gradient first %dy, %x, %s : (tensor<?x6xf32, #S>, tensor<?x6xf32, #T>, !graft.segments<T, S>) -> tensor<?x6xf32, #T>
  return %r0 : tensor<?x6xf32, #T>
}

// CHECK: graft.segment_pool: th,ts->sh; segmented t s; linear 0 | cut: h t s
func.func @segment_pool_mean(%x: tensor<?x6xf32, #T>, %s: !graft.segments<T, S>) -> tensor<?x6xf32, #S> {
  %r0 = graft.segment_pool mean %x, %s : (tensor<?x6xf32, #T>, !graft.segments<T, S>) -> tensor<?x6xf32, #S>
  return %r0 : tensor<?x6xf32, #S>
}

// CHECK: graft.segment_pool_gradient: sh,th,ts->th; segmented s t; linear 0 | cut: h s t
func.func @segment_pool_gradient_mean(%dy: tensor<?x6xf32, #S>, %x: tensor<?x6xf32, #T>, %s: !graft.segments<T, S>) -> tensor<?x6xf32, #T> {
  %r0 = graft.segment_pool_gradient mean %dy, %x, %s : (tensor<?x6xf32, #S>, tensor<?x6xf32, #T>, !graft.segments<T, S>) -> tensor<?x6xf32, #T>
  return %r0 : tensor<?x6xf32, #T>
}

// CHECK: graft.segment_pool: th,ts->sh; segmented t s | cut: h t s
func.func @segment_pool_max(%x: tensor<?x6xf32, #T>, %s: !graft.segments<T, S>) -> tensor<?x6xf32, #S> {
  %r0 = graft.segment_pool max %x, %s : (tensor<?x6xf32, #T>, !graft.segments<T, S>) -> tensor<?x6xf32, #S>
  return %r0 : tensor<?x6xf32, #S>
}

// CHECK: graft.segment_pool_gradient: sh,th,ts->th; segmented s t; linear 0 | cut: h s t
func.func @segment_pool_gradient_max(%dy: tensor<?x6xf32, #S>, %x: tensor<?x6xf32, #T>, %s: !graft.segments<T, S>) -> tensor<?x6xf32, #T> {
  %r0 = graft.segment_pool_gradient max %dy, %x, %s : (tensor<?x6xf32, #S>, tensor<?x6xf32, #T>, !graft.segments<T, S>) -> tensor<?x6xf32, #T>
  return %r0 : tensor<?x6xf32, #T>
}

// Losses.

// CHECK: graft.cross_entropy: sK,s->s | cut: s
func.func @cross_entropy(%z: tensor<?x4xf32, #S>, %y: tensor<?xi32, #S>) -> tensor<?xf32, #S> {
  %r0 = graft.cross_entropy %z, %y smoothing 1.000000e-01 : (tensor<?x4xf32, #S>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  return %r0 : tensor<?xf32, #S>
}

// CHECK: graft.cross_entropy_gradient: s,sK,s->sK; linear 0 | cut: s
func.func @cross_entropy_gradient(%dl: tensor<?xf32, #S>, %z: tensor<?x4xf32, #S>, %y: tensor<?xi32, #S>) -> tensor<?x4xf32, #S> {
  %r0 = graft.cross_entropy_gradient %dl, %z, %y : (tensor<?xf32, #S>, tensor<?x4xf32, #S>, tensor<?xi32, #S>) -> tensor<?x4xf32, #S>
  return %r0 : tensor<?x4xf32, #S>
}

// CHECK: graft.mse: sK,sK->s | cut: s
func.func @mse(%p: tensor<?x4xf32, #S>, %t: tensor<?x4xf32, #S>) -> tensor<?xf32, #S> {
  %r0 = graft.mse %p, %t : (tensor<?x4xf32, #S>, tensor<?x4xf32, #S>) -> tensor<?xf32, #S>
  return %r0 : tensor<?xf32, #S>
}

// CHECK: graft.binary_cross_entropy: sK,sK->s | cut: s
func.func @binary_cross_entropy(%p: tensor<?x4xf32, #S>, %t: tensor<?x4xf32, #S>) -> tensor<?xf32, #S> {
  %r0 = graft.binary_cross_entropy %p, %t : (tensor<?x4xf32, #S>, tensor<?x4xf32, #S>) -> tensor<?xf32, #S>
  return %r0 : tensor<?xf32, #S>
}

// CHECK: graft.kl_divergence: sK,sK->s | cut: s
func.func @kl_divergence(%p: tensor<?x4xf32, #S>, %t: tensor<?x4xf32, #S>) -> tensor<?xf32, #S> {
  %r0 = graft.kl_divergence %p, %t : (tensor<?x4xf32, #S>, tensor<?x4xf32, #S>) -> tensor<?xf32, #S>
  return %r0 : tensor<?xf32, #S>
}

// CHECK: graft.relation_divergence: tA,tA,tB,tB,ts->s; segmented t s | cut: t s
func.func @relation_divergence_kl(%q: tensor<?x6xf32, #T>, %k: tensor<?x6xf32, #T>, %r: tensor<?x4xf32, #T>, %t: tensor<?x4xf32, #T>, %s: !graft.segments<T, S>) -> tensor<?xf32, #S> {
  %r0 = graft.relation_divergence kl %q, %k, %r, %t, %s heads 2 : (tensor<?x6xf32, #T>, tensor<?x6xf32, #T>, tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?xf32, #S>
  return %r0 : tensor<?xf32, #S>
}

// CHECK: graft.relation_divergence_gradient: s,tA,tA,tB,tB,ts->tA,tA; segmented s t; linear 0 | cut: s t
func.func @relation_divergence_gradient_kl(%dl: tensor<?xf32, #S>, %q: tensor<?x6xf32, #T>, %k: tensor<?x6xf32, #T>, %r: tensor<?x4xf32, #T>, %t: tensor<?x4xf32, #T>, %s: !graft.segments<T, S>) -> (tensor<?x6xf32, #T>, tensor<?x6xf32, #T>) {
  %r0, %r1 = graft.relation_divergence_gradient kl %dl, %q, %k, %r, %t, %s heads 2 : (tensor<?xf32, #S>, tensor<?x6xf32, #T>, tensor<?x6xf32, #T>, tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, !graft.segments<T, S>) -> (tensor<?x6xf32, #T>, tensor<?x6xf32, #T>)
  return %r0, %r1 : tensor<?x6xf32, #T>, tensor<?x6xf32, #T>
}

// CHECK: graft.relation_divergence_second_gradient: tA,tA,s,tA,tA,tB,tB,ts->s,tA,tA; segmented t s; linear 0+1 | cut: t s
func.func @relation_divergence_second_gradient_kl(%i: tensor<?x6xf32, #T>, %j: tensor<?x6xf32, #T>, %dl: tensor<?xf32, #S>, %q: tensor<?x6xf32, #T>, %k: tensor<?x6xf32, #T>, %r: tensor<?x4xf32, #T>, %t: tensor<?x4xf32, #T>, %s: !graft.segments<T, S>) -> (tensor<?xf32, #S>, tensor<?x6xf32, #T>, tensor<?x6xf32, #T>) {
  %r0, %r1, %r2 = graft.relation_divergence_second_gradient kl %i, %j, %dl, %q, %k, %r, %t, %s heads 2 : (tensor<?x6xf32, #T>, tensor<?x6xf32, #T>, tensor<?xf32, #S>, tensor<?x6xf32, #T>, tensor<?x6xf32, #T>, tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, !graft.segments<T, S>) -> (tensor<?xf32, #S>, tensor<?x6xf32, #T>, tensor<?x6xf32, #T>)
  return %r0, %r1, %r2 : tensor<?xf32, #S>, tensor<?x6xf32, #T>, tensor<?x6xf32, #T>
}

// CHECK: graft.relation_divergence: tA,tA,tB,tB,ts->s; segmented t s | cut: t s
func.func @relation_divergence_mse(%q: tensor<?x6xf32, #T>, %k: tensor<?x6xf32, #T>, %r: tensor<?x4xf32, #T>, %t: tensor<?x4xf32, #T>, %s: !graft.segments<T, S>) -> tensor<?xf32, #S> {
  %r0 = graft.relation_divergence mse %q, %k, %r, %t, %s heads 2 : (tensor<?x6xf32, #T>, tensor<?x6xf32, #T>, tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?xf32, #S>
  return %r0 : tensor<?xf32, #S>
}

// CHECK: graft.relation_divergence_gradient: s,tA,tA,tB,tB,ts->tA,tA; segmented s t; linear 0 | cut: s t
func.func @relation_divergence_gradient_mse(%dl: tensor<?xf32, #S>, %q: tensor<?x6xf32, #T>, %k: tensor<?x6xf32, #T>, %r: tensor<?x4xf32, #T>, %t: tensor<?x4xf32, #T>, %s: !graft.segments<T, S>) -> (tensor<?x6xf32, #T>, tensor<?x6xf32, #T>) {
  %r0, %r1 = graft.relation_divergence_gradient mse %dl, %q, %k, %r, %t, %s heads 2 : (tensor<?xf32, #S>, tensor<?x6xf32, #T>, tensor<?x6xf32, #T>, tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, !graft.segments<T, S>) -> (tensor<?x6xf32, #T>, tensor<?x6xf32, #T>)
  return %r0, %r1 : tensor<?x6xf32, #T>, tensor<?x6xf32, #T>
}
// CHECK: graft.relation_divergence_second_gradient: tA,tA,s,tA,tA,tB,tB,ts->s,tA,tA; segmented t s; linear 0+1 | cut: t s
func.func @relation_divergence_second_gradient_mse(%i: tensor<?x6xf32, #T>, %j: tensor<?x6xf32, #T>, %dl: tensor<?xf32, #S>, %q: tensor<?x6xf32, #T>, %k: tensor<?x6xf32, #T>, %r: tensor<?x4xf32, #T>, %t: tensor<?x4xf32, #T>, %s: !graft.segments<T, S>) -> (tensor<?xf32, #S>, tensor<?x6xf32, #T>, tensor<?x6xf32, #T>) {
  %r0, %r1, %r2 = graft.relation_divergence_second_gradient mse %i, %j, %dl, %q, %k, %r, %t, %s heads 2 : (tensor<?x6xf32, #T>, tensor<?x6xf32, #T>, tensor<?xf32, #S>, tensor<?x6xf32, #T>, tensor<?x6xf32, #T>, tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, !graft.segments<T, S>) -> (tensor<?xf32, #S>, tensor<?x6xf32, #T>, tensor<?x6xf32, #T>)
  return %r0, %r1, %r2 : tensor<?xf32, #S>, tensor<?x6xf32, #T>, tensor<?x6xf32, #T>
}


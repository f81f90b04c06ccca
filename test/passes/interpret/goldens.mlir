// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The cases of goldens_test: y is compared with PyTorch's, and so are the
// gradients of sum(y * c). goldens.py makes the numbers.
// RUN: graft-opt %s --autodiff-expand-gradients -o %t
// RUN: not grep graft.gradients %t

func.func @linear(%input: tensor<?x8xf32, #graft.dims<T>> {graft.name = "input"}, %weight: tensor<5x8xf32> {graft.name = "weight"}, %bias: tensor<5xf32> {graft.name = "bias"}, %c: tensor<?x5xf32, #graft.dims<T>> {graft.name = "c"}) -> (tensor<?x5xf32, #graft.dims<T>> {graft.name = "y"}, tensor<?x8xf32, #graft.dims<T>> {graft.name = "dinput"}, tensor<5x8xf32> {graft.name = "dweight"}, tensor<5xf32> {graft.name = "dbias"}) {
  %y = graft.linear %input, %weight, %bias : (tensor<?x8xf32, #graft.dims<T>>, tensor<5x8xf32>, tensor<5xf32>) -> tensor<?x5xf32, #graft.dims<T>>
  %weighted = graft.mul %y, %c : tensor<?x5xf32, #graft.dims<T>>
  %loss = graft.reduce sum %weighted over [0, 1] : (tensor<?x5xf32, #graft.dims<T>>) -> tensor<f32>
  %dinput, %dweight, %dbias = graft.gradients %loss wrt %input, %weight, %bias : tensor<?x8xf32, #graft.dims<T>>, tensor<5x8xf32>, tensor<5xf32>
  return %y, %dinput, %dweight, %dbias : tensor<?x5xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<5x8xf32>, tensor<5xf32>
}

func.func @matmul_nn(%lhs: tensor<3x4xf32> {graft.name = "lhs"}, %rhs: tensor<4x5xf32> {graft.name = "rhs"}, %c: tensor<3x5xf32> {graft.name = "c"}) -> (tensor<3x5xf32> {graft.name = "y"}, tensor<3x4xf32> {graft.name = "dlhs"}, tensor<4x5xf32> {graft.name = "drhs"}) {
  %y = graft.matmul %lhs, %rhs : (tensor<3x4xf32>, tensor<4x5xf32>) -> tensor<3x5xf32>
  %weighted = graft.mul %y, %c : tensor<3x5xf32>
  %loss = graft.reduce sum %weighted over [0, 1] : (tensor<3x5xf32>) -> tensor<f32>
  %dlhs, %drhs = graft.gradients %loss wrt %lhs, %rhs : tensor<3x4xf32>, tensor<4x5xf32>
  return %y, %dlhs, %drhs : tensor<3x5xf32>, tensor<3x4xf32>, tensor<4x5xf32>
}

func.func @matmul_tn(%lhs: tensor<4x3xf32> {graft.name = "lhs"}, %rhs: tensor<4x5xf32> {graft.name = "rhs"}, %c: tensor<3x5xf32> {graft.name = "c"}) -> (tensor<3x5xf32> {graft.name = "y"}, tensor<4x3xf32> {graft.name = "dlhs"}, tensor<4x5xf32> {graft.name = "drhs"}) {
  %y = graft.matmul %lhs, %rhs transpose_lhs : (tensor<4x3xf32>, tensor<4x5xf32>) -> tensor<3x5xf32>
  %weighted = graft.mul %y, %c : tensor<3x5xf32>
  %loss = graft.reduce sum %weighted over [0, 1] : (tensor<3x5xf32>) -> tensor<f32>
  %dlhs, %drhs = graft.gradients %loss wrt %lhs, %rhs : tensor<4x3xf32>, tensor<4x5xf32>
  return %y, %dlhs, %drhs : tensor<3x5xf32>, tensor<4x3xf32>, tensor<4x5xf32>
}

func.func @matmul_nt(%lhs: tensor<3x4xf32> {graft.name = "lhs"}, %rhs: tensor<5x4xf32> {graft.name = "rhs"}, %c: tensor<3x5xf32> {graft.name = "c"}) -> (tensor<3x5xf32> {graft.name = "y"}, tensor<3x4xf32> {graft.name = "dlhs"}, tensor<5x4xf32> {graft.name = "drhs"}) {
  %y = graft.matmul %lhs, %rhs transpose_rhs : (tensor<3x4xf32>, tensor<5x4xf32>) -> tensor<3x5xf32>
  %weighted = graft.mul %y, %c : tensor<3x5xf32>
  %loss = graft.reduce sum %weighted over [0, 1] : (tensor<3x5xf32>) -> tensor<f32>
  %dlhs, %drhs = graft.gradients %loss wrt %lhs, %rhs : tensor<3x4xf32>, tensor<5x4xf32>
  return %y, %dlhs, %drhs : tensor<3x5xf32>, tensor<3x4xf32>, tensor<5x4xf32>
}

func.func @matmul_tt(%lhs: tensor<4x3xf32> {graft.name = "lhs"}, %rhs: tensor<5x4xf32> {graft.name = "rhs"}, %c: tensor<3x5xf32> {graft.name = "c"}) -> (tensor<3x5xf32> {graft.name = "y"}, tensor<4x3xf32> {graft.name = "dlhs"}, tensor<5x4xf32> {graft.name = "drhs"}) {
  %y = graft.matmul %lhs, %rhs transpose_lhs transpose_rhs : (tensor<4x3xf32>, tensor<5x4xf32>) -> tensor<3x5xf32>
  %weighted = graft.mul %y, %c : tensor<3x5xf32>
  %loss = graft.reduce sum %weighted over [0, 1] : (tensor<3x5xf32>) -> tensor<f32>
  %dlhs, %drhs = graft.gradients %loss wrt %lhs, %rhs : tensor<4x3xf32>, tensor<5x4xf32>
  return %y, %dlhs, %drhs : tensor<3x5xf32>, tensor<4x3xf32>, tensor<5x4xf32>
}

func.func @layer_norm(%x: tensor<?x8xf32, #graft.dims<T>> {graft.name = "x"}, %scale: tensor<8xf32> {graft.name = "scale"}, %shift: tensor<8xf32> {graft.name = "shift"}, %c: tensor<?x8xf32, #graft.dims<T>> {graft.name = "c"}) -> (tensor<?x8xf32, #graft.dims<T>> {graft.name = "y"}, tensor<?x8xf32, #graft.dims<T>> {graft.name = "dx"}, tensor<8xf32> {graft.name = "dscale"}, tensor<8xf32> {graft.name = "dshift"}) {
  %y = graft.layer_norm %x, %scale, %shift epsilon 1.000000e-05 : (tensor<?x8xf32, #graft.dims<T>>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %weighted = graft.mul %y, %c : tensor<?x8xf32, #graft.dims<T>>
  %loss = graft.reduce sum %weighted over [0, 1] : (tensor<?x8xf32, #graft.dims<T>>) -> tensor<f32>
  %dx, %dscale, %dshift = graft.gradients %loss wrt %x, %scale, %shift : tensor<?x8xf32, #graft.dims<T>>, tensor<8xf32>, tensor<8xf32>
  return %y, %dx, %dscale, %dshift : tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<8xf32>, tensor<8xf32>
}

func.func @gelu_erf(%x: tensor<4x8xf32> {graft.name = "x"}, %c: tensor<4x8xf32> {graft.name = "c"}) -> (tensor<4x8xf32> {graft.name = "y"}, tensor<4x8xf32> {graft.name = "dx"}) {
  %y = graft.gelu erf %x : tensor<4x8xf32>
  %weighted = graft.mul %y, %c : tensor<4x8xf32>
  %loss = graft.reduce sum %weighted over [0, 1] : (tensor<4x8xf32>) -> tensor<f32>
  %dx = graft.gradients %loss wrt %x : tensor<4x8xf32>
  return %y, %dx : tensor<4x8xf32>, tensor<4x8xf32>
}

func.func @gelu_tanh(%x: tensor<4x8xf32> {graft.name = "x"}, %c: tensor<4x8xf32> {graft.name = "c"}) -> (tensor<4x8xf32> {graft.name = "y"}, tensor<4x8xf32> {graft.name = "dx"}) {
  %y = graft.gelu tanh %x : tensor<4x8xf32>
  %weighted = graft.mul %y, %c : tensor<4x8xf32>
  %loss = graft.reduce sum %weighted over [0, 1] : (tensor<4x8xf32>) -> tensor<f32>
  %dx = graft.gradients %loss wrt %x : tensor<4x8xf32>
  return %y, %dx : tensor<4x8xf32>, tensor<4x8xf32>
}

func.func @softmax(%x: tensor<4x8xf32> {graft.name = "x"}, %c: tensor<4x8xf32> {graft.name = "c"}) -> (tensor<4x8xf32> {graft.name = "y"}, tensor<4x8xf32> {graft.name = "dx"}) {
  %y = graft.softmax %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %weighted = graft.mul %y, %c : tensor<4x8xf32>
  %loss = graft.reduce sum %weighted over [0, 1] : (tensor<4x8xf32>) -> tensor<f32>
  %dx = graft.gradients %loss wrt %x : tensor<4x8xf32>
  return %y, %dx : tensor<4x8xf32>, tensor<4x8xf32>
}

func.func @log_softmax(%x: tensor<4x8xf32> {graft.name = "x"}, %c: tensor<4x8xf32> {graft.name = "c"}) -> (tensor<4x8xf32> {graft.name = "y"}, tensor<4x8xf32> {graft.name = "dx"}) {
  %y = graft.softmax %x log : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %weighted = graft.mul %y, %c : tensor<4x8xf32>
  %loss = graft.reduce sum %weighted over [0, 1] : (tensor<4x8xf32>) -> tensor<f32>
  %dx = graft.gradients %loss wrt %x : tensor<4x8xf32>
  return %y, %dx : tensor<4x8xf32>, tensor<4x8xf32>
}

func.func @attention(%q: tensor<?x8xf32, #graft.dims<T>> {graft.name = "q"}, %k: tensor<?x8xf32, #graft.dims<T>> {graft.name = "k"}, %v: tensor<?x8xf32, #graft.dims<T>> {graft.name = "v"}, %seq: !graft.segments<T, S> {graft.name = "seq"}, %c: tensor<?x8xf32, #graft.dims<T>> {graft.name = "c"}) -> (tensor<?x8xf32, #graft.dims<T>> {graft.name = "y"}, tensor<?x8xf32, #graft.dims<T>> {graft.name = "dq"}, tensor<?x8xf32, #graft.dims<T>> {graft.name = "dk"}, tensor<?x8xf32, #graft.dims<T>> {graft.name = "dv"}) {
  %y = graft.attention %q, %k, %v, %seq heads 2 : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
  %weighted = graft.mul %y, %c : tensor<?x8xf32, #graft.dims<T>>
  %loss = graft.reduce sum %weighted over [0, 1] : (tensor<?x8xf32, #graft.dims<T>>) -> tensor<f32>
  %dq, %dk, %dv = graft.gradients %loss wrt %q, %k, %v : tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>
  return %y, %dq, %dk, %dv : tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>
}

func.func @embedding(%ids: tensor<4xi32> {graft.name = "ids"}, %table: tensor<6x3xf32> {graft.name = "table"}, %c: tensor<4x3xf32> {graft.name = "c"}) -> (tensor<4x3xf32> {graft.name = "y"}, tensor<6x3xf32> {graft.name = "dtable"}) {
  %y = graft.embedding %ids, %table : (tensor<4xi32>, tensor<6x3xf32>) -> tensor<4x3xf32>
  %weighted = graft.mul %y, %c : tensor<4x3xf32>
  %loss = graft.reduce sum %weighted over [0, 1] : (tensor<4x3xf32>) -> tensor<f32>
  %dtable = graft.gradients %loss wrt %table : tensor<6x3xf32>
  return %y, %dtable : tensor<4x3xf32>, tensor<6x3xf32>
}

func.func @pool_first(%x: tensor<?x8xf32, #graft.dims<T>> {graft.name = "x"}, %seq: !graft.segments<T, S> {graft.name = "seq"}, %c: tensor<?x8xf32, #graft.dims<S>> {graft.name = "c"}) -> (tensor<?x8xf32, #graft.dims<S>> {graft.name = "y"}, tensor<?x8xf32, #graft.dims<T>> {graft.name = "dx"}) {
  %y = graft.segment_pool first %x, %seq : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>>
  %weighted = graft.mul %y, %c : tensor<?x8xf32, #graft.dims<S>>
  %loss = graft.reduce sum %weighted over [0, 1] : (tensor<?x8xf32, #graft.dims<S>>) -> tensor<f32>
  %dx = graft.gradients %loss wrt %x : tensor<?x8xf32, #graft.dims<T>>
  return %y, %dx : tensor<?x8xf32, #graft.dims<S>>, tensor<?x8xf32, #graft.dims<T>>
}

func.func @pool_mean(%x: tensor<?x8xf32, #graft.dims<T>> {graft.name = "x"}, %seq: !graft.segments<T, S> {graft.name = "seq"}, %c: tensor<?x8xf32, #graft.dims<S>> {graft.name = "c"}) -> (tensor<?x8xf32, #graft.dims<S>> {graft.name = "y"}, tensor<?x8xf32, #graft.dims<T>> {graft.name = "dx"}) {
  %y = graft.segment_pool mean %x, %seq : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>>
  %weighted = graft.mul %y, %c : tensor<?x8xf32, #graft.dims<S>>
  %loss = graft.reduce sum %weighted over [0, 1] : (tensor<?x8xf32, #graft.dims<S>>) -> tensor<f32>
  %dx = graft.gradients %loss wrt %x : tensor<?x8xf32, #graft.dims<T>>
  return %y, %dx : tensor<?x8xf32, #graft.dims<S>>, tensor<?x8xf32, #graft.dims<T>>
}

func.func @pool_max(%x: tensor<?x8xf32, #graft.dims<T>> {graft.name = "x"}, %seq: !graft.segments<T, S> {graft.name = "seq"}, %c: tensor<?x8xf32, #graft.dims<S>> {graft.name = "c"}) -> (tensor<?x8xf32, #graft.dims<S>> {graft.name = "y"}, tensor<?x8xf32, #graft.dims<T>> {graft.name = "dx"}) {
  %y = graft.segment_pool max %x, %seq : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>>
  %weighted = graft.mul %y, %c : tensor<?x8xf32, #graft.dims<S>>
  %loss = graft.reduce sum %weighted over [0, 1] : (tensor<?x8xf32, #graft.dims<S>>) -> tensor<f32>
  %dx = graft.gradients %loss wrt %x : tensor<?x8xf32, #graft.dims<T>>
  return %y, %dx : tensor<?x8xf32, #graft.dims<S>>, tensor<?x8xf32, #graft.dims<T>>
}

func.func @cross_entropy(%z: tensor<4x5xf32> {graft.name = "z"}, %labels: tensor<4xi32> {graft.name = "labels"}, %c: tensor<4xf32> {graft.name = "c"}) -> (tensor<4xf32> {graft.name = "y"}, tensor<4x5xf32> {graft.name = "dz"}) {
  %y = graft.cross_entropy %z, %labels ignore -100 : (tensor<4x5xf32>, tensor<4xi32>) -> tensor<4xf32>
  %weighted = graft.mul %y, %c : tensor<4xf32>
  %loss = graft.reduce sum %weighted over [0] : (tensor<4xf32>) -> tensor<f32>
  %dz = graft.gradients %loss wrt %z : tensor<4x5xf32>
  return %y, %dz : tensor<4xf32>, tensor<4x5xf32>
}

func.func @cross_entropy_smooth(%z: tensor<4x5xf32> {graft.name = "z"}, %labels: tensor<4xi32> {graft.name = "labels"}, %c: tensor<4xf32> {graft.name = "c"}) -> (tensor<4xf32> {graft.name = "y"}, tensor<4x5xf32> {graft.name = "dz"}) {
  %y = graft.cross_entropy %z, %labels ignore -100 smoothing 1.250000e-01 : (tensor<4x5xf32>, tensor<4xi32>) -> tensor<4xf32>
  %weighted = graft.mul %y, %c : tensor<4xf32>
  %loss = graft.reduce sum %weighted over [0] : (tensor<4xf32>) -> tensor<f32>
  %dz = graft.gradients %loss wrt %z : tensor<4x5xf32>
  return %y, %dz : tensor<4xf32>, tensor<4x5xf32>
}

func.func @mse(%p: tensor<3x5xf32> {graft.name = "p"}, %t: tensor<3x5xf32> {graft.name = "t"}, %c: tensor<3xf32> {graft.name = "c"}) -> (tensor<3xf32> {graft.name = "y"}, tensor<3x5xf32> {graft.name = "dp"}, tensor<3x5xf32> {graft.name = "dt"}) {
  %y = graft.mse %p, %t : (tensor<3x5xf32>, tensor<3x5xf32>) -> tensor<3xf32>
  %weighted = graft.mul %y, %c : tensor<3xf32>
  %loss = graft.reduce sum %weighted over [0] : (tensor<3xf32>) -> tensor<f32>
  %dp, %dt = graft.gradients %loss wrt %p, %t : tensor<3x5xf32>, tensor<3x5xf32>
  return %y, %dp, %dt : tensor<3xf32>, tensor<3x5xf32>, tensor<3x5xf32>
}

func.func @binary_cross_entropy(%z: tensor<3x5xf32> {graft.name = "z"}, %t: tensor<3x5xf32> {graft.name = "t"}, %c: tensor<3xf32> {graft.name = "c"}) -> (tensor<3xf32> {graft.name = "y"}, tensor<3x5xf32> {graft.name = "dz"}, tensor<3x5xf32> {graft.name = "dt"}) {
  %y = graft.binary_cross_entropy %z, %t : (tensor<3x5xf32>, tensor<3x5xf32>) -> tensor<3xf32>
  %weighted = graft.mul %y, %c : tensor<3xf32>
  %loss = graft.reduce sum %weighted over [0] : (tensor<3xf32>) -> tensor<f32>
  %dz, %dt = graft.gradients %loss wrt %z, %t : tensor<3x5xf32>, tensor<3x5xf32>
  return %y, %dz, %dt : tensor<3xf32>, tensor<3x5xf32>, tensor<3x5xf32>
}

func.func @kl_divergence(%z: tensor<3x5xf32> {graft.name = "z"}, %t: tensor<3x5xf32> {graft.name = "t"}, %c: tensor<3xf32> {graft.name = "c"}) -> (tensor<3xf32> {graft.name = "y"}, tensor<3x5xf32> {graft.name = "dz"}) {
  %y = graft.kl_divergence %z, %t temperature 2.000000e+00 : (tensor<3x5xf32>, tensor<3x5xf32>) -> tensor<3xf32>
  %weighted = graft.mul %y, %c : tensor<3xf32>
  %loss = graft.reduce sum %weighted over [0] : (tensor<3xf32>) -> tensor<f32>
  %dz = graft.gradients %loss wrt %z : tensor<3x5xf32>
  return %y, %dz : tensor<3xf32>, tensor<3x5xf32>
}

func.func @sub_div_max(%x: tensor<3x4xf32> {graft.name = "x"}, %y0: tensor<3x4xf32> {graft.name = "y0"}, %c: tensor<3x4xf32> {graft.name = "c"}) -> (tensor<3x4xf32> {graft.name = "y"}, tensor<3x4xf32> {graft.name = "dx"}, tensor<3x4xf32> {graft.name = "dy0"}) {
  %d = graft.sub %x, %y0 : tensor<3x4xf32>
  %q = graft.div %x, %y0 : tensor<3x4xf32>
  %y = graft.max %d, %q : tensor<3x4xf32>
  %weighted = graft.mul %y, %c : tensor<3x4xf32>
  %loss = graft.reduce sum %weighted over [0, 1] : (tensor<3x4xf32>) -> tensor<f32>
  %dx, %dy0 = graft.gradients %loss wrt %x, %y0 : tensor<3x4xf32>, tensor<3x4xf32>
  return %y, %dx, %dy0 : tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>
}

func.func @exp_log_sqrt(%x: tensor<3x4xf32> {graft.name = "x"}, %c: tensor<3x4xf32> {graft.name = "c"}) -> (tensor<3x4xf32> {graft.name = "y"}, tensor<3x4xf32> {graft.name = "dx"}) {
  %e = graft.exp %x : tensor<3x4xf32>
  %l = graft.log %x : tensor<3x4xf32>
  %s = graft.sqrt %x : tensor<3x4xf32>
  %m = graft.mul %l, %s : tensor<3x4xf32>
  %y = graft.add %e, %m : tensor<3x4xf32>
  %weighted = graft.mul %y, %c : tensor<3x4xf32>
  %loss = graft.reduce sum %weighted over [0, 1] : (tensor<3x4xf32>) -> tensor<f32>
  %dx = graft.gradients %loss wrt %x : tensor<3x4xf32>
  return %y, %dx : tensor<3x4xf32>, tensor<3x4xf32>
}

func.func @tanh_sigmoid_relu(%x: tensor<3x4xf32> {graft.name = "x"}, %c: tensor<3x4xf32> {graft.name = "c"}) -> (tensor<3x4xf32> {graft.name = "y"}, tensor<3x4xf32> {graft.name = "dx"}) {
  %t = graft.tanh %x : tensor<3x4xf32>
  %s = graft.sigmoid %x : tensor<3x4xf32>
  %r = graft.relu %x : tensor<3x4xf32>
  %m = graft.mul %t, %s : tensor<3x4xf32>
  %y = graft.add %m, %r : tensor<3x4xf32>
  %weighted = graft.mul %y, %c : tensor<3x4xf32>
  %loss = graft.reduce sum %weighted over [0, 1] : (tensor<3x4xf32>) -> tensor<f32>
  %dx = graft.gradients %loss wrt %x : tensor<3x4xf32>
  return %y, %dx : tensor<3x4xf32>, tensor<3x4xf32>
}

func.func @shapes(%x: tensor<3x4xf32> {graft.name = "x"}, %u: tensor<3x3xf32> {graft.name = "u"}, %i: tensor<3xi32> {graft.name = "i"}, %c: tensor<3x3xf32> {graft.name = "c"}) -> (tensor<3x3xf32> {graft.name = "y"}, tensor<3x4xf32> {graft.name = "dx"}, tensor<3x3xf32> {graft.name = "du"}) {
  %t = graft.transpose %x : (tensor<3x4xf32>) -> tensor<4x3xf32>
  %a = graft.slice %t columns 1 size 2 : (tensor<4x3xf32>) -> tensor<4x2xf32>
  %b = graft.slice %t columns 0 size 1 : (tensor<4x3xf32>) -> tensor<4x1xf32>
  %j = graft.concat %a, %b : (tensor<4x2xf32>, tensor<4x1xf32>) -> tensor<4x3xf32>
  %s = graft.scatter_add %j, %i, %u : (tensor<4x3xf32>, tensor<3xi32>, tensor<3x3xf32>) -> tensor<4x3xf32>
  %y = graft.gather %s, %i : (tensor<4x3xf32>, tensor<3xi32>) -> tensor<3x3xf32>
  %weighted = graft.mul %y, %c : tensor<3x3xf32>
  %loss = graft.reduce sum %weighted over [0, 1] : (tensor<3x3xf32>) -> tensor<f32>
  %dx, %du = graft.gradients %loss wrt %x, %u : tensor<3x4xf32>, tensor<3x3xf32>
  return %y, %dx, %du : tensor<3x3xf32>, tensor<3x4xf32>, tensor<3x3xf32>
}

func.func @reduce(%x: tensor<2x3x4xf32> {graft.name = "x"})
    -> (tensor<3xf32> {graft.name = "sum"}, tensor<2x4xf32> {graft.name = "max"}, tensor<f32> {graft.name = "all"}) {
  %sum = graft.reduce sum %x over [0, 2] : (tensor<2x3x4xf32>) -> tensor<3xf32>
  %max = graft.reduce max %x over [1] : (tensor<2x3x4xf32>) -> tensor<2x4xf32>
  %all = graft.reduce sum %x over [0, 1, 2] : (tensor<2x3x4xf32>) -> tensor<f32>
  return %sum, %max, %all : tensor<3xf32>, tensor<2x4xf32>, tensor<f32>
}

func.func @cast(%x: tensor<5xf32> {graft.name = "x"})
    -> (tensor<5xf16> {graft.name = "half"}, tensor<5xbf16> {graft.name = "brain"}) {
  %half = graft.cast %x : tensor<5xf32> to tensor<5xf16>
  %brain = graft.cast %x : tensor<5xf32> to tensor<5xbf16>
  return %half, %brain : tensor<5xf16>, tensor<5xbf16>
}

// Three steps with clipping to norm 2, as clip_grad_norm_ and AdamW do them.
func.func @adamw(%w: tensor<6xf32> {graft.name = "w"}, %g1: tensor<6xf32> {graft.name = "g1"}, %g2: tensor<6xf32> {graft.name = "g2"}, %g3: tensor<6xf32> {graft.name = "g3"},
    %t1: tensor<i32> {graft.value = dense<1> : tensor<i32>},
    %t2: tensor<i32> {graft.value = dense<2> : tensor<i32>},
    %t3: tensor<i32> {graft.value = dense<3> : tensor<i32>},
    %rate: tensor<f32> {graft.value = dense<0.01> : tensor<f32>})
    -> (tensor<6xf32> {graft.name = "w3"}, tensor<6xf32> {graft.name = "m3"}, tensor<6xf32> {graft.name = "v3"}, tensor<f32> {graft.name = "norm"}) {
  %m0 = graft.constant 0.000000e+00 : tensor<6xf32>
  %n1 = graft.global_norm %g1 : (tensor<6xf32>) -> tensor<f32>
  %c1 = graft.clip_factor %n1 limit 2.000000e+00 : (tensor<f32>) -> tensor<f32>
  %w1, %m1, %v1 = graft.adamw %w, %g1, %m0, %m0 rate %rate step %t1 factor %c1 beta1 8.750000e-01 beta2 9.843750e-01 epsilon 9.53674316E-7 decay 6.250000e-02 : tensor<6xf32>
  %n2 = graft.global_norm %g2 : (tensor<6xf32>) -> tensor<f32>
  %c2 = graft.clip_factor %n2 limit 2.000000e+00 : (tensor<f32>) -> tensor<f32>
  %w2, %m2, %v2 = graft.adamw %w1, %g2, %m1, %v1 rate %rate step %t2 factor %c2 beta1 8.750000e-01 beta2 9.843750e-01 epsilon 9.53674316E-7 decay 6.250000e-02 : tensor<6xf32>
  %n3 = graft.global_norm %g3 : (tensor<6xf32>) -> tensor<f32>
  %c3 = graft.clip_factor %n3 limit 2.000000e+00 : (tensor<f32>) -> tensor<f32>
  %w3, %m3, %v3 = graft.adamw %w2, %g3, %m2, %v2 rate %rate step %t3 factor %c3 beta1 8.750000e-01 beta2 9.843750e-01 epsilon 9.53674316E-7 decay 6.250000e-02 : tensor<6xf32>
  return %w3, %m3, %v3, %n3 : tensor<6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<f32>
}

// Three steps each, as the optimisers of PyTorch do them, and as LAMB is
// published.
func.func @sgd(%w: tensor<6xf32> {graft.name = "w"}, %g1: tensor<6xf32> {graft.name = "g1"}, %g2: tensor<6xf32> {graft.name = "g2"}, %g3: tensor<6xf32> {graft.name = "g3"}, %rate: tensor<f32> {graft.value = dense<0.125> : tensor<f32>})
    -> (tensor<6xf32> {graft.name = "w3"}) {
  %w1 = graft.sgd %w, %g1 rate %rate decay 6.250000e-02 : tensor<6xf32>
  %w2 = graft.sgd %w1, %g2 rate %rate decay 6.250000e-02 : tensor<6xf32>
  %w3 = graft.sgd %w2, %g3 rate %rate decay 6.250000e-02 : tensor<6xf32>
  return %w3 : tensor<6xf32>
}

func.func @momentum(%w: tensor<6xf32> {graft.name = "w"}, %g1: tensor<6xf32> {graft.name = "g1"}, %g2: tensor<6xf32> {graft.name = "g2"}, %g3: tensor<6xf32> {graft.name = "g3"}, %rate: tensor<f32> {graft.value = dense<0.125> : tensor<f32>})
    -> (tensor<6xf32> {graft.name = "w3"}) {
  %z = graft.constant 0.000000e+00 : tensor<6xf32>
  %w1, %v1 = graft.momentum %w, %g1, %z rate %rate momentum 8.750000e-01 decay 6.250000e-02 : tensor<6xf32>
  %w2, %v2 = graft.momentum %w1, %g2, %v1 rate %rate momentum 8.750000e-01 decay 6.250000e-02 : tensor<6xf32>
  %w3, %v3 = graft.momentum %w2, %g3, %v2 rate %rate momentum 8.750000e-01 decay 6.250000e-02 : tensor<6xf32>
  return %w3 : tensor<6xf32>
}

func.func @nesterov(%w: tensor<6xf32> {graft.name = "w"}, %g1: tensor<6xf32> {graft.name = "g1"}, %g2: tensor<6xf32> {graft.name = "g2"}, %g3: tensor<6xf32> {graft.name = "g3"}, %rate: tensor<f32> {graft.value = dense<0.125> : tensor<f32>})
    -> (tensor<6xf32> {graft.name = "w3"}) {
  %z = graft.constant 0.000000e+00 : tensor<6xf32>
  %w1, %v1 = graft.momentum %w, %g1, %z rate %rate momentum 8.750000e-01 nesterov decay 0.000000e+00 : tensor<6xf32>
  %w2, %v2 = graft.momentum %w1, %g2, %v1 rate %rate momentum 8.750000e-01 nesterov decay 0.000000e+00 : tensor<6xf32>
  %w3, %v3 = graft.momentum %w2, %g3, %v2 rate %rate momentum 8.750000e-01 nesterov decay 0.000000e+00 : tensor<6xf32>
  return %w3 : tensor<6xf32>
}

func.func @adam(%w: tensor<6xf32> {graft.name = "w"}, %g1: tensor<6xf32> {graft.name = "g1"}, %g2: tensor<6xf32> {graft.name = "g2"}, %g3: tensor<6xf32> {graft.name = "g3"}, %t1: tensor<i32> {graft.value = dense<1> : tensor<i32>}, %t2: tensor<i32> {graft.value = dense<2> : tensor<i32>}, %t3: tensor<i32> {graft.value = dense<3> : tensor<i32>}, %rate: tensor<f32> {graft.value = dense<0.125> : tensor<f32>})
    -> (tensor<6xf32> {graft.name = "w3"}) {
  %z = graft.constant 0.000000e+00 : tensor<6xf32>
  %w1, %m1, %v1 = graft.adamw %w, %g1, %z, %z rate %rate step %t1 beta1 8.750000e-01 beta2 9.843750e-01 epsilon 9.53674316E-7 coupled decay 6.250000e-02 : tensor<6xf32>
  %w2, %m2, %v2 = graft.adamw %w1, %g2, %m1, %v1 rate %rate step %t2 beta1 8.750000e-01 beta2 9.843750e-01 epsilon 9.53674316E-7 coupled decay 6.250000e-02 : tensor<6xf32>
  %w3, %m3, %v3 = graft.adamw %w2, %g3, %m2, %v2 rate %rate step %t3 beta1 8.750000e-01 beta2 9.843750e-01 epsilon 9.53674316E-7 coupled decay 6.250000e-02 : tensor<6xf32>
  return %w3 : tensor<6xf32>
}

func.func @lamb(%w: tensor<6xf32> {graft.name = "w"}, %g1: tensor<6xf32> {graft.name = "g1"}, %g2: tensor<6xf32> {graft.name = "g2"}, %g3: tensor<6xf32> {graft.name = "g3"}, %t1: tensor<i32> {graft.value = dense<1> : tensor<i32>}, %t2: tensor<i32> {graft.value = dense<2> : tensor<i32>}, %t3: tensor<i32> {graft.value = dense<3> : tensor<i32>}, %rate: tensor<f32> {graft.value = dense<0.125> : tensor<f32>})
    -> (tensor<6xf32> {graft.name = "w3"}) {
  %z = graft.constant 0.000000e+00 : tensor<6xf32>
  %w1, %m1, %v1 = graft.lamb %w, %g1, %z, %z rate %rate step %t1 beta1 8.750000e-01 beta2 9.843750e-01 epsilon 9.53674316E-7 decay 6.250000e-02 : tensor<6xf32>
  %w2, %m2, %v2 = graft.lamb %w1, %g2, %m1, %v1 rate %rate step %t2 beta1 8.750000e-01 beta2 9.843750e-01 epsilon 9.53674316E-7 decay 6.250000e-02 : tensor<6xf32>
  %w3, %m3, %v3 = graft.lamb %w2, %g3, %m2, %v2 rate %rate step %t3 beta1 8.750000e-01 beta2 9.843750e-01 epsilon 9.53674316E-7 decay 6.250000e-02 : tensor<6xf32>
  return %w3 : tensor<6xf32>
}

// Relations of tokens, the target of another width.
func.func @relation_kl(%q: tensor<?x8xf32, #graft.dims<T>> {graft.name = "q"}, %k: tensor<?x8xf32, #graft.dims<T>> {graft.name = "k"}, %tq: tensor<?x12xf32, #graft.dims<T>> {graft.name = "tq"}, %tk: tensor<?x12xf32, #graft.dims<T>> {graft.name = "tk"}, %seq: !graft.segments<T, S> {graft.name = "seq"}, %c: tensor<?xf32, #graft.dims<S>> {graft.name = "c"}) -> (tensor<?xf32, #graft.dims<S>> {graft.name = "y"}, tensor<?x8xf32, #graft.dims<T>> {graft.name = "dq"}, tensor<?x8xf32, #graft.dims<T>> {graft.name = "dk"}) {
  %y = graft.relation_divergence kl %q, %k, %tq, %tk, %seq heads 2 : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x12xf32, #graft.dims<T>>, tensor<?x12xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>>
  %weighted = graft.mul %y, %c : tensor<?xf32, #graft.dims<S>>
  %loss = graft.reduce sum %weighted over [0] : (tensor<?xf32, #graft.dims<S>>) -> tensor<f32>
  %dq, %dk = graft.gradients %loss wrt %q, %k : tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>
  return %y, %dq, %dk : tensor<?xf32, #graft.dims<S>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>
}

func.func @relation_kl_of_one(%q: tensor<?x8xf32, #graft.dims<T>> {graft.name = "q"}, %tq: tensor<?x12xf32, #graft.dims<T>> {graft.name = "tq"}, %seq: !graft.segments<T, S> {graft.name = "seq"}, %c: tensor<?xf32, #graft.dims<S>> {graft.name = "c"}) -> (tensor<?xf32, #graft.dims<S>> {graft.name = "y"}, tensor<?x8xf32, #graft.dims<T>> {graft.name = "dq"}) {
  %y = graft.relation_divergence kl %q, %q, %tq, %tq, %seq heads 2 : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x12xf32, #graft.dims<T>>, tensor<?x12xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>>
  %weighted = graft.mul %y, %c : tensor<?xf32, #graft.dims<S>>
  %loss = graft.reduce sum %weighted over [0] : (tensor<?xf32, #graft.dims<S>>) -> tensor<f32>
  %dq = graft.gradients %loss wrt %q : tensor<?x8xf32, #graft.dims<T>>
  return %y, %dq : tensor<?xf32, #graft.dims<S>>, tensor<?x8xf32, #graft.dims<T>>
}

func.func @relation_mse(%q: tensor<?x8xf32, #graft.dims<T>> {graft.name = "q"}, %k: tensor<?x8xf32, #graft.dims<T>> {graft.name = "k"}, %tq: tensor<?x12xf32, #graft.dims<T>> {graft.name = "tq"}, %tk: tensor<?x12xf32, #graft.dims<T>> {graft.name = "tk"}, %seq: !graft.segments<T, S> {graft.name = "seq"}, %c: tensor<?xf32, #graft.dims<S>> {graft.name = "c"}) -> (tensor<?xf32, #graft.dims<S>> {graft.name = "y"}, tensor<?x8xf32, #graft.dims<T>> {graft.name = "dq"}, tensor<?x8xf32, #graft.dims<T>> {graft.name = "dk"}) {
  %y = graft.relation_divergence mse %q, %k, %tq, %tk, %seq heads 2 : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x12xf32, #graft.dims<T>>, tensor<?x12xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>>
  %weighted = graft.mul %y, %c : tensor<?xf32, #graft.dims<S>>
  %loss = graft.reduce sum %weighted over [0] : (tensor<?xf32, #graft.dims<S>>) -> tensor<f32>
  %dq, %dk = graft.gradients %loss wrt %q, %k : tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>
  return %y, %dq, %dk : tensor<?xf32, #graft.dims<S>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>
}

func.func @relation_mse_of_one(%q: tensor<?x8xf32, #graft.dims<T>> {graft.name = "q"}, %tq: tensor<?x12xf32, #graft.dims<T>> {graft.name = "tq"}, %seq: !graft.segments<T, S> {graft.name = "seq"}, %c: tensor<?xf32, #graft.dims<S>> {graft.name = "c"}) -> (tensor<?xf32, #graft.dims<S>> {graft.name = "y"}, tensor<?x8xf32, #graft.dims<T>> {graft.name = "dq"}) {
  %y = graft.relation_divergence mse %q, %q, %tq, %tq, %seq heads 2 : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x12xf32, #graft.dims<T>>, tensor<?x12xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>>
  %weighted = graft.mul %y, %c : tensor<?xf32, #graft.dims<S>>
  %loss = graft.reduce sum %weighted over [0] : (tensor<?xf32, #graft.dims<S>>) -> tensor<f32>
  %dq = graft.gradients %loss wrt %q : tensor<?x8xf32, #graft.dims<T>>
  return %y, %dq : tensor<?xf32, #graft.dims<S>>, tensor<?x8xf32, #graft.dims<T>>
}

// What gradients of gradients are: the derivatives of the sum of the gradients times
// u.
func.func @second_layer_norm(%x: tensor<?x8xf32, #graft.dims<T>> {graft.name = "x"}, %scale: tensor<8xf32> {graft.name = "scale"}, %shift: tensor<8xf32> {graft.name = "shift"}, %c: tensor<?x8xf32, #graft.dims<T>> {graft.name = "c"}, %u_x: tensor<?x8xf32, #graft.dims<T>> {graft.name = "u_x"}, %u_scale: tensor<8xf32> {graft.name = "u_scale"})
    -> (tensor<?x8xf32, #graft.dims<T>> {graft.name = "dx"}, tensor<8xf32> {graft.name = "dscale"}, tensor<?x8xf32, #graft.dims<T>> {graft.name = "dc"}) {
  %y = graft.layer_norm %x, %scale, %shift epsilon 1.000000e-05 : (tensor<?x8xf32, #graft.dims<T>>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %weighted = graft.mul %y, %c : tensor<?x8xf32, #graft.dims<T>>
  %loss = graft.reduce sum %weighted over [0, 1] : (tensor<?x8xf32, #graft.dims<T>>) -> tensor<f32>
  %g_x, %g_scale = graft.gradients %loss wrt %x, %scale : tensor<?x8xf32, #graft.dims<T>>, tensor<8xf32>
  %p_x = graft.mul %g_x, %u_x : tensor<?x8xf32, #graft.dims<T>>
  %s_x = graft.reduce sum %p_x over [0, 1] : (tensor<?x8xf32, #graft.dims<T>>) -> tensor<f32>
  %p_scale = graft.mul %g_scale, %u_scale : tensor<8xf32>
  %s_scale = graft.reduce sum %p_scale over [0] : (tensor<8xf32>) -> tensor<f32>
  %t_scale = graft.add %s_x, %s_scale : tensor<f32>
  %dx, %dscale, %dc = graft.gradients %t_scale wrt %x, %scale, %c : tensor<?x8xf32, #graft.dims<T>>, tensor<8xf32>, tensor<?x8xf32, #graft.dims<T>>
  return %dx, %dscale, %dc : tensor<?x8xf32, #graft.dims<T>>, tensor<8xf32>, tensor<?x8xf32, #graft.dims<T>>
}

func.func @second_gelu_tanh(%x: tensor<4x8xf32> {graft.name = "x"}, %c: tensor<4x8xf32> {graft.name = "c"}, %u_x: tensor<4x8xf32> {graft.name = "u_x"})
    -> (tensor<4x8xf32> {graft.name = "dx"}, tensor<4x8xf32> {graft.name = "dc"}) {
  %y = graft.gelu tanh %x : tensor<4x8xf32>
  %weighted = graft.mul %y, %c : tensor<4x8xf32>
  %loss = graft.reduce sum %weighted over [0, 1] : (tensor<4x8xf32>) -> tensor<f32>
  %g_x = graft.gradients %loss wrt %x : tensor<4x8xf32>
  %p_x = graft.mul %g_x, %u_x : tensor<4x8xf32>
  %s_x = graft.reduce sum %p_x over [0, 1] : (tensor<4x8xf32>) -> tensor<f32>
  %dx, %dc = graft.gradients %s_x wrt %x, %c : tensor<4x8xf32>, tensor<4x8xf32>
  return %dx, %dc : tensor<4x8xf32>, tensor<4x8xf32>
}

func.func @second_attention(%q: tensor<?x8xf32, #graft.dims<T>> {graft.name = "q"}, %k: tensor<?x8xf32, #graft.dims<T>> {graft.name = "k"}, %v: tensor<?x8xf32, #graft.dims<T>> {graft.name = "v"}, %seq: !graft.segments<T, S> {graft.name = "seq"}, %c: tensor<?x8xf32, #graft.dims<T>> {graft.name = "c"}, %u_q: tensor<?x8xf32, #graft.dims<T>> {graft.name = "u_q"}, %u_k: tensor<?x8xf32, #graft.dims<T>> {graft.name = "u_k"}, %u_v: tensor<?x8xf32, #graft.dims<T>> {graft.name = "u_v"})
    -> (tensor<?x8xf32, #graft.dims<T>> {graft.name = "dq"}, tensor<?x8xf32, #graft.dims<T>> {graft.name = "dk"}, tensor<?x8xf32, #graft.dims<T>> {graft.name = "dv"}, tensor<?x8xf32, #graft.dims<T>> {graft.name = "dc"}) {
  %y = graft.attention %q, %k, %v, %seq heads 2 : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
  %weighted = graft.mul %y, %c : tensor<?x8xf32, #graft.dims<T>>
  %loss = graft.reduce sum %weighted over [0, 1] : (tensor<?x8xf32, #graft.dims<T>>) -> tensor<f32>
  %g_q, %g_k, %g_v = graft.gradients %loss wrt %q, %k, %v : tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>
  %p_q = graft.mul %g_q, %u_q : tensor<?x8xf32, #graft.dims<T>>
  %s_q = graft.reduce sum %p_q over [0, 1] : (tensor<?x8xf32, #graft.dims<T>>) -> tensor<f32>
  %p_k = graft.mul %g_k, %u_k : tensor<?x8xf32, #graft.dims<T>>
  %s_k = graft.reduce sum %p_k over [0, 1] : (tensor<?x8xf32, #graft.dims<T>>) -> tensor<f32>
  %t_k = graft.add %s_q, %s_k : tensor<f32>
  %p_v = graft.mul %g_v, %u_v : tensor<?x8xf32, #graft.dims<T>>
  %s_v = graft.reduce sum %p_v over [0, 1] : (tensor<?x8xf32, #graft.dims<T>>) -> tensor<f32>
  %t_v = graft.add %t_k, %s_v : tensor<f32>
  %dq, %dk, %dv, %dc = graft.gradients %t_v wrt %q, %k, %v, %c : tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>
  return %dq, %dk, %dv, %dc : tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>
}

func.func @second_pool_max(%x: tensor<?x8xf32, #graft.dims<T>> {graft.name = "x"}, %seq: !graft.segments<T, S> {graft.name = "seq"}, %c: tensor<?x8xf32, #graft.dims<S>> {graft.name = "c"}, %u_x: tensor<?x8xf32, #graft.dims<T>> {graft.name = "u_x"})
    -> (tensor<?x8xf32, #graft.dims<T>> {graft.name = "dx"}, tensor<?x8xf32, #graft.dims<S>> {graft.name = "dc"}) {
  %pooled = graft.segment_pool max %x, %seq : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>>
  %y = graft.mul %pooled, %pooled : tensor<?x8xf32, #graft.dims<S>>
  %weighted = graft.mul %y, %c : tensor<?x8xf32, #graft.dims<S>>
  %loss = graft.reduce sum %weighted over [0, 1] : (tensor<?x8xf32, #graft.dims<S>>) -> tensor<f32>
  %g_x = graft.gradients %loss wrt %x : tensor<?x8xf32, #graft.dims<T>>
  %p_x = graft.mul %g_x, %u_x : tensor<?x8xf32, #graft.dims<T>>
  %s_x = graft.reduce sum %p_x over [0, 1] : (tensor<?x8xf32, #graft.dims<T>>) -> tensor<f32>
  %dx, %dc = graft.gradients %s_x wrt %x, %c : tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<S>>
  return %dx, %dc : tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<S>>
}

func.func @second_reduce_max(%x: tensor<3x4xf32> {graft.name = "x"}, %c: tensor<3xf32> {graft.name = "c"}, %u_x: tensor<3x4xf32> {graft.name = "u_x"})
    -> (tensor<3x4xf32> {graft.name = "dx"}, tensor<3xf32> {graft.name = "dc"}) {
  %most = graft.reduce max %x over [1] : (tensor<3x4xf32>) -> tensor<3xf32>
  %y = graft.mul %most, %most : tensor<3xf32>
  %weighted = graft.mul %y, %c : tensor<3xf32>
  %loss = graft.reduce sum %weighted over [0] : (tensor<3xf32>) -> tensor<f32>
  %g_x = graft.gradients %loss wrt %x : tensor<3x4xf32>
  %p_x = graft.mul %g_x, %u_x : tensor<3x4xf32>
  %s_x = graft.reduce sum %p_x over [0, 1] : (tensor<3x4xf32>) -> tensor<f32>
  %dx, %dc = graft.gradients %s_x wrt %x, %c : tensor<3x4xf32>, tensor<3xf32>
  return %dx, %dc : tensor<3x4xf32>, tensor<3xf32>
}

func.func @second_cross_entropy(%z: tensor<4x5xf32> {graft.name = "z"}, %labels: tensor<4xi32> {graft.name = "labels"}, %c: tensor<4xf32> {graft.name = "c"}, %u_z: tensor<4x5xf32> {graft.name = "u_z"})
    -> (tensor<4x5xf32> {graft.name = "dz"}, tensor<4xf32> {graft.name = "dc"}) {
  %y = graft.cross_entropy %z, %labels ignore -100 smoothing 1.250000e-01 : (tensor<4x5xf32>, tensor<4xi32>) -> tensor<4xf32>
  %weighted = graft.mul %y, %c : tensor<4xf32>
  %loss = graft.reduce sum %weighted over [0] : (tensor<4xf32>) -> tensor<f32>
  %g_z = graft.gradients %loss wrt %z : tensor<4x5xf32>
  %p_z = graft.mul %g_z, %u_z : tensor<4x5xf32>
  %s_z = graft.reduce sum %p_z over [0, 1] : (tensor<4x5xf32>) -> tensor<f32>
  %dz, %dc = graft.gradients %s_z wrt %z, %c : tensor<4x5xf32>, tensor<4xf32>
  return %dz, %dc : tensor<4x5xf32>, tensor<4xf32>
}

func.func @second_relation_kl(%q: tensor<?x8xf32, #graft.dims<T>> {graft.name = "q"}, %k: tensor<?x8xf32, #graft.dims<T>> {graft.name = "k"}, %tq: tensor<?x12xf32, #graft.dims<T>> {graft.name = "tq"}, %tk: tensor<?x12xf32, #graft.dims<T>> {graft.name = "tk"}, %seq: !graft.segments<T, S> {graft.name = "seq"}, %c: tensor<?xf32, #graft.dims<S>> {graft.name = "c"}, %u_q: tensor<?x8xf32, #graft.dims<T>> {graft.name = "u_q"}, %u_k: tensor<?x8xf32, #graft.dims<T>> {graft.name = "u_k"})
    -> (tensor<?x8xf32, #graft.dims<T>> {graft.name = "dq"}, tensor<?x8xf32, #graft.dims<T>> {graft.name = "dk"}, tensor<?xf32, #graft.dims<S>> {graft.name = "dc"}) {
  %y = graft.relation_divergence kl %q, %k, %tq, %tk, %seq heads 2 : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x12xf32, #graft.dims<T>>, tensor<?x12xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>>
  %weighted = graft.mul %y, %c : tensor<?xf32, #graft.dims<S>>
  %loss = graft.reduce sum %weighted over [0] : (tensor<?xf32, #graft.dims<S>>) -> tensor<f32>
  %g_q, %g_k = graft.gradients %loss wrt %q, %k : tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>
  %p_q = graft.mul %g_q, %u_q : tensor<?x8xf32, #graft.dims<T>>
  %s_q = graft.reduce sum %p_q over [0, 1] : (tensor<?x8xf32, #graft.dims<T>>) -> tensor<f32>
  %p_k = graft.mul %g_k, %u_k : tensor<?x8xf32, #graft.dims<T>>
  %s_k = graft.reduce sum %p_k over [0, 1] : (tensor<?x8xf32, #graft.dims<T>>) -> tensor<f32>
  %t_k = graft.add %s_q, %s_k : tensor<f32>
  %dq, %dk, %dc = graft.gradients %t_k wrt %q, %k, %c : tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?xf32, #graft.dims<S>>
  return %dq, %dk, %dc : tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?xf32, #graft.dims<S>>
}

func.func @second_relation_mse(%q: tensor<?x8xf32, #graft.dims<T>> {graft.name = "q"}, %k: tensor<?x8xf32, #graft.dims<T>> {graft.name = "k"}, %tq: tensor<?x12xf32, #graft.dims<T>> {graft.name = "tq"}, %tk: tensor<?x12xf32, #graft.dims<T>> {graft.name = "tk"}, %seq: !graft.segments<T, S> {graft.name = "seq"}, %c: tensor<?xf32, #graft.dims<S>> {graft.name = "c"}, %u_q: tensor<?x8xf32, #graft.dims<T>> {graft.name = "u_q"}, %u_k: tensor<?x8xf32, #graft.dims<T>> {graft.name = "u_k"})
    -> (tensor<?x8xf32, #graft.dims<T>> {graft.name = "dq"}, tensor<?x8xf32, #graft.dims<T>> {graft.name = "dk"}, tensor<?xf32, #graft.dims<S>> {graft.name = "dc"}) {
  %y = graft.relation_divergence mse %q, %k, %tq, %tk, %seq heads 2 : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x12xf32, #graft.dims<T>>, tensor<?x12xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>>
  %weighted = graft.mul %y, %c : tensor<?xf32, #graft.dims<S>>
  %loss = graft.reduce sum %weighted over [0] : (tensor<?xf32, #graft.dims<S>>) -> tensor<f32>
  %g_q, %g_k = graft.gradients %loss wrt %q, %k : tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>
  %p_q = graft.mul %g_q, %u_q : tensor<?x8xf32, #graft.dims<T>>
  %s_q = graft.reduce sum %p_q over [0, 1] : (tensor<?x8xf32, #graft.dims<T>>) -> tensor<f32>
  %p_k = graft.mul %g_k, %u_k : tensor<?x8xf32, #graft.dims<T>>
  %s_k = graft.reduce sum %p_k over [0, 1] : (tensor<?x8xf32, #graft.dims<T>>) -> tensor<f32>
  %t_k = graft.add %s_q, %s_k : tensor<f32>
  %dq, %dk, %dc = graft.gradients %t_k wrt %q, %k, %c : tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?xf32, #graft.dims<S>>
  return %dq, %dk, %dc : tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?xf32, #graft.dims<S>>
}

// A layer of BERT with its embeddings, pooler and classifier: the product of the
// Hessian of its loss with u.
func.func @hessian(
    %ids: tensor<?xi32, #graft.dims<T>> {graft.name = "ids"},
    %labels: tensor<?xi32, #graft.dims<S>> {graft.name = "labels"},
    %seq: !graft.segments<T, S> {graft.name = "seq"},
    %words: tensor<7x8xf32> {graft.name = "words"},
    %places: tensor<4x8xf32> {graft.name = "places"},
    %scale0: tensor<8xf32> {graft.name = "scale0"},
    %shift0: tensor<8xf32> {graft.name = "shift0"},
    %query: tensor<8x8xf32> {graft.name = "query"},
    %query_bias: tensor<8xf32> {graft.name = "query_bias"},
    %key: tensor<8x8xf32> {graft.name = "key"},
    %key_bias: tensor<8xf32> {graft.name = "key_bias"},
    %value: tensor<8x8xf32> {graft.name = "value"},
    %value_bias: tensor<8xf32> {graft.name = "value_bias"},
    %dense: tensor<8x8xf32> {graft.name = "dense"},
    %dense_bias: tensor<8xf32> {graft.name = "dense_bias"},
    %scale1: tensor<8xf32> {graft.name = "scale1"},
    %shift1: tensor<8xf32> {graft.name = "shift1"},
    %wide: tensor<12x8xf32> {graft.name = "wide"},
    %wide_bias: tensor<12xf32> {graft.name = "wide_bias"},
    %narrow: tensor<8x12xf32> {graft.name = "narrow"},
    %narrow_bias: tensor<8xf32> {graft.name = "narrow_bias"},
    %scale2: tensor<8xf32> {graft.name = "scale2"},
    %shift2: tensor<8xf32> {graft.name = "shift2"},
    %pooler: tensor<8x8xf32> {graft.name = "pooler"},
    %pooler_bias: tensor<8xf32> {graft.name = "pooler_bias"},
    %classifier: tensor<5x8xf32> {graft.name = "classifier"},
    %classifier_bias: tensor<5xf32> {graft.name = "classifier_bias"},
    %u_words: tensor<7x8xf32> {graft.name = "u_words"},
    %u_places: tensor<4x8xf32> {graft.name = "u_places"},
    %u_scale0: tensor<8xf32> {graft.name = "u_scale0"},
    %u_shift0: tensor<8xf32> {graft.name = "u_shift0"},
    %u_query: tensor<8x8xf32> {graft.name = "u_query"},
    %u_query_bias: tensor<8xf32> {graft.name = "u_query_bias"},
    %u_key: tensor<8x8xf32> {graft.name = "u_key"},
    %u_key_bias: tensor<8xf32> {graft.name = "u_key_bias"},
    %u_value: tensor<8x8xf32> {graft.name = "u_value"},
    %u_value_bias: tensor<8xf32> {graft.name = "u_value_bias"},
    %u_dense: tensor<8x8xf32> {graft.name = "u_dense"},
    %u_dense_bias: tensor<8xf32> {graft.name = "u_dense_bias"},
    %u_scale1: tensor<8xf32> {graft.name = "u_scale1"},
    %u_shift1: tensor<8xf32> {graft.name = "u_shift1"},
    %u_wide: tensor<12x8xf32> {graft.name = "u_wide"},
    %u_wide_bias: tensor<12xf32> {graft.name = "u_wide_bias"},
    %u_narrow: tensor<8x12xf32> {graft.name = "u_narrow"},
    %u_narrow_bias: tensor<8xf32> {graft.name = "u_narrow_bias"},
    %u_scale2: tensor<8xf32> {graft.name = "u_scale2"},
    %u_shift2: tensor<8xf32> {graft.name = "u_shift2"},
    %u_pooler: tensor<8x8xf32> {graft.name = "u_pooler"},
    %u_pooler_bias: tensor<8xf32> {graft.name = "u_pooler_bias"},
    %u_classifier: tensor<5x8xf32> {graft.name = "u_classifier"},
    %u_classifier_bias: tensor<5xf32> {graft.name = "u_classifier_bias"})
    -> (tensor<f32> {graft.name = "loss"},
    tensor<7x8xf32> {graft.name = "h_words"},
    tensor<4x8xf32> {graft.name = "h_places"},
    tensor<8xf32> {graft.name = "h_scale0"},
    tensor<8xf32> {graft.name = "h_shift0"},
    tensor<8x8xf32> {graft.name = "h_query"},
    tensor<8xf32> {graft.name = "h_query_bias"},
    tensor<8x8xf32> {graft.name = "h_key"},
    tensor<8xf32> {graft.name = "h_key_bias"},
    tensor<8x8xf32> {graft.name = "h_value"},
    tensor<8xf32> {graft.name = "h_value_bias"},
    tensor<8x8xf32> {graft.name = "h_dense"},
    tensor<8xf32> {graft.name = "h_dense_bias"},
    tensor<8xf32> {graft.name = "h_scale1"},
    tensor<8xf32> {graft.name = "h_shift1"},
    tensor<12x8xf32> {graft.name = "h_wide"},
    tensor<12xf32> {graft.name = "h_wide_bias"},
    tensor<8x12xf32> {graft.name = "h_narrow"},
    tensor<8xf32> {graft.name = "h_narrow_bias"},
    tensor<8xf32> {graft.name = "h_scale2"},
    tensor<8xf32> {graft.name = "h_shift2"},
    tensor<8x8xf32> {graft.name = "h_pooler"},
    tensor<8xf32> {graft.name = "h_pooler_bias"},
    tensor<5x8xf32> {graft.name = "h_classifier"},
    tensor<5xf32> {graft.name = "h_classifier_bias"}) {
  %word = graft.embedding %ids, %words : (tensor<?xi32, #graft.dims<T>>, tensor<7x8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %index = graft.positions %seq : (!graft.segments<T, S>) -> tensor<?xi32, #graft.dims<T>>
  %place = graft.embedding %index, %places : (tensor<?xi32, #graft.dims<T>>, tensor<4x8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %sum = graft.add %word, %place : tensor<?x8xf32, #graft.dims<T>>
  %x = graft.layer_norm %sum, %scale0, %shift0 epsilon 9.99999996E-13 : (tensor<?x8xf32, #graft.dims<T>>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %q = graft.linear %x, %query, %query_bias : (tensor<?x8xf32, #graft.dims<T>>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %k = graft.linear %x, %key, %key_bias : (tensor<?x8xf32, #graft.dims<T>>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %v = graft.linear %x, %value, %value_bias : (tensor<?x8xf32, #graft.dims<T>>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %context = graft.attention %q, %k, %v, %seq heads 2 : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
  %attended = graft.linear %context, %dense, %dense_bias : (tensor<?x8xf32, #graft.dims<T>>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %first_sum = graft.add %attended, %x : tensor<?x8xf32, #graft.dims<T>>
  %y = graft.layer_norm %first_sum, %scale1, %shift1 epsilon 9.99999996E-13 : (tensor<?x8xf32, #graft.dims<T>>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %inner = graft.linear %y, %wide, %wide_bias : (tensor<?x8xf32, #graft.dims<T>>, tensor<12x8xf32>, tensor<12xf32>) -> tensor<?x12xf32, #graft.dims<T>>
  %active = graft.gelu erf %inner : tensor<?x12xf32, #graft.dims<T>>
  %outer = graft.linear %active, %narrow, %narrow_bias : (tensor<?x12xf32, #graft.dims<T>>, tensor<8x12xf32>, tensor<8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %second_sum = graft.add %outer, %y : tensor<?x8xf32, #graft.dims<T>>
  %z = graft.layer_norm %second_sum, %scale2, %shift2 epsilon 9.99999996E-13 : (tensor<?x8xf32, #graft.dims<T>>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %first = graft.segment_pool first %z, %seq : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<S>>
  %pool = graft.linear %first, %pooler, %pooler_bias : (tensor<?x8xf32, #graft.dims<S>>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #graft.dims<S>>
  %pooled = graft.tanh %pool : tensor<?x8xf32, #graft.dims<S>>
  %logits = graft.linear %pooled, %classifier, %classifier_bias : (tensor<?x8xf32, #graft.dims<S>>, tensor<5x8xf32>, tensor<5xf32>) -> tensor<?x5xf32, #graft.dims<S>>
  %losses = graft.cross_entropy %logits, %labels ignore -100 : (tensor<?x5xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>) -> tensor<?xf32, #graft.dims<S>>
  %loss = graft.reduce sum %losses over [0] : (tensor<?xf32, #graft.dims<S>>) -> tensor<f32>
  %g:24 = graft.gradients %loss wrt %words, %places, %scale0, %shift0, %query, %query_bias, %key, %key_bias, %value, %value_bias, %dense, %dense_bias, %scale1, %shift1, %wide, %wide_bias, %narrow, %narrow_bias, %scale2, %shift2, %pooler, %pooler_bias, %classifier, %classifier_bias : tensor<7x8xf32>, tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8x8xf32>, tensor<8xf32>, tensor<8x8xf32>, tensor<8xf32>, tensor<8x8xf32>, tensor<8xf32>, tensor<8x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<12x8xf32>, tensor<12xf32>, tensor<8x12xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8x8xf32>, tensor<8xf32>, tensor<5x8xf32>, tensor<5xf32>
  %p0 = graft.mul %g#0, %u_words : tensor<7x8xf32>
  %s0 = graft.reduce sum %p0 over [0, 1] : (tensor<7x8xf32>) -> tensor<f32>
  %p1 = graft.mul %g#1, %u_places : tensor<4x8xf32>
  %s1 = graft.reduce sum %p1 over [0, 1] : (tensor<4x8xf32>) -> tensor<f32>
  %t1 = graft.add %s0, %s1 : tensor<f32>
  %p2 = graft.mul %g#2, %u_scale0 : tensor<8xf32>
  %s2 = graft.reduce sum %p2 over [0] : (tensor<8xf32>) -> tensor<f32>
  %t2 = graft.add %t1, %s2 : tensor<f32>
  %p3 = graft.mul %g#3, %u_shift0 : tensor<8xf32>
  %s3 = graft.reduce sum %p3 over [0] : (tensor<8xf32>) -> tensor<f32>
  %t3 = graft.add %t2, %s3 : tensor<f32>
  %p4 = graft.mul %g#4, %u_query : tensor<8x8xf32>
  %s4 = graft.reduce sum %p4 over [0, 1] : (tensor<8x8xf32>) -> tensor<f32>
  %t4 = graft.add %t3, %s4 : tensor<f32>
  %p5 = graft.mul %g#5, %u_query_bias : tensor<8xf32>
  %s5 = graft.reduce sum %p5 over [0] : (tensor<8xf32>) -> tensor<f32>
  %t5 = graft.add %t4, %s5 : tensor<f32>
  %p6 = graft.mul %g#6, %u_key : tensor<8x8xf32>
  %s6 = graft.reduce sum %p6 over [0, 1] : (tensor<8x8xf32>) -> tensor<f32>
  %t6 = graft.add %t5, %s6 : tensor<f32>
  %p7 = graft.mul %g#7, %u_key_bias : tensor<8xf32>
  %s7 = graft.reduce sum %p7 over [0] : (tensor<8xf32>) -> tensor<f32>
  %t7 = graft.add %t6, %s7 : tensor<f32>
  %p8 = graft.mul %g#8, %u_value : tensor<8x8xf32>
  %s8 = graft.reduce sum %p8 over [0, 1] : (tensor<8x8xf32>) -> tensor<f32>
  %t8 = graft.add %t7, %s8 : tensor<f32>
  %p9 = graft.mul %g#9, %u_value_bias : tensor<8xf32>
  %s9 = graft.reduce sum %p9 over [0] : (tensor<8xf32>) -> tensor<f32>
  %t9 = graft.add %t8, %s9 : tensor<f32>
  %p10 = graft.mul %g#10, %u_dense : tensor<8x8xf32>
  %s10 = graft.reduce sum %p10 over [0, 1] : (tensor<8x8xf32>) -> tensor<f32>
  %t10 = graft.add %t9, %s10 : tensor<f32>
  %p11 = graft.mul %g#11, %u_dense_bias : tensor<8xf32>
  %s11 = graft.reduce sum %p11 over [0] : (tensor<8xf32>) -> tensor<f32>
  %t11 = graft.add %t10, %s11 : tensor<f32>
  %p12 = graft.mul %g#12, %u_scale1 : tensor<8xf32>
  %s12 = graft.reduce sum %p12 over [0] : (tensor<8xf32>) -> tensor<f32>
  %t12 = graft.add %t11, %s12 : tensor<f32>
  %p13 = graft.mul %g#13, %u_shift1 : tensor<8xf32>
  %s13 = graft.reduce sum %p13 over [0] : (tensor<8xf32>) -> tensor<f32>
  %t13 = graft.add %t12, %s13 : tensor<f32>
  %p14 = graft.mul %g#14, %u_wide : tensor<12x8xf32>
  %s14 = graft.reduce sum %p14 over [0, 1] : (tensor<12x8xf32>) -> tensor<f32>
  %t14 = graft.add %t13, %s14 : tensor<f32>
  %p15 = graft.mul %g#15, %u_wide_bias : tensor<12xf32>
  %s15 = graft.reduce sum %p15 over [0] : (tensor<12xf32>) -> tensor<f32>
  %t15 = graft.add %t14, %s15 : tensor<f32>
  %p16 = graft.mul %g#16, %u_narrow : tensor<8x12xf32>
  %s16 = graft.reduce sum %p16 over [0, 1] : (tensor<8x12xf32>) -> tensor<f32>
  %t16 = graft.add %t15, %s16 : tensor<f32>
  %p17 = graft.mul %g#17, %u_narrow_bias : tensor<8xf32>
  %s17 = graft.reduce sum %p17 over [0] : (tensor<8xf32>) -> tensor<f32>
  %t17 = graft.add %t16, %s17 : tensor<f32>
  %p18 = graft.mul %g#18, %u_scale2 : tensor<8xf32>
  %s18 = graft.reduce sum %p18 over [0] : (tensor<8xf32>) -> tensor<f32>
  %t18 = graft.add %t17, %s18 : tensor<f32>
  %p19 = graft.mul %g#19, %u_shift2 : tensor<8xf32>
  %s19 = graft.reduce sum %p19 over [0] : (tensor<8xf32>) -> tensor<f32>
  %t19 = graft.add %t18, %s19 : tensor<f32>
  %p20 = graft.mul %g#20, %u_pooler : tensor<8x8xf32>
  %s20 = graft.reduce sum %p20 over [0, 1] : (tensor<8x8xf32>) -> tensor<f32>
  %t20 = graft.add %t19, %s20 : tensor<f32>
  %p21 = graft.mul %g#21, %u_pooler_bias : tensor<8xf32>
  %s21 = graft.reduce sum %p21 over [0] : (tensor<8xf32>) -> tensor<f32>
  %t21 = graft.add %t20, %s21 : tensor<f32>
  %p22 = graft.mul %g#22, %u_classifier : tensor<5x8xf32>
  %s22 = graft.reduce sum %p22 over [0, 1] : (tensor<5x8xf32>) -> tensor<f32>
  %t22 = graft.add %t21, %s22 : tensor<f32>
  %p23 = graft.mul %g#23, %u_classifier_bias : tensor<5xf32>
  %s23 = graft.reduce sum %p23 over [0] : (tensor<5xf32>) -> tensor<f32>
  %t23 = graft.add %t22, %s23 : tensor<f32>
  %h:24 = graft.gradients %t23 wrt %words, %places, %scale0, %shift0, %query, %query_bias, %key, %key_bias, %value, %value_bias, %dense, %dense_bias, %scale1, %shift1, %wide, %wide_bias, %narrow, %narrow_bias, %scale2, %shift2, %pooler, %pooler_bias, %classifier, %classifier_bias : tensor<7x8xf32>, tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8x8xf32>, tensor<8xf32>, tensor<8x8xf32>, tensor<8xf32>, tensor<8x8xf32>, tensor<8xf32>, tensor<8x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<12x8xf32>, tensor<12xf32>, tensor<8x12xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8x8xf32>, tensor<8xf32>, tensor<5x8xf32>, tensor<5xf32>
  return %loss, %h#0, %h#1, %h#2, %h#3, %h#4, %h#5, %h#6, %h#7, %h#8, %h#9, %h#10, %h#11, %h#12, %h#13, %h#14, %h#15, %h#16, %h#17, %h#18, %h#19, %h#20, %h#21, %h#22, %h#23 : tensor<f32>, tensor<7x8xf32>, tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8x8xf32>, tensor<8xf32>, tensor<8x8xf32>, tensor<8xf32>, tensor<8x8xf32>, tensor<8xf32>, tensor<8x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<12x8xf32>, tensor<12xf32>, tensor<8x12xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8x8xf32>, tensor<8xf32>, tensor<5x8xf32>, tensor<5xf32>
}

func.func @class_sums(%labels: tensor<5xi32> {graft.name = "labels"}, %x: tensor<5x8xf32> {graft.name = "x"}, %c: tensor<5x8xf32> {graft.name = "c"}) -> (tensor<5x5xf32> {graft.name = "rows"}, tensor<5x8xf32> {graft.name = "y"}, tensor<5x8xf32> {graft.name = "dx"}) {
  %rows = graft.one_hot %labels ignore -100 : (tensor<5xi32>) -> tensor<5x5xf32>
  %y = graft.matmul %rows, %x transpose_lhs : (tensor<5x5xf32>, tensor<5x8xf32>) -> tensor<5x8xf32>
  %weighted = graft.mul %y, %c : tensor<5x8xf32>
  %loss = graft.reduce sum %weighted over [0, 1] : (tensor<5x8xf32>) -> tensor<f32>
  %dx = graft.gradients %loss wrt %x : tensor<5x8xf32>
  return %rows, %y, %dx : tensor<5x5xf32>, tensor<5x8xf32>, tensor<5x8xf32>
}

func.func @spectral_full(%m: tensor<6x6xf32> {graft.name = "m"}) -> (tensor<6x6xf32> {graft.name = "root"}, tensor<6x6xf32> {graft.name = "inverse"}, tensor<6x6xf32> {graft.name = "inverse_root"}) {
  %root = graft.spectral root %m above 1.0e-5 : tensor<6x6xf32>
  %inverse = graft.spectral inverse %m above 1.0e-5 : tensor<6x6xf32>
  %inverse_root = graft.spectral inverse_root %m above 1.0e-5 : tensor<6x6xf32>
  return %root, %inverse, %inverse_root : tensor<6x6xf32>, tensor<6x6xf32>, tensor<6x6xf32>
}

func.func @spectral_singular(%m: tensor<6x6xf32> {graft.name = "m"}) -> (tensor<6x6xf32> {graft.name = "root"}, tensor<6x6xf32> {graft.name = "inverse"}, tensor<6x6xf32> {graft.name = "inverse_root"}) {
  %root = graft.spectral root %m above 1.0e-5 : tensor<6x6xf32>
  %inverse = graft.spectral inverse %m above 1.0e-5 : tensor<6x6xf32>
  %inverse_root = graft.spectral inverse_root %m above 1.0e-5 : tensor<6x6xf32>
  return %root, %inverse, %inverse_root : tensor<6x6xf32>, tensor<6x6xf32>, tensor<6x6xf32>
}

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

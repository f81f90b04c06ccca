// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// One function an op, or an op's form: gradients_test compares the gradient of
// each with finite differences and checks that no differentiable op of the
// dialect is missing. An argument named "positive" holds values above 0.5; one
// named "fixed" has no gradient.
// RUN: graft-opt %s --verify-roundtrip -o %t

func.func @add(%a: tensor<3x4xf32>, %b: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %y = graft.add %a, %b : tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @sub(%a: tensor<3x4xf32>, %b: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %y = graft.sub %a, %b : tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @mul(%a: tensor<3x4xf32>, %b: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %y = graft.mul %a, %b : tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @max(%a: tensor<3x4xf32>, %b: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %y = graft.max %a, %b : tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @div(%a: tensor<3x4xf32>, %b: tensor<3x4xf32> {graft.name = "positive"}) -> tensor<3x4xf32> {
  %y = graft.div %a, %b : tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @step(%a: tensor<3x4xf32>, %b: tensor<3x4xf32> {graft.name = "fixed"}) -> tensor<3x4xf32> {
  %s = graft.step %a, %b : tensor<3x4xf32>
  %y = graft.mul %s, %a : tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

// By 1, so that the gradient is that of what the op computes;
// expand_gradients.mlir has other factors.
func.func @scale_gradient(%a: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %one = graft.constant 1.0 : tensor<f32>
  %s = graft.scale_gradient %a by %one : tensor<3x4xf32>
  %y = graft.mul %s, %a : tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @stop_gradient(%a: tensor<3x4xf32>, %b: tensor<3x4xf32> {graft.name = "fixed"}) -> tensor<3x4xf32> {
  %s = graft.stop_gradient %b : tensor<3x4xf32>
  %y = graft.mul %s, %a : tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @exp(%a: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %y = graft.exp %a : tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @tanh(%a: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %y = graft.tanh %a : tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @sigmoid(%a: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %y = graft.sigmoid %a : tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @relu(%a: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %y = graft.relu %a : tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @log(%a: tensor<3x4xf32> {graft.name = "positive"}) -> tensor<3x4xf32> {
  %y = graft.log %a : tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @sqrt(%a: tensor<3x4xf32> {graft.name = "positive"}) -> tensor<3x4xf32> {
  %y = graft.sqrt %a : tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @scale(%a: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %y = graft.scale %a by -2.500000e+00 : tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @cast(%a: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %h = graft.cast %a : tensor<3x4xf32> to tensor<3x4xbf16>
  %y = graft.cast %h : tensor<3x4xbf16> to tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @reduce(%a: tensor<2x3x4xf32>) -> tensor<3xf32> {
  %y = graft.reduce sum %a over [0, 2] : (tensor<2x3x4xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

func.func @reduce_max(%a: tensor<2x3x4xf32>) -> tensor<3xf32> {
  %y = graft.reduce max %a over [0, 2] : (tensor<2x3x4xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

func.func @reduce_max_low(%a: tensor<3x4xf32>) -> tensor<3xf32> {
  %h = graft.cast %a : tensor<3x4xf32> to tensor<3x4xbf16>
  %y = graft.reduce max %h over [1] : (tensor<3x4xbf16>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

func.func @broadcast(%a: tensor<3xf32>) -> tensor<2x3x4xf32> {
  %y = graft.broadcast %a along [0, 2] : (tensor<3xf32>) -> tensor<2x3x4xf32>
  return %y : tensor<2x3x4xf32>
}

func.func @reshape(%a: tensor<3x4xf32>) -> tensor<2x6xf32> {
  %y = graft.reshape %a : (tensor<3x4xf32>) -> tensor<2x6xf32>
  return %y : tensor<2x6xf32>
}

func.func @transpose(%a: tensor<3x4xf32>) -> tensor<4x3xf32> {
  %y = graft.transpose %a : (tensor<3x4xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

func.func @concat(%a: tensor<3x4xf32>, %b: tensor<3x2xf32>) -> tensor<3x6xf32> {
  %y = graft.concat %a, %b : (tensor<3x4xf32>, tensor<3x2xf32>) -> tensor<3x6xf32>
  return %y : tensor<3x6xf32>
}

func.func @slice(%a: tensor<3x4xf32>) -> tensor<3x2xf32> {
  %y = graft.slice %a columns 1 size 2 : (tensor<3x4xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

func.func @slice_front(%a: tensor<3x4xf32>) -> tensor<3x2xf32> {
  %y = graft.slice %a columns 0 size 2 : (tensor<3x4xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

func.func @gather(%a: tensor<?x4xf32, #graft.dims<T>>, %i: tensor<?xi32, #graft.dims<P>>) -> tensor<?x4xf32, #graft.dims<P>> {
  %y = graft.gather %a, %i : (tensor<?x4xf32, #graft.dims<T>>, tensor<?xi32, #graft.dims<P>>) -> tensor<?x4xf32, #graft.dims<P>>
  return %y : tensor<?x4xf32, #graft.dims<P>>
}

func.func @scatter_add(%a: tensor<?x4xf32, #graft.dims<T>>, %i: tensor<?xi32, #graft.dims<P>>, %u: tensor<?x4xf32, #graft.dims<P>>) -> tensor<?x4xf32, #graft.dims<T>> {
  %y = graft.scatter_add %a, %i, %u : (tensor<?x4xf32, #graft.dims<T>>, tensor<?xi32, #graft.dims<P>>, tensor<?x4xf32, #graft.dims<P>>) -> tensor<?x4xf32, #graft.dims<T>>
  return %y : tensor<?x4xf32, #graft.dims<T>>
}

func.func @embedding(%i: tensor<?xi32, #graft.dims<T>>, %w: tensor<5x4xf32>) -> tensor<?x4xf32, #graft.dims<T>> {
  %y = graft.embedding %i, %w : (tensor<?xi32, #graft.dims<T>>, tensor<5x4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
  return %y : tensor<?x4xf32, #graft.dims<T>>
}

func.func @embedding_gradient(%i: tensor<?xi32, #graft.dims<T>>, %dy: tensor<?x4xf32, #graft.dims<T>>) -> tensor<5x4xf32> {
  %y = graft.embedding_gradient %i, %dy rows 5 : (tensor<?xi32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>) -> tensor<5x4xf32>
  return %y : tensor<5x4xf32>
}

func.func @linear(%x: tensor<?x4xf32, #graft.dims<T>>, %w: tensor<3x4xf32>, %b: tensor<3xf32>) -> tensor<?x3xf32, #graft.dims<T>> {
  %y = graft.linear %x, %w, %b : (tensor<?x4xf32, #graft.dims<T>>, tensor<3x4xf32>, tensor<3xf32>) -> tensor<?x3xf32, #graft.dims<T>>
  return %y : tensor<?x3xf32, #graft.dims<T>>
}

func.func @linear_no_bias(%x: tensor<?x4xf32, #graft.dims<T>>, %w: tensor<3x4xf32>) -> tensor<?x3xf32, #graft.dims<T>> {
  %y = graft.linear %x, %w : (tensor<?x4xf32, #graft.dims<T>>, tensor<3x4xf32>) -> tensor<?x3xf32, #graft.dims<T>>
  return %y : tensor<?x3xf32, #graft.dims<T>>
}

func.func @matmul(%a: tensor<3x4xf32>, %b: tensor<4x2xf32>) -> tensor<3x2xf32> {
  %y = graft.matmul %a, %b : (tensor<3x4xf32>, tensor<4x2xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

func.func @matmul_tn(%a: tensor<4x3xf32>, %b: tensor<4x2xf32>) -> tensor<3x2xf32> {
  %y = graft.matmul %a, %b transpose_lhs : (tensor<4x3xf32>, tensor<4x2xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

func.func @matmul_nt(%a: tensor<3x4xf32>, %b: tensor<2x4xf32>) -> tensor<3x2xf32> {
  %y = graft.matmul %a, %b transpose_rhs : (tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

func.func @matmul_tt(%a: tensor<4x3xf32>, %b: tensor<2x4xf32>) -> tensor<3x2xf32> {
  %y = graft.matmul %a, %b transpose_lhs transpose_rhs : (tensor<4x3xf32>, tensor<2x4xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

func.func @layer_norm(%x: tensor<3x4xf32>, %s: tensor<4xf32>, %t: tensor<4xf32>) -> tensor<3x4xf32> {
  %y = graft.layer_norm %x, %s, %t epsilon 1.000000e-05 : (tensor<3x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @layer_norm_shift(%x: tensor<3x4xf32> {graft.name = "fixed"}, %s: tensor<4xf32> {graft.name = "fixed"}, %t: tensor<4xf32>) -> tensor<3x4xf32> {
  %y = graft.layer_norm %x, %s, %t epsilon 1.000000e-05 : (tensor<3x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @layer_norm_gradient(%dy: tensor<3x4xf32>, %x: tensor<3x4xf32>, %s: tensor<4xf32>) -> tensor<3x4xf32> {
  %dx, %ds, %dt = graft.layer_norm_gradient %dy, %x, %s epsilon 1.000000e-05 : (tensor<3x4xf32>, tensor<3x4xf32>, tensor<4xf32>) -> (tensor<3x4xf32>, tensor<4xf32>, tensor<4xf32>)
  %0 = graft.broadcast %ds along [0] : (tensor<4xf32>) -> tensor<3x4xf32>
  %1 = graft.broadcast %dt along [0] : (tensor<4xf32>) -> tensor<3x4xf32>
  %2 = graft.mul %dx, %0 : tensor<3x4xf32>
  %y = graft.add %2, %1 : tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @layer_norm_gradient_input(%x: tensor<3x4xf32>, %s: tensor<4xf32>) -> tensor<3x4xf32> {
  %dx, %ds, %dt = graft.layer_norm_gradient %x, %x, %s epsilon 1.000000e-05 : (tensor<3x4xf32>, tensor<3x4xf32>, tensor<4xf32>) -> (tensor<3x4xf32>, tensor<4xf32>, tensor<4xf32>)
  return %dx : tensor<3x4xf32>
}

func.func @attention(%q: tensor<?x4xf32, #graft.dims<T>>, %k: tensor<?x4xf32, #graft.dims<T>>, %v: tensor<?x4xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>> {
  %y = graft.attention %q, %k, %v, %seq heads 2 : (tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>>
  return %y : tensor<?x4xf32, #graft.dims<T>>
}

func.func @attention_dropout(%q: tensor<?x4xf32, #graft.dims<T>>, %k: tensor<?x4xf32, #graft.dims<T>>, %v: tensor<?x4xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>> {
  %y = graft.attention %q, %k, %v, %seq heads 2 dropout 2.500000e-01 id 3 draw 1 : (tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>>
  return %y : tensor<?x4xf32, #graft.dims<T>>
}

func.func @attention_scale(%q: tensor<?x4xf32, #graft.dims<T>>, %k: tensor<?x4xf32, #graft.dims<T>>, %v: tensor<?x4xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>> {
  %y = graft.attention %q, %k, %v, %seq heads 2 scale 1.250000e+00 : (tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>>
  return %y : tensor<?x4xf32, #graft.dims<T>>
}

func.func @attention_gradient(%dy: tensor<?x4xf32, #graft.dims<T>>, %q: tensor<?x4xf32, #graft.dims<T>>, %k: tensor<?x4xf32, #graft.dims<T>>, %v: tensor<?x4xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x12xf32, #graft.dims<T>> {
  %dq, %dk, %dv = graft.attention_gradient %dy, %q, %k, %v, %seq heads 2 : (tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> (tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>)
  %y = graft.concat %dq, %dk, %dv : (tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>) -> tensor<?x12xf32, #graft.dims<T>>
  return %y : tensor<?x12xf32, #graft.dims<T>>
}

func.func @attention_gradient_dropout(%dy: tensor<?x4xf32, #graft.dims<T>>, %q: tensor<?x4xf32, #graft.dims<T>>, %k: tensor<?x4xf32, #graft.dims<T>>, %v: tensor<?x4xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x12xf32, #graft.dims<T>> {
  %dq, %dk, %dv = graft.attention_gradient %dy, %q, %k, %v, %seq heads 2 dropout 2.500000e-01 id 3 draw 1 : (tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> (tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>)
  %y = graft.concat %dq, %dk, %dv : (tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>) -> tensor<?x12xf32, #graft.dims<T>>
  return %y : tensor<?x12xf32, #graft.dims<T>>
}

func.func @attention_gradient_scale(%dy: tensor<?x4xf32, #graft.dims<T>>, %q: tensor<?x4xf32, #graft.dims<T>>, %k: tensor<?x4xf32, #graft.dims<T>>, %v: tensor<?x4xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x12xf32, #graft.dims<T>> {
  %dq, %dk, %dv = graft.attention_gradient %dy, %q, %k, %v, %seq heads 2 scale 1.250000e+00 : (tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> (tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>)
  %y = graft.concat %dq, %dk, %dv : (tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>) -> tensor<?x12xf32, #graft.dims<T>>
  return %y : tensor<?x12xf32, #graft.dims<T>>
}

func.func @attention_gradient_of_one(%q: tensor<?x4xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>> {
  %dq, %dk, %dv = graft.attention_gradient %q, %q, %q, %q, %seq heads 2 : (tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> (tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>)
  return %dk : tensor<?x4xf32, #graft.dims<T>>
}

func.func @dropout(%x: tensor<?x4xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>> {
  %y = graft.dropout %x, %seq rate 2.500000e-01 id 7 : (tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>>
  return %y : tensor<?x4xf32, #graft.dims<T>>
}

func.func @dropout_sequences(%x: tensor<?x4xf32, #graft.dims<S>>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<S>> {
  %y = graft.dropout %x, %seq rate 2.500000e-01 id 7 : (tensor<?x4xf32, #graft.dims<S>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<S>>
  return %y : tensor<?x4xf32, #graft.dims<S>>
}

func.func @softmax(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %y = graft.softmax %x : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @softmax_gradient(%dy: tensor<3x4xf32>, %x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %y = graft.softmax_gradient %dy, %x : tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @softmax_log(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %y = graft.softmax %x log : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @softmax_gradient_log(%dy: tensor<3x4xf32>, %x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %y = graft.softmax_gradient %dy, %x log : tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @segment_pool_first(%x: tensor<?x4xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<S>> {
  %y = graft.segment_pool first %x, %seq : (tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<S>>
  return %y : tensor<?x4xf32, #graft.dims<S>>
}

func.func @segment_pool_mean(%x: tensor<?x4xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<S>> {
  %y = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<S>>
  return %y : tensor<?x4xf32, #graft.dims<S>>
}

func.func @segment_pool_max(%x: tensor<?x4xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<S>> {
  %y = graft.segment_pool max %x, %seq : (tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<S>>
  return %y : tensor<?x4xf32, #graft.dims<S>>
}

func.func @segment_pool_gradient_first(%dy: tensor<?x4xf32, #graft.dims<S>>, %x: tensor<?x4xf32, #graft.dims<T>> {graft.name = "fixed"}, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>> {
  %y = graft.segment_pool_gradient first %dy, %x, %seq : (tensor<?x4xf32, #graft.dims<S>>, tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>>
  return %y : tensor<?x4xf32, #graft.dims<T>>
}

func.func @segment_pool_gradient_mean(%dy: tensor<?x4xf32, #graft.dims<S>>, %x: tensor<?x4xf32, #graft.dims<T>> {graft.name = "fixed"}, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>> {
  %y = graft.segment_pool_gradient mean %dy, %x, %seq : (tensor<?x4xf32, #graft.dims<S>>, tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>>
  return %y : tensor<?x4xf32, #graft.dims<T>>
}

func.func @segment_pool_gradient_max(%dy: tensor<?x4xf32, #graft.dims<S>>, %x: tensor<?x4xf32, #graft.dims<T>> {graft.name = "fixed"}, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>> {
  %y = graft.segment_pool_gradient max %dy, %x, %seq : (tensor<?x4xf32, #graft.dims<S>>, tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>>
  return %y : tensor<?x4xf32, #graft.dims<T>>
}

func.func @gelu_erf(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %y = graft.gelu erf %x : tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @gelu_tanh(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %y = graft.gelu tanh %x : tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @gelu_gradient_erf(%dy: tensor<3x4xf32>, %x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %y = graft.gelu_gradient erf %dy, %x : tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @gelu_gradient_tanh(%dy: tensor<3x4xf32>, %x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %y = graft.gelu_gradient tanh %dy, %x : tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @cross_entropy(%z: tensor<3x4xf32>, %t: tensor<3xi32>) -> tensor<3xf32> {
  %y = graft.cross_entropy %z, %t : (tensor<3x4xf32>, tensor<3xi32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

func.func @cross_entropy_ignore(%z: tensor<3x4xf32>, %t: tensor<3xi32>) -> tensor<3xf32> {
  %y = graft.cross_entropy %z, %t ignore 2 : (tensor<3x4xf32>, tensor<3xi32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

func.func @cross_entropy_smooth(%z: tensor<3x4xf32>, %t: tensor<3xi32>) -> tensor<3xf32> {
  %y = graft.cross_entropy %z, %t ignore 2 smoothing 1.250000e-01 : (tensor<3x4xf32>, tensor<3xi32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

func.func @cross_entropy_gradient(%dl: tensor<3xf32>, %z: tensor<3x4xf32>, %t: tensor<3xi32>) -> tensor<3x4xf32> {
  %y = graft.cross_entropy_gradient %dl, %z, %t : (tensor<3xf32>, tensor<3x4xf32>, tensor<3xi32>) -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @cross_entropy_gradient_smooth(%dl: tensor<3xf32>, %z: tensor<3x4xf32>, %t: tensor<3xi32>) -> tensor<3x4xf32> {
  %y = graft.cross_entropy_gradient %dl, %z, %t smoothing 1.250000e-01 : (tensor<3xf32>, tensor<3x4xf32>, tensor<3xi32>) -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @cross_entropy_gradient_ignore(%dl: tensor<3xf32>, %z: tensor<3x4xf32>, %t: tensor<3xi32>) -> tensor<3x4xf32> {
  %y = graft.cross_entropy_gradient %dl, %z, %t ignore 2 : (tensor<3xf32>, tensor<3x4xf32>, tensor<3xi32>) -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @cross_entropy_gradient_ignore_smooth(%dl: tensor<3xf32>, %z: tensor<3x4xf32>, %t: tensor<3xi32>) -> tensor<3x4xf32> {
  %y = graft.cross_entropy_gradient %dl, %z, %t ignore 2 smoothing 1.250000e-01 : (tensor<3xf32>, tensor<3x4xf32>, tensor<3xi32>) -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @mse(%z: tensor<3x4xf32>, %t: tensor<3x4xf32>) -> tensor<3xf32> {
  %y = graft.mse %z, %t : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

func.func @binary_cross_entropy(%z: tensor<3x4xf32>, %t: tensor<3x4xf32>) -> tensor<3xf32> {
  %y = graft.binary_cross_entropy %z, %t : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

func.func @kl_divergence(%z: tensor<3x4xf32>, %t: tensor<3x4xf32>) -> tensor<3xf32> {
  %y = graft.kl_divergence %z, %t temperature 2.000000e+00 : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

func.func @relation_divergence_kl(%q: tensor<?x6xf32, #graft.dims<T>>, %k: tensor<?x6xf32, #graft.dims<T>>, %r: tensor<?x4xf32, #graft.dims<T>> {graft.name = "fixed"}, %t: tensor<?x4xf32, #graft.dims<T>> {graft.name = "fixed"}, %seq: !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>> {
  %y = graft.relation_divergence kl %q, %k, %r, %t, %seq heads 2 : (tensor<?x6xf32, #graft.dims<T>>, tensor<?x6xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>>
  return %y : tensor<?xf32, #graft.dims<S>>
}

func.func @relation_divergence_kl_of_one(%q: tensor<?x6xf32, #graft.dims<T>>, %r: tensor<?x4xf32, #graft.dims<T>> {graft.name = "fixed"}, %t: tensor<?x4xf32, #graft.dims<T>> {graft.name = "fixed"}, %seq: !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>> {
  %y = graft.relation_divergence kl %q, %q, %r, %t, %seq heads 2 : (tensor<?x6xf32, #graft.dims<T>>, tensor<?x6xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>>
  return %y : tensor<?xf32, #graft.dims<S>>
}

func.func @relation_divergence_mse(%q: tensor<?x6xf32, #graft.dims<T>>, %k: tensor<?x6xf32, #graft.dims<T>>, %r: tensor<?x4xf32, #graft.dims<T>> {graft.name = "fixed"}, %t: tensor<?x4xf32, #graft.dims<T>> {graft.name = "fixed"}, %seq: !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>> {
  %y = graft.relation_divergence mse %q, %k, %r, %t, %seq heads 2 : (tensor<?x6xf32, #graft.dims<T>>, tensor<?x6xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>>
  return %y : tensor<?xf32, #graft.dims<S>>
}

func.func @relation_divergence_mse_of_one(%q: tensor<?x6xf32, #graft.dims<T>>, %r: tensor<?x4xf32, #graft.dims<T>> {graft.name = "fixed"}, %t: tensor<?x4xf32, #graft.dims<T>> {graft.name = "fixed"}, %seq: !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>> {
  %y = graft.relation_divergence mse %q, %q, %r, %t, %seq heads 2 : (tensor<?x6xf32, #graft.dims<T>>, tensor<?x6xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>>
  return %y : tensor<?xf32, #graft.dims<S>>
}

func.func @relation_divergence_gradient_kl(%dl: tensor<?xf32, #graft.dims<S>>, %q: tensor<?x6xf32, #graft.dims<T>>, %k: tensor<?x6xf32, #graft.dims<T>>, %r: tensor<?x4xf32, #graft.dims<T>> {graft.name = "fixed"}, %t: tensor<?x4xf32, #graft.dims<T>> {graft.name = "fixed"}, %seq: !graft.segments<T, S>) -> tensor<?x12xf32, #graft.dims<T>> {
  %dq, %dk = graft.relation_divergence_gradient kl %dl, %q, %k, %r, %t, %seq heads 2 : (tensor<?xf32, #graft.dims<S>>, tensor<?x6xf32, #graft.dims<T>>, tensor<?x6xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> (tensor<?x6xf32, #graft.dims<T>>, tensor<?x6xf32, #graft.dims<T>>)
  %y = graft.concat %dq, %dk : (tensor<?x6xf32, #graft.dims<T>>, tensor<?x6xf32, #graft.dims<T>>) -> tensor<?x12xf32, #graft.dims<T>>
  return %y : tensor<?x12xf32, #graft.dims<T>>
}

func.func @relation_divergence_gradient_kl_of_one(%dl: tensor<?xf32, #graft.dims<S>>, %q: tensor<?x6xf32, #graft.dims<T>>, %r: tensor<?x4xf32, #graft.dims<T>> {graft.name = "fixed"}, %t: tensor<?x4xf32, #graft.dims<T>> {graft.name = "fixed"}, %seq: !graft.segments<T, S>) -> tensor<?x6xf32, #graft.dims<T>> {
  %dq, %dk = graft.relation_divergence_gradient kl %dl, %q, %q, %r, %t, %seq heads 2 : (tensor<?xf32, #graft.dims<S>>, tensor<?x6xf32, #graft.dims<T>>, tensor<?x6xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> (tensor<?x6xf32, #graft.dims<T>>, tensor<?x6xf32, #graft.dims<T>>)
  return %dk : tensor<?x6xf32, #graft.dims<T>>
}

func.func @relation_divergence_gradient_mse(%dl: tensor<?xf32, #graft.dims<S>>, %q: tensor<?x6xf32, #graft.dims<T>>, %k: tensor<?x6xf32, #graft.dims<T>>, %r: tensor<?x4xf32, #graft.dims<T>> {graft.name = "fixed"}, %t: tensor<?x4xf32, #graft.dims<T>> {graft.name = "fixed"}, %seq: !graft.segments<T, S>) -> tensor<?x12xf32, #graft.dims<T>> {
  %dq, %dk = graft.relation_divergence_gradient mse %dl, %q, %k, %r, %t, %seq heads 2 : (tensor<?xf32, #graft.dims<S>>, tensor<?x6xf32, #graft.dims<T>>, tensor<?x6xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> (tensor<?x6xf32, #graft.dims<T>>, tensor<?x6xf32, #graft.dims<T>>)
  %y = graft.concat %dq, %dk : (tensor<?x6xf32, #graft.dims<T>>, tensor<?x6xf32, #graft.dims<T>>) -> tensor<?x12xf32, #graft.dims<T>>
  return %y : tensor<?x12xf32, #graft.dims<T>>
}

func.func @relation_divergence_gradient_mse_of_one(%dl: tensor<?xf32, #graft.dims<S>>, %q: tensor<?x6xf32, #graft.dims<T>>, %r: tensor<?x4xf32, #graft.dims<T>> {graft.name = "fixed"}, %t: tensor<?x4xf32, #graft.dims<T>> {graft.name = "fixed"}, %seq: !graft.segments<T, S>) -> tensor<?x6xf32, #graft.dims<T>> {
  %dq, %dk = graft.relation_divergence_gradient mse %dl, %q, %q, %r, %t, %seq heads 2 : (tensor<?xf32, #graft.dims<S>>, tensor<?x6xf32, #graft.dims<T>>, tensor<?x6xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> (tensor<?x6xf32, #graft.dims<T>>, tensor<?x6xf32, #graft.dims<T>>)
  return %dk : tensor<?x6xf32, #graft.dims<T>>
}

func.func @global_norm(%a: tensor<3x4xf32>, %b: tensor<2xf32>) -> tensor<f32> {
  %y = graft.global_norm %a, %b : (tensor<3x4xf32>, tensor<2xf32>) -> tensor<f32>
  return %y : tensor<f32>
}

func.func @global_norm_low(%a: tensor<3x4xf32>, %b: tensor<2xf32>) -> tensor<f32> {
  %h = graft.cast %a : tensor<3x4xf32> to tensor<3x4xbf16>
  %y = graft.global_norm %h, %b : (tensor<3x4xbf16>, tensor<2xf32>) -> tensor<f32>
  return %y : tensor<f32>
}

func.func @used_twice(%a: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %e = graft.exp %a : tensor<3x4xf32>
  %m = graft.mul %e, %a : tensor<3x4xf32>
  %y = graft.add %m, %m : tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

// Gradients of gradients, and gradients of these.
func.func @second_softmax(%x: tensor<3x4xf32>, %c: tensor<3x4xf32> {graft.name = "fixed"}) -> tensor<3x4xf32> {
  %p = graft.softmax %x : (tensor<3x4xf32>) -> tensor<3x4xf32>
  %w = graft.mul %p, %c : tensor<3x4xf32>
  %loss = graft.reduce sum %w over [0, 1] : (tensor<3x4xf32>) -> tensor<f32>
  %y = graft.gradients %loss wrt %x : tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @second_classifier(%x: tensor<3x4xf32>, %w: tensor<3x4xf32>, %t: tensor<3xi32>) -> tensor<3x4xf32> {
  %h = graft.gelu erf %x : tensor<3x4xf32>
  %z = graft.linear %h, %w : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x3xf32>
  %l = graft.cross_entropy %z, %t smoothing 1.250000e-01 : (tensor<3x3xf32>, tensor<3xi32>) -> tensor<3xf32>
  %loss = graft.reduce sum %l over [0] : (tensor<3xf32>) -> tensor<f32>
  %y = graft.gradients %loss wrt %w : tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

// Layer norms have derivatives of any order.
func.func @third_layer_norm(%x: tensor<3x4xf32>, %s: tensor<4xf32>, %t: tensor<4xf32> {graft.name = "fixed"}, %c: tensor<3x4xf32> {graft.name = "fixed"}) -> tensor<3x4xf32> {
  %n = graft.layer_norm %x, %s, %t epsilon 1.000000e-05 : (tensor<3x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<3x4xf32>
  %w = graft.mul %n, %c : tensor<3x4xf32>
  %loss = graft.reduce sum %w over [0, 1] : (tensor<3x4xf32>) -> tensor<f32>
  %first = graft.gradients %loss wrt %x : tensor<3x4xf32>
  %square = graft.mul %first, %first : tensor<3x4xf32>
  %length = graft.reduce sum %square over [0, 1] : (tensor<3x4xf32>) -> tensor<f32>
  %y = graft.gradients %length wrt %x : tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

func.func @second_attention(%x: tensor<?x4xf32, #graft.dims<T>>, %w: tensor<4x4xf32>, %t: tensor<?xi32, #graft.dims<S>>, %seq: !graft.segments<T, S>) -> tensor<4x4xf32> {
  %h = graft.linear %x, %w : (tensor<?x4xf32, #graft.dims<T>>, tensor<4x4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
  %a = graft.attention %h, %x, %h, %seq heads 2 dropout 2.500000e-01 id 3 : (tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>>
  %p = graft.segment_pool max %a, %seq : (tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<S>>
  %l = graft.cross_entropy %p, %t : (tensor<?x4xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>) -> tensor<?xf32, #graft.dims<S>>
  %loss = graft.reduce sum %l over [0] : (tensor<?xf32, #graft.dims<S>>) -> tensor<f32>
  %y = graft.gradients %loss wrt %w : tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}

// A layer of BERT with dropout: what the gradient of the keys' matrix, which passes
// all of it, says of every parameter.
func.func @second_layer(
    %ids: tensor<?xi32, #graft.dims<T>>,
    %labels: tensor<?xi32, #graft.dims<S>>,
    %seq: !graft.segments<T, S>,
    %words: tensor<5x4xf32>,
    %places: tensor<3x4xf32>,
    %scale0: tensor<4xf32>,
    %shift0: tensor<4xf32>,
    %query: tensor<4x4xf32>,
    %query_bias: tensor<4xf32>,
    %key: tensor<4x4xf32>,
    %key_bias: tensor<4xf32>,
    %value: tensor<4x4xf32>,
    %value_bias: tensor<4xf32>,
    %dense: tensor<4x4xf32>,
    %dense_bias: tensor<4xf32>,
    %scale1: tensor<4xf32>,
    %shift1: tensor<4xf32>,
    %wide: tensor<6x4xf32>,
    %wide_bias: tensor<6xf32>,
    %narrow: tensor<4x6xf32>,
    %narrow_bias: tensor<4xf32>,
    %scale2: tensor<4xf32>,
    %shift2: tensor<4xf32>,
    %pooler: tensor<4x4xf32>,
    %pooler_bias: tensor<4xf32>,
    %classifier: tensor<4x4xf32>,
    %classifier_bias: tensor<4xf32>) -> tensor<4x4xf32> {
  %word = graft.embedding %ids, %words : (tensor<?xi32, #graft.dims<T>>, tensor<5x4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
  %index = graft.positions %seq : (!graft.segments<T, S>) -> tensor<?xi32, #graft.dims<T>>
  %place = graft.embedding %index, %places : (tensor<?xi32, #graft.dims<T>>, tensor<3x4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
  %sum = graft.add %word, %place : tensor<?x4xf32, #graft.dims<T>>
  %x = graft.layer_norm %sum, %scale0, %shift0 epsilon 9.99999996E-13 : (tensor<?x4xf32, #graft.dims<T>>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
  %x_kept = graft.dropout %x, %seq rate 2.500000e-01 id 11 : (tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>>
  %q = graft.linear %x_kept, %query, %query_bias : (tensor<?x4xf32, #graft.dims<T>>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
  %k = graft.linear %x_kept, %key, %key_bias : (tensor<?x4xf32, #graft.dims<T>>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
  %v = graft.linear %x_kept, %value, %value_bias : (tensor<?x4xf32, #graft.dims<T>>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
  %context = graft.attention %q, %k, %v, %seq heads 2 dropout 2.500000e-01 id 3 : (tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>>
  %attended = graft.linear %context, %dense, %dense_bias : (tensor<?x4xf32, #graft.dims<T>>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
  %attended_kept = graft.dropout %attended, %seq rate 2.500000e-01 id 12 : (tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>>
  %first_sum = graft.add %attended_kept, %x_kept : tensor<?x4xf32, #graft.dims<T>>
  %y = graft.layer_norm %first_sum, %scale1, %shift1 epsilon 9.99999996E-13 : (tensor<?x4xf32, #graft.dims<T>>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
  %inner = graft.linear %y, %wide, %wide_bias : (tensor<?x4xf32, #graft.dims<T>>, tensor<6x4xf32>, tensor<6xf32>) -> tensor<?x6xf32, #graft.dims<T>>
  %active = graft.gelu erf %inner : tensor<?x6xf32, #graft.dims<T>>
  %outer = graft.linear %active, %narrow, %narrow_bias : (tensor<?x6xf32, #graft.dims<T>>, tensor<4x6xf32>, tensor<4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
  %outer_kept = graft.dropout %outer, %seq rate 2.500000e-01 id 13 : (tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>>
  %second_sum = graft.add %outer_kept, %y : tensor<?x4xf32, #graft.dims<T>>
  %z = graft.layer_norm %second_sum, %scale2, %shift2 epsilon 9.99999996E-13 : (tensor<?x4xf32, #graft.dims<T>>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
  %first = graft.segment_pool first %z, %seq : (tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<S>>
  %pool = graft.linear %first, %pooler, %pooler_bias : (tensor<?x4xf32, #graft.dims<S>>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32, #graft.dims<S>>
  %pooled = graft.tanh %pool : tensor<?x4xf32, #graft.dims<S>>
  %pooled_kept = graft.dropout %pooled, %seq rate 2.500000e-01 id 14 : (tensor<?x4xf32, #graft.dims<S>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<S>>
  %logits = graft.linear %pooled_kept, %classifier, %classifier_bias : (tensor<?x4xf32, #graft.dims<S>>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32, #graft.dims<S>>
  %losses = graft.cross_entropy %logits, %labels ignore 2 : (tensor<?x4xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>) -> tensor<?xf32, #graft.dims<S>>
  %loss = graft.reduce sum %losses over [0] : (tensor<?xf32, #graft.dims<S>>) -> tensor<f32>
  %h = graft.gradients %loss wrt %key : tensor<4x4xf32>
  return %h : tensor<4x4xf32>
}

// What formulas become: products with and without a common index, reductions, functions.
func.func @formula_products(%x: tensor<3x4xf32>, %c: tensor<5x4xf32>, %a: tensor<3xf32> {graft.name = "positive"}) -> tensor<5x3xf32> {
  %y = graft.formula "x[s, h], c[n, h], a[s] -> [n, s]: sum h (x * x) * sum h (-x * c / a) - mean h (c * c)" (%x, %c, %a) : (tensor<3x4xf32>, tensor<5x4xf32>, tensor<3xf32>) -> tensor<5x3xf32>
  return %y : tensor<5x3xf32>
}

func.func @formula_functions(%x: tensor<3x1xf32>, %a: tensor<f32> {graft.name = "positive"}) -> tensor<3xf32> {
  %y = graft.formula "x[s, 1], a[] -> [s]: min(2, a * exp(x)) + sqrt(a) * softplus(x) - max(x, log(a)) * tanh(x) + sigmoid(x) * relu(x)" (%x, %a) : (tensor<3x1xf32>, tensor<f32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

func.func @formula_texts(%x: tensor<?x4xf32, #graft.dims<T>>, %w: tensor<?xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<S>> {
  %y = graft.formula "x[t, h], w[t], text[t, s] -> [s, h]: mean text (x * w) * max text (w)" (%x, %w, %seq) : (tensor<?x4xf32, #graft.dims<T>>, tensor<?xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<S>>
  return %y : tensor<?x4xf32, #graft.dims<S>>
}

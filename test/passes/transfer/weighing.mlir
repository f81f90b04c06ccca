// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A parameter that both terms of a loss reach has a gradient of each, and takes their
// weighed sum; one of a single term has one. Products are those of unscaled gradients.

// RUN: graft-opt %s --transfer-expand-strategy | FileCheck %s
// RUN: graft-opt %s --transfer --precision-scale-loss | FileCheck %s --check-prefix=SCALED

// CHECK-LABEL: graft.model @net {
// CHECK:         graft.state @words.gradient "gradient" of @words
// CHECK-NEXT:    graft.state @words.gradient.1 "gradient" of @words
// CHECK-NEXT:    graft.state @one.gradient "gradient" of @one
// CHECK-NEXT:    graft.state @two.gradient "gradient" of @two
// CHECK-NOT:     graft.state
// CHECK-LABEL: func.func @accumulate_train(
// CHECK:         %[[G:.*]]:2 = graft.gradients %{{.*}} wrt %{{.*}}, %{{.*}} : tensor<100x8xf32>, tensor<3x8xf32>
// CHECK-NEXT:    %[[OLD:.*]] = graft.read @net::@words.gradient :
// CHECK-NEXT:    %[[NEW:.*]] = graft.add %[[OLD]], %[[G]]#0
// CHECK-NEXT:    graft.write @net::@words.gradient, %[[NEW]]
// CHECK:         graft.write @net::@one.gradient,
// CHECK-LABEL: func.func @accumulate_more(
// CHECK:         graft.scale %{{.*}} by 5.000000e-01
// CHECK:         graft.write @net::@words.gradient.1,
// CHECK:         graft.write @net::@two.gradient,
// CHECK-LABEL: func.func @update(
// CHECK:         %[[A:.*]] = graft.read @net::@words.gradient :
// CHECK-NEXT:    %[[B:.*]] = graft.read @net::@words.gradient.1 :
// CHECK:         %[[P:.*]] = graft.gradient_products %[[A]], %[[B]] of 2
// CHECK-NEXT:    %[[W:.*]] = graft.call @surgery::@equal(%[[P]])
// CHECK:         graft.slice %{{.*}} columns 0 size 1
// CHECK:         %[[FIRST:.*]] = graft.mul %[[A]],
// CHECK:         graft.slice %{{.*}} columns 1 size 1
// CHECK:         %[[SECOND:.*]] = graft.mul %[[B]],
// CHECK-NEXT:    %[[STEP:.*]] = graft.add %[[FIRST]], %[[SECOND]]
// CHECK:         graft.sgd %{{.*}}, %[[STEP]]
// CHECK:         graft.write @net::@words.gradient, %[[ZERO:.*]] :
// CHECK-NEXT:    graft.write @net::@words.gradient.1, %[[ZERO]]

// SCALED-LABEL: func.func @update(
// SCALED-SAME:    %[[UNSCALE:[a-z0-9]+]]: tensor<f32> {exec.source = #exec.source<register @unscale>
// SCALED:         %[[P:.*]] = graft.gradient_products
// SCALED-NEXT:    %[[WIDE:.*]] = graft.broadcast %[[UNSCALE]] along [0, 1]
// SCALED-NEXT:    %[[ONCE:.*]] = graft.mul %[[P]], %[[WIDE]]
// SCALED-NEXT:    graft.mul %[[ONCE]], %[[WIDE]]

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 4096
graft.size @S bound 512
graft.model @net {
  graft.parameter @words : tensor<100x8xf32>
  graft.parameter @one : tensor<3x8xf32>
  graft.parameter @two : tensor<3x8xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #S> {
    %w = graft.read @words : tensor<100x8xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<100x8xf32>) -> tensor<?x8xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
    return %z : tensor<?x8xf32, #S>
  }
  func.func @first(%x: tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @one : tensor<3x8xf32>
    %z = graft.linear %x, %w : (tensor<?x8xf32, #S>, tensor<3x8xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
  func.func @second(%x: tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @two : tensor<3x8xf32>
    %z = graft.linear %x, %w : (tensor<?x8xf32, #S>, tensor<3x8xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
graft.model @surgery {
  func.func @equal(%p: tensor<2x2xf32>) -> tensor<2xf32> {
    %w = graft.constant 1.0 : tensor<2xf32>
    return %w : tensor<2xf32>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  %more, %others, %answers = transfer.stream @more of ids, segments, labels<3> in @T, @S
  transfer.group @all of @net
  %x = transfer.call @net::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
  %y = transfer.call @net::@pooled(%more, %others) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
  %z = transfer.call @net::@first(%x) : (tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S>
  %u = transfer.call @net::@second(%y) : (tensor<?x8xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %z, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %k = transfer.loss cross_entropy %u, %answers mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %loss = transfer.combine 1.0 * %l + 0.5 * %k
  transfer.predict %z softmax evaluate %l : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss weighing @surgery::@equal over [@all] with sgd rate constant 0.1
  transfer.schedule epochs 3 of [@step]
}

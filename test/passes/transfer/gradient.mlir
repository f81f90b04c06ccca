// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A gradient that a loss uses: the derivative of a sum, which is differentiated again.
// Scaling of losses is for the outer gradient alone.

// RUN: graft-opt %s --transfer-expand-strategy | FileCheck %s
// RUN: graft-opt %s --transfer --precision-scale-loss --autodiff-expand-gradients --canonicalize | FileCheck %s --check-prefix=SCALED

// CHECK-LABEL: func.func @accumulate(
// CHECK:         %[[F:.*]] = graft.call @model::@pooled
// CHECK:         %[[Z:.*]] = graft.call @model::@classify(%[[F]])
// CHECK:         %[[SUM:.*]] = graft.reduce sum %[[Z]] over [0, 1]
// CHECK-NEXT:    %[[SLOPE:.*]] = graft.gradients value %[[SUM]] wrt %[[F]] : tensor<?x4xf32, #S>
// CHECK-NEXT:    graft.mul %[[SLOPE]], %[[SLOPE]]
// CHECK:         graft.gradients %{{[0-9a-z]+}} wrt %{{.*}}, %{{.*}} : tensor<16x4xf32>, tensor<3x4xf32>

// SCALED-LABEL:  func.func @accumulate(
// SCALED-SAME:     %[[SCALE:[a-z0-9]+]]: tensor<f32> {exec.source = #exec.source<register @scale>
// SCALED:          graft.mul %{{.*}}, %[[SCALE]] : tensor<f32>
// SCALED-NOT:      %[[SCALE]]
// SCALED-LABEL:  func.func @update(
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.parameter @label : tensor<3x4xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %z : tensor<?x4xf32, #S>
  }
  func.func @classify(%x: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @smooth {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %f = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%f) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %slope = transfer.gradient %logits wrt %f : tensor<?x3xf32, #S>, tensor<?x4xf32, #S>
  %squares = graft.mul %slope, %slope : tensor<?x4xf32, #S>
  %length = graft.reduce sum %squares over [1] : (tensor<?x4xf32, #S>) -> tensor<?xf32, #S>
  %steep = transfer.mean %length : tensor<?xf32, #S>
  %loss = transfer.combine 1.0 * %label + 0.1 * %steep
  transfer.predict %logits softmax evaluate %label : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

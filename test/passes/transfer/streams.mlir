// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Several streams: an entry for the terms of the loss that each reads, and a host
// program that takes a batch of each per step.

// RUN: graft-opt %s --transfer-expand-strategy | FileCheck %s
// RUN: graft-opt %s --transfer-expand-strategy --transfer-inline-calls \
// RUN:   --autodiff-expand-gradients | FileCheck %s --check-prefix=GRADIENT

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
graft.model @domain {
  graft.parameter @w : tensor<1x4xf32>
  func.func @logits(%x: tensor<?x4xf32, #S>) -> tensor<?x1xf32, #S> {
    %w = graft.read @w : tensor<1x4xf32>
    %z = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<1x4xf32>) -> tensor<?x1xf32, #S>
    return %z : tensor<?x1xf32, #S>
  }
}

// CHECK-LABEL: exec.host @train
// CHECK:         exec.stream @source sizes (T, S)
// CHECK-NEXT:    exec.stream @target sizes (T, S)
// CHECK-NEXT:    exec.stream @dev sizes (T, S)
// CHECK:         exec.for_each_batch @source of "batch_size" {
// CHECK-NEXT:      exec.with_batch @target of "batch_size" {
// CHECK-NEXT:        exec.set @total_steps = "2 * ceil(rows(@source) / batch_size)"
// CHECK:             exec.set @examples = "sum(@source)"
// CHECK:             exec.set @target_examples = "sum(@target)"
// CHECK:             exec.set @factor0 = "(-1 * (step / total_steps))"
// CHECK:             exec.for_each_micro_batch @source {
// CHECK-NEXT:          exec.call @accumulate_source at "step" -> (@loss += loss)
// CHECK-NEXT:        }
// CHECK-NEXT:        exec.for_each_micro_batch @target {
// CHECK-NEXT:          exec.call @accumulate_target at "step" -> (@loss += loss)
// CHECK-NEXT:        }
// CHECK:             exec.call @update

// What predicts and evaluates reads the source alone, and scales no gradient.
// CHECK-LABEL: func.func @predict(
// CHECK-SAME:    stream @source ids
// CHECK-NOT:     stream @target
// CHECK-LABEL: func.func @evaluate(
// CHECK-NOT:     scale_gradient
// CHECK-NOT:     stream @target

// CHECK-LABEL: func.func @accumulate_source(
// CHECK-SAME:    %[[IDS:[a-z0-9]+]]: tensor<?xi32, #T> {exec.source = #exec.source<stream @source ids>
// CHECK-SAME:    stream @source labels
// CHECK-SAME:    %[[TOTAL:[a-z0-9]+]]: tensor<f32> {exec.source = #exec.source<register @examples>, graft.name = "total"}
// CHECK-SAME:    %[[FACTOR:[a-z0-9]+]]: tensor<f32> {exec.source = #exec.source<register @factor0>, graft.name = "factor0"}
// CHECK-SAME:    graft.phase_ordinal = 0
// CHECK:         %[[FS:.*]] = graft.call @model::@pooled(%[[IDS]]
// CHECK:         %[[RS:.*]] = graft.scale_gradient %[[FS]] by %[[FACTOR]]
// CHECK:         graft.call @domain::@logits(%[[RS]])
// CHECK:         graft.cross_entropy
// CHECK:         graft.binary_cross_entropy
// CHECK:         graft.gradients
// CHECK-NOT:     binary_cross_entropy

// The label is of the source alone: no gradient, and no term, of it here. The
// factor of the head's own rate of learning does not change.
// CHECK-LABEL: func.func @accumulate_target(
// CHECK-SAME:    stream @target ids
// CHECK-SAME:    register @target_examples
// CHECK-SAME:    graft.phase_ordinal = 1
// CHECK-NOT:     cross_entropy %{{.*}} : (tensor<?x3xf32
// CHECK-DAG:     %[[TWO:.*]] = graft.constant 2.000000e+00 : tensor<f32>
// CHECK:         graft.scale_gradient %{{.*}} by %[[TWO]]
// CHECK:         graft.gradients %{{.*}} wrt %{{.*}}, %{{.*}} : tensor<16x4xf32>, tensor<1x4xf32>
// CHECK-NOT:     @label.gradient
// CHECK-LABEL: func.func @update(

// The reversal is a factor of the gradient, and nothing of the forward pass.
// GRADIENT-LABEL: func.func @accumulate_source(
// GRADIENT-SAME:    %[[FACTOR:[a-z0-9]+]]: tensor<f32> {exec.source = #exec.source<register @factor0>
// GRADIENT-NOT:     scale_gradient
// GRADIENT:         %[[WIDE:.*]] = graft.broadcast %[[FACTOR]] along [0, 1]
// GRADIENT:         graft.mul %{{.*}}, %[[WIDE]]
// GRADIENT-NOT:     scale_gradient
transfer.strategy @reversal {
  %ids, %segments, %labels = transfer.stream @source of ids, segments, labels<3> in @T, @S
  %ids_0, %segments_1 = transfer.stream @target of ids, segments in @T, @S
  transfer.group @all of @model
  transfer.group @critic of @domain
  %fs = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %ft = transfer.call @model::@pooled(%ids_0, %segments_1) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%fs) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %rs = transfer.scale_gradient %fs by "-1 * progress" : tensor<?x4xf32, #S>
  %rt = transfer.scale_gradient %ft by 2.0 : tensor<?x4xf32, #S>
  %ds = transfer.call @domain::@logits(%rs) : (tensor<?x4xf32, #S>) -> tensor<?x1xf32, #S>
  %dt = transfer.call @domain::@logits(%rt) : (tensor<?x4xf32, #S>) -> tensor<?x1xf32, #S>
  %zero = graft.constant 0.0 : tensor<?x1xf32, #S>
  %one = graft.constant 1.0 : tensor<?x1xf32, #S>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %source = transfer.loss binary_cross_entropy %ds, %zero mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %target = transfer.loss binary_cross_entropy %dt, %one mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %both = transfer.combine 1.0 * %source + 1.0 * %target
  %loss = transfer.combine 1.0 * %label + 0.5 * %both
  transfer.predict %logits softmax evaluate %label : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all, @critic] with adamw rate constant 1.0e-3
  transfer.schedule epochs 2 of [@step]
}

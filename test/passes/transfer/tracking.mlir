// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Groups that track a model, and one that decays to its start: copies at the
// beginning, and what an update does for them.

// RUN: graft-opt %s --transfer-expand-strategy | FileCheck %s

// CHECK-LABEL: graft.model @model {
// CHECK:         graft.state @words.start "start" of @words : tensor<16x4xf32> group "body"
// CHECK-NOT:     label.start
// CHECK-LABEL: graft.model @average {
// CHECK-NEXT:    graft.parameter @words : tensor<16x4xf32> group "mean"
// CHECK-NEXT:    graft.parameter @label : tensor<3x4xf32> group "top"
// CHECK-NOT:     graft.state
// CHECK-LABEL: exec.host @train
// CHECK:         exec.call @begin
// CHECK-NEXT:    exec.repeat
// CHECK:           exec.set @factor0 = "((step / total_steps))"

// CHECK-LABEL: func.func @accumulate(
// CHECK-NOT:     @average
// CHECK:         graft.gradients

// The update is of the distance from the start.
// CHECK-LABEL: func.func @update(
// CHECK-SAME:    %[[SHARE:[a-z0-9]+]]: tensor<f32> {exec.source = #exec.source<register @factor0>, graft.name = "factor0"}
// CHECK:         %[[W:.*]] = graft.read @model::@words :
// CHECK-NEXT:    %[[START:.*]] = graft.read @model::@words.start
// CHECK-NEXT:    %[[FAR:.*]] = graft.sub %[[W]], %[[START]]
// CHECK:         %[[NEAR:.*]], %{{.*}}, %{{.*}} = graft.adamw %[[FAR]], {{.*}} decay 5.000000e-01
// CHECK-NEXT:    %[[NEW:.*]] = graft.add %[[NEAR]], %[[START]]
// CHECK-NEXT:    graft.write @model::@words, %[[NEW]]
// CHECK:         %[[KEEP:.*]] = graft.constant 7.500000e-01 : tensor<f32>
// CHECK-NEXT:    %[[ONE:.*]] = graft.constant 1.000000e+00 : tensor<f32>
// CHECK-NEXT:    %[[REST:.*]] = graft.sub %[[ONE]], %[[KEEP]]
// CHECK-NEXT:    %[[OLD:.*]] = graft.read @average::@words
// CHECK-NEXT:    %[[WIDE:.*]] = graft.broadcast %[[REST]] along [0, 1]
// CHECK-NEXT:    %[[D:.*]] = graft.sub %[[NEW]], %[[OLD]]
// CHECK-NEXT:    %[[C:.*]] = graft.mul %[[D]], %[[WIDE]]
// CHECK-NEXT:    %[[MEAN:.*]] = graft.add %[[OLD]], %[[C]]
// CHECK-NEXT:    graft.write @average::@words, %[[MEAN]]
// CHECK:         %[[V:.*]], %{{.*}}, %{{.*}} = graft.adamw {{.*}} decay 2.500000e-01
// CHECK-NEXT:    graft.write @model::@label, %[[V]]
// CHECK:         graft.sub %{{.*}}, %[[SHARE]]

// CHECK-LABEL: func.func @begin()
// CHECK-NEXT:    %[[A:.*]] = graft.read @model::@words :
// CHECK-NEXT:    graft.write @average::@words, %[[A]]
// CHECK-NEXT:    %[[B:.*]] = graft.read @model::@label
// CHECK-NEXT:    graft.write @average::@label, %[[B]]
// CHECK-NEXT:    %[[C:.*]] = graft.read @model::@words :
// CHECK-NEXT:    graft.write @model::@words.start, %[[C]]
// CHECK-NEXT:    return

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
graft.model @average {
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
transfer.strategy @averaged {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @body of @model select "^words" decay 0.5 to_start
  transfer.group @head of @model rest decay 0.25
  transfer.group @mean of @average select "^words" tracks @model keep 0.75
  transfer.group @top of @average rest tracks @model keep "progress"
  %f = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%f) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %g = transfer.call @average::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %said = transfer.call @average::@classify(%g) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %said_loss = transfer.loss cross_entropy %said, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %said softmax evaluate %said_loss : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@body, @head] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: graft-opt %s --transfer-expand-strategy --split-input-file \
// RUN:   --verify-diagnostics | FileCheck %s

#T = #graft.dims<T>
#S = #graft.dims<S>

// A linear probe: the frozen body costs nothing, the prediction is
// deterministic, training is not, and a part that the loss does not reach is
// left alone. Rows without a label are not counted. Neither clipping nor softmax
// is asked for.

// CHECK-LABEL: graft.model @m {
// CHECK-NEXT:    graft.parameter @body
// CHECK-NEXT:    graft.parameter @head : tensor<3x4xf32> group "learned"{{$}}
// CHECK-NEXT:    graft.parameter @unused : tensor<4xf32>{{$}}
// CHECK-NEXT:    graft.state @head.gradient "gradient" of @head : tensor<3x4xf32> group "learned"{{$}}
// CHECK-NEXT:    graft.state @head.first_moment "first_moment" of @head : tensor<3x4xf32> group "learned"{{$}}
// CHECK-NEXT:    graft.state @head.second_moment "second_moment" of @head : tensor<3x4xf32> group "learned"{{$}}
// CHECK-NEXT:    func.func
//
// CHECK-LABEL: func.func @predict
// CHECK-SAME:    (%[[IDS:.*]]: tensor<?xi32, #T> {exec.source = #exec.source<stream @train ids>, graft.name = "ids"}, %[[SEQ:.*]]: !graft.segments<T, S> {exec.source = #exec.source<stream @train segments>, graft.name = "segments"})
// CHECK-SAME:    -> (tensor<?x3xf32, #S> {graft.name = "logits"}) attributes {graft.phase = "predict"}
// CHECK-NEXT:    %[[Z:.*]] = graft.call deterministic @m::@logits(%[[IDS]], %[[SEQ]])
// CHECK-NEXT:    return %[[Z]]
//
// CHECK-LABEL: func.func @evaluate
// CHECK-SAME:    (%[[IDS:.*]]: tensor<?xi32, #T> {exec.source = #exec.source<stream @train ids>, graft.name = "ids"}, %[[SEQ:.*]]: !graft.segments<T, S> {exec.source = #exec.source<stream @train segments>, graft.name = "segments"}, %[[Y:.*]]: tensor<?xi32, #S> {exec.source = #exec.source<stream @train labels>, graft.name = "labels"})
// CHECK-SAME:    -> (tensor<?x3xf32, #S> {graft.name = "logits"}, tensor<?xf32, #S> {graft.name = "losses"}) attributes {graft.phase = "evaluate"}
// CHECK-NEXT:    %[[Z:.*]] = graft.call deterministic @m::@logits(%[[IDS]], %[[SEQ]])
// CHECK-NEXT:    %[[L:.*]] = graft.cross_entropy %[[Z]], %[[Y]] ignore -100 smoothing 1.000000e-01
// CHECK-NEXT:    return %[[Z]], %[[L]]
//
// CHECK-LABEL: func.func @accumulate
// CHECK-SAME:    (%[[IDS:.*]]: tensor<?xi32, #T> {exec.source = #exec.source<stream @train ids>, graft.name = "ids"}, %[[SEQ:.*]]: !graft.segments<T, S> {exec.source = #exec.source<stream @train segments>, graft.name = "segments"}, %[[Y:.*]]: tensor<?xi32, #S> {exec.source = #exec.source<stream @train labels>, graft.name = "labels"}, %{{.*}}: tensor<f32> {exec.source = #exec.source<register @examples>, graft.name = "total"}, %[[LABELLED:.*]]: tensor<f32> {exec.source = #exec.source<register @labelled>, graft.name = "labelled"})
// CHECK-SAME:    -> (tensor<f32> {graft.name = "loss"}) attributes {graft.phase = "accumulate", graft.phase_ordinal = 0 : i64}
// CHECK-NEXT:    %[[Z:.*]] = graft.call @m::@logits(%[[IDS]], %[[SEQ]])
// CHECK-NEXT:    %[[R:.*]] = graft.cross_entropy %[[Z]], %[[Y]] ignore -100 smoothing 1.000000e-01
// CHECK-NEXT:    %[[SUM:.*]] = graft.reduce sum %[[R]] over [0]
// CHECK-NEXT:    %[[L:.*]] = graft.div %[[SUM]], %[[LABELLED]]
// CHECK-NEXT:    %[[W:.*]] = graft.read @m::@head
// CHECK-NEXT:    %[[G:.*]] = graft.gradients %[[L]] wrt %[[W]] : tensor<3x4xf32>
// CHECK-NEXT:    %[[OLD:.*]] = graft.read @m::@head.gradient
// CHECK-NEXT:    %[[NEW:.*]] = graft.add %[[OLD]], %[[G]]
// CHECK-NEXT:    graft.write @m::@head.gradient, %[[NEW]]
// CHECK-NEXT:    return %[[L]]
//
// CHECK-LABEL: func.func @update
// CHECK-SAME:    (%[[RATE:.*]]: tensor<f32> {exec.source = #exec.source<register @learning_rate>, graft.name = "rate"}, %[[STEP:.*]]: tensor<i32> {exec.source = #exec.source<register @update>, graft.name = "step"})
// CHECK-SAME:    attributes {graft.phase = "update", graft.phase_ordinal = 0 : i64}
// CHECK-NEXT:    %[[G:.*]] = graft.read @m::@head.gradient
// CHECK-NEXT:    %[[W:.*]] = graft.read @m::@head :
// CHECK-NEXT:    %[[M:.*]] = graft.read @m::@head.first_moment
// CHECK-NEXT:    %[[V:.*]] = graft.read @m::@head.second_moment
// CHECK-NEXT:    %[[W1:.*]], %[[M1:.*]], %[[V1:.*]] = graft.adamw %[[W]], %[[G]], %[[M]], %[[V]] rate %[[RATE]] step %[[STEP]] beta1 0.899999976 beta2 9.990000e-01 epsilon 9.99999993E-9 decay 0.00999999977 : tensor<3x4xf32>
// CHECK-NEXT:    graft.write @m::@head, %[[W1]]
// CHECK-NEXT:    graft.write @m::@head.first_moment, %[[M1]]
// CHECK-NEXT:    graft.write @m::@head.second_moment, %[[V1]]
// CHECK-NEXT:    %[[ZERO:.*]] = graft.constant 0.000000e+00 : tensor<3x4xf32>
// CHECK-NEXT:    graft.write @m::@head.gradient, %[[ZERO]]
// CHECK-NEXT:    return
// CHECK-NOT:   transfer.
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  graft.parameter @unused : tensor<4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @probe {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @frozen of @m select "^body" frozen
  transfer.group @learned of @m rest decay 0.01
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels smoothing 0.1 ignore -100 mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@learned] with adamw rate linear 1.0e-3 warmup 0.1
  transfer.schedule epochs 3 of [@step]
}

// -----

#T = #graft.dims<T>
#S = #graft.dims<S>

// Layer-wise decay, by the names of expanded layers: D = n + 2 = 4 after the
// layers, so gamma = 0.5 leaves 1/16 of the rate for the embeddings, 1/8 for
// layer 0 and 1/4 for layer 1; the multiplier of the head's group comes on
// top. Both groups share one norm. Regression needs no softmax.

// CHECK-LABEL: func.func @evaluate
// CHECK-SAME:    tensor<?x1xf32, #S> {exec.source = #exec.source<stream @train labels>, graft.name = "labels"}
// CHECK:         graft.mse
// CHECK-LABEL: func.func @update
// CHECK-SAME:    -> (tensor<f32> {graft.name = "norm"})
// CHECK-DAG:     %[[G0:.*]] = graft.read @m::@embeddings.gradient
// CHECK-DAG:     %[[G1:.*]] = graft.read @m::@layer.0.w.gradient
// CHECK-DAG:     %[[G2:.*]] = graft.read @m::@layer.1.w.gradient
// CHECK-DAG:     %[[G3:.*]] = graft.read @m::@head.gradient
// CHECK:         %[[NORM:.*]] = graft.global_norm %[[G0]], %[[G1]], %[[G2]], %[[G3]]
// CHECK-NEXT:    %[[CLIP:.*]] = graft.clip_factor %[[NORM]] limit 1.000000e+00
// CHECK:         graft.adamw %{{.*}}, %[[G0]], {{.*}} factor %[[CLIP]] {{.*}} decay 0.000000e+00 multiplier 6.250000e-02 :
// CHECK:         graft.adamw %{{.*}}, %[[G1]], {{.*}} factor %[[CLIP]] {{.*}} multiplier 1.250000e-01 :
// CHECK:         graft.adamw %{{.*}}, %[[G2]], {{.*}} factor %[[CLIP]] {{.*}} multiplier 2.500000e-01 :
// CHECK:         graft.adamw %{{.*}}, %[[G3]], {{.*}} factor %[[CLIP]] {{.*}} multiplier 3.000000e+00 :
// CHECK:         return %[[NORM]]
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @embeddings : tensor<9x4xf32>
  graft.parameter @layer.0.w : tensor<4x4xf32>
  graft.parameter @layer.1.w : tensor<4x4xf32>
  graft.parameter @head : tensor<1x4xf32>
  func.func @value(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x1xf32, #S> {
    %b = graft.read @embeddings : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %w0 = graft.read @layer.0.w : tensor<4x4xf32>
    %x0 = graft.linear %x, %w0 : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
    %w1 = graft.read @layer.1.w : tensor<4x4xf32>
    %x1 = graft.linear %x0, %w1 : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x1, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<1x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<1x4xf32>) -> tensor<?x1xf32, #S>
    return %z : tensor<?x1xf32, #S>
  }
}
transfer.strategy @regression {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<1> in @T, @S
  transfer.group @body of @m rest layer_decay 0.5
  transfer.group @head of @m select "^head" multiplier 3.0
  %value = transfer.call @m::@value(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x1xf32, #S>
  %loss = transfer.loss mse %value, %labels mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  transfer.predict %value : tensor<?x1xf32, #S>
  transfer.phase @step minimise %loss over [@body, @head] with adamw rate constant 1.0e-3 clip 1.0
  transfer.schedule epochs 1 of [@step]
}

// -----

#T = #graft.dims<T>
#S = #graft.dims<S>

// Distillation: what the teacher says is an entry of its own and an input of
// training; the dev set is measured with the hard loss alone. Weights scale
// each example's losses, and their sum divides them; a `sum` is not divided.

// CHECK-LABEL: graft.model @teacher
// CHECK-NOT:     graft.state
// CHECK-LABEL: graft.model @student
// CHECK:         graft.state @w.gradient
//
// CHECK-LABEL: func.func @predict
// CHECK-NOT:     @teacher
// CHECK:         graft.softmax
// CHECK-LABEL: func.func @evaluate
// CHECK-NOT:     weights
// CHECK-NOT:     @teacher
// CHECK:         graft.cross_entropy
// CHECK-LABEL: func.func @teacher_logits
// CHECK-SAME:    (%[[IDS:.*]]: tensor<?xi32, #T> {exec.source = #exec.source<stream @train ids>, graft.name = "ids"}, %[[SEQ:.*]]: !graft.segments<T, S> {exec.source = #exec.source<stream @train segments>, graft.name = "segments"})
// CHECK-SAME:    -> (tensor<?x3xf32, #S> {graft.name = "cached.teacher_logits"}) attributes {graft.cache, graft.phase = "teacher_logits"}
// CHECK-NEXT:    %[[Z:.*]] = graft.call deterministic @teacher::@logits(%[[IDS]], %[[SEQ]])
// CHECK-NEXT:    return %[[Z]]
// CHECK-LABEL: func.func @accumulate
// CHECK-SAME:    %[[Y:[^:]*]]: tensor<?xi32, #S> {exec.source = #exec.source<stream @train labels>, graft.name = "labels"}, %[[WEIGHTS:.*]]: tensor<?xf32, #S> {exec.source = #exec.source<stream @train weights>, graft.name = "weights"}, %[[KEPT:.*]]: tensor<?x3xf32, #S> {exec.source = #exec.source<cache @teacher_logits>, graft.name = "cached.teacher_logits"}, %{{.*}}: tensor<f32> {exec.source = #exec.source<register @examples>, graft.name = "total"}, %[[TOTAL:.*]]: tensor<f32> {exec.source = #exec.source<register @weight_total>, graft.name = "weight_total"}
// CHECK-NOT:     @teacher
// CHECK:         %[[Z:.*]] = graft.call @student::@logits
// CHECK-NEXT:    %[[HARD:.*]] = graft.cross_entropy %[[Z]], %[[Y]] :
// CHECK-NEXT:    %[[WEIGHTED:.*]] = graft.mul %[[HARD]], %[[WEIGHTS]]
// CHECK-NEXT:    %[[HARDSUM:.*]] = graft.reduce sum %[[WEIGHTED]] over [0]
// CHECK-NEXT:    %[[MEAN:.*]] = graft.div %[[HARDSUM]], %[[TOTAL]]
// CHECK-NEXT:    %[[SOFT:.*]] = graft.kl_divergence %[[Z]], %[[KEPT]] temperature 2.000000e+00
// CHECK-NEXT:    %[[SOFTSUM:.*]] = graft.reduce sum %[[SOFT]] over [0]
// CHECK-NEXT:    %[[A:.*]] = graft.scale %[[SOFTSUM]] by 2.500000e-01
// CHECK-NEXT:    %[[L:.*]] = graft.add %[[MEAN]], %[[A]]
// CHECK:         graft.gradients %[[L]] wrt
graft.size @T bound 64
graft.size @S bound 8
graft.model @teacher {
  graft.parameter @w : tensor<9x3xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @w : tensor<9x3xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x3xf32>) -> tensor<?x3xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %p : tensor<?x3xf32, #S>
  }
}
graft.model @student {
  graft.parameter @w : tensor<9x3xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @w : tensor<9x3xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x3xf32>) -> tensor<?x3xf32, #T>
    %p = graft.segment_pool first %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %p : tensor<?x3xf32, #S>
  }
}
transfer.strategy @distill {
  %ids, %segments, %labels, %weights = transfer.stream @train of ids, segments, labels<3>, weights in @T, @S
  transfer.group @teacher of @teacher frozen
  transfer.group @student of @student
  %said = transfer.call deterministic @teacher::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %kept = transfer.cache @teacher_logits %said : tensor<?x3xf32, #S>
  %logits = transfer.call @student::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %hard = transfer.loss cross_entropy %logits, %labels weight %weights mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>, tensor<?xf32, #S>
  %soft = transfer.loss kl_divergence %logits, %kept temperature 2.0 sum : tensor<?x3xf32, #S>, tensor<?x3xf32, #S>
  %loss = transfer.combine 1.0 * %hard + 0.25 * %soft
  transfer.predict %logits softmax evaluate %hard : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@student] with adamw rate linear 5.0e-5 clip 1.0
  transfer.schedule epochs 3 of [@step]
}

// -----

#T = #graft.dims<T>
#S = #graft.dims<S>

// Each loss has its own total: the hard one that of the rows with a label, the
// soft one that of all rows. A `sum` that ignores a label needs none.

// CHECK-LABEL: func.func @accumulate
// CHECK-SAME:    %[[TOTAL:[^:]*]]: tensor<f32> {exec.source = #exec.source<register @examples>, graft.name = "total"}, %[[LABELLED:[^:]*]]: tensor<f32> {exec.source = #exec.source<register @labelled>, graft.name = "labelled"})
// CHECK:         %[[HARD:.*]] = graft.cross_entropy %{{.*}} ignore -100 :
// CHECK-NEXT:    %[[HARDSUM:.*]] = graft.reduce sum %[[HARD]] over [0]
// CHECK-NEXT:    graft.div %[[HARDSUM]], %[[LABELLED]]
// CHECK:         %[[SOFT:.*]] = graft.kl_divergence
// CHECK-NEXT:    %[[SOFTSUM:.*]] = graft.reduce sum %[[SOFT]] over [0]
// CHECK-NEXT:    graft.div %[[SOFTSUM]], %[[TOTAL]]
// CHECK:         graft.cross_entropy %{{.*}} ignore -100 smoothing
// CHECK-NOT:     graft.div
// CHECK:         return
graft.size @T bound 64
graft.size @S bound 8
graft.model @teacher {
  graft.parameter @w : tensor<9x3xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @w : tensor<9x3xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x3xf32>) -> tensor<?x3xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %p : tensor<?x3xf32, #S>
  }
}
graft.model @student {
  graft.parameter @w : tensor<9x3xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @w : tensor<9x3xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x3xf32>) -> tensor<?x3xf32, #T>
    %p = graft.segment_pool first %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %p : tensor<?x3xf32, #S>
  }
}
transfer.strategy @distill {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @teacher of @teacher frozen
  transfer.group @student of @student
  %said = transfer.call deterministic @teacher::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %logits = transfer.call @student::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %hard = transfer.loss cross_entropy %logits, %labels ignore -100 mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %soft = transfer.loss kl_divergence %logits, %said temperature 2.0 mean : tensor<?x3xf32, #S>, tensor<?x3xf32, #S>
  %summed = transfer.loss cross_entropy %logits, %labels smoothing 0.1 ignore -100 sum : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %loss = transfer.combine 0.5 * %hard + 0.5 * %soft + 0.1 * %summed
  transfer.predict %logits softmax evaluate %hard : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@student] with adamw rate linear 5.0e-5
  transfer.schedule epochs 3 of [@step]
}

// -----

// Momentum is one state a parameter, and the update does not count.

// CHECK-LABEL: graft.model @m {
// CHECK:         graft.state @head.gradient "gradient" of @head
// CHECK-NEXT:    graft.state @head.velocity "velocity" of @head : tensor<3x4xf32> group "all"{{$}}
// CHECK-NEXT:    func.func
// CHECK-LABEL: func.func @update
// CHECK-SAME:    (%[[RATE:.*]]: tensor<f32> {exec.source = #exec.source<register @learning_rate>, graft.name = "rate"})
// CHECK:         %[[V:.*]] = graft.read @m::@body.velocity
// CHECK-NEXT:    %[[W1:.*]], %[[V1:.*]] = graft.momentum %{{.*}}, %{{.*}}, %[[V]] rate %[[RATE]] momentum 0.899999976 nesterov decay 0.00999999977 : tensor<9x4xf32>
// CHECK-NEXT:    graft.write @m::@body, %[[W1]]
// CHECK-NEXT:    graft.write @m::@body.velocity, %[[V1]]
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m decay 0.01
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with sgd rate linear 1.0e-3 momentum 0.9 nesterov
  transfer.schedule epochs 3 of [@step]
}

// -----

// Without momentum there is no state.

// CHECK-LABEL: graft.model @m {
// CHECK:         graft.state @head.gradient "gradient" of @head
// CHECK-NEXT:    func.func
// CHECK-LABEL: func.func @update
// CHECK:         %[[W1:.*]] = graft.sgd %{{.*}}, %{{.*}} rate %{{.*}} factor %{{.*}} decay 0.00999999977 : tensor<9x4xf32>
// CHECK-NEXT:    graft.write @m::@body, %[[W1]]
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m decay 0.01
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with sgd rate linear 1.0e-3 clip 1.0
  transfer.schedule epochs 3 of [@step]
}

// -----

// CHECK-LABEL: func.func @update
// CHECK:         graft.adamw {{.*}} beta1 8.000000e-01 beta2 9.990000e-01 epsilon 9.99999993E-9 coupled decay 0.00999999977 : tensor<9x4xf32>
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m decay 0.01
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adam rate linear 1.0e-3 beta1 0.8
  transfer.schedule epochs 3 of [@step]
}

// -----

// CHECK-LABEL: func.func @update
// CHECK:         graft.lamb {{.*}} beta1 0.899999976 beta2 9.990000e-01 epsilon 9.99999997E-7 decay 0.00999999977 : tensor<9x4xf32>
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @body : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @body : tensor<9x4xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %h = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %h : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m decay 0.01
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with lamb rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Several phases: each has entries, states of its optimiser and numbers of its own,
// and they share parameters and gradients, which are zero between them. Schedules
// are stages; what changes in the course of one is counted from its begin.

// RUN: graft-opt %s | graft-opt | FileCheck %s --check-prefix=SCHEDULE
// RUN: graft-opt %s --transfer-expand-strategy | FileCheck %s
// RUN: graft-opt %s --transfer-expand-strategy --precision-scale-loss \
// RUN:   | FileCheck %s --check-prefix=SCALE

// SCHEDULE:      transfer.schedule epochs 1 of [@probe]
// SCHEDULE-NEXT: transfer.schedule epochs 3 of [@tell times @ahead, @hide every 2]

// CHECK-LABEL: graft.model @model {
// CHECK:         graft.state @label.gradient "gradient" of @label
// CHECK-NEXT:    graft.state @words.gradient "gradient" of @words
// CHECK-NEXT:    graft.state @words.hide.first_moment "first_moment" of @words
// CHECK-NEXT:    graft.state @words.hide.second_moment "second_moment" of @words
// CHECK-NEXT:    graft.state @label.hide.first_moment "first_moment" of @label
// CHECK-NEXT:    graft.state @label.hide.second_moment "second_moment" of @label
// CHECK-NEXT:    func.func

// The turns of a phase are a number that a run may set.
// CHECK-LABEL: exec.host @train
// CHECK:         exec.register @ahead parameter = 5
// CHECK:         exec.register @tell_learning_rate variable
// CHECK:         exec.register @tell_turn variable
// CHECK-NOT:     _turn variable
//
// The first stage reads one stream.
// CHECK:         exec.repeat @epoch to "1" {
// CHECK-NEXT:      exec.for_each_batch @source of "batch_size" {
// CHECK-NEXT:        exec.set @total_steps = "1 * ceil(rows(@source) / batch_size) + 3 * ceil(rows(@source) / batch_size)"
// CHECK-NEXT:        exec.set @stage_begin = "0"
// CHECK-NEXT:        exec.set @stage_steps = "1 * ceil(rows(@source) / batch_size)"
// CHECK-NEXT:        exec.set @probe_warmup_steps
// CHECK-NEXT:        exec.set @last_step
// CHECK-NEXT:        exec.set @examples
// CHECK-NEXT:        exec.set @probe_learning_rate = "select((step - stage_begin) < probe_warmup_steps,
// CHECK:             exec.call @accumulate_probe at "step" -> (@probe_loss += loss)
// CHECK:               exec.fail "expects a finite loss of @probe"
// CHECK:             exec.call @update_probe at "step"
// CHECK-NEXT:        exec.set @loss = "probe_loss"
// CHECK-NEXT:        exec.set @learning_rate = "probe_learning_rate"
// CHECK:             exec.set @step = "step + 1"
// CHECK:               exec.log (step = @step, loss = @loss, learning_rate = @learning_rate)
// CHECK-NEXT:          exec.log "probe" (step = @step, loss = @probe_loss, learning_rate = @probe_learning_rate)
// CHECK-NOT:           exec.set @stopped_early
// CHECK:             exec.mark checkpoint {{.*}} loss = @loss, rate = @learning_rate
// CHECK:             exec.when "step >= last_step or stopped_early" {
// CHECK-NEXT:          exec.leave
//
// The second one comes if there are steps left, and is the one that may end early.
// Each turn has an update and random numbers of its own.
// CHECK:         exec.when "step < last_step" {
// CHECK-NEXT:      exec.set @stale = "0"
// CHECK-NEXT:      exec.repeat @epoch to "3" {
// CHECK-NEXT:        exec.for_each_batch @source of "batch_size" {
// CHECK-NEXT:          exec.with_batch @target of "batch_size" {
// CHECK:                 exec.set @stage_begin = "1 * ceil(rows(@source) / batch_size)"
// CHECK-NEXT:            exec.set @stage_steps = "3 * ceil(rows(@source) / batch_size)"
// CHECK:                 exec.set @hide_warmup_steps = "round(0.25 * stage_steps)"
// CHECK:                 exec.repeat @tell_turn to "ahead" {
// CHECK:                   exec.set @tell_update = "(step - stage_begin) * ahead + tell_turn + 1"
// CHECK:                   exec.set @factor0 = "(1 + ((step - stage_begin) / stage_steps))"
// CHECK-NOT:               exec.set @factor1
// CHECK:                   exec.call @accumulate_tell_source at "step * ahead + tell_turn" -> (@tell_loss += loss)
// CHECK:                   exec.call @accumulate_tell_target at "step * ahead + tell_turn" -> (@tell_loss += loss)
// CHECK:                   exec.call @update_tell at "step"
// CHECK-NEXT:            }
// CHECK-NEXT:            exec.when "(step - stage_begin) % 2 == 0" {
// CHECK-NEXT:              exec.set @hide_learning_rate = "select((step - stage_begin) < hide_warmup_steps, (ahead / 1000) * (step - stage_begin) / hide_warmup_steps, (ahead / 1000) * max(0, (stage_steps - (step - stage_begin)) / max(1, stage_steps - hide_warmup_steps)))"
// CHECK-NEXT:              exec.set @hide_update = "floor((step - stage_begin) / 2) + 1"
// CHECK-NEXT:              exec.set @factor1 =
// CHECK:                   exec.call @update_hide at "step"
// CHECK-NEXT:            }
// CHECK-NEXT:            exec.set @loss = "hide_loss"
// CHECK:                 exec.set @stopped_early = "patience > 0 and stale >= patience"

// CHECK-LABEL: func.func @accumulate_probe(
// CHECK-SAME:    graft.phase_ordinal = 0
// CHECK:         graft.gradients %{{.*}} wrt %{{[a-z0-9]+}} : tensor<3x4xf32>
// CHECK-LABEL: func.func @update_probe(
// CHECK-SAME:    register @probe_learning_rate
// CHECK-LABEL: func.func @accumulate_tell_source(
// CHECK-SAME:    graft.phase_ordinal = 1
// CHECK:         graft.gradients %{{.*}} wrt %{{[a-z0-9]+}} : tensor<1x4xf32>
// CHECK-LABEL: func.func @accumulate_tell_target(
// CHECK-SAME:    graft.phase_ordinal = 2
// CHECK-LABEL: func.func @update_tell(
// CHECK-SAME:    register @tell_update
// CHECK-LABEL: func.func @accumulate_hide(
// CHECK-SAME:    graft.phase_ordinal = 3
// CHECK:         graft.gradients %{{.*}} wrt %{{.*}}, %{{.*}} : tensor<16x4xf32>, tensor<3x4xf32>
// CHECK-LABEL: func.func @update_hide(
// CHECK:         graft.read @model::@words.hide.first_moment

// With loss scaling each phase has a scale of its own, skips its own updates, and
// shows them in its own records.
// SCALE:         exec.register @loss_scale parameter
// SCALE-NOT:     exec.register @loss_scale
// SCALE:         exec.call @accumulate_probe
// SCALE:         exec.when "finite(probe_loss) and finite{{_*}}" {
// SCALE-NEXT:      exec.call @update_probe
// SCALE:         exec.log (step = @step, loss = @loss, learning_rate = @learning_rate)
// SCALE-NEXT:    exec.log "probe" ({{.*}}, loss_scale = @scale{{_*}}, skipped_steps = @[[SKIPPED:skipped_*]])
// SCALE:         exec.set @tell_update = "(step - stage_begin) * ahead + tell_turn + 1 - [[TOLD:skipped_*]]"
// SCALE:         exec.set @unscale{{.*}} = "1 / [[$SCALE:scale_*]]"
// SCALE:         exec.call @accumulate_tell_source
// SCALE:         exec.call @accumulate_tell_target
// SCALE:         exec.when "finite(tell_loss) and finite{{_*}}" {
// SCALE-NEXT:      exec.call @update_tell
// SCALE:         } otherwise {
// SCALE-NEXT:      exec.set @[[TOLD]] = "[[TOLD]] + 1"
// SCALE-LABEL: func.func @accumulate_tell_source(
// SCALE-SAME:    exec.source<register @[[$SCALE]]>
// SCALE-LABEL: func.func @accumulate_tell_target(
// SCALE-SAME:    exec.source<register @[[$SCALE]]>

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
transfer.strategy @alternating {
  transfer.parameter @ahead = 5 in [1, 100] "turns of the critic"
  %ids, %segments, %labels = transfer.stream @source of ids, segments, labels<3> in @T, @S
  %ids_0, %segments_1 = transfer.stream @target of ids, segments in @T, @S
  transfer.group @encoder of @model select "^words"
  transfer.group @head of @model select "^label"
  transfer.group @judge of @domain
  %fs = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %ft = transfer.call @model::@pooled(%ids_0, %segments_1) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%fs) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %ds = transfer.call @domain::@logits(%fs) : (tensor<?x4xf32, #S>) -> tensor<?x1xf32, #S>
  %dt = transfer.call @domain::@logits(%ft) : (tensor<?x4xf32, #S>) -> tensor<?x1xf32, #S>
  %zero = graft.constant 0.0 : tensor<?x1xf32, #S>
  %one = graft.constant 1.0 : tensor<?x1xf32, #S>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %source = transfer.loss binary_cross_entropy %ds, %zero mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %target = transfer.loss binary_cross_entropy %dt, %one mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %apart = transfer.combine 1.0 * %source + "1 + progress" * %target
  %alike = transfer.combine 1.0 * %label + "-1 * progress" * %source
  transfer.predict %logits softmax evaluate %label : tensor<?x3xf32, #S>
  transfer.phase @probe minimise %label over [@head] with sgd rate constant 1.0e-3
  transfer.phase @tell minimise %apart over [@judge] with adamw rate constant 1.0e-3
  transfer.phase @hide minimise %alike over [@encoder, @head] with adamw rate linear "@ahead / 1000" warmup 0.25
  transfer.schedule epochs 1 of [@probe]
  transfer.schedule epochs 3 of [@tell times @ahead, @hide every 2 times 1]
}

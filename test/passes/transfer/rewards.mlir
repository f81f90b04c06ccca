// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Values that a step keeps, rewards and registers.

// RUN: graft-opt %s --transfer-expand-strategy | FileCheck %s

// CHECK:         graft.size @S_batch bound 65536
// CHECK-LABEL: exec.host @train
// CHECK:         exec.stream @train sizes (T, S) batch @S_batch
// CHECK-NEXT:    exec.stream @held sizes (T, S)
// CHECK:         exec.cache @state of @train by @keep output 0 batch
// CHECK-NEXT:    exec.cache @action of @train by @keep output 1 batch
// CHECK:         exec.register @speed parameter = 0.5
// CHECK:         exec.register @now variable
// CHECK-NEXT:    exec.register @loss_ variable = -2.5
//
// A stage whose phases read no kept value computes none.
// CHECK:         exec.for_each_batch @train
// CHECK-NOT:     @keep
// CHECK:         exec.call @accumulate_warm
//
// Otherwise the step begins with them. Rewards and registers have their turns, and a
// rate that names them may be negative.
// CHECK:         exec.for_each_batch @train
// CHECK:           exec.set @examples = "sum(@train)"
// CHECK-NEXT:      exec.set @factor0 = "(1 + ((step - stage_begin) / stage_steps))"
// CHECK:           exec.for_each_micro_batch @train {
// CHECK-NEXT:        exec.call @keep at "step"
// CHECK-NEXT:      }
// CHECK-NEXT:      exec.set @learn_learning_rate
// CHECK:           exec.call @update_learn
// CHECK-NEXT:      exec.when "(step - stage_begin) % 3 == 0" {
// CHECK-NEXT:        exec.evaluate @evaluate on @held -> (@now = loss)
// CHECK-NEXT:        exec.set @now = "0 - now"
// CHECK-NEXT:      }
// CHECK-NEXT:      exec.set @choose_learning_rate = "select({{.*}}, (speed * (now - loss_)))"
// CHECK-NEXT:      exec.set @choose_update
// CHECK-NEXT:      exec.when "not finite(choose_learning_rate)" {
// CHECK:           exec.call @update_choose
// CHECK-NEXT:      exec.set @loss_ = "now"
// CHECK-NEXT:      exec.when "not finite(loss_)" {
// CHECK:           exec.log "reward" (step = @step, now = @now, loss = @loss_)
//
// Phases take what is kept for an argument. The loss of the model does not reach the
// policy, nor what is kept the model.
// CHECK-LABEL: func.func @accumulate_learn(
// CHECK-SAME:    {exec.source = #exec.source<cache @action>, graft.name = "kept.action"}
// CHECK-NOT:     @policy
// CHECK-LABEL: func.func @update_learn(
// CHECK-LABEL: func.func @accumulate_choose(
// CHECK-SAME:    #exec.source<cache @state>, graft.name = "kept.state"}
// CHECK-SAME:    #exec.source<cache @action>, graft.name = "kept.action"}
// CHECK-SAME:    graft.phase_ordinal = 2
// CHECK-NOT:     @model
// CHECK-LABEL: func.func @update_choose(
//
// Both values are results of one entry, whose random numbers no phase has.
// CHECK-LABEL: func.func @keep(
// CHECK-SAME:    graft.name = "factor0"}
// CHECK-SAME:    -> (tensor<?x3xf32, #S> {graft.name = "kept.state"}, tensor<?x1xf32, #S> {graft.name = "kept.action"})
// CHECK-SAME:    graft.phase_ordinal = 3
// CHECK:         %[[LOGITS:.*]] = graft.call @model::@logits
// CHECK:         %[[STATE:.*]] = graft.mul %[[LOGITS]],
// CHECK-NEXT:    %[[SCORE:.*]] = graft.call @policy::@score(%[[STATE]])
// CHECK-NEXT:    %[[ACTION:.*]] = graft.call @policy::@choose(%[[SCORE]],
// CHECK-NEXT:    return %[[STATE]], %[[ACTION]]

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x3xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x3xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x3xf32>) -> tensor<?x3xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
graft.model @policy {
  graft.parameter @v : tensor<1x3xf32> initial "zeros"
  func.func @score(%x: tensor<?x3xf32, #S>) -> tensor<?x1xf32, #S> {
    %v = graft.read @v : tensor<1x3xf32>
    %z = graft.linear %x, %v : (tensor<?x3xf32, #S>, tensor<1x3xf32>) -> tensor<?x1xf32, #S>
    return %z : tensor<?x1xf32, #S>
  }
  func.func @choose(%z: tensor<?x1xf32, #S>, %seq: !graft.segments<T, S>) -> tensor<?x1xf32, #S> {
    %p = graft.sigmoid %z : tensor<?x1xf32, #S>
    %u = graft.uniform %seq id 0 : (!graft.segments<T, S>) -> tensor<?x1xf32, #S>
    %a = graft.step %p, %u : tensor<?x1xf32, #S>
    return %a : tensor<?x1xf32, #S>
  }
}
transfer.strategy @select {
  transfer.parameter @speed = 5.0e-1 in [0.0, 1.0e+3] "rate of the policy"
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  %ids_0, %segments_1, %labels_2 = transfer.stream @held of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  transfer.group @chooser of @policy
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %plain = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %heat = transfer.number "1 + progress" : tensor<?x3xf32, #S>
  %hot = graft.mul %logits, %heat : tensor<?x3xf32, #S>
  %state = transfer.keep @state %hot : tensor<?x3xf32, #S>
  %score = transfer.call @policy::@score(%state) : (tensor<?x3xf32, #S>) -> tensor<?x1xf32, #S>
  %chosen = transfer.call @policy::@choose(%score, %segments) : (tensor<?x1xf32, #S>, !graft.segments<T, S>) -> tensor<?x1xf32, #S>
  %action = transfer.keep @action %chosen : tensor<?x1xf32, #S>
  %taken = graft.reshape %action : (tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
  %each = graft.cross_entropy %logits, %labels : (tensor<?x3xf32, #S>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  %selected = graft.mul %each, %taken : tensor<?xf32, #S>
  %loss = transfer.mean %selected : tensor<?xf32, #S>
  %said = transfer.loss binary_cross_entropy %score, %action mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  transfer.predict %logits softmax evaluate %plain : tensor<?x3xf32, #S>
  transfer.reward @now loss on @held
  transfer.register @loss = -2.5 becomes @now
  transfer.phase @warm minimise %plain over [@all] with adamw rate constant 1.0e-3
  transfer.phase @learn minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.phase @choose minimise %said over [@chooser] with sgd rate constant "@speed * (@now - @loss)" momentum 0.5
  transfer.schedule epochs 1 of [@warm]
  transfer.schedule epochs 2 of [@learn, @now every 3, @choose, @loss]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Steps that take a batch of one stream: drawn at random, or in the order of a list.

// RUN: graft-opt %s --transfer-expand-strategy --split-input-file | FileCheck %s

// The head of a stream is updated in its steps alone, and counts these.
// CHECK-LABEL: exec.host @train {
// CHECK:        exec.repeat @batch to "(ceil(rows(@first) / batch_size) + ceil(rows(@second) / batch_size))" {
// CHECK-NEXT:     exec.set @total_steps = "epochs * (ceil(rows(@first) / batch_size) + ceil(rows(@second) / batch_size))"
// CHECK-NEXT:     exec.set @warmup_steps = "round(0 * total_steps)"
// CHECK-NEXT:     exec.set @last_step = "select(max_steps > 0, min(total_steps, max_steps), total_steps)"
// CHECK-NEXT:     exec.set @power_ = "(power * (1 - (step / total_steps)))"
// CHECK-NEXT:     exec.when "not finite(power_) or power_ < 0" {
// CHECK-NEXT:       exec.set @step = "step + 1"
// CHECK-NEXT:       exec.fail "expects \22@power * (1 - progress)\22 to be a power that is not negative" (step = @step, got = @power_)
// CHECK-NEXT:     }
// CHECK-NEXT:     exec.set @most_rows = "max(rows(@first), rows(@second))"
// CHECK-NEXT:     exec.set @first_share = "exp(power_ * log(rows(@first) / most_rows))"
// CHECK-NEXT:     exec.set @second_share = "first_share + exp(power_ * log(rows(@second) / most_rows))"
// CHECK-NEXT:     exec.set @drawn = "random(step) * second_share"
// CHECK-NEXT:     exec.set @stream = "(first_share <= drawn)"
// CHECK-NEXT:     exec.when "stream == 0" {
// CHECK-NEXT:       exec.with_batch @first of "batch_size" {
// CHECK-NEXT:         exec.set @examples = "sum(@first)"
// CHECK-NEXT:         exec.set @learning_rate = "select(step < warmup_steps, 0.001 * step / warmup_steps, 0.001)"
// CHECK-NEXT:         exec.set @update = "first_updates + second_updates + 1"
// CHECK-NEXT:         exec.set @first_update_number = "first_updates + 1"
// CHECK-NEXT:         exec.set @loss = "0"
// CHECK-NEXT:         exec.for_each_micro_batch @first {
// CHECK-NEXT:           exec.call @accumulate_first at "step" -> (@loss += loss)
// CHECK-NEXT:         }
// CHECK-NEXT:         exec.when "not finite(loss)" {
// CHECK-NEXT:           exec.set @step = "step + 1"
// CHECK-NEXT:           exec.fail "expects a finite loss" (step = @step, got = @loss)
// CHECK-NEXT:         }
// CHECK-NEXT:         exec.call @update_first at "step"
// CHECK-NEXT:         exec.set @first_updates = "first_updates + 1"
// CHECK-NEXT:       }
// CHECK-NEXT:     }
// CHECK-NEXT:     exec.when "stream == 1" {
// CHECK-NEXT:       exec.with_batch @second of "batch_size" {
// CHECK-NEXT:         exec.set @second_examples = "sum(@second)"
// CHECK-NEXT:         exec.set @second_labelled = "max(sum(@second where labels != -100), 1)"
// CHECK-NEXT:         exec.set @learning_rate = "select(step < warmup_steps, 0.001 * step / warmup_steps, 0.001)"
// CHECK-NEXT:         exec.set @update = "first_updates + second_updates + 1"
// CHECK-NEXT:         exec.set @second_update_number = "second_updates + 1"
// CHECK-NEXT:         exec.set @loss = "0"
// CHECK-NEXT:         exec.for_each_micro_batch @second {
// CHECK-NEXT:           exec.call @accumulate_second at "step" -> (@loss += loss)
// CHECK-NEXT:         }
// CHECK-NEXT:         exec.when "not finite(loss)" {
// CHECK-NEXT:           exec.set @step = "step + 1"
// CHECK-NEXT:           exec.fail "expects a finite loss" (step = @step, got = @loss)
// CHECK-NEXT:         }
// CHECK-NEXT:         exec.call @update_second at "step"
// CHECK-NEXT:         exec.set @second_updates = "second_updates + 1"
// CHECK-NEXT:       }
// CHECK-NEXT:     }
// CHECK-NEXT:     exec.set @loss_sum = "loss_sum + select(finite(loss), loss, 0)"
// CHECK-NEXT:     exec.set @step = "step + 1"
// CHECK-NEXT:     exec.when "step % log_every == 0 or step == last_step" {
// CHECK-NEXT:       exec.log (step = @step, loss = @loss, learning_rate = @learning_rate)
// CHECK-NEXT:       exec.when "stream == 0" {
// CHECK-NEXT:         exec.log "first" (step = @step, loss = @loss)
// CHECK-NEXT:       }
// CHECK-NEXT:       exec.when "stream == 1" {
// CHECK-NEXT:         exec.log "second" (step = @step, loss = @loss)
// CHECK-NEXT:       }
// CHECK-NEXT:     }
// CHECK-LABEL: func.func @update_first(
// CHECK-SAME:    %[[STEP:[a-z0-9]+]]: tensor<i32> {exec.source = #exec.source<register @update>, graft.name = "step"}
// CHECK-SAME:    %[[OWN:[a-z0-9]+]]: tensor<i32> {exec.source = #exec.source<register @first_update_number>, graft.name = "step.first"}
// CHECK:         graft.adamw {{.*}} step %[[STEP]] {{.*}}: tensor<16x4xf32>
// CHECK:         graft.read @model::@one :
// CHECK:         graft.adamw {{.*}} step %[[OWN]]
// CHECK-NOT:     @model::@other
// CHECK:         return
// CHECK-LABEL: func.func @update_second(
// CHECK-SAME:    %[[STEP:[a-z0-9]+]]: tensor<i32> {exec.source = #exec.source<register @update>, graft.name = "step"}
// CHECK-SAME:    %[[OWN:[a-z0-9]+]]: tensor<i32> {exec.source = #exec.source<register @second_update_number>, graft.name = "step.second"}
// CHECK:         graft.adamw {{.*}} step %[[STEP]] {{.*}}: tensor<16x4xf32>
// CHECK:         graft.read @model::@other :
// CHECK:         graft.adamw {{.*}} step %[[OWN]]
// CHECK-NOT:     @model::@one
// CHECK:         return

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.parameter @one : tensor<3x4xf32>
  graft.parameter @other : tensor<2x4xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %z : tensor<?x4xf32, #S>
  }
  func.func @three(%x: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @one : tensor<3x4xf32>
    %z = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
  func.func @two(%x: tensor<?x4xf32, #S>) -> tensor<?x2xf32, #S> {
    %w = graft.read @other : tensor<2x4xf32>
    %z = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<2x4xf32>) -> tensor<?x2xf32, #S>
    return %z : tensor<?x2xf32, #S>
  }
}
transfer.strategy @s {
  transfer.parameter @epochs = 3 in [1, 10] "epochs"
  transfer.parameter @power = 0.5 in [0.0, 9.0] "power"
  %ids, %segments, %labels = transfer.stream @first of ids, segments, labels<3> in @T, @S
  %ids_0, %segments_1, %labels_2 = transfer.stream @second of ids, segments, labels<2> in @T, @S
  transfer.group @all of @model
  %x = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %u = transfer.call @model::@three(%x) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %k = transfer.loss cross_entropy %u, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %y = transfer.call @model::@pooled(%ids_0, %segments_1) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %v = transfer.call @model::@two(%y) : (tensor<?x4xf32, #S>) -> tensor<?x2xf32, #S>
  %l = transfer.loss cross_entropy %v, %labels_2 ignore -100 mean : tensor<?x2xf32, #S>, tensor<?xi32, #S>
  %loss = transfer.combine 1.0 * %k + 0.5 * %l
  transfer.predict %u softmax evaluate %k : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3 clip 1.0
  transfer.schedule epochs @epochs drawing power "@power * (1 - progress)" of [@step]
}

// -----

// An optimiser that does not count updates; a pattern whose numbers a run may set.
// CHECK-LABEL: exec.host @train {
// CHECK:         exec.register @often parameter = 2 in [1, 9]
// CHECK-NOT:     _updates
// CHECK:          exec.set @drawn = "step % (often + 1)"
// CHECK-NEXT:     exec.set @stream = "(often <= drawn)"
// CHECK-NEXT:     exec.when "stream == 0" {
// CHECK-NEXT:       exec.with_batch @second of "batch_size" {
// CHECK-NEXT:         exec.set @second_examples = "sum(@second)"
// CHECK-NEXT:         exec.set @second_labelled = "max(sum(@second where labels != -100), 1)"
// CHECK-NEXT:         exec.set @learning_rate = "select(step < warmup_steps, 0.001 * step / warmup_steps, 0.001)"
// CHECK-NEXT:         exec.set @loss = "0"
// CHECK-NEXT:         exec.for_each_micro_batch @second {
// CHECK-NEXT:           exec.call @accumulate_second at "step" -> (@loss += loss)
// CHECK-NEXT:         }
// CHECK-NEXT:         exec.when "not finite(loss)" {
// CHECK-NEXT:           exec.set @step = "step + 1"
// CHECK-NEXT:           exec.fail "expects a finite loss" (step = @step, got = @loss)
// CHECK-NEXT:         }
// CHECK-NEXT:         exec.call @update_second at "step"
// CHECK-NEXT:       }
// CHECK-NEXT:     }
// CHECK-NEXT:     exec.when "stream == 1" {
// CHECK-NEXT:       exec.with_batch @first of "batch_size" {
// CHECK-NEXT:         exec.set @examples = "sum(@first)"
// CHECK-NEXT:         exec.set @learning_rate = "select(step < warmup_steps, 0.001 * step / warmup_steps, 0.001)"
// CHECK-NEXT:         exec.set @loss = "0"
// CHECK-NEXT:         exec.for_each_micro_batch @first {
// CHECK-NEXT:           exec.call @accumulate_first at "step" -> (@loss += loss)
// CHECK-NEXT:         }
// CHECK-NEXT:         exec.when "not finite(loss)" {
// CHECK-NEXT:           exec.set @step = "step + 1"
// CHECK-NEXT:           exec.fail "expects a finite loss" (step = @step, got = @loss)
// CHECK-NEXT:         }
// CHECK-NEXT:         exec.call @update_first at "step"
// CHECK-NEXT:       }
// CHECK-NEXT:     }
// CHECK-NEXT:     exec.set @loss_sum = "loss_sum + select(finite(loss), loss, 0)"

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.parameter @one : tensor<3x4xf32>
  graft.parameter @other : tensor<2x4xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %z : tensor<?x4xf32, #S>
  }
  func.func @three(%x: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @one : tensor<3x4xf32>
    %z = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
  func.func @two(%x: tensor<?x4xf32, #S>) -> tensor<?x2xf32, #S> {
    %w = graft.read @other : tensor<2x4xf32>
    %z = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<2x4xf32>) -> tensor<?x2xf32, #S>
    return %z : tensor<?x2xf32, #S>
  }
}
transfer.strategy @s {
  transfer.parameter @epochs = 3 in [1, 10] "epochs"
  transfer.parameter @often = 2 in [1, 9] "batches"
  %ids, %segments, %labels = transfer.stream @first of ids, segments, labels<3> in @T, @S
  %ids_0, %segments_1, %labels_2 = transfer.stream @second of ids, segments, labels<2> in @T, @S
  transfer.group @all of @model
  %x = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %u = transfer.call @model::@three(%x) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %k = transfer.loss cross_entropy %u, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %y = transfer.call @model::@pooled(%ids_0, %segments_1) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %v = transfer.call @model::@two(%y) : (tensor<?x4xf32, #S>) -> tensor<?x2xf32, #S>
  %l = transfer.loss cross_entropy %v, %labels_2 ignore -100 mean : tensor<?x2xf32, #S>, tensor<?xi32, #S>
  %loss = transfer.combine 1.0 * %k + 0.5 * %l
  transfer.predict %u softmax evaluate %k : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with sgd rate constant 1.0e-3 clip 1.0
  transfer.schedule epochs @epochs taking [@second times @often, @first] of [@step]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The host program that transfer-expand-strategy writes.

// RUN: graft-opt %s --transfer-expand-strategy --split-input-file | FileCheck %s

// Distillation: the cache is filled first. Numbers that the rate, the warm-up and
// the epochs name are registers of a run; the others are kept as texts.

// CHECK-LABEL: exec.host @train {
// CHECK-NEXT:      exec.stream @train sizes (T, S)
// CHECK-NEXT:      exec.stream @dev sizes (T, S)
// CHECK-NEXT:      exec.cache @teacher_logits of @train by @teacher_logits output 0
// CHECK-NEXT:      exec.parameter "rate" = "5.0e-05" "peak learning rate"
// CHECK-NEXT:      exec.register @rate parameter = 5.0e-05 in [0, 1] "peak learning rate"
// CHECK-NEXT:      exec.parameter "schedule" = "linear" "the rate after warm-up"
// CHECK-NEXT:      exec.parameter "epochs" = "3" "passes over the data"
// CHECK-NEXT:      exec.register @epochs parameter = 3 in [1, 10000] "passes over the data"
// CHECK-NEXT:      exec.parameter "decay" = "0.01" "decoupled weight decay"
// CHECK-NEXT:      exec.register @batch_size parameter = 32 in [1, 1000000000] "examples of an optimiser step"
// CHECK-NEXT:      exec.register @max_steps option in [0, 1000000000000000] "optimiser steps at most; 0: no limit"
// CHECK-NEXT:      exec.register @evaluate_every option in [0, 1000000000000000] "steps between evaluations; 0: none"
// CHECK-NEXT:      exec.register @patience option in [0, 1000000000000000] "evaluations without a better score before the run stops; 0: no limit"
// CHECK-NEXT:      exec.register @log_every option = 10 in [1, 1000000000000000] "steps between records of the loss"
// CHECK-NEXT:      exec.register @checkpoint_every option in [0, 1000000000000000] "steps between checkpoints; 0: none"
// CHECK-NEXT:      exec.register @epoch variable
// CHECK-NEXT:      exec.register @step variable
// CHECK-NEXT:      exec.register @total_steps variable
// CHECK-NEXT:      exec.register @warmup_steps variable
// CHECK-NEXT:      exec.register @last_step variable
// CHECK-NEXT:      exec.register @update variable
// CHECK-NEXT:      exec.register @loss variable
// CHECK-NEXT:      exec.register @loss_sum variable
// CHECK-NEXT:      exec.register @learning_rate variable
// CHECK-NEXT:      exec.register @dev_loss variable
// CHECK-NEXT:      exec.register @dev_score variable
// CHECK-NEXT:      exec.register @best_score variable
// CHECK-NEXT:      exec.register @best_loss variable
// CHECK-NEXT:      exec.register @best_step variable
// CHECK-NEXT:      exec.register @stale variable
// CHECK-NEXT:      exec.register @stopped_early variable
// CHECK-NEXT:      exec.register @examples variable
// CHECK-NEXT:      exec.register @labelled variable
// CHECK-NEXT:      exec.fill_cache @teacher_logits
// CHECK-NEXT:      exec.repeat @epoch to "epochs" {
// CHECK-NEXT:        exec.for_each_batch @train of "batch_size" {
// CHECK-NEXT:          exec.set @total_steps = "epochs * ceil(rows(@train) / batch_size)"
// CHECK-NEXT:          exec.set @warmup_steps = "round((1 / (10 * epochs)) * total_steps)"
// CHECK-NEXT:          exec.set @last_step = "select(max_steps > 0, min(total_steps, max_steps), total_steps)"
// CHECK-NEXT:          exec.set @examples = "sum(@train)"
// CHECK-NEXT:          exec.set @labelled = "max(sum(@train where labels != -100), 1)"
// CHECK-NEXT:          exec.set @learning_rate = "select(step < warmup_steps, rate * step / warmup_steps, rate * max(0, (total_steps - step) / max(1, total_steps - warmup_steps)))"
// CHECK-NEXT:          exec.set @update = "step + 1"
// CHECK-NEXT:          exec.set @loss = "0"
// CHECK-NEXT:          exec.for_each_micro_batch @train {
// CHECK-NEXT:            exec.call @accumulate at "step" -> (@loss += loss)
// CHECK-NEXT:          }
// CHECK-NEXT:          exec.when "not finite(loss)" {
// CHECK-NEXT:            exec.set @step = "step + 1"
// CHECK-NEXT:            exec.fail "expects a finite loss" (step = @step, got = @loss)
// CHECK-NEXT:          }
// CHECK-NEXT:          exec.call @update at "step"
// CHECK-NEXT:          exec.set @loss_sum = "loss_sum + loss"
// CHECK-NEXT:          exec.set @step = "step + 1"
// CHECK-NEXT:          exec.when "step % log_every == 0 or step == last_step" {
// CHECK-NEXT:            exec.log (step = @step, loss = @loss, learning_rate = @learning_rate)
// CHECK-NEXT:          }
// CHECK-NEXT:          exec.when "present(@dev) and evaluate_every > 0 and (step % evaluate_every == 0 or step == last_step)" {
// CHECK-NEXT:            exec.evaluate @evaluate on @dev -> (@dev_loss = loss, @dev_score = score)
// CHECK-NEXT:            exec.when "best_step == 0 or dev_score > best_score or (dev_score == best_score and dev_loss < best_loss)" {
// CHECK-NEXT:              exec.set @best_score = "dev_score"
// CHECK-NEXT:              exec.set @best_loss = "dev_loss"
// CHECK-NEXT:              exec.set @best_step = "step"
// CHECK-NEXT:              exec.set @stale = "0"
// CHECK-NEXT:              exec.keep "best"
// CHECK-NEXT:            } otherwise {
// CHECK-NEXT:              exec.set @stale = "stale + 1"
// CHECK-NEXT:            }
// CHECK-NEXT:            exec.log "dev" (step = @step, loss = @dev_loss, score = @dev_score)
// CHECK-NEXT:            exec.set @stopped_early = "patience > 0 and stale >= patience"
// CHECK-NEXT:          }
// CHECK-NEXT:          exec.mark checkpoint "checkpoint_every > 0 and step % checkpoint_every == 0" (step = @step, last_step = @last_step, loss = @loss, rate = @learning_rate, loss_sum = @loss_sum, best_step = @best_step, best_score = @best_score, stopped_early = @stopped_early)
// CHECK-NEXT:          exec.set @last_step = "select(max_steps > 0, min(total_steps, max_steps), total_steps)"
// CHECK-NEXT:          exec.when "step >= last_step or stopped_early" {
// CHECK-NEXT:            exec.leave
// CHECK-NEXT:          }
// CHECK-NEXT:        }
// CHECK-NEXT:      }
// CHECK-NEXT:      exec.when "best_step > 0 and best_step != step" {
// CHECK-NEXT:        exec.restore "best"
// CHECK-NEXT:      }
// CHECK-NEXT:    }
#T = #graft.dims<T>
#S = #graft.dims<S>
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
  transfer.parameter @rate = 5.0e-5 in [0.0, 1.0] "peak learning rate"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rate after warm-up"
  transfer.parameter @epochs = 3 in [1, 10000] "passes over the data"
  transfer.parameter @decay = 0.01 in [0.0, 1.0] "decoupled weight decay"
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @teacher of @teacher frozen
  transfer.group @student of @student decay @decay
  %said = transfer.call deterministic @teacher::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %kept = transfer.cache @teacher_logits %said : tensor<?x3xf32, #S>
  %logits = transfer.call @student::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %hard = transfer.loss cross_entropy %logits, %labels ignore -100 mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %soft = transfer.loss kl_divergence %logits, %kept temperature 2.0 mean : tensor<?x3xf32, #S>, tensor<?x3xf32, #S>
  %loss = transfer.combine 0.5 * %hard + 0.5 * %soft
  transfer.predict %logits softmax evaluate %hard : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@student] with adamw rate @schedule @rate warmup "1 / (10 * @epochs)"
  transfer.schedule epochs @epochs of [@step]
}

// -----

// A cosine of half a period, weights, and parameters with the names of variables,
// which give way: `step` is the user's number here. A batch size of the strategy
// stands for the one of every program. The loss that ignores a label counts the
// weights of the others.

// CHECK-LABEL: exec.host @train {
// CHECK:       exec.stream @source sizes (T, S)
// CHECK:       exec.parameter "learning_rate" = "0.001" "peak learning rate"
// CHECK:       exec.register @learning_rate parameter = 0.001 in [0, 1] "peak learning rate"
// CHECK:       exec.register @batch_size parameter = 8 in [1, 64] "examples of a step"
// CHECK:       exec.parameter "step" = "2" "unused"
// CHECK:       exec.register @step parameter = 2 in [1, 9] "unused"
// CHECK:       exec.register @step_ variable
// CHECK:       exec.register @learning_rate_ variable
// CHECK:       exec.register @examples variable
// CHECK:       exec.register @weight_total variable
// CHECK:       exec.register @labelled_weight_total variable
// CHECK:       exec.repeat @epoch to "step" {
// CHECK:       exec.for_each_batch @source of "batch_size" {
// CHECK:       exec.set @examples = "sum(@source)"
// CHECK:       exec.set @weight_total = "select(sum(@source weights) == 0, 1, sum(@source weights))"
// CHECK:       exec.set @labelled_weight_total = "select(sum(@source weights where labels != -1) == 0, 1, sum(@source weights where labels != -1))"
// CHECK:       exec.set @learning_rate_ = "select(step_ < warmup_steps, learning_rate * step_ / warmup_steps, learning_rate * 0.5 * (1 + cos(3.141592653589793 * (1 - max(0, (total_steps - step_) / max(1, total_steps - warmup_steps))))))"
// CHECK:       exec.for_each_micro_batch @source {
// CHECK:       exec.call @accumulate at "step_" -> (@loss += loss)
// CHECK:       exec.set @step_ = "step_ + 1"
// CHECK:       exec.call @update at "step_"
// CHECK:       exec.set @step_ = "step_ + 1"
// CHECK:       exec.log (step = @step_, loss = @loss, learning_rate = @learning_rate_)
// CHECK:       exec.mark checkpoint "checkpoint_every > 0 and step_ % checkpoint_every == 0" (step = @step_, last_step = @last_step, loss = @loss, rate = @learning_rate_, loss_sum = @loss_sum, best_step = @best_step, best_score = @best_score, stopped_early = @stopped_early)
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @w : tensor<9x3xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @w : tensor<9x3xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x3xf32>) -> tensor<?x3xf32, #T>
    %p = graft.segment_pool first %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %p : tensor<?x3xf32, #S>
  }
}
transfer.strategy @weighted {
  transfer.parameter @learning_rate = 1.0e-3 in [0.0, 1.0] "peak learning rate"
  transfer.parameter @batch_size = 8 in [1, 64] "examples of a step"
  transfer.parameter @step = 2 in [1, 9] "unused"
  %ids, %segments, %labels, %weights = transfer.stream @source of ids, segments, labels<3>, weights in @T, @S
  transfer.group @all of @m
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %one = transfer.loss cross_entropy %logits, %labels weight %weights mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>, tensor<?xf32, #S>
  %two = transfer.loss cross_entropy %logits, %labels weight %weights ignore -1 mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>, tensor<?xf32, #S>
  %loss = transfer.combine 0.5 * %one + 0.5 * %two
  transfer.predict %logits : tensor<?x3xf32, #S>
  transfer.phase @step_phase minimise %loss over [@all] with adamw rate cosine @learning_rate warmup 0.1
  transfer.schedule epochs @step of [@step_phase]
}

// -----

// Constant after the warm-up.

// CHECK-LABEL: exec.host @train
// CHECK:       exec.set @warmup_steps = "round(0 * total_steps)"
// CHECK:       exec.set @learning_rate = "select(step < warmup_steps, 0.25 * step / warmup_steps, 0.25)"
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @w : tensor<9x3xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %b = graft.read @w : tensor<9x3xf32>
    %x = graft.embedding %ids, %b : (tensor<?xi32, #T>, tensor<9x3xf32>) -> tensor<?x3xf32, #T>
    %p = graft.segment_pool first %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %p : tensor<?x3xf32, #S>
  }
}
transfer.strategy @constant {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 0.25
  transfer.schedule epochs 1 of [@step]
}

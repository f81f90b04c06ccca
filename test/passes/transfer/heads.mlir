// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Predictions of several heads: two entries of each, and evaluations on data of
// its own, whose mean score decides which parameters are the best.

// RUN: graft-opt %s --verify-roundtrip --transfer-expand-strategy | FileCheck %s

// CHECK-LABEL: exec.host @train
// CHECK:         exec.stream @one sizes (T, S)
// CHECK-NEXT:    exec.stream @two sizes (U, R)
// CHECK-NEXT:    exec.stream @dev_first sizes (T, S)
// CHECK-NEXT:    exec.stream @dev_second sizes (U, R)
// CHECK-NOT:     exec.stream
// CHECK:         exec.when "(present(@dev_first) or present(@dev_second)) and evaluate_every > 0 and (step % evaluate_every == 0 or step == last_step)" {
// CHECK-NEXT:      exec.set @dev_score = "0"
// CHECK-NEXT:      exec.set @dev_loss = "0"
// CHECK-NEXT:      exec.set @dev_evaluated = "0"
// CHECK-NEXT:      exec.when "present(@dev_first)" {
// CHECK-NEXT:        exec.evaluate @evaluate_first on @dev_first -> (@dev_first_loss = loss, @dev_first_score = score)
// CHECK-NEXT:        exec.log "dev_first" (step = @step, loss = @dev_first_loss, score = @dev_first_score)
// CHECK-NEXT:        exec.set @dev_score = "dev_score + dev_first_score"
// CHECK-NEXT:        exec.set @dev_loss = "dev_loss + dev_first_loss"
// CHECK-NEXT:        exec.set @dev_evaluated = "dev_evaluated + 1"
// CHECK-NEXT:      }
// CHECK-NEXT:      exec.when "present(@dev_second)" {
// CHECK-NEXT:        exec.evaluate @evaluate_second on @dev_second -> (@dev_second_loss = loss, @dev_second_score = score)
// CHECK-NEXT:        exec.log "dev_second" (step = @step, loss = @dev_second_loss, score = @dev_second_score)
// CHECK-NEXT:        exec.set @dev_score = "dev_score + dev_second_score"
// CHECK-NEXT:        exec.set @dev_loss = "dev_loss + dev_second_loss"
// CHECK-NEXT:        exec.set @dev_evaluated = "dev_evaluated + 1"
// CHECK-NEXT:      }
// CHECK-NEXT:      exec.set @dev_score = "dev_score / dev_evaluated"
// CHECK-NEXT:      exec.set @dev_loss = "dev_loss / dev_evaluated"
// CHECK-NEXT:      exec.when "best_step == 0 or dev_score > best_score or (dev_score == best_score and dev_loss < best_loss)" {
// CHECK-NEXT:        exec.set @best_score = "dev_score"
// CHECK-NEXT:        exec.set @best_loss = "dev_loss"
// CHECK:             exec.keep "best"
// CHECK:           exec.set @stopped_early

// CHECK-LABEL: func.func @predict_first(
// CHECK-SAME:    stream @one ids
// CHECK-NOT:     stream @two
// CHECK-SAME:    graft.phase = "predict_first"
// CHECK:         call deterministic @first::@logits
// CHECK-NOT:     @second::
// CHECK:         graft.softmax
// CHECK-LABEL: func.func @evaluate_first(
// CHECK-SAME:    stream @one labels
// CHECK-NOT:     @second
// CHECK-LABEL: func.func @predict_second(
// CHECK-SAME:    stream @two ids
// CHECK-SAME:    tensor<?x2xf32
// CHECK:         call deterministic @second::@logits
// CHECK-NOT:     graft.softmax
// CHECK-LABEL: func.func @evaluate_second(
// CHECK-SAME:    stream @two labels

#T = #graft.dims<T>
#S = #graft.dims<S>
#U = #graft.dims<U>
#R = #graft.dims<R>
graft.size @T bound 64
graft.size @S bound 8
graft.size @U bound 64
graft.size @R bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %z : tensor<?x4xf32, #S>
  }
}
graft.model @first {
  graft.parameter @w : tensor<3x4xf32>
  func.func @logits(%x: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @w : tensor<3x4xf32>
    %z = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
graft.model @second {
  graft.parameter @w : tensor<2x4xf32>
  func.func @logits(%x: tensor<?x4xf32, #S>) -> tensor<?x2xf32, #S> {
    %w = graft.read @w : tensor<2x4xf32>
    %z = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<2x4xf32>) -> tensor<?x2xf32, #S>
    return %z : tensor<?x2xf32, #S>
  }
}
transfer.strategy @heads {
  %ids, %segments, %labels = transfer.stream @one of ids, segments, labels<3> in @T, @S
  %ids_0, %segments_1, %labels_2 = transfer.stream @two of ids, segments, labels<2> in @U, @R
  transfer.group @encoder of @model
  transfer.group @tops of @first
  transfer.group @others of @second
  %x = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %z = transfer.call @first::@logits(%x) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %z, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %u = transfer.call @model::@pooled(%ids_0, %segments_1) : (tensor<?xi32, #U>, !graft.segments<U, R>) -> tensor<?x4xf32, #R>
  %y = transfer.call @second::@logits(%u) : (tensor<?x4xf32, #R>) -> tensor<?x2xf32, #R>
  %m = transfer.loss cross_entropy %y, %labels_2 mean : tensor<?x2xf32, #R>, tensor<?xi32, #R>
  %loss = transfer.combine 1.0 * %l + 0.5 * %m
  transfer.predict @first %z softmax evaluate %l : tensor<?x3xf32, #S>
  transfer.predict @second %y evaluate %m : tensor<?x2xf32, #R>
  transfer.phase @step minimise %loss over [@encoder, @tops, @others] with adamw rate constant 1.0e-3
  transfer.schedule epochs 2 of [@step]
}

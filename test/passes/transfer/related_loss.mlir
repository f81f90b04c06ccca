// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What `batch` of a strategy makes of a loss that relates examples. Its gradients are
// those of test/passes/transfer/related_loss_test.cc.
//
// RUN: sed -e 's/@s {/@s batch 40 {/' %S/Inputs/related.mlir | graft-opt --transfer \
// RUN:   | FileCheck %s
// RUN: sed -e 's/@s {/@s batch 40 {/' %S/Inputs/related.mlir | graft-opt --transfer \
// RUN:   --precision-scale-loss | FileCheck %s --check-prefix=SCALE
// Without it: one entry, and a batch that must fit one launch.
// RUN: graft-opt %S/Inputs/related.mlir --transfer \
// RUN:   | FileCheck %s --check-prefix=WHOLE --implicit-check-not=represent
//
// CHECK:      graft.size @S_batch bound 40
// CHECK:      exec.stream @train sizes (T, S) batch @S_batch
// CHECK-NEXT: exec.stream @dev sizes (T, S){{$}}
// CHECK:      exec.cache @row0 of @train by @represent output 0 batch
// CHECK-NEXT: exec.cache @row1 of @train by @represent output 1 batch
// CHECK:      exec.cache @row0.gradient of @train by @relate output 1 batch
// CHECK-NEXT: exec.cache @row1.gradient of @train by @relate output 2 batch
//
// CHECK:      exec.for_each_micro_batch @train {
// CHECK-NEXT:   exec.call @represent at "step"{{$}}
// CHECK-NEXT: }
// CHECK-NEXT: exec.with_whole_batch @train {
// CHECK-NEXT:   exec.call @relate at "step" -> (@loss += loss)
// CHECK-NEXT: }
// CHECK-NEXT: exec.for_each_micro_batch @train {
// CHECK-NEXT:   exec.call @accumulate at "step" -> (@loss += loss)
// CHECK-NEXT: }
//
// Rows, without labels, which no row depends on.
// CHECK:      func.func @represent(
// CHECK-SAME:   "ids"}, {{.*}} "segments"}) -> (tensor<?x4xf32, #S> {graft.name = "row0"}, tensor<?x4xf32, #S> {graft.name = "row1"}) attributes {graft.phase = "represent", graft.phase_ordinal = 0
//
// All rows at once: no text, no word of the model below the cut.
// CHECK:      func.func @relate(
// CHECK-SAME:   tensor<?x4xf32, #S_batch> {exec.source = #exec.source<cache @row0>
// CHECK-SAME:   tensor<?x4xf32, #S_batch> {exec.source = #exec.source<cache @row1>
// CHECK-SAME:   "total"}) -> (tensor<f32> {graft.name = "loss"}, tensor<?x4xf32, #S_batch> {graft.name = "row0.gradient"}, tensor<?x4xf32, #S_batch> {graft.name = "row1.gradient"})
// CHECK-NOT:  @model
// CHECK:      graft.gradients
// CHECK:      graft.write @between::@weight.gradient
//
// The same random numbers again; the model learns, and what relates has learnt.
// CHECK:      func.func @accumulate(
// CHECK-SAME:   "labels"}
// CHECK-SAME:   #exec.source<cache @row0.gradient>
// CHECK-SAME:   graft.phase_ordinal = 0
// CHECK-NOT:  @between
// CHECK:      graft.write @model::@words.gradient
// CHECK-NOT:  @between
// CHECK:      func.func @update
//
// WHOLE:      exec.for_each_micro_batch @train whole "related.mlir:[[LINE:.*]]" {
// WHOLE-NEXT:   exec.call @accumulate at "step" -> (@loss += loss)
//
// With loss scaling the derivatives that go from one entry to another are those of the
// loss as it is, and gradients that add up are scaled, once.
// SCALE:      exec.set @unscale = "1 / scale"
// SCALE-NEXT: exec.with_whole_batch @train {
// SCALE-LABEL: func.func @relate(
// SCALE-SAME:   %[[SCALE:arg[0-9]+]]: tensor<f32> {exec.source = #exec.source<register @scale>, graft.name = "scale"}
// SCALE-SAME:   %[[UNSCALE:arg[0-9]+]]: tensor<f32> {exec.source = #exec.source<register @unscale>, graft.name = "unscale"}
// SCALE:        %[[LOSS:.*]] = graft.mul %{{.*}}, %[[SCALE]] : tensor<f32>
// SCALE-NEXT:   %[[ALL:.*]]:3 = graft.gradients %[[LOSS]] wrt
// SCALE:        graft.add %{{.*}}, %[[ALL]]#0
// SCALE:        %[[WIDE:.*]] = graft.broadcast %[[UNSCALE]]
// SCALE-NEXT:   %[[FIRST:.*]] = graft.mul %[[ALL]]#1, %[[WIDE]]
// SCALE:        %[[SECOND:.*]] = graft.mul %[[ALL]]#2,
// SCALE-NEXT:   return %{{.*}}, %[[FIRST]], %[[SECOND]]
// SCALE-LABEL: func.func @accumulate(
// SCALE-SAME:   %[[SCALE:arg[0-9]+]]: tensor<f32> {exec.source = #exec.source<register @scale>, graft.name = "scale"}
// SCALE-NOT:    unscale
// SCALE:        graft.mul %{{.*}}, %[[SCALE]] : tensor<f32>
// SCALE-NEXT:   graft.gradients

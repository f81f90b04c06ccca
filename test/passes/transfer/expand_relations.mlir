// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Relations of the layers of a student of 4 features and of a teacher of 8, both of two
// heads of attention, and of values that are no part of one.

// RUN: graft-opt %s --transfer-link --transfer-expand-layers --transfer-expand-taps | FileCheck %s
// RUN: graft-opt %s --transfer --autodiff-expand-gradients --canonicalize --cse | FileCheck %s --check-prefix=PROGRAM

#T = #graft.dims<T>
#S = #graft.dims<S>
#TG = #graft.dims<T, G>
#TH = #graft.dims<T, H>
#SG = #graft.dims<S, G>
#SH = #graft.dims<S, H>
!own = !transfer.layers<tensor<?x?xf32, #TH>>
!other = !transfer.layers<tensor<?x?xf32, #TG>>
!losses = !transfer.layers<tensor<?xf32, #S>>
graft.size @T bound 64
graft.size @S bound 8
graft.model @student {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %q = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "query" %q : tensor<?x4xf32, #T>
      graft.tap "key" %h : tensor<?x4xf32, #T>
      %a = graft.attention %q, %h, %h, %seq heads 2 : (tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %a : tensor<?x4xf32, #T>
      graft.yield %a : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
  func.func @pooled(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x4xf32, #S> {
    %y = graft.call @encode(%ids, %seq) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %y, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %p : tensor<?x4xf32, #S>
  }
}
graft.model @teacher {
  graft.parameter @words : tensor<16x8xf32>
  graft.layers @stack count 4 {
    graft.parameter @w : tensor<8x8xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x8xf32, #T> {
    %w = graft.read @words : tensor<16x8xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x8xf32>) -> tensor<?x8xf32, #T>
    %y = graft.repeat 4 scope @stack (%h = %x) : tensor<?x8xf32, #T> {
      %v = graft.read layer @w : tensor<8x8xf32>
      %q = graft.linear %h, %v : (tensor<?x8xf32, #T>, tensor<8x8xf32>) -> tensor<?x8xf32, #T>
      graft.tap "query" %q : tensor<?x8xf32, #T>
      graft.tap "key" %h : tensor<?x8xf32, #T>
      %a = graft.attention %q, %h, %h, %seq heads 2 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #T>
      graft.tap "hidden" %a : tensor<?x8xf32, #T>
      graft.yield %a : tensor<?x8xf32, #T>
    }
    return %y : tensor<?x8xf32, #T>
  }
  func.func @pooled(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x8xf32, #S> {
    %y = graft.call @encode(%ids, %seq) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #T>
    %p = graft.segment_pool mean %y, %seq : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
    return %p : tensor<?x8xf32, #S>
  }
}

// CHECK-LABEL: transfer.strategy @s {
// CHECK:         %[[IDS:.*]], %[[SEQ:.*]] = transfer.stream @train of ids, segments
// CHECK:         %[[X:.*]]:7 = transfer.call @student::@pooled(
// CHECK:         %[[Y:.*]]:13 = transfer.call deterministic @teacher::@pooled(
// CHECK-NOT:     transfer.tap
// CHECK:         %[[D1:.*]] = graft.relation_divergence mse %[[X]]#1, %[[X]]#2, %[[Y]]#4, %[[Y]]#5, %[[SEQ]] heads 2 :
// CHECK-NEXT:    %[[D2:.*]] = graft.relation_divergence mse %[[X]]#4, %[[X]]#5, %[[Y]]#10, %[[Y]]#11, %[[SEQ]] heads 2 :
// CHECK-NEXT:    graft.add %[[D1]], %[[D2]]
// CHECK:         graft.relation_divergence kl %[[X]]#6, %[[X]]#6, %[[Y]]#3, %[[Y]]#3, %[[SEQ]] heads 4 :
// CHECK:         graft.relation_divergence kl %[[X]]#4, %[[X]]#4, %[[Y]]#10, %[[Y]]#10, %[[SEQ]] heads 2 :
// CHECK-NOT:     transfer.relation_divergence

// Only what the losses read is computed.
// PROGRAM-LABEL:   func.func @accumulate
// PROGRAM-COUNT-4: graft.relation_divergence
// PROGRAM-COUNT-4: graft.relation_divergence_gradient
// PROGRAM-NOT:     graft.relation_divergence
transfer.strategy @s sizes (H, G) {
  transfer.parameter @half = 2 in [1, 8] "half of the heads"
  %text = transfer.stream @train of text in @T, @S
  transfer.group @all of @student
  transfer.group @frozen of @teacher frozen
  %x = transfer.call @student::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %y = transfer.call deterministic @teacher::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SG>
  %q = transfer.tap "query" of %x : tensor<?x?xf32, #SH> -> !own
  %k = transfer.tap "key" of %x : tensor<?x?xf32, #SH> -> !own
  %tq = transfer.tap "query" of %y matching %q : tensor<?x?xf32, #SG>, !own -> !other
  %tk = transfer.tap "key" of %y matching %k : tensor<?x?xf32, #SG>, !own -> !other
  %each = transfer.relation_divergence mse %q, %k, %tq, %tk over %text : (!own, !own, !other, !other, !transfer.text) -> !losses
  %sum = transfer.sum %each : !losses
  %scores = transfer.mean %sum : tensor<?xf32, #S>
  %h = transfer.tap "hidden" layer -1 of %x : tensor<?x?xf32, #SH> -> tensor<?x?xf32, #TH>
  %th = transfer.tap "hidden" layer 1 of %y : tensor<?x?xf32, #SG> -> tensor<?x?xf32, #TG>
  %states = transfer.relation_divergence kl %h, %h, %th, %th over %text heads "2 * @half"
      : (tensor<?x?xf32, #TH>, tensor<?x?xf32, #TH>, tensor<?x?xf32, #TG>, tensor<?x?xf32, #TG>, !transfer.text) -> tensor<?xf32, #S>
  %alike = transfer.mean %states : tensor<?xf32, #S>
  %l = transfer.tap "query" layer -1 of %x : tensor<?x?xf32, #SH> -> tensor<?x?xf32, #TH>
  %tl = transfer.tap "query" layer -1 of %y : tensor<?x?xf32, #SG> -> tensor<?x?xf32, #TG>
  %queries = transfer.relation_divergence kl %l, %l, %tl, %tl over %text heads 0
      : (tensor<?x?xf32, #TH>, tensor<?x?xf32, #TH>, tensor<?x?xf32, #TG>, tensor<?x?xf32, #TG>, !transfer.text) -> tensor<?xf32, #S>
  %last = transfer.mean %queries : tensor<?xf32, #S>
  %loss = transfer.combine 1.0 * %scores + 1.0 * %alike + 1.0 * %last
  transfer.predict %x evaluate %loss : tensor<?x?xf32, #SH>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.0e-4
  transfer.schedule epochs 1 of [@step]
}

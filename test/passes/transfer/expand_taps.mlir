// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A student of 2 layers and 4 features learns from the layers of a teacher of 4
// layers and 8 features.

// RUN: graft-opt %s --transfer-link --transfer-expand-layers --transfer-expand-taps | FileCheck %s
// RUN: graft-opt %s --transfer --canonicalize --cse | FileCheck %s --check-prefix=PROGRAM

#T = #graft.dims<T>
#S = #graft.dims<S>
#TG = #graft.dims<T, G>
#TH = #graft.dims<T, H>
#SG = #graft.dims<S, G>
!own = !transfer.layers<tensor<?x?xf32, #TH>>
!other = !transfer.layers<tensor<?x?xf32, #TG>>
!rows = !transfer.layers<tensor<?x?xf32, #SG>>
graft.size @T bound 64
graft.size @S bound 8

// Results follow those of the function, by kind and layer; those of kinds that
// nothing taps do not.
// CHECK-LABEL: graft.model @teacher
// CHECK-NOT:     graft.tap
// CHECK:         func.func @encode
// CHECK-SAME:      -> (tensor<?x8xf32, #T>, tensor<?x8xf32, #T> {graft.name = "hidden.0"}, tensor<?x8xf32, #T> {graft.name = "query.1"}, tensor<?x8xf32, #T> {graft.name = "hidden.1"}, {{.*}} {graft.name = "query.4"}, tensor<?x8xf32, #T> {graft.name = "hidden.4"})
// CHECK-NOT:     graft.tap
// CHECK:         %[[X:.*]] = graft.embedding
// CHECK:         %[[Q:.*]] = graft.linear %[[X]],
// CHECK:         %[[A:.*]] = graft.tanh %[[Q]]
// CHECK:         return %[[Z:.*]], %[[X]], %[[Q]], %[[A]], {{.*}}, %[[Z]] :
// CHECK:         func.func @pooled
// CHECK-SAME:      -> (tensor<?x8xf32, #S>, tensor<?x8xf32, #T> {graft.name = "hidden.0"},
// CHECK:         %[[E:.*]]:10 = graft.call @encode(
// CHECK:         return %{{.*}}, %[[E]]#1, {{.*}}, %[[E]]#9 :
// CHECK-NOT:     graft.tap
graft.model @teacher {
  graft.parameter @words : tensor<16x8xf32>
  graft.layers @stack count 4 {
    graft.parameter @query.weight : tensor<8x8xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x8xf32, #T> {
    %w = graft.read @words : tensor<16x8xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x8xf32>) -> tensor<?x8xf32, #T>
    graft.tap "hidden" %x : tensor<?x8xf32, #T>
    %y = graft.repeat 4 scope @stack (%h = %x) : tensor<?x8xf32, #T> {
      %v = graft.read layer @query.weight : tensor<8x8xf32>
      %q = graft.linear %h, %v : (tensor<?x8xf32, #T>, tensor<8x8xf32>) -> tensor<?x8xf32, #T>
      graft.tap "query" %q : tensor<?x8xf32, #T>
      graft.tap "key" %q : tensor<?x8xf32, #T>
      %a = graft.tanh %q : tensor<?x8xf32, #T>
      graft.tap "hidden" %a : tensor<?x8xf32, #T>
      graft.yield %a : tensor<?x8xf32, #T>
    }
    return %y : tensor<?x8xf32, #T>
  }
  func.func @pooled(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x8xf32, #S> {
    %y = graft.call @encode(%ids) : (tensor<?xi32, #T>) -> tensor<?x8xf32, #T>
    %p = graft.segment_pool mean %y, %seq : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
    return %p : tensor<?x8xf32, #S>
  }
}

// A function of the model that nothing taps returns the layers, too.
// CHECK-LABEL: graft.model @student
// CHECK:         func.func @encode
// CHECK:         func.func @logits
// CHECK:         func.func @other
// CHECK:         graft.call @encode({{.*}}) : (tensor<?xi32, #T>) -> (tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, tensor<?x4xf32, #T>)
graft.model @student {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @w : tensor<4x4xf32>
  }
  graft.parameter @label : tensor<3x4xf32>
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    graft.tap "hidden" %x : tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %q = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %q : tensor<?x4xf32, #T>
      graft.yield %q : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
  func.func @logits(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x3xf32, #S> {
    %y = graft.call @encode(%ids) : (tensor<?xi32, #T>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %y, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %v = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %p, %v : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
  func.func @other(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %y = graft.call @encode(%ids) : (tensor<?xi32, #T>) -> tensor<?x4xf32, #T>
    return %y : tensor<?x4xf32, #T>
  }
}

graft.model @fit {
  graft.parameter @w : tensor<?x?xf32, #graft.dims<G, H>> initial "normal" deviation 0.02
  func.func @first(%x: tensor<?x?xf32, #TG>, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x?xf32, #SG> {
    %y = graft.segment_pool first %x, %seq : (tensor<?x?xf32, #TG>, !graft.segments<T, S>) -> tensor<?x?xf32, #SG>
    return %y : tensor<?x?xf32, #SG>
  }
  func.func @map(%x: tensor<?x?xf32, #TH>) -> tensor<?x?xf32, #TG> {
    %w = graft.read @w : tensor<?x?xf32, #graft.dims<G, H>>
    %y = graft.linear %x, %w : (tensor<?x?xf32, #TH>, tensor<?x?xf32, #graft.dims<G, H>>) -> tensor<?x?xf32, #TG>
    return %y : tensor<?x?xf32, #TG>
  }
  func.func @apart(%x: tensor<?x?xf32, #SG>, %y: tensor<?x?xf32, #SG>) -> tensor<?xf32, #S> {
    %l = graft.mse %x, %y : (tensor<?x?xf32, #SG>, tensor<?x?xf32, #SG>) -> tensor<?xf32, #S>
    return %l : tensor<?xf32, #S>
  }
}

// Layers 0 to 2 match 0, 2 and 4. A call of the tapped function for other texts
// has their sizes.
// CHECK-LABEL: transfer.strategy @states {
// CHECK:         %[[SAID:.*]]:10 = transfer.call deterministic @teacher::@pooled(
// CHECK:         %[[OWN:.*]]:4 = transfer.call @student::@logits(
// CHECK:         transfer.call @student::@logits({{.*}}) : (tensor<?xi32, #U>, !graft.segments<U, R>) -> (tensor<?x3xf32, #R>, tensor<?x4xf32, #U>,
// CHECK-COUNT-3: transfer.call @fit::@map(%[[OWN]]#{{[123]}}) : (tensor<?x4xf32, #T>) -> tensor<?x8xf32, #T>
// CHECK-COUNT-3: transfer.call @fit::@first(
// CHECK-NEXT:    %[[F0:.*]] = transfer.call deterministic @fit::@first(%[[SAID]]#1,
// CHECK-NEXT:    %[[F2:.*]] = transfer.call deterministic @fit::@first(%[[SAID]]#5,
// CHECK-NEXT:    %[[F4:.*]] = transfer.call deterministic @fit::@first(%[[SAID]]#9,
// CHECK-NEXT:    %[[JOINED:.*]] = graft.concat %[[F0]], %[[F2]], %[[F4]] :
// CHECK-NEXT:    %[[KEPT:.*]] = transfer.cache @states %[[JOINED]] : tensor<?x24xf32, #S>
// CHECK-NEXT:    graft.slice %[[KEPT]] columns 0 size 8
// CHECK-NEXT:    graft.slice %[[KEPT]] columns 8 size 8
// CHECK-NEXT:    graft.slice %[[KEPT]] columns 16 size 8
// CHECK-NEXT:    %[[L0:.*]] = transfer.call @fit::@apart(
// CHECK-NEXT:    %[[L1:.*]] = transfer.call @fit::@apart(
// CHECK-NEXT:    %[[L2:.*]] = transfer.call @fit::@apart(
// CHECK-NEXT:    %[[SUM:.*]] = graft.add %[[L0]], %[[L1]]
// CHECK-NEXT:    graft.add %[[SUM]], %[[L2]]
// CHECK:         transfer.call deterministic @fit::@first(%[[SAID]]#8,
// CHECK-NOT:     transfer.tap
// CHECK-NOT:     transfer.sum
//
// What nothing reads costs nothing.
// PROGRAM-LABEL: func.func @predict(
// PROGRAM-COUNT-3: graft.linear
// PROGRAM-NOT:   graft.linear
// PROGRAM-LABEL: func.func @evaluate(
// PROGRAM-LABEL: func.func @states(
// PROGRAM-COUNT-4: graft.tanh
// PROGRAM-NOT:   graft.tanh
// PROGRAM-LABEL: func.func @question(
// PROGRAM-COUNT-3: graft.tanh
// PROGRAM-NOT:   graft.tanh
// PROGRAM-LABEL: func.func @accumulate_train(
// PROGRAM-NOT:   @teacher
// PROGRAM:       return
graft.size @U bound 64
graft.size @R bound 8
transfer.strategy @states sizes (G, H) {
  transfer.parameter @layer = -1 in [-10, 10] "layer of the questions"
  %text, %labels = transfer.stream @train of text, labels<3> in @T, @S
  %more = transfer.stream @more of text in @U, @R
  transfer.group @frozen of @teacher frozen
  transfer.group @all of @student
  transfer.group @fit of @fit
  %said = transfer.call deterministic @teacher::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SG>
  %logits = transfer.call @student::@logits(%text) : (!transfer.text) -> tensor<?x3xf32, #S>
  %others = transfer.call @student::@logits(%more) : (!transfer.text) -> tensor<?x3xf32, #graft.dims<R>>
  %mine = transfer.tap "hidden" of %logits : tensor<?x3xf32, #S> -> !own
  %theirs = transfer.tap "hidden" of %said matching %mine : tensor<?x?xf32, #SG>, !own -> !other
  %mapped = transfer.call @fit::@map(%mine) : (!own) -> !other
  %a = transfer.call @fit::@first(%mapped, %text) : (!other, !transfer.text) -> !rows
  %b = transfer.call deterministic @fit::@first(%theirs, %text) : (!other, !transfer.text) -> !rows
  %kept = transfer.cache @states %b : !rows
  %losses = transfer.call @fit::@apart(%a, %kept) : (!rows, !rows) -> !transfer.layers<tensor<?xf32, #S>>
  %sum = transfer.sum %losses : !transfer.layers<tensor<?xf32, #S>>
  %apart = transfer.mean %sum : tensor<?xf32, #S>
  %question = transfer.tap "query" layer @layer of %said : tensor<?x?xf32, #SG> -> tensor<?x?xf32, #TG>
  %asked = transfer.call deterministic @fit::@first(%question, %text) : (tensor<?x?xf32, #TG>, !transfer.text) -> tensor<?x?xf32, #SG>
  %known = transfer.cache @question %asked : tensor<?x?xf32, #SG>
  %middle = transfer.tap "hidden" layers 1 to -2 of %logits : tensor<?x3xf32, #S> -> !own
  %up = transfer.call @fit::@map(%middle) : (!own) -> !other
  %one = transfer.sum %up : !other
  %own = transfer.call @fit::@first(%one, %text) : (tensor<?x?xf32, #TG>, !transfer.text) -> tensor<?x?xf32, #SG>
  %far = transfer.loss mse %own, %known mean : tensor<?x?xf32, #SG>, tensor<?x?xf32, #SG>
  %zero = graft.constant 0.0 : tensor<?x3xf32, #graft.dims<R>>
  %small = transfer.loss mse %others, %zero mean : tensor<?x3xf32, #graft.dims<R>>, tensor<?x3xf32, #graft.dims<R>>
  %hard = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %loss = transfer.combine 1.0 * %hard + 1.0 * %apart + 1.0 * %far + 1.0 * %small
  transfer.predict %logits softmax evaluate %hard : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all, @fit] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

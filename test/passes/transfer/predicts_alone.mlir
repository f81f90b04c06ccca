// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A strategy without phases has one entry, which returns what all heads say, and a
// host program of its streams alone.

// RUN: graft-opt %s --verify-roundtrip --transfer-expand-strategy | FileCheck %s

// CHECK-LABEL: exec.host @train {
// CHECK-NEXT:    exec.stream @texts sizes (T, S)
// CHECK-NEXT:  }
// CHECK-NOT:   func.func @{{evaluate|predict_}}
// CHECK-LABEL: func.func @predict(
// CHECK-SAME:    %[[IDS:.*]]: tensor<?xi32, #{{.*}}> {exec.source = #exec.source<stream @texts ids>, graft.name = "ids"}
// CHECK-SAME:    {graft.name = "logits.first"}
// CHECK-SAME:    {graft.name = "probabilities.first"}
// CHECK-SAME:    {graft.name = "logits.second"}
// CHECK-SAME:    graft.phase = "predict"
// CHECK:         %[[LOGITS:.*]] = graft.call deterministic @m::@logits(%[[IDS]]
// CHECK:         %[[SHARES:.*]] = graft.softmax %[[LOGITS]]
// CHECK:         %[[HALF:.*]] = graft.scale %[[LOGITS]] by 5.000000e-01
// CHECK:         return %[[LOGITS]], %[[SHARES]], %[[HALF]]
// CHECK-NOT:   func.func

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @w : tensor<9x3xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @w : tensor<9x3xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<9x3xf32>) -> tensor<?x3xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments = transfer.stream @texts of ids, segments in @T, @S
  transfer.group @all of @m frozen
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %half = graft.scale %logits by 0.5 : tensor<?x3xf32, #S>
  transfer.predict @first %logits softmax : tensor<?x3xf32, #S>
  transfer.predict @second %half : tensor<?x3xf32, #S>
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Layer-wise decay of 0.8 over 12 layers, the numbers of ELECTRA's recipe: of a
// rate of 1e-4 the embeddings get 4.398e-6, layer 0 5.498e-6, layer 11 6.4e-5
// (two steps below the head) and the head 1e-4.

// RUN: graft-opt %s --transfer | FileCheck %s

// CHECK-LABEL: func.func @update
// CHECK:         graft.read @m::@embeddings :
// CHECK:         graft.adamw {{.*}} multiplier 0.0439804643 :
// CHECK:         graft.read @m::@layer.0.w :
// CHECK:         graft.adamw {{.*}} multiplier 0.0549755804 :
// CHECK:         graft.read @m::@layer.11.w :
// CHECK:         graft.adamw {{.*}} multiplier 6.400000e-01 :
// CHECK:         graft.read @m::@head :
// CHECK-NEXT:    graft.read
// CHECK-NEXT:    graft.read
// CHECK-NEXT:    graft.adamw {{.*}} decay 0.000000e+00 :

#T = #graft.dims<T>
#S = #graft.dims<S>

graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @embeddings : tensor<9x4xf32>
  graft.layers @layer count 12 {
    graft.parameter @w : tensor<4x4xf32>
  }
  graft.parameter @head : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %e = graft.read @embeddings : tensor<9x4xf32>
    %x = graft.embedding %ids, %e : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 12 scope @layer (%h = %x) : tensor<?x4xf32, #T> {
      %w = graft.read layer @w : tensor<4x4xf32>
      %l = graft.linear %h, %w : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.yield %l : tensor<?x4xf32, #T>
    }
    %p = graft.segment_pool mean %y, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %w = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %p, %w : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @finetune {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @m layer_decay 0.8
  %logits = transfer.call @m::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.0e-4
  transfer.schedule epochs 3 of [@step]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Adapters with norms of rows beside the matrices of one of two layers.

// RUN: graft-opt %s --transfer-link --transfer-expand-layers --transfer-inject | FileCheck %s
// RUN: graft-opt %s --transfer --autodiff-expand-gradients --canonicalize --cse | FileCheck %s --check-prefix=STATES
// RUN: sed 's/dora of @model select/dora of @model loaded select/' %s | graft-opt - --transfer-link --transfer-expand-layers --transfer-inject | FileCheck %s --check-prefix=LOADED

// CHECK:      graft.parameter @stack.1.dense.weight : tensor<4x4xf32>{{$}}
// CHECK-NEXT: graft.parameter @stack.1.dense.lora_a : tensor<2x4xf32> initial "normal" deviation 0.288675129 added
// CHECK-NEXT: graft.parameter @stack.1.dense.lora_b : tensor<4x2xf32> initial "zeros" added
// CHECK-NEXT: graft.parameter @stack.1.dense.lora_magnitude : tensor<4xf32> norms_of @stack.1.dense.weight added
// CHECK-NEXT: graft.merge @stack.1.dense.weight plus 3.000000e+00 * @stack.1.dense.lora_b * @stack.1.dense.lora_a norms @stack.1.dense.lora_magnitude
// CHECK-LABEL: func.func @logits
// CHECK:      %[[X:.*]] = graft.relu
// CHECK:      %[[W:.*]] = graft.read @stack.1.dense.weight
// CHECK:      %[[BIAS:.*]] = graft.read @stack.1.dense.bias
// CHECK:      %[[Y:.*]] = graft.linear %[[X]], %[[W]] : (
// CHECK:      %[[U:.*]] = graft.linear %[[X]], %{{.*}} -> tensor<?x2xf32, #T>
// CHECK-NEXT: %[[V:.*]] = graft.linear %[[U]],
// CHECK-NEXT: %[[S:.*]] = graft.scale %[[V]] by 3.000000e+00
// CHECK-NEXT: %[[SUM:.*]] = graft.add %[[Y]], %[[S]]
// CHECK:      %[[BA:.*]] = graft.matmul {{.*}} {graft.precision = "keep"}
// CHECK-NEXT: %[[SBA:.*]] = graft.scale %[[BA]] by 3.000000e+00
// CHECK-NEXT: %[[WBA:.*]] = graft.add %[[W]], %[[SBA]]
// CHECK-NEXT: %[[SQUARES:.*]] = graft.mul %[[WBA]], %[[WBA]]
// CHECK-NEXT: %[[SUMS:.*]] = graft.reduce sum %[[SQUARES]] over [1]
// CHECK-NEXT: %[[NORMS:.*]] = graft.sqrt %[[SUMS]]
// CHECK-NEXT: %[[FIXED:.*]] = graft.stop_gradient %[[NORMS]]
// CHECK-NEXT: %[[M:.*]] = graft.read @stack.1.dense.lora_magnitude
// CHECK-NEXT: %[[F:.*]] = graft.div %[[M]], %[[FIXED]]
// CHECK-NEXT: %[[FS:.*]] = graft.broadcast %[[F]] along [0]
// CHECK-NEXT: %[[SCALED:.*]] = graft.mul %[[SUM]], %[[FS]]
// CHECK-NEXT: %[[BS:.*]] = graft.broadcast %[[BIAS]] along [0]
// CHECK-NEXT: %[[Z:.*]] = graft.add %[[SCALED]], %[[BS]]
// CHECK-NEXT: graft.relu %[[Z]]

// The base has no gradient and no moments.
// STATES:      graft.state @stack.1.dense.lora_a.gradient
// STATES:      graft.state @stack.1.dense.lora_magnitude.gradient
// STATES:      graft.state @label.second_moment
// STATES-NOT:  graft.state
// STATES-LABEL: func.func @accumulate(

// LOADED:      graft.parameter @stack.1.dense.lora_a : tensor<2x4xf32> added
// LOADED-NEXT: graft.parameter @stack.1.dense.lora_b : tensor<4x2xf32> added
// LOADED-NEXT: graft.parameter @stack.1.dense.lora_magnitude : tensor<4xf32> added

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.layers @stack count 2 {
    graft.parameter @dense.weight : tensor<4x4xf32>
    graft.parameter @dense.bias : tensor<4xf32>
  }
  graft.parameter @label : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %d = graft.read layer @dense.weight : tensor<4x4xf32>
      %b = graft.read layer @dense.bias : tensor<4xf32>
      %l = graft.linear %h, %d, %b : (tensor<?x4xf32, #T>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32, #T>
      %r = graft.relu %l : tensor<?x4xf32, #T>
      graft.yield %r : tensor<?x4xf32, #T>
    }
    %p = graft.segment_pool mean %y, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %v = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %p, %v : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @adapters {
  transfer.parameter @rank = 2 in [1, 64] "rank"
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.inject dora of @model select "[.]1[.]dense[.]weight$" rank @rank alpha "3 * @rank"
  transfer.group @adapters of @model select "[.]lora_"
  transfer.group @head of @model select "^label"
  transfer.group @base of @model rest frozen
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@adapters, @head] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

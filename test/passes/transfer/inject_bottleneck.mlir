// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Small layers behind the matrices of one of two layers, and behind their dropout.

// RUN: graft-opt %s --transfer-link --transfer-expand-layers --transfer-inject | FileCheck %s
// RUN: graft-opt %s --transfer | FileCheck %s --check-prefix=STATES

// CHECK:      graft.parameter @stack.1.dense.weight : tensor<4x4xf32>{{$}}
// CHECK-NEXT: graft.parameter @stack.1.dense.adapter_down.weight : tensor<2x4xf32> initial "normal" deviation 0.288675129 added
// CHECK-NEXT: graft.parameter @stack.1.dense.adapter_down.bias : tensor<2xf32> initial "zeros" added
// CHECK-NEXT: graft.parameter @stack.1.dense.adapter_up.weight : tensor<4x2xf32> initial "zeros" added
// CHECK-NEXT: graft.parameter @stack.1.dense.adapter_up.bias : tensor<4xf32> initial "zeros" added
// CHECK-NOT:  graft.merge
// CHECK-LABEL: func.func @logits
// CHECK:      graft.relu
// CHECK:      %[[L:.*]] = graft.linear
// CHECK-NEXT: %[[Y:.*]] = graft.dropout %[[L]],
// CHECK-NEXT: %[[D:.*]] = graft.read @stack.1.dense.adapter_down.weight
// CHECK-NEXT: %[[DB:.*]] = graft.read @stack.1.dense.adapter_down.bias
// CHECK-NEXT: %[[LOW:.*]] = graft.linear %[[Y]], %[[D]], %[[DB]]
// CHECK-NEXT: %[[G:.*]] = graft.gelu erf %[[LOW]]
// CHECK-NEXT: %[[U:.*]] = graft.read @stack.1.dense.adapter_up.weight
// CHECK-NEXT: %[[UB:.*]] = graft.read @stack.1.dense.adapter_up.bias
// CHECK-NEXT: %[[HIGH:.*]] = graft.linear %[[G]], %[[U]], %[[UB]]
// CHECK-NEXT: %[[Z:.*]] = graft.add %[[Y]], %[[HIGH]]
// CHECK-NEXT: graft.relu %[[Z]]

// STATES:      graft.state @stack.1.dense.adapter_down.weight.gradient
// STATES:      graft.state @label.second_moment
// STATES-NOT:  graft.state

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
      %n = graft.dropout %l, %seq rate 1.0e-1 id 64 : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
      %r = graft.relu %n : tensor<?x4xf32, #T>
      graft.yield %r : tensor<?x4xf32, #T>
    }
    %p = graft.segment_pool mean %y, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %v = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %p, %v : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @adapters {
  transfer.parameter @width = 2 in [1, 64] "width"
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.inject bottleneck of @model select "[.]1[.]dense[.]weight$" width @width
  transfer.group @adapters of @model select "[.]adapter_"
  transfer.group @head of @model select "^label"
  transfer.group @base of @model rest frozen
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@adapters, @head] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

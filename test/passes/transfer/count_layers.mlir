// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A strategy says how many layers a stack of its page has.

// RUN: graft-opt %s --transfer-link --split-input-file --verify-diagnostics | FileCheck %s

// Both the parameters and the turns of each repeat over them; other stacks stay.
// CHECK-LABEL: graft.model @model
// CHECK:         graft.layers @stack count 5 {
// CHECK:         graft.layers @other count 3 {
// CHECK:         graft.repeat 5 scope @stack
// CHECK:         graft.repeat 3 scope @other
// CHECK-NOT:     transfer.count
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32> initial "normal" deviation 0.1
  graft.layers @stack count 3 {
    graft.parameter @w : tensor<4x4xf32> initial "normal" deviation 0.1
  }
  graft.layers @other count 3 {
    graft.parameter @w : tensor<4x4xf32> initial "normal" deviation 0.1
  }
  func.func @pooled(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x4xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 3 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    %u = graft.repeat 3 scope @other (%h = %y) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    %p = graft.segment_pool mean %u, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %p : tensor<?x4xf32, #S>
  }
}
transfer.strategy @s {
  transfer.parameter @depth = 4 in [1, 8] "layers"
  %text, %labels = transfer.stream @train of text, labels<4> in @T, @S
  transfer.count @model::@stack is "@depth + 1"
  transfer.group @all of @model
  %x = transfer.call @model::@pooled(%text) : (!transfer.text) -> tensor<?x4xf32, #S>
  %loss = transfer.loss cross_entropy %x, %labels mean : tensor<?x4xf32, #S>, tensor<?xi32, #S>
  transfer.predict %x softmax : tensor<?x4xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.0e-4
  transfer.schedule epochs 1 of [@step]
}

// -----

// C8: no stack.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32> initial "normal" deviation 0.1
  graft.layers @stack count 3 {
    graft.parameter @w : tensor<4x4xf32> initial "normal" deviation 0.1
  }
  graft.layers @other count 3 {
    graft.parameter @w : tensor<4x4xf32> initial "normal" deviation 0.1
  }
  func.func @pooled(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x4xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 3 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    %u = graft.repeat 3 scope @other (%h = %y) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    %p = graft.segment_pool mean %u, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %p : tensor<?x4xf32, #S>
  }
}
transfer.strategy @s {
  %text, %labels = transfer.stream @train of text, labels<4> in @T, @S
  // expected-error @below {{'transfer.count' op expects the graft.layers of a model, got @model::@words}}
  transfer.count @model::@words is 2
  transfer.group @all of @model
  %x = transfer.call @model::@pooled(%text) : (!transfer.text) -> tensor<?x4xf32, #S>
  %loss = transfer.loss cross_entropy %x, %labels mean : tensor<?x4xf32, #S>, tensor<?xi32, #S>
  transfer.predict %x softmax : tensor<?x4xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.0e-4
  transfer.schedule epochs 1 of [@step]
}

// -----

// C8: twice.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32> initial "normal" deviation 0.1
  graft.layers @stack count 3 {
    graft.parameter @w : tensor<4x4xf32> initial "normal" deviation 0.1
  }
  graft.layers @other count 3 {
    graft.parameter @w : tensor<4x4xf32> initial "normal" deviation 0.1
  }
  func.func @pooled(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x4xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 3 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    %u = graft.repeat 3 scope @other (%h = %y) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    %p = graft.segment_pool mean %u, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %p : tensor<?x4xf32, #S>
  }
}
transfer.strategy @s {
  %text, %labels = transfer.stream @train of text, labels<4> in @T, @S
  // expected-note @below {{counted here}}
  transfer.count @model::@stack is 2
  // expected-error @below {{'transfer.count' op expects each graft.layers once, got @model::@stack twice}}
  transfer.count @model::@stack is 3
  transfer.group @all of @model
  %x = transfer.call @model::@pooled(%text) : (!transfer.text) -> tensor<?x4xf32, #S>
  %loss = transfer.loss cross_entropy %x, %labels mean : tensor<?x4xf32, #S>, tensor<?xi32, #S>
  transfer.predict %x softmax : tensor<?x4xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.0e-4
  transfer.schedule epochs 1 of [@step]
}

// -----

// C8: pretrained layers have their number.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32> initial "normal" deviation 0.1
  graft.layers @stack count 3 {
    // expected-note @below {{which has none}}
    graft.parameter @w : tensor<4x4xf32>
  }
  graft.layers @other count 3 {
    graft.parameter @w : tensor<4x4xf32> initial "normal" deviation 0.1
  }
  func.func @pooled(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x4xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 3 scope @stack (%h = %x) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    %u = graft.repeat 3 scope @other (%h = %y) : tensor<?x4xf32, #T> {
      %v = graft.read layer @w : tensor<4x4xf32>
      %z = graft.linear %h, %v : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    %p = graft.segment_pool mean %u, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %p : tensor<?x4xf32, #S>
  }
}
transfer.strategy @s {
  %text, %labels = transfer.stream @train of text, labels<4> in @T, @S
  // expected-error @below {{'transfer.count' op expects layers whose parameters have initial values, got @model::@stack}}
  transfer.count @model::@stack is 2
  transfer.group @all of @model
  %x = transfer.call @model::@pooled(%text) : (!transfer.text) -> tensor<?x4xf32, #S>
  %loss = transfer.loss cross_entropy %x, %labels mean : tensor<?x4xf32, #S>, tensor<?xi32, #S>
  transfer.predict %x softmax : tensor<?x4xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.0e-4
  transfer.schedule epochs 1 of [@step]
}

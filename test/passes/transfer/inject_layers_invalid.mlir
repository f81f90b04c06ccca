// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// C1: adapters are of parameters, which layers become.

// RUN: graft-opt %s --transfer-inject --verify-diagnostics

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  // expected-error @below {{'graft.layers' op expects to be expanded by transfer-expand-layers before adapters are put in}}
  graft.layers @stack count 2 {
    graft.parameter @dense.weight : tensor<4x4xf32>
  }
  graft.parameter @label : tensor<3x4xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %p = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %v = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %p, %v : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @adapters {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.inject lora of @model select "^label" rank 2 alpha 4
  transfer.group @adapters of @model select "[.]lora_[ab]$"
  transfer.group @base of @model rest frozen
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@adapters] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Two views of the same texts by different dropout masks, which a loss relates with a
// weight that the model learns, beside labels.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.parameter @view.weight : tensor<4x4xf32>
  graft.parameter @head.weight : tensor<3x4xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x4xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %kept = graft.dropout %x, %seq rate 0.25 id 0 : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
    %y = graft.segment_pool mean %kept, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %v = graft.read @view.weight : tensor<4x4xf32>
    %z = graft.linear %y, %v : (tensor<?x4xf32, #S>, tensor<4x4xf32>) -> tensor<?x4xf32, #S>
    %t = graft.tanh %z : tensor<?x4xf32, #S>
    return %t : tensor<?x4xf32, #S>
  }
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x3xf32, #S> {
    %t = graft.call @pooled(%ids, %seq) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %w = graft.read @head.weight : tensor<3x4xf32>
    %y = graft.linear %t, %w : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %y : tensor<?x3xf32, #S>
  }
}
// What relates the views has parameters, too.
graft.model @between {
  graft.parameter @weight : tensor<4x4xf32>
  func.func @map(%x: tensor<?x4xf32, #S>) -> tensor<?x4xf32, #S> {
    %w = graft.read @weight : tensor<4x4xf32>
    %y = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<4x4xf32>) -> tensor<?x4xf32, #S>
    return %y : tensor<?x4xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  transfer.group @more of @between
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %a = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %b = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %alike = transfer.loss contrastive %a, %b temperature 0.5 mean : tensor<?x4xf32, #S>, tensor<?x4xf32, #S>

  %pairs = graft.matmul %a, %a transpose_rhs : (tensor<?x4xf32, #S>, tensor<?x4xf32, #S>) -> tensor<?x?xf32, #graft.dims<S, S>>
  %mixed = graft.matmul %pairs, %b : (tensor<?x?xf32, #graft.dims<S, S>>, tensor<?x4xf32, #S>) -> tensor<?x4xf32, #S>
  %mapped = transfer.call @between::@map(%mixed) : (tensor<?x4xf32, #S>) -> tensor<?x4xf32, #S>
  %squares = graft.mul %mapped, %mapped : tensor<?x4xf32, #S>
  %each = graft.reduce sum %squares over [1] : (tensor<?x4xf32, #S>) -> tensor<?xf32, #S>
  %size = transfer.mean %each : tensor<?xf32, #S>

  %loss = transfer.combine 1.0 * %label + 0.5 * %alike + 0.25 * %size
  transfer.predict %logits softmax evaluate %label : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all, @more] with adamw rate constant 1.0e-3
  transfer.schedule epochs 2 of [@step]
}

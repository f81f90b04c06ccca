// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A second model that answers as tiny_bert.mlir does, after it in one module.

graft.model @teacher weights "teacher.safetensors" {
  graft.parameter @table : tensor<16x3xf32>
  graft.parameter @states : tensor<16x12xf32>
  func.func @logits(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %types: tensor<?xi32, #T> {graft.name = "types"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x3xf32, #S> {
    %table = graft.read @table : tensor<16x3xf32>
    %rows = graft.embedding %ids, %table : (tensor<?xi32, #T>, tensor<16x3xf32>) -> tensor<?x3xf32, #T>
    %kept = graft.dropout %rows, %seq rate 5.000000e-01 id 0 : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #T>
    %logits = graft.segment_pool mean %kept, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %logits : tensor<?x3xf32, #S>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %types: tensor<?xi32, #T> {graft.name = "types"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x12xf32, #T> {
    %states = graft.read @states : tensor<16x12xf32>
    %rows = graft.embedding %ids, %states : (tensor<?xi32, #T>, tensor<16x12xf32>) -> tensor<?x12xf32, #T>
    return %rows : tensor<?x12xf32, #T>
  }
  func.func @pooled(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %types: tensor<?xi32, #T> {graft.name = "types"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x12xf32, #S> {
    %states = graft.call @encode(%ids, %types, %seq) : (tensor<?xi32, #T>, tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x12xf32, #T>
    %first = graft.segment_pool first %states, %seq : (tensor<?x12xf32, #T>, !graft.segments<T, S>) -> tensor<?x12xf32, #S>
    return %first : tensor<?x12xf32, #S>
  }
}

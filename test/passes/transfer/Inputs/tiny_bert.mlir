// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A BERT of 2 layers, 8 features, 2 heads and a head of 3 classes, as an
// import would write it: the input of this folder's tests.

#T = #graft.dims<T>
#S = #graft.dims<S>

graft.size @T bound 64
graft.size @S bound 8

graft.model @model weights "model.safetensors" {
  graft.parameter @embeddings.word_embeddings.weight : tensor<16x8xf32>
  graft.parameter @embeddings.position_embeddings.weight : tensor<12x8xf32>
  graft.parameter @embeddings.token_type_embeddings.weight : tensor<2x8xf32>
  graft.parameter @embeddings.LayerNorm.weight : tensor<8xf32>
  graft.parameter @embeddings.LayerNorm.bias : tensor<8xf32>
  graft.layers @encoder.layer count 2 {
    graft.parameter @attention.self.query.weight : tensor<8x8xf32> from "bert.encoder.layer.*.attention.self.query.weight"
    graft.parameter @attention.self.query.bias : tensor<8xf32> from "bert.encoder.layer.*.attention.self.query.bias"
    graft.parameter @attention.self.key.weight : tensor<8x8xf32> from "bert.encoder.layer.*.attention.self.key.weight"
    graft.parameter @attention.self.key.bias : tensor<8xf32> from "bert.encoder.layer.*.attention.self.key.bias"
    graft.parameter @attention.self.value.weight : tensor<8x8xf32> from "bert.encoder.layer.*.attention.self.value.weight"
    graft.parameter @attention.self.value.bias : tensor<8xf32> from "bert.encoder.layer.*.attention.self.value.bias"
    graft.parameter @attention.output.dense.weight : tensor<8x8xf32> from "bert.encoder.layer.*.attention.output.dense.weight"
    graft.parameter @attention.output.dense.bias : tensor<8xf32> from "bert.encoder.layer.*.attention.output.dense.bias"
    graft.parameter @attention.output.LayerNorm.weight : tensor<8xf32> from "bert.encoder.layer.*.attention.output.LayerNorm.weight"
    graft.parameter @attention.output.LayerNorm.bias : tensor<8xf32> from "bert.encoder.layer.*.attention.output.LayerNorm.bias"
    graft.parameter @intermediate.dense.weight : tensor<16x8xf32> from "bert.encoder.layer.*.intermediate.dense.weight"
    graft.parameter @intermediate.dense.bias : tensor<16xf32> from "bert.encoder.layer.*.intermediate.dense.bias"
    graft.parameter @output.dense.weight : tensor<8x16xf32> from "bert.encoder.layer.*.output.dense.weight"
    graft.parameter @output.dense.bias : tensor<8xf32> from "bert.encoder.layer.*.output.dense.bias"
    graft.parameter @output.LayerNorm.weight : tensor<8xf32> from "bert.encoder.layer.*.output.LayerNorm.weight"
    graft.parameter @output.LayerNorm.bias : tensor<8xf32> from "bert.encoder.layer.*.output.LayerNorm.bias"
  }
  graft.parameter @pooler.dense.weight : tensor<8x8xf32>
  graft.parameter @pooler.dense.bias : tensor<8xf32>
  graft.parameter @classifier.weight : tensor<3x8xf32> initial "normal" deviation 2.000000e-02
  graft.parameter @classifier.bias : tensor<3xf32> initial "zeros"

  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %types: tensor<?xi32, #T> {graft.name = "types"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x8xf32, #T> {
    %word_t = graft.read @embeddings.word_embeddings.weight : tensor<16x8xf32>
    %word = graft.embedding %ids, %word_t : (tensor<?xi32, #T>, tensor<16x8xf32>) -> tensor<?x8xf32, #T>
    %positions = graft.positions %seq : (!graft.segments<T, S>) -> tensor<?xi32, #T>
    %position_t = graft.read @embeddings.position_embeddings.weight : tensor<12x8xf32>
    %position = graft.embedding %positions, %position_t : (tensor<?xi32, #T>, tensor<12x8xf32>) -> tensor<?x8xf32, #T>
    %type_t = graft.read @embeddings.token_type_embeddings.weight : tensor<2x8xf32>
    %type = graft.embedding %types, %type_t : (tensor<?xi32, #T>, tensor<2x8xf32>) -> tensor<?x8xf32, #T>
    %sum0 = graft.add %word, %position : tensor<?x8xf32, #T>
    %sum = graft.add %sum0, %type : tensor<?x8xf32, #T>
    %norm_g = graft.read @embeddings.LayerNorm.weight : tensor<8xf32>
    %norm_s = graft.read @embeddings.LayerNorm.bias : tensor<8xf32>
    %norm = graft.layer_norm %sum, %norm_g, %norm_s epsilon 1.000000e-05 : (tensor<?x8xf32, #T>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #T>
    %embedded = graft.dropout %norm, %seq rate 1.000000e-01 id 0 : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #T>
    %encoded = graft.repeat 2 scope @encoder.layer (%x = %embedded) : tensor<?x8xf32, #T> {
      %q_w = graft.read layer @attention.self.query.weight : tensor<8x8xf32>
      %q_b = graft.read layer @attention.self.query.bias : tensor<8xf32>
      %q = graft.linear %x, %q_w, %q_b : (tensor<?x8xf32, #T>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #T>
      %k_w = graft.read layer @attention.self.key.weight : tensor<8x8xf32>
      %k_b = graft.read layer @attention.self.key.bias : tensor<8xf32>
      %k = graft.linear %x, %k_w, %k_b : (tensor<?x8xf32, #T>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #T>
      %v_w = graft.read layer @attention.self.value.weight : tensor<8x8xf32>
      %v_b = graft.read layer @attention.self.value.bias : tensor<8xf32>
      %v = graft.linear %x, %v_w, %v_b : (tensor<?x8xf32, #T>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #T>
      %a = graft.attention %q, %k, %v, %seq heads 2 dropout 1.000000e-01 id 64 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #T>
      %o_w = graft.read layer @attention.output.dense.weight : tensor<8x8xf32>
      %o_b = graft.read layer @attention.output.dense.bias : tensor<8xf32>
      %o = graft.linear %a, %o_w, %o_b : (tensor<?x8xf32, #T>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #T>
      %od = graft.dropout %o, %seq rate 1.000000e-01 id 65 : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #T>
      %r = graft.add %x, %od : tensor<?x8xf32, #T>
      %y_g = graft.read layer @attention.output.LayerNorm.weight : tensor<8xf32>
      %y_s = graft.read layer @attention.output.LayerNorm.bias : tensor<8xf32>
      %y = graft.layer_norm %r, %y_g, %y_s epsilon 1.000000e-05 : (tensor<?x8xf32, #T>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #T>
      %i_w = graft.read layer @intermediate.dense.weight : tensor<16x8xf32>
      %i_b = graft.read layer @intermediate.dense.bias : tensor<16xf32>
      %i = graft.linear %y, %i_w, %i_b : (tensor<?x8xf32, #T>, tensor<16x8xf32>, tensor<16xf32>) -> tensor<?x16xf32, #T>
      %f = graft.gelu erf %i : tensor<?x16xf32, #T>
      %p_w = graft.read layer @output.dense.weight : tensor<8x16xf32>
      %p_b = graft.read layer @output.dense.bias : tensor<8xf32>
      %p = graft.linear %f, %p_w, %p_b : (tensor<?x16xf32, #T>, tensor<8x16xf32>, tensor<8xf32>) -> tensor<?x8xf32, #T>
      %pd = graft.dropout %p, %seq rate 1.000000e-01 id 66 : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #T>
      %u = graft.add %y, %pd : tensor<?x8xf32, #T>
      %z_g = graft.read layer @output.LayerNorm.weight : tensor<8xf32>
      %z_s = graft.read layer @output.LayerNorm.bias : tensor<8xf32>
      %z = graft.layer_norm %u, %z_g, %z_s epsilon 1.000000e-05 : (tensor<?x8xf32, #T>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #T>
      graft.yield %z : tensor<?x8xf32, #T>
    }
    return %encoded : tensor<?x8xf32, #T>
  }

  func.func @pooled(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %types: tensor<?xi32, #T> {graft.name = "types"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x8xf32, #S> {
    %encoded = graft.call @encode(%ids, %types, %seq) : (tensor<?xi32, #T>, tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #T>
    %first = graft.segment_pool first %encoded, %seq : (tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
    %dense_w = graft.read @pooler.dense.weight : tensor<8x8xf32>
    %dense_b = graft.read @pooler.dense.bias : tensor<8xf32>
    %dense = graft.linear %first, %dense_w, %dense_b : (tensor<?x8xf32, #S>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #S>
    %pooled = graft.tanh %dense : tensor<?x8xf32, #S>
    return %pooled : tensor<?x8xf32, #S>
  }

  func.func @classify(%pooled: tensor<?x8xf32, #S> {graft.name = "pooled"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x3xf32, #S> {
    %dropped = graft.dropout %pooled, %seq rate 1.000000e-01 id 1 : (tensor<?x8xf32, #S>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
    %logits_w = graft.read @classifier.weight : tensor<3x8xf32>
    %logits_b = graft.read @classifier.bias : tensor<3xf32>
    %logits = graft.linear %dropped, %logits_w, %logits_b : (tensor<?x8xf32, #S>, tensor<3x8xf32>, tensor<3xf32>) -> tensor<?x3xf32, #S>
    return %logits : tensor<?x3xf32, #S>
  }

  func.func @logits(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %types: tensor<?xi32, #T> {graft.name = "types"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x3xf32, #S> {
    %pooled = graft.call @pooled(%ids, %types, %seq) : (tensor<?xi32, #T>, tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #S>
    %logits = graft.call @classify(%pooled, %seq) : (tensor<?x8xf32, #S>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %logits : tensor<?x3xf32, #S>
  }
}

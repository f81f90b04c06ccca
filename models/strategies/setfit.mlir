// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Few labels (SetFit, Tunstall et al. 2022): the encoder learns from pairs of texts, whose
// cosine shall be 1 where their labels are equal and else 0. The pairs of a text are all
// with another one of the batch; those of equal labels count one half, however few they
// are. Then a linear head learns from the encoder, which stays as it is. The vector of a
// text is the mean of its tokens.
//
// Invariant 4 does not hold: a text that stands twice is a pair.
// Invariant 5 does not hold: a text with a weight of 0 is in the pairs of others.

#S = #graft.dims<S>
#K = #graft.dims<K>
#KH = #graft.dims<K, H>
#SH = #graft.dims<S, H>
#SK = #graft.dims<S, K>
#SS = #graft.dims<S, S>
#TH = #graft.dims<T, H>

graft.model @head {
  graft.parameter @weight : tensor<?x?xf32, #KH> initial "normal" deviation 0.02
  graft.parameter @bias : tensor<?xf32, #K> initial "zeros"
  func.func @logits(%x: tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SK> {
    %w = graft.read @weight : tensor<?x?xf32, #KH>
    %b = graft.read @bias : tensor<?xf32, #K>
    %z = graft.linear %x, %w, %b : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #KH>, tensor<?xf32, #K>) -> tensor<?x?xf32, #SK>
    return %z : tensor<?x?xf32, #SK>
  }
}

transfer.strategy @setfit sizes (H, K) {
  transfer.parameter @rate = 2.0e-5 in [0.0, 3.0e+38] "peak learning rate of the encoder"
  transfer.parameter @epochs = 20 in [1, 1000000000] "passes over the examples for the encoder"
  transfer.parameter @head_rate = 1.0e-2 in [0.0, 3.0e+38] "peak learning rate of the head"
  transfer.parameter @head_epochs = 20 in [1, 1000000000] "passes over the examples for the head"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps of a stage in which its rate rises"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"

  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @encoder of @model decay @weight_decay
  transfer.group @top of @head decay @weight_decay

  %tokens = transfer.call @model::@encode(%text) : (!transfer.text) -> tensor<?x?xf32, #TH>
  %x = graft.formula "x[t, h], text[t, s] -> [s, h]: mean text (x)" (%tokens, %text) : (tensor<?x?xf32, #TH>, !transfer.text) -> tensor<?x?xf32, #SH>
  %u = graft.formula "x[s, h] -> [s, h]: x / sqrt(sum h (x * x))" (%x) : (tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SH>
  %cosine = graft.formula "u[s, h], v[r, h] -> [s, r]: sum h (u * v)" (%u, %u) : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SS>

  // 1 where labels are equal, also of a text and itself, whose cosine is 1 in any case.
  %rows = graft.one_hot %labels : (tensor<?xi32, #S>) -> tensor<?x?xf32, #SK>
  %same = graft.formula "u[s, k], v[r, k] -> [s, r]: sum k (u * v)" (%rows, %rows) : (tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SS>
  %each = graft.formula "cosine, same: (cosine - same) * (cosine - same)" (%cosine, %same) : (tensor<?x?xf32, #SS>, tensor<?x?xf32, #SS>) -> tensor<?x?xf32, #SS>
  %near = graft.formula "each[s, r], same[s, r] -> [s]: sum r (same * each) / max(sum r (same) - 1, 1)" (%each, %same) : (tensor<?x?xf32, #SS>, tensor<?x?xf32, #SS>) -> tensor<?xf32, #S>
  %far = graft.formula "each[s, r], same[s, r] -> [s]: sum r ((1 - same) * each) / max(sum r (1 - same), 1)" (%each, %same) : (tensor<?x?xf32, #SS>, tensor<?x?xf32, #SS>) -> tensor<?xf32, #S>
  %half = graft.formula "near, far: (near + far) / 2" (%near, %far) : (tensor<?xf32, #S>, tensor<?xf32, #S>) -> tensor<?xf32, #S>
  %pairs = transfer.mean %half : tensor<?xf32, #S>

  %states = transfer.call deterministic @model::@encode(%text) : (!transfer.text) -> tensor<?x?xf32, #TH>
  %y = graft.formula "x[t, h], text[t, s] -> [s, h]: mean text (x)" (%states, %text) : (tensor<?x?xf32, #TH>, !transfer.text) -> tensor<?x?xf32, #SH>
  %logits = transfer.call @head::@logits(%y) : (tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SK>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>

  transfer.predict %logits softmax evaluate %label : tensor<?x?xf32, #SK>
  transfer.phase @pairs minimise %pairs over [@encoder] with adamw rate linear @rate warmup @warmup clip @clip
  transfer.phase @classes minimise %label over [@top] with adamw rate linear @head_rate warmup @warmup clip @clip
  transfer.schedule epochs @epochs of [@pairs]
  transfer.schedule epochs @head_epochs of [@classes]
}

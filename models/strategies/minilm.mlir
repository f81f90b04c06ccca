// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Distillation of relations of tokens (MiniLMv2, Wang et al. 2021): @model first learns
// how the tokens of a text relate to each other in a layer of @teacher. Between its last
// queries the relations are softmax(Q Q^T), in each head, and likewise between keys and
// between values; it learns them by their divergence, a mean over heads and tokens. Both
// may have any width and any number of layers. Then @model learns from the labels and
// from the logits of @teacher, as in the page distill. The teacher is frozen; evaluation
// is by the labels alone. A text without a label, -100, has no part in the hard loss.

#S = #graft.dims<S>
#SK = #graft.dims<S, K>
#TG = #graft.dims<T, G>
#TH = #graft.dims<T, H>

transfer.strategy @minilm sizes (H, G, K) {
  transfer.parameter @layer = -1 in [-1000, 1000] "layer of the teacher; -1: the last"
  transfer.parameter @relation_heads = 0 in [0, 10000] "heads that relations are cut into; 0: those of both models, as many"
  transfer.parameter @relation_rate = 1.0e-4 in [0.0, 3.0e+38] "peak learning rate for the relations"
  transfer.parameter @relation_epochs = 3 in [1, 1000000000] "passes over the examples for the relations"
  transfer.parameter @rate = 5.0e-5 in [0.0, 3.0e+38] "peak learning rate for labels and logits"
  transfer.parameter @epochs = 1 in [1, 1000000000] "passes over the examples for labels and logits"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rates after the warm-up"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps of a stage in which the rate rises"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @temperature = 2.0 in [1.0e-9, 1.0e+9] "temperature of the softmax of teacher and model"
  transfer.parameter @soft_share = 0.5 in [0.0, 1.0] "weight of the teacher's logits beside the labels"

  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @teacher of @teacher frozen
  transfer.group @all of @model decay @weight_decay

  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %said = transfer.call deterministic @teacher::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %q = transfer.tap "query" layer -1 of %logits : tensor<?x?xf32, #SK> -> tensor<?x?xf32, #TH>
  %k = transfer.tap "key" layer -1 of %logits : tensor<?x?xf32, #SK> -> tensor<?x?xf32, #TH>
  %v = transfer.tap "value" layer -1 of %logits : tensor<?x?xf32, #SK> -> tensor<?x?xf32, #TH>
  %tq = transfer.tap "query" layer @layer of %said : tensor<?x?xf32, #SK> -> tensor<?x?xf32, #TG>
  %tk = transfer.tap "key" layer @layer of %said : tensor<?x?xf32, #SK> -> tensor<?x?xf32, #TG>
  %tv = transfer.tap "value" layer @layer of %said : tensor<?x?xf32, #SK> -> tensor<?x?xf32, #TG>
  %qq = transfer.relation_divergence kl %q, %q, %tq, %tq over %text heads @relation_heads
      : (tensor<?x?xf32, #TH>, tensor<?x?xf32, #TH>, tensor<?x?xf32, #TG>, tensor<?x?xf32, #TG>, !transfer.text) -> tensor<?xf32, #S>
  %kk = transfer.relation_divergence kl %k, %k, %tk, %tk over %text heads @relation_heads
      : (tensor<?x?xf32, #TH>, tensor<?x?xf32, #TH>, tensor<?x?xf32, #TG>, tensor<?x?xf32, #TG>, !transfer.text) -> tensor<?xf32, #S>
  %vv = transfer.relation_divergence kl %v, %v, %tv, %tv over %text heads @relation_heads
      : (tensor<?x?xf32, #TH>, tensor<?x?xf32, #TH>, tensor<?x?xf32, #TG>, tensor<?x?xf32, #TG>, !transfer.text) -> tensor<?xf32, #S>
  %queries = transfer.mean %qq : tensor<?xf32, #S>
  %keys = transfer.mean %kk : tensor<?xf32, #S>
  %values = transfer.mean %vv : tensor<?xf32, #S>
  %relations = transfer.combine 1.0 * %queries + 1.0 * %keys + 1.0 * %values

  %hard = transfer.loss cross_entropy %logits, %labels ignore -100 mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %kept = transfer.cache @teacher_logits %said : tensor<?x?xf32, #SK>
  %soft = transfer.loss kl_divergence %logits, %kept temperature @temperature mean
      : tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>
  %loss = transfer.combine "1 - @soft_share" * %hard + @soft_share * %soft

  transfer.predict %logits softmax evaluate %hard : tensor<?x?xf32, #SK>
  transfer.phase @relate minimise %relations over [@all]
      with adamw rate @schedule @relation_rate warmup @warmup clip @clip
  transfer.phase @logits minimise %loss over [@all]
      with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.schedule epochs @relation_epochs of [@relate]
  transfer.schedule epochs @epochs of [@logits]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Distillation of layers (TinyBERT, Jiao et al. 2020): @model first learns the embeddings of
// @teacher, the hidden states of its layers and their scores of attention, by mean squared errors,
// and then its logits; soft_share leaves the rest to labels other than -100. Layer m of M matches
// layer m N / M of N, with as many heads. Learned matrices map to the width of the teacher.
#S = #graft.dims<S>
#SK = #graft.dims<S, K>
#TG = #graft.dims<T, G>
#TH = #graft.dims<T, H>
#GH = #graft.dims<G, H>
!own = !transfer.layers<tensor<?x?xf32, #TH>>
!other = !transfer.layers<tensor<?x?xf32, #TG>>
!losses = !transfer.layers<tensor<?xf32, #S>>

graft.model @fit {
  graft.parameter @embeddings.weight : tensor<?x?xf32, #GH> initial "normal" deviation 0.02
  graft.parameter @states.weight : tensor<?x?xf32, #GH> initial "normal" deviation 0.02
}

transfer.strategy @tinybert sizes (H, G, K) {
  transfer.parameter @layer_rate = 1.0e-4 in [0.0, 3.0e+38] "peak learning rate for the layers"
  transfer.parameter @layer_epochs = 10 in [1, 1000000000] "passes over the examples for the layers"
  transfer.parameter @rate = 5.0e-5 in [0.0, 3.0e+38] "peak learning rate for logits and labels"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the examples for logits and labels"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps of a stage in which the rate rises"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @temperature = 1.0 in [1.0e-9, 1.0e+9] "temperature of the softmax of teacher and model"
  transfer.parameter @soft_share = 1.0 in [0.0, 1.0] "weight of the teacher's logits; the labels get the rest"
  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @teacher of @teacher frozen
  transfer.group @all of @model decay @weight_decay
  transfer.group @maps of @fit
  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %said = transfer.call deterministic @teacher::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %e = transfer.tap "hidden" layer 0 of %logits : tensor<?x?xf32, #SK> -> tensor<?x?xf32, #TH>
  %te = transfer.tap "hidden" layer 0 of %said : tensor<?x?xf32, #SK> -> tensor<?x?xf32, #TG>
  %word_map, %map = transfer.read @fit [@embeddings.weight, @states.weight] : tensor<?x?xf32, #GH>, tensor<?x?xf32, #GH>
  %we = graft.formula "x[t, h], w[g, h] -> [t, g]: sum h (x * w)" (%e, %word_map) {graft.precision = "follow"} : (tensor<?x?xf32, #TH>, tensor<?x?xf32, #GH>) -> tensor<?x?xf32, #TG>
  %words = graft.formula "x[t, g], y[t, g], text[t, s] -> [s]: mean text (mean g ((x - y) * (x - y)))" (%we, %te, %text) : (tensor<?x?xf32, #TG>, tensor<?x?xf32, #TG>, !transfer.text) -> tensor<?xf32, #S>
  %h = transfer.tap "hidden" layers 1 to -1 of %logits : tensor<?x?xf32, #SK> -> !own
  %th = transfer.tap "hidden" of %said matching %h : tensor<?x?xf32, #SK>, !own -> !other
  %wh = graft.formula "x[t, h], w[g, h] -> [t, g]: sum h (x * w)" (%h, %map) {graft.precision = "follow"} : (!own, tensor<?x?xf32, #GH>) -> !other
  %hidden = graft.formula "x[t, g], y[t, g], text[t, s] -> [s]: mean text (mean g ((x - y) * (x - y)))" (%wh, %th, %text) : (!other, !other, !transfer.text) -> !losses
  %all = transfer.sum %hidden : !losses
  %q = transfer.tap "query" of %logits : tensor<?x?xf32, #SK> -> !own
  %k = transfer.tap "key" of %logits : tensor<?x?xf32, #SK> -> !own
  %tq = transfer.tap "query" of %said matching %q : tensor<?x?xf32, #SK>, !own -> !other
  %tk = transfer.tap "key" of %said matching %k : tensor<?x?xf32, #SK>, !own -> !other
  %scores = transfer.relation_divergence mse %q, %k, %tq, %tk over %text : (!own, !own, !other, !other, !transfer.text) -> !losses
  %maps = transfer.sum %scores : !losses
  %every = graft.formula "words, all, maps: words + all + maps" (%words, %all, %maps) : (tensor<?xf32, #S>, tensor<?xf32, #S>, tensor<?xf32, #S>) -> tensor<?xf32, #S>
  %layers = transfer.mean %every : tensor<?xf32, #S>
  %hard = transfer.loss cross_entropy %logits, %labels ignore -100 mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %kept = transfer.cache @teacher_logits %said : tensor<?x?xf32, #SK>
  %soft = transfer.loss kl_divergence %logits, %kept temperature @temperature mean : tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>
  %loss = transfer.combine "1 - @soft_share" * %hard + @soft_share * %soft
  transfer.predict %logits softmax evaluate %hard : tensor<?x?xf32, #SK>
  transfer.phase @layers minimise %layers over [@all, @maps] with adamw rate linear @layer_rate warmup @warmup clip 1.0
  transfer.phase @logits minimise %loss over [@all] with adamw rate linear @rate warmup @warmup clip 1.0
  transfer.schedule epochs @layer_epochs of [@layers]
  transfer.schedule epochs @epochs of [@logits]
}

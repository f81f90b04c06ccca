// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Meta-KD (Pan et al. 2021): a student of one domain, @train, learns from @teacher, which page
// meta has trained on that domain and @other. First it learns states of layers, scores of attention
// and the content, a mean of the last states, where a text weighs (1 + t) / (1 + exp((1 - p)^2)): p
// is what the teacher gives to the label, and t how typical the text is of its class, own cos(e, c)
// + (1 - own) cos(e, d) for its content e in the teacher and the means c of its class in @train and
// d in @other. Two stages add up these contents; a cosine needs no more of a mean. Then the student
// learns the teacher's logits. Layer m of M matches layer m N / M of N, with as many heads; learned
// matrices map to the width of the teacher.

#S = #graft.dims<S>
#SK = #graft.dims<S, K>
#SG = #graft.dims<S, G>
#KG = #graft.dims<K, G>
#TG = #graft.dims<T, G>
#TH = #graft.dims<T, H>
#GH = #graft.dims<G, H>
!own = !transfer.layers<tensor<?x?xf32, #TH>>
!other = !transfer.layers<tensor<?x?xf32, #TG>>
!losses = !transfer.layers<tensor<?xf32, #S>>

graft.model @fit {
  graft.parameter @states.weight : tensor<?x?xf32, #GH> initial "normal" deviation 0.02
  graft.parameter @content.weight : tensor<?x?xf32, #GH> initial "normal" deviation 0.02
}

graft.model @classes {
  graft.parameter @own.sum : tensor<?x?xf32, #KG> initial "zeros"
  graft.parameter @other.sum : tensor<?x?xf32, #KG> initial "zeros"
}

transfer.strategy @meta_kd sizes (H, G, K) {
  transfer.parameter @layer_rate = 3.0e-5 in [0.0, 3.0e+38] "peak learning rate for the layers"
  transfer.parameter @layer_epochs = 10 in [1, 1000000000] "passes over the examples for the layers"
  transfer.parameter @rate = 3.0e-5 in [0.0, 3.0e+38] "peak learning rate for the logits"
  transfer.parameter @epochs = 10 in [1, 1000000000] "passes over the examples for the logits"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps of a stage in which the rate rises"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @temperature = 2.0 in [1.0e-9, 1.0e+9] "temperature of the softmax of teacher and model"
  transfer.parameter @own = 0.5 in [0.0, 1.0] "share of its own domain in how typical a text is"

  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  %more, %others = transfer.stream @other of text, labels<K> in @T, @S
  transfer.group @teacher of @teacher frozen
  transfer.group @all of @model decay @weight_decay
  transfer.group @maps of @fit
  transfer.group @sums of @classes

  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %said = transfer.call deterministic @teacher::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %said_other = transfer.call deterministic @teacher::@logits(%more) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %states = transfer.tap "hidden" layer -1 of %said : tensor<?x?xf32, #SK> -> tensor<?x?xf32, #TG>
  %states_other = transfer.tap "hidden" layer -1 of %said_other : tensor<?x?xf32, #SK> -> tensor<?x?xf32, #TG>
  %e = graft.formula "x[t, g], text[t, s] -> [s, g]: mean text (x)" (%states, %text) : (tensor<?x?xf32, #TG>, !transfer.text) -> tensor<?x?xf32, #SG>
  %own_sum, %other_sum = transfer.read @classes [@own.sum, @other.sum] : tensor<?x?xf32, #KG>, tensor<?x?xf32, #KG>
  %c = graft.formula "y[s], m[k, g] -> [s, g]: sum k (is(y, k) * m)" (%labels, %own_sum) : (tensor<?xi32, #S>, tensor<?x?xf32, #KG>) -> tensor<?x?xf32, #SG>
  %d = graft.formula "y[s], m[k, g] -> [s, g]: sum k (is(y, k) * m)" (%labels, %other_sum) : (tensor<?xi32, #S>, tensor<?x?xf32, #KG>) -> tensor<?x?xf32, #SG>
  // sgd with a rate of 1 adds the content of a text to the sum of its class.
  %added = graft.formula "e[s, g], c[s, g] -> [s]: -sum g (e * c)" (%e, %c) : (tensor<?x?xf32, #SG>, tensor<?x?xf32, #SG>) -> tensor<?xf32, #S>
  %added_other = graft.formula "x[t, g], text[t, s], y[s], d[k, g] -> [s]: -sum g (mean text (x) * sum k (is(y, k) * d))" (%states_other, %more, %others, %other_sum) : (tensor<?x?xf32, #TG>, !transfer.text, tensor<?xi32, #S>, tensor<?x?xf32, #KG>) -> tensor<?xf32, #S>
  %sum = transfer.total %added : tensor<?xf32, #S>
  %sum_other = transfer.total %added_other : tensor<?xf32, #S>

  // %ce is the teacher's cross-entropy, -log(p).
  %ce = graft.cross_entropy %said, %labels : (tensor<?x?xf32, #SK>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  %share = transfer.number @own : tensor<f32>
  %near = graft.formula "e[s, g], c[s, g] -> [s]: sum g (e * c) / sqrt(max(sum g (e * e) * sum g (c * c), 1e-24))" (%e, %c) : (tensor<?x?xf32, #SG>, tensor<?x?xf32, #SG>) -> tensor<?xf32, #S>
  %far = graft.formula "e[s, g], d[s, g] -> [s]: sum g (e * d) / sqrt(max(sum g (e * e) * sum g (d * d), 1e-24))" (%e, %d) : (tensor<?x?xf32, #SG>, tensor<?x?xf32, #SG>) -> tensor<?xf32, #S>
  %weight = graft.formula "near, far, own[], ce: (1 + own * near + (1 - own) * far) * sigmoid(-(1 - exp(-ce)) * (1 - exp(-ce)))" (%near, %far, %share, %ce) : (tensor<?xf32, #S>, tensor<?xf32, #S>, tensor<f32>, tensor<?xf32, #S>) -> tensor<?xf32, #S>

  %h = transfer.tap "hidden" of %logits : tensor<?x?xf32, #SK> -> !own
  %th = transfer.tap "hidden" of %said matching %h : tensor<?x?xf32, #SK>, !own -> !other
  %map, %content_map = transfer.read @fit [@states.weight, @content.weight] : tensor<?x?xf32, #GH>, tensor<?x?xf32, #GH>
  %mapped = graft.formula "x[t, h], w[g, h] -> [t, g]: sum h (x * w)" (%h, %map) {graft.precision = "follow"} : (!own, tensor<?x?xf32, #GH>) -> !other
  %hidden = graft.formula "x[t, g], y[t, g], text[t, s] -> [s]: mean text (mean g ((x - y) * (x - y)))" (%mapped, %th, %text) : (!other, !other, !transfer.text) -> !losses
  %q = transfer.tap "query" of %logits : tensor<?x?xf32, #SK> -> !own
  %k = transfer.tap "key" of %logits : tensor<?x?xf32, #SK> -> !own
  %tq = transfer.tap "query" of %said matching %q : tensor<?x?xf32, #SK>, !own -> !other
  %tk = transfer.tap "key" of %said matching %k : tensor<?x?xf32, #SK>, !own -> !other
  %scores = transfer.relation_divergence mse %q, %k, %tq, %tk over %text : (!own, !own, !other, !other, !transfer.text) -> !losses
  %last = transfer.tap "hidden" layer -1 of %logits : tensor<?x?xf32, #SK> -> tensor<?x?xf32, #TH>
  %content = graft.formula "x[t, h], text[t, s], w[g, h] -> [s, g]: sum h (mean text (x) * w)" (%last, %text, %content_map) : (tensor<?x?xf32, #TH>, !transfer.text, tensor<?x?xf32, #GH>) -> tensor<?x?xf32, #SG>
  %all_hidden = transfer.sum %hidden : !losses
  %all_scores = transfer.sum %scores : !losses
  %every = graft.formula "hidden[s], scores[s], x[s, g], e[s, g], weight[s] -> [s]: weight * (hidden + scores + mean g ((x - e) * (x - e)) / 2)" (%all_hidden, %all_scores, %content, %e, %weight) : (tensor<?xf32, #S>, tensor<?xf32, #S>, tensor<?x?xf32, #SG>, tensor<?x?xf32, #SG>, tensor<?xf32, #S>) -> tensor<?xf32, #S>
  %layers = transfer.mean %every : tensor<?xf32, #S>

  %kept = transfer.cache @teacher_logits %said : tensor<?x?xf32, #SK>
  %soft = transfer.loss kl_divergence %logits, %kept temperature @temperature mean : tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>

  transfer.predict %logits softmax evaluate %label : tensor<?x?xf32, #SK>
  transfer.phase @add_own minimise %sum over [@sums] with sgd rate constant 1.0
  transfer.phase @add_other minimise %sum_other over [@sums] with sgd rate constant 1.0
  transfer.phase @layers minimise %layers over [@all, @maps] with adamw rate linear @layer_rate warmup @warmup clip 1.0
  transfer.phase @logits minimise %soft over [@all] with adamw rate linear @rate warmup @warmup clip 1.0
  transfer.schedule epochs 1 of [@add_own]
  transfer.schedule epochs 1 of [@add_other]
  transfer.schedule epochs @layer_epochs of [@layers]
  transfer.schedule epochs @epochs of [@logits]
}

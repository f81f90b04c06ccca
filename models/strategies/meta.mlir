// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Meta fine-tuning (Wang et al. 2020): a classifier of two domains, from which each of them
// is fine-tuned afterwards. A text counts as much as it is typical, t = a cos(e, c) + (1 - a)
// cos(e, d) or 0 if that is less: e are its features in @start, the encoder before it learns,
// c is the mean of those of its class in its own domain and d in the other. Two stages add
// up these features; a cosine needs no more of their mean. Besides, the states of the last
// layer shall not tell the domain, even beside a vector that does: the cross-entropy with
// domains that are shuffled in the batch, in the mean over all shuffles.

#S = #graft.dims<S>
#H = #graft.dims<H>
#KH = #graft.dims<K, H>
#SH = #graft.dims<S, H>
#SK = #graft.dims<S, K>
#TH = #graft.dims<T, H>

graft.model @typical {
  graft.parameter @first.sum : tensor<?x?xf32, #KH> initial "zeros"
  graft.parameter @second.sum : tensor<?x?xf32, #KH> initial "zeros"
}

graft.model @domain {
  graft.parameter @first : tensor<?xf32, #H> initial "normal" deviation 0.02
  graft.parameter @second : tensor<?xf32, #H> initial "normal" deviation 0.02
  graft.parameter @weight : tensor<1x?xf32, #H> initial "normal" deviation 0.02
  graft.parameter @bias : tensor<1xf32> initial "zeros"
}

transfer.strategy @meta sizes (H, K) {
  transfer.parameter @rate = 2.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 2 in [1, 1000000000] "passes over the first domain"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @own = 0.5 in [0.0, 1.0] "share of a text's own domain in how typical it is"
  transfer.parameter @share = 0.1 in [0.0, 1000.0] "weight of the domains in the loss"

  %a, %a_labels = transfer.stream @first of text, labels<K> in @T, @S
  %b, %b_labels = transfer.stream @second of text, labels<K> in @T, @S
  transfer.group @pretrained of @start frozen
  transfer.group @all of @model decay @weight_decay
  transfer.group @centroids of @typical
  transfer.group @judge of @domain

  %ae = transfer.call deterministic @start::@pooled(%a) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %be = transfer.call deterministic @start::@pooled(%b) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %ax = transfer.cache @first_features %ae : tensor<?x?xf32, #SH>
  %bx = transfer.cache @second_features %be : tensor<?x?xf32, #SH>
  %first, %second = transfer.read @typical [@first.sum, @second.sum] : tensor<?x?xf32, #KH>, tensor<?x?xf32, #KH>
  %aa = graft.formula "y[s], c[k, h] -> [s, h]: sum k (is(y, k) * c)" (%a_labels, %first) : (tensor<?xi32, #S>, tensor<?x?xf32, #KH>) -> tensor<?x?xf32, #SH>
  %ab = graft.formula "y[s], c[k, h] -> [s, h]: sum k (is(y, k) * c)" (%a_labels, %second) : (tensor<?xi32, #S>, tensor<?x?xf32, #KH>) -> tensor<?x?xf32, #SH>
  %ba = graft.formula "y[s], c[k, h] -> [s, h]: sum k (is(y, k) * c)" (%b_labels, %first) : (tensor<?xi32, #S>, tensor<?x?xf32, #KH>) -> tensor<?x?xf32, #SH>
  %bb = graft.formula "y[s], c[k, h] -> [s, h]: sum k (is(y, k) * c)" (%b_labels, %second) : (tensor<?xi32, #S>, tensor<?x?xf32, #KH>) -> tensor<?x?xf32, #SH>
  // sgd with a rate of 1 adds the features of a text to the sum of its class.
  %am = graft.formula "x[s, h], c[s, h] -> [s]: -sum h (x * c)" (%ax, %aa) : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
  %bm = graft.formula "x[s, h], c[s, h] -> [s]: -sum h (x * c)" (%bx, %bb) : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
  %a_sum = transfer.total %am : tensor<?xf32, #S>
  %b_sum = transfer.total %bm : tensor<?xf32, #S>

  %a_near = graft.formula "x[s, h], c[s, h] -> [s]: sum h (x * c) / sqrt(max(sum h (x * x) * sum h (c * c), 1e-24))" (%ax, %aa) : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
  %a_far = graft.formula "x[s, h], c[s, h] -> [s]: sum h (x * c) / sqrt(max(sum h (x * x) * sum h (c * c), 1e-24))" (%ax, %ab) : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
  %b_near = graft.formula "x[s, h], c[s, h] -> [s]: sum h (x * c) / sqrt(max(sum h (x * x) * sum h (c * c), 1e-24))" (%bx, %bb) : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
  %b_far = graft.formula "x[s, h], c[s, h] -> [s]: sum h (x * c) / sqrt(max(sum h (x * x) * sum h (c * c), 1e-24))" (%bx, %ba) : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
  %own = transfer.number @own : tensor<f32>
  %az = transfer.call @model::@logits(%a) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %bz = transfer.call @model::@logits(%b) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %ac = graft.cross_entropy %az, %a_labels : (tensor<?x?xf32, #SK>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  %bc = graft.cross_entropy %bz, %b_labels : (tensor<?x?xf32, #SK>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  %aw = graft.formula "e, near, far, own[]: e * relu(own * near + (1 - own) * far)" (%ac, %a_near, %a_far, %own) : (tensor<?xf32, #S>, tensor<?xf32, #S>, tensor<?xf32, #S>, tensor<f32>) -> tensor<?xf32, #S>
  %bw = graft.formula "e, near, far, own[]: e * relu(own * near + (1 - own) * far)" (%bc, %b_near, %b_far, %own) : (tensor<?xf32, #S>, tensor<?xf32, #S>, tensor<?xf32, #S>, tensor<f32>) -> tensor<?xf32, #S>
  %al = transfer.mean %aw : tensor<?xf32, #S>
  %bl = transfer.mean %bw : tensor<?xf32, #S>

  %ah = transfer.tap "hidden" layer -1 of %az : tensor<?x?xf32, #SK> -> tensor<?x?xf32, #TH>
  %bh = transfer.tap "hidden" layer -1 of %bz : tensor<?x?xf32, #SK> -> tensor<?x?xf32, #TH>
  %u, %v, %w, %bias = transfer.read @domain [@first, @second, @weight, @bias] : tensor<?xf32, #H>, tensor<?xf32, #H>, tensor<1x?xf32, #H>, tensor<1xf32>
  %as = graft.formula "x[t, h], text[t, s], v[h], w[1, h], b[1] -> [s, 1]: sum h ((mean text (x) + v) * w) + b" (%ah, %a, %u, %w, %bias) : (tensor<?x?xf32, #TH>, !transfer.text, tensor<?xf32, #H>, tensor<1x?xf32, #H>, tensor<1xf32>) -> tensor<?x1xf32, #S>
  %bs = graft.formula "x[t, h], text[t, s], v[h], w[1, h], b[1] -> [s, 1]: sum h ((mean text (x) + v) * w) + b" (%bh, %b, %v, %w, %bias) : (tensor<?x?xf32, #TH>, !transfer.text, tensor<?xf32, #H>, tensor<1x?xf32, #H>, tensor<1xf32>) -> tensor<?x1xf32, #S>
  %half = graft.constant 0.5 : tensor<?x1xf32, #S>
  %ao = transfer.loss binary_cross_entropy %as, %half mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %bo = transfer.loss binary_cross_entropy %bs, %half mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %loss = transfer.combine 0.5 * %al + 0.5 * %bl + "@share / 2" * %ao + "@share / 2" * %bo
  %label = transfer.loss cross_entropy %az, %a_labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>

  transfer.predict %az softmax evaluate %label : tensor<?x?xf32, #SK>
  transfer.phase @add_first minimise %a_sum over [@centroids] with sgd rate constant 1.0
  transfer.phase @add_second minimise %b_sum over [@centroids] with sgd rate constant 1.0
  transfer.phase @learn minimise %loss over [@all, @judge] with adamw rate linear @rate warmup @warmup clip @clip
  transfer.schedule epochs 1 of [@add_first]
  transfer.schedule epochs 1 of [@add_second]
  transfer.schedule epochs @epochs of [@learn]
}

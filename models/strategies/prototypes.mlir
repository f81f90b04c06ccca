// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Prototypical networks (Snell et al. 2017): a text has the class whose prototype, the
// mean of the features of its examples, is nearest, p = softmax(-|f(x) - c|^2). The
// encoder learns from batches of @train, where each text is asked against the prototypes
// of all others; a class without another text is left out, and a text of it is a loss of
// 0. Then the texts of @support, of which a few per class are enough, give the prototypes
// that predict. Their classes may be new; or both are one table. Features are means of tokens.
//
// Invariant 4 does not hold: of a text that stands twice the one is an example for the other.

#S = #graft.dims<S>
#K = #graft.dims<K>
#N = #graft.dims<N>
#KH = #graft.dims<K, H>
#NH = #graft.dims<N, H>
#SH = #graft.dims<S, H>
#SK = #graft.dims<S, K>
#SN = #graft.dims<S, N>
#TH = #graft.dims<T, H>

graft.model @nearest {
  graft.parameter @sum : tensor<?x?xf32, #KH> initial "zeros"
  graft.parameter @count : tensor<?xf32, #K> initial "zeros"
}

transfer.strategy @prototypes sizes (H, K, N) {
  transfer.parameter @rate = 2.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the texts of @train"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"

  %few, %few_labels = transfer.stream @support of text, labels<K> in @T, @S
  %text, %labels = transfer.stream @train of text, labels<N> in @T, @S
  transfer.group @encoder of @model decay @weight_decay
  transfer.group @memory of @nearest

  %tokens = transfer.call @model::@encode(%text) : (!transfer.text) -> tensor<?x?xf32, #TH>
  %x = graft.formula "x[t, h], text[t, s] -> [s, h]: mean text (x)" (%tokens, %text) : (tensor<?x?xf32, #TH>, !transfer.text) -> tensor<?x?xf32, #SH>
  %n = graft.formula "y[s] -> [n]: sum s (is(y, n))" (%labels) : (tensor<?xi32, #S>) -> tensor<?xf32, #N>
  %c = graft.formula "y[s], x[s, h], n[k] -> [k, h]: sum s (is(y, k) * x) / max(n, 1)" (%labels, %x, %n) : (tensor<?xi32, #S>, tensor<?x?xf32, #SH>, tensor<?xf32, #N>) -> tensor<?x?xf32, #NH>
  %d = graft.formula "x[s, h], c[n, h] -> [s, n]: sum h (x * x) + sum h (c * c) - 2 * sum h (x * c)" (%x, %c) : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #NH>) -> tensor<?x?xf32, #SN>
  // Without itself a text of n is n / (n - 1) times as far from the mean.
  %others = graft.formula "n[k], y[s] -> [s, k]: n - is(y, k)" (%n, %labels) : (tensor<?xf32, #N>, tensor<?xi32, #S>) -> tensor<?x?xf32, #SN>
  %ratio = graft.formula "n[k], m[s, k] -> [s, k]: n / max(m, 1)" (%n, %others) : (tensor<?xf32, #N>, tensor<?x?xf32, #SN>) -> tensor<?x?xf32, #SN>
  %z = graft.formula "d, ratio, m: (step(m, 1) - 1) * 1e30 - d * ratio * ratio" (%d, %ratio, %others) : (tensor<?x?xf32, #SN>, tensor<?x?xf32, #SN>, tensor<?x?xf32, #SN>) -> tensor<?x?xf32, #SN>
  %each = graft.cross_entropy %z, %labels : (tensor<?x?xf32, #SN>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  %counted = graft.formula "e[s], y[s], m[s, k] -> [s]: e * sum k (is(y, k) * step(m, 1))" (%each, %labels, %others) : (tensor<?xf32, #S>, tensor<?xi32, #S>, tensor<?x?xf32, #SN>) -> tensor<?xf32, #S>
  %loss = transfer.mean %counted : tensor<?xf32, #S>

  %states = transfer.call deterministic @model::@encode(%few) : (!transfer.text) -> tensor<?x?xf32, #TH>
  %y = graft.formula "x[t, h], text[t, s] -> [s, h]: mean text (x)" (%states, %few) : (tensor<?x?xf32, #TH>, !transfer.text) -> tensor<?x?xf32, #SH>
  %sum, %count = transfer.read @nearest [@sum, @count] : tensor<?x?xf32, #KH>, tensor<?xf32, #K>
  // sgd with a rate of 1 adds texts and their number to the sums of their classes.
  %added = graft.formula "y[s], x[s, h], c[k, h], n[k] -> [s]: -sum h (x * sum k (is(y, k) * c)) - sum k (is(y, k) * n)" (%few_labels, %y, %sum, %count) : (tensor<?xi32, #S>, tensor<?x?xf32, #SH>, tensor<?x?xf32, #KH>, tensor<?xf32, #K>) -> tensor<?xf32, #S>
  %total = transfer.total %added : tensor<?xf32, #S>
  // 2 f(x) c - |c|^2, which has the same softmax.
  %mean = graft.formula "c[k, h], n[k] -> [k, h]: c / max(n, 1)" (%sum, %count) : (tensor<?x?xf32, #KH>, tensor<?xf32, #K>) -> tensor<?x?xf32, #KH>
  %logits = graft.formula "x[s, h], c[k, h], n[k] -> [s, k]: 2 * sum h (x * c) - sum h (c * c) + (step(n, 1) - 1) * 1e30" (%y, %mean, %count) : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #KH>, tensor<?xf32, #K>) -> tensor<?x?xf32, #SK>
  %label = transfer.loss cross_entropy %logits, %few_labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>

  transfer.predict %logits softmax evaluate %label : tensor<?x?xf32, #SK>
  transfer.phase @learn minimise %loss over [@encoder] with adamw rate linear @rate warmup @warmup clip @clip
  transfer.phase @collect minimise %total over [@memory] with sgd rate constant 1.0
  transfer.schedule epochs @epochs of [@learn]
  transfer.schedule epochs 1 of [@collect]
}

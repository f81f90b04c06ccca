// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Selection of texts by similarity (after Ruder and Plank 2017): a text of @source counts
// more the nearer it is to those of @target. Its similarity is s = (u - c) c, of its
// pretrained features u, normalised to length 1, and the mean c of those of @target; it
// counts exp(a z - a^2 / 2), at most @most, where z is s less its mean over @source,
// divided by its standard deviation, and a is @sharpness. These are about 1 in the mean.
// c, the mean and the variance are computed in a pass each: with the rate 1 / (1 + step),
// what is nearest by squared distances is the mean of all batches so far.

#S = #graft.dims<S>
#H = #graft.dims<H>
#SH = #graft.dims<S, H>
#SK = #graft.dims<S, K>

graft.model @near {
  graft.parameter @centre : tensor<?xf32, #H> initial "zeros"
  graft.parameter @level : tensor<f32> initial "zeros"
  graft.parameter @variance : tensor<f32> initial "zeros"
}

transfer.strategy @similarity sizes (H, K) {
  transfer.parameter @rate = 2.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rate after the warm-up"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the source"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @sharpness = 1.0 in [0.0, 100.0] "how much more a text counts that is nearer; 0: all count alike"
  transfer.parameter @most = 10.0 in [1.0e-6, 1.0e+6] "greatest weight of a text"

  %text, %labels = transfer.stream @source of text, labels<K> in @T, @S
  %other = transfer.stream @target of text in @T, @S
  transfer.group @encoder of @model decay @weight_decay
  transfer.group @middle of @near select "^centre$"
  transfer.group @level of @near select "^level$"
  transfer.group @variance of @near select "^variance$"
  // The pretrained features, for all of the training.
  transfer.group @kept of @start tracks @model keep 1.0

  %c, %l, %v = transfer.read @near [@centre, @level, @variance] : tensor<?xf32, #H>, tensor<f32>, tensor<f32>
  %ft = transfer.call deterministic @start::@pooled(%other) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %ut = graft.formula "x[s, h] -> [s, h]: x / sqrt(max(sum h (x * x), 1e-24))" (%ft) : (tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SH>
  %far = graft.formula "u[s, h], c[h] -> [s]: sum h ((c - u) * (c - u)) / 2" (%ut, %c) : (tensor<?x?xf32, #SH>, tensor<?xf32, #H>) -> tensor<?xf32, #S>
  %around = transfer.mean %far : tensor<?xf32, #S>
  %fs = transfer.call deterministic @start::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %us = graft.formula "x[s, h] -> [s, h]: x / sqrt(max(sum h (x * x), 1e-24))" (%fs) : (tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SH>
  // u c alone would differ in its last digits only.
  %d = graft.formula "u[s, h], c[h], l[] -> [s]: sum h ((u - c) * c) - l" (%us, %c, %l) : (tensor<?x?xf32, #SH>, tensor<?xf32, #H>, tensor<f32>) -> tensor<?xf32, #S>
  %off = graft.formula "d: d * d / 2" (%d) : (tensor<?xf32, #S>) -> tensor<?xf32, #S>
  %level = transfer.mean %off : tensor<?xf32, #S>
  %varied = graft.formula "d, v[]: (v - d * d) * (v - d * d) / 2" (%d, %v) : (tensor<?xf32, #S>, tensor<f32>) -> tensor<?xf32, #S>
  %variance = transfer.mean %varied : tensor<?xf32, #S>

  %a = transfer.number @sharpness : tensor<f32>
  %most = transfer.number @most : tensor<f32>
  %count = graft.formula "d, v[], a[], most[]: most * exp(min(0, a * d / sqrt(max(v, 1e-12)) - a * a / 2 - log(most)))" (%d, %v, %a, %most) : (tensor<?xf32, #S>, tensor<f32>, tensor<f32>, tensor<f32>) -> tensor<?xf32, #S>
  %weight = graft.stop_gradient %count : tensor<?xf32, #S>

  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %each = graft.cross_entropy %logits, %labels : (tensor<?x?xf32, #SK>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  %counted = graft.mul %each, %weight : tensor<?xf32, #S>
  %loss = transfer.mean %counted : tensor<?xf32, #S>

  // How unsure the model is chooses the best epoch by texts without labels.
  %sure = graft.softmax %logits : (tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SK>
  %logs = graft.softmax %logits log : (tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SK>
  %unsure = graft.formula "p[s, k], logs[s, k] -> [s]: -sum k (p * logs)" (%sure, %logs) : (tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>) -> tensor<?xf32, #S>
  %entropy = transfer.mean %unsure : tensor<?xf32, #S>
  transfer.predict %logits softmax evaluate %label or %entropy : tensor<?x?xf32, #SK>
  transfer.phase @find_middle minimise %around over [@middle] with sgd rate constant "1 / (1 + step)"
  transfer.phase @find_level minimise %level over [@level] with sgd rate constant "1 / (1 + step)"
  transfer.phase @find_variance minimise %variance over [@variance] with sgd rate constant "1 / (1 + step)"
  transfer.phase @learn minimise %loss over [@encoder] with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.schedule epochs 1 of [@find_middle]
  transfer.schedule epochs 1 of [@find_level]
  transfer.schedule epochs 1 of [@find_variance]
  transfer.schedule epochs @epochs of [@learn]
}

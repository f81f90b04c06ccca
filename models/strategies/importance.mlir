// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Importance weights (Shimodaira 2000; Bickel et al. 2009): a model of the domains
// first learns to tell the texts of @source from those of @target by their pretrained
// features, and then a text of @source counts as often as texts like it come in
// @target: w = p / (1 - p) where p is the probability of @target, at most @most.

#S = #graft.dims<S>
#H = #graft.dims<H>
#SH = #graft.dims<S, H>
#SK = #graft.dims<S, K>

graft.model @domain {
  graft.parameter @weight : tensor<1x?xf32, #H> initial "zeros"
  graft.parameter @bias : tensor<1xf32> initial "zeros"
  func.func @logits(%x: tensor<?x?xf32, #SH>) -> tensor<?x1xf32, #S> {
    %w = graft.read @weight : tensor<1x?xf32, #H>
    %b = graft.read @bias : tensor<1xf32>
    %z = graft.linear %x, %w, %b : (tensor<?x?xf32, #SH>, tensor<1x?xf32, #H>, tensor<1xf32>) -> tensor<?x1xf32, #S>
    return %z : tensor<?x1xf32, #S>
  }
}

transfer.strategy @importance sizes (H, K) {
  transfer.parameter @rate = 2.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rate after the warm-up"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the source"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @domain_rate = 1.0e-3 in [0.0, 3.0e+38] "learning rate of the model of the domains"
  transfer.parameter @domain_epochs = 3 in [1, 1000000000] "passes over the source for the model of the domains"
  transfer.parameter @most = 10.0 in [1.0e-6, 1.0e+6] "greatest weight of a text"

  %text, %labels = transfer.stream @source of text, labels<K> in @T, @S
  %other = transfer.stream @target of text in @T, @S
  transfer.group @encoder of @model decay @weight_decay
  transfer.group @judge of @domain decay @weight_decay
  // The pretrained features, for all of the training.
  transfer.group @kept of @start tracks @model keep 1.0

  %fs = transfer.call deterministic @start::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %ft = transfer.call deterministic @start::@pooled(%other) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %ds = transfer.call @domain::@logits(%fs) : (tensor<?x?xf32, #SH>) -> tensor<?x1xf32, #S>
  %dt = transfer.call @domain::@logits(%ft) : (tensor<?x?xf32, #SH>) -> tensor<?x1xf32, #S>
  %zero = graft.constant 0.0 : tensor<?x1xf32, #S>
  %one = graft.constant 1.0 : tensor<?x1xf32, #S>
  %here = transfer.loss binary_cross_entropy %ds, %zero mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %there = transfer.loss binary_cross_entropy %dt, %one mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %apart = transfer.combine 0.5 * %here + 0.5 * %there

  // p / (1 - p) = exp(logit), at most @most.
  %most = transfer.number @most : tensor<f32>
  %ratio = graft.formula "z[s, 1], most[] -> [s]: exp(min(z, log(most)))" (%ds, %most) : (tensor<?x1xf32, #S>, tensor<f32>) -> tensor<?xf32, #S>
  %weight = graft.stop_gradient %ratio : tensor<?xf32, #S>

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
  transfer.phase @tell minimise %apart over [@judge] with adamw rate constant @domain_rate
  transfer.phase @learn minimise %loss over [@encoder] with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.schedule epochs @domain_epochs of [@tell]
  transfer.schedule epochs @epochs of [@learn]
}

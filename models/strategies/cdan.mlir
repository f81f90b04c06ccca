// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Conditional domain-adversarial training (CDAN+E, Long et al. 2018): as dann, but @domain
// reads the products of features and predictions, so that texts of one class are made alike
// with texts of that class. Texts whose prediction is sure count up to twice as much.
// Gradients flow back through the features alone.

#S = #graft.dims<S>
#H = #graft.dims<H>
#K = #graft.dims<K>
#HH = #graft.dims<H, H>
#KH = #graft.dims<K, H>
#SH = #graft.dims<S, H>
#SK = #graft.dims<S, K>

graft.model @domain {
  graft.parameter @hidden.weight : tensor<?x?xf32, #HH> initial "normal" deviation 0.05
  graft.parameter @output.weight : tensor<?x?xf32, #KH> initial "normal" deviation 0.05
  func.func @logits(%x: tensor<?x?xf32, #SH>, %p: tensor<?x?xf32, #SK>) -> tensor<?x1xf32, #S> {
    %w = graft.read @hidden.weight : tensor<?x?xf32, #HH>
    %y = graft.linear %x, %w : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #HH>) -> tensor<?x?xf32, #SH>
    %h = graft.relu %y : tensor<?x?xf32, #SH>
    %v = graft.read @output.weight : tensor<?x?xf32, #KH>
    %z = graft.linear %h, %v : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #KH>) -> tensor<?x?xf32, #SK>
    %d = graft.formula "z[s, k], p[s, k] -> [s, 1]: sum k (z * p)" (%z, %p) : (tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>) -> tensor<?x1xf32, #S>
    return %d : tensor<?x1xf32, #S>
  }
}

transfer.strategy @cdan sizes (H, K) {
  transfer.parameter @rate = 2.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the source"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @strength = 0.1 in [0.0, 1000.0] "factor of the reversed gradient at the end"
  transfer.parameter @critic_speed = 10.0 in [0.0, 1.0e+6] "factor of the learning rate for the model of the domains"
  %text, %labels = transfer.stream @source of text, labels<K> in @T, @S
  %other = transfer.stream @target of text in @T, @S
  transfer.group @encoder of @model decay @weight_decay
  transfer.group @critic of @domain multiplier @critic_speed
  %fs = transfer.call @model::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %ft = transfer.call @model::@pooled(%other) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %logits = transfer.call @model::@classify(%fs, %text) : (tensor<?x?xf32, #SH>, !transfer.text) -> tensor<?x?xf32, #SK>
  %guess = transfer.call @model::@classify(%ft, %other) : (tensor<?x?xf32, #SH>, !transfer.text) -> tensor<?x?xf32, #SK>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %fixed_s = graft.stop_gradient %logits : tensor<?x?xf32, #SK>
  %ps = graft.softmax %fixed_s : (tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SK>
  %rs = transfer.scale_gradient %fs by "-@strength * (2 / (1 + exp(-10 * progress)) - 1)" : tensor<?x?xf32, #SH>
  %ds = transfer.call @domain::@logits(%rs, %ps) : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #SK>) -> tensor<?x1xf32, #S>
  %zero = graft.constant 0.0 : tensor<?x1xf32, #S>
  %bs = graft.binary_cross_entropy %ds, %zero : (tensor<?x1xf32, #S>, tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
  // Each loss times 1 + exp(-entropy).
  %ws = graft.formula "e[s], p[s, k] -> [s]: e * (1 + exp(sum k (p * log(p + 1e-7))))" (%bs, %ps) : (tensor<?xf32, #S>, tensor<?x?xf32, #SK>) -> tensor<?xf32, #S>
  %ms = transfer.mean %ws : tensor<?xf32, #S>
  %fixed_t = graft.stop_gradient %guess : tensor<?x?xf32, #SK>
  %pt = graft.softmax %fixed_t : (tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SK>
  %rt = transfer.scale_gradient %ft by "-@strength * (2 / (1 + exp(-10 * progress)) - 1)" : tensor<?x?xf32, #SH>
  %dt = transfer.call @domain::@logits(%rt, %pt) : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #SK>) -> tensor<?x1xf32, #S>
  %one = graft.constant 1.0 : tensor<?x1xf32, #S>
  %bt = graft.binary_cross_entropy %dt, %one : (tensor<?x1xf32, #S>, tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
  %wt = graft.formula "e[s], p[s, k] -> [s]: e * (1 + exp(sum k (p * log(p + 1e-7))))" (%bt, %pt) : (tensor<?xf32, #S>, tensor<?x?xf32, #SK>) -> tensor<?xf32, #S>
  %mt = transfer.mean %wt : tensor<?xf32, #S>
  %loss = transfer.combine 1.0 * %label + 0.5 * %ms + 0.5 * %mt
  // How unsure the model is chooses the best epoch by texts without labels.
  %sure = graft.softmax %logits : (tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SK>
  %logs = graft.softmax %logits log : (tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SK>
  %unsure = graft.formula "p[s, k], logs[s, k] -> [s]: -sum k (p * logs)" (%sure, %logs) : (tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>) -> tensor<?xf32, #S>
  %entropy = transfer.mean %unsure : tensor<?xf32, #S>
  transfer.predict %logits softmax evaluate %label or %entropy : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@encoder, @critic] with adamw rate linear @rate warmup @warmup clip 1.0
  transfer.schedule epochs @epochs of [@step]
}

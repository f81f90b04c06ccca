// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Wasserstein distance guided adaptation (Shen et al. 2018): a critic learns in
// several turns to tell the features of both domains apart by as much as a function
// of slope 1 can; then the encoder learns the labels, and features that are near to
// each other. The slope is held to 1 at the features of both domains (@excess, of
// Gulrajani et al. 2017, who take points between pairs of rows).

#S = #graft.dims<S>
#H = #graft.dims<H>
#HH = #graft.dims<H, H>
#SH = #graft.dims<S, H>
#SK = #graft.dims<S, K>

graft.model @critic {
  graft.parameter @hidden.weight : tensor<?x?xf32, #HH> initial "normal" deviation 0.05
  graft.parameter @hidden.bias : tensor<?xf32, #H> initial "zeros"
  graft.parameter @output.weight : tensor<1x?xf32, #H> initial "normal" deviation 0.05
  func.func @score(%x: tensor<?x?xf32, #SH>) -> tensor<?xf32, #S> {
    %w = graft.read @hidden.weight : tensor<?x?xf32, #HH>
    %b = graft.read @hidden.bias : tensor<?xf32, #H>
    %y = graft.linear %x, %w, %b : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #HH>, tensor<?xf32, #H>) -> tensor<?x?xf32, #SH>
    %h = graft.tanh %y : tensor<?x?xf32, #SH>
    %v = graft.read @output.weight : tensor<1x?xf32, #H>
    %z = graft.linear %h, %v : (tensor<?x?xf32, #SH>, tensor<1x?xf32, #H>) -> tensor<?x1xf32, #S>
    %s = graft.reduce sum %z over [1] : (tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
    return %s : tensor<?xf32, #S>
  }
}

transfer.strategy @wasserstein sizes (H, K) {
  transfer.parameter @rate = 2.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the source"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @share = 0.1 in [0.0, 1000.0] "weight of the distance in the loss"
  transfer.parameter @slope = 10.0 in [0.0, 1000.0] "weight of the critic's slope"
  transfer.parameter @turns = 5 in [1, 1000] "updates of the critic in a step"
  transfer.parameter @critic_rate = 1.0e-3 in [0.0, 3.0e+38] "learning rate of the critic"

  %text, %labels = transfer.stream @source of text, labels<K> in @T, @S
  %other = transfer.stream @target of text in @T, @S
  transfer.group @encoder of @model decay @weight_decay
  transfer.group @judge of @critic
  %fs = transfer.call @model::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %ft = transfer.call @model::@pooled(%other) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %logits = transfer.call @model::@classify(%fs, %text) : (tensor<?x?xf32, #SH>, !transfer.text) -> tensor<?x?xf32, #SK>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>

  %cs = transfer.call @critic::@score(%fs) : (tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
  %ct = transfer.call @critic::@score(%ft) : (tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
  %gs = transfer.gradient %cs wrt %fs : tensor<?xf32, #S>, tensor<?x?xf32, #SH>
  %gt = transfer.gradient %ct wrt %ft : tensor<?xf32, #S>, tensor<?x?xf32, #SH>
  %ls = graft.formula "g[s, h] -> [s]: sqrt(sum h (g * g) + 1e-12)" (%gs) : (tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
  %es = graft.formula "l: (l - 1) * (l - 1)" (%ls) : (tensor<?xf32, #S>) -> tensor<?xf32, #S>
  %lt = graft.formula "g[s, h] -> [s]: sqrt(sum h (g * g) + 1e-12)" (%gt) : (tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
  %et = graft.formula "l: (l - 1) * (l - 1)" (%lt) : (tensor<?xf32, #S>) -> tensor<?xf32, #S>
  %ms = transfer.mean %cs : tensor<?xf32, #S>
  %mt = transfer.mean %ct : tensor<?xf32, #S>
  %ps = transfer.mean %es : tensor<?xf32, #S>
  %pt = transfer.mean %et : tensor<?xf32, #S>
  %apart = transfer.combine 1.0 * %mt + -1.0 * %ms + "@slope / 2" * %ps + "@slope / 2" * %pt
  %loss = transfer.combine 1.0 * %label + @share * %ms + "-@share" * %mt

  // How unsure the model is chooses the best epoch by texts without labels.
  %sure = graft.softmax %logits : (tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SK>
  %logs = graft.softmax %logits log : (tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SK>
  %unsure = graft.formula "p[s, k], logs[s, k] -> [s]: -sum k (p * logs)" (%sure, %logs) : (tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>) -> tensor<?xf32, #S>
  %entropy = transfer.mean %unsure : tensor<?xf32, #S>
  transfer.predict %logits softmax evaluate %label or %entropy : tensor<?x?xf32, #SK>
  transfer.phase @tell minimise %apart over [@judge] with adamw rate constant @critic_rate
  transfer.phase @learn minimise %loss over [@encoder] with adamw rate linear @rate warmup @warmup clip @clip
  transfer.schedule epochs @epochs of [@tell times @turns, @learn]
}

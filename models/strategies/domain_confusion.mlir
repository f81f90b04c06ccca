// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Domain confusion (Tzeng et al. 2015): in each step a second model, @domain, first
// learns, in @turns updates, to tell the features of @source from those of @target. Then
// the encoder learns the labels, and features of which @domain says 1/2. Two optimisers
// take the place of the reversed gradient of dann. The weight of this doubt rises from 0
// to @share in the course of the training. @target has no labels.

#S = #graft.dims<S>
#H = #graft.dims<H>
#HH = #graft.dims<H, H>
#SH = #graft.dims<S, H>
#SK = #graft.dims<S, K>

graft.model @domain {
  graft.parameter @hidden.weight : tensor<?x?xf32, #HH> initial "normal" deviation 0.05
  graft.parameter @hidden.bias : tensor<?xf32, #H> initial "zeros"
  graft.parameter @output.weight : tensor<1x?xf32, #H> initial "normal" deviation 0.05
  graft.parameter @output.bias : tensor<1xf32> initial "zeros"
  func.func @logits(%x: tensor<?x?xf32, #SH>) -> tensor<?x1xf32, #S> {
    %w = graft.read @hidden.weight : tensor<?x?xf32, #HH>
    %b = graft.read @hidden.bias : tensor<?xf32, #H>
    %y = graft.linear %x, %w, %b : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #HH>, tensor<?xf32, #H>) -> tensor<?x?xf32, #SH>
    %h = graft.relu %y : tensor<?x?xf32, #SH>
    %v = graft.read @output.weight : tensor<1x?xf32, #H>
    %c = graft.read @output.bias : tensor<1xf32>
    %z = graft.linear %h, %v, %c : (tensor<?x?xf32, #SH>, tensor<1x?xf32, #H>, tensor<1xf32>) -> tensor<?x1xf32, #S>
    return %z : tensor<?x1xf32, #S>
  }
}

transfer.strategy @domain_confusion sizes (H, K) {
  transfer.parameter @rate = 2.0e-5 in [0.0, 3.0e+38] "peak learning rate of the encoder"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rate after the warm-up"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the source"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @share = 0.1 in [0.0, 1000.0] "weight of the doubt in the loss at the end"
  transfer.parameter @turns = 1 in [1, 1000] "updates of the model of the domains in a step"
  transfer.parameter @critic_rate = 1.0e-3 in [0.0, 3.0e+38] "learning rate of the model of the domains"

  %text, %labels = transfer.stream @source of text, labels<K> in @T, @S
  %other = transfer.stream @target of text in @T, @S
  transfer.group @encoder of @model decay @weight_decay
  transfer.group @critic of @domain

  %fs = transfer.call @model::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %ft = transfer.call @model::@pooled(%other) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %logits = transfer.call @model::@classify(%fs, %text) : (tensor<?x?xf32, #SH>, !transfer.text) -> tensor<?x?xf32, #SK>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>

  %ds = transfer.call @domain::@logits(%fs) : (tensor<?x?xf32, #SH>) -> tensor<?x1xf32, #S>
  %dt = transfer.call @domain::@logits(%ft) : (tensor<?x?xf32, #SH>) -> tensor<?x1xf32, #S>
  %zero = graft.constant 0.0 : tensor<?x1xf32, #S>
  %half = graft.constant 0.5 : tensor<?x1xf32, #S>
  %one = graft.constant 1.0 : tensor<?x1xf32, #S>
  %source = transfer.loss binary_cross_entropy %ds, %zero mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %target = transfer.loss binary_cross_entropy %dt, %one mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %apart = transfer.combine 0.5 * %source + 0.5 * %target
  %us = transfer.loss binary_cross_entropy %ds, %half mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %ut = transfer.loss binary_cross_entropy %dt, %half mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %doubt = transfer.combine 0.5 * %us + 0.5 * %ut
  %loss = transfer.combine 1.0 * %label + "@share * (2 / (1 + exp(-10 * progress)) - 1)" * %doubt

  // How unsure the model is chooses the best epoch by texts without labels.
  %sure = graft.softmax %logits : (tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SK>
  %logs = graft.softmax %logits log : (tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SK>
  %unsure = graft.formula "p[s, k], logs[s, k] -> [s]: -sum k (p * logs)" (%sure, %logs) : (tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>) -> tensor<?xf32, #S>
  %entropy = transfer.mean %unsure : tensor<?xf32, #S>
  transfer.predict %logits softmax evaluate %label or %entropy : tensor<?x?xf32, #SK>
  transfer.phase @tell minimise %apart over [@critic] with adamw rate constant @critic_rate
  transfer.phase @learn minimise %loss over [@encoder]
      with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.schedule epochs @epochs of [@tell times @turns, @learn]
}

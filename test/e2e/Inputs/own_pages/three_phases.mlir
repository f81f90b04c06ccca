// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Three phases that alternate, behind a stage of the head alone (Kumar et al. 2022):
// the model learns the labels; @domain learns twice per step to tell the domains
// apart, from features that it does not change; and in every third step the encoder
// learns to leave it in doubt (Tzeng et al. 2015).

#S = #graft.dims<S>
#H = #graft.dims<H>
#SH = #graft.dims<S, H>
#SK = #graft.dims<S, K>

graft.model @domain {
  graft.parameter @weight : tensor<1x?xf32, #H> initial "normal" deviation 0.05
  graft.parameter @bias : tensor<1xf32> initial "zeros"
  func.func @logits(%x: tensor<?x?xf32, #SH>) -> tensor<?x1xf32, #S> {
    %w = graft.read @weight : tensor<1x?xf32, #H>
    %b = graft.read @bias : tensor<1xf32>
    %z = graft.linear %x, %w, %b : (tensor<?x?xf32, #SH>, tensor<1x?xf32, #H>, tensor<1xf32>) -> tensor<?x1xf32, #S>
    return %z : tensor<?x1xf32, #S>
  }
}

transfer.strategy @three_phases sizes (H, K) {
  transfer.parameter @rate = 1.0e-3 in [0.0, 1.0] "peak learning rate"
  transfer.parameter @passes = 2 in [1, 1000] "passes over the source"
  transfer.parameter @ahead = 2 in [1, 100] "updates of the domains' model in a step"
  transfer.parameter @rarely = 3 in [1, 100] "steps from one confusion to the next"
  %text, %labels = transfer.stream @source of text, labels<K> in @T, @S
  %other = transfer.stream @target of text in @T, @S
  transfer.group @encoder of @net rest
  transfer.group @head of @net select "^classifier"
  transfer.group @judge of @domain

  %fs = transfer.call @net::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %ft = transfer.call @net::@pooled(%other) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %logits = transfer.call @net::@classify(%fs, %text) : (tensor<?x?xf32, #SH>, !transfer.text) -> tensor<?x?xf32, #SK>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>

  %ds = transfer.call @domain::@logits(%fs) : (tensor<?x?xf32, #SH>) -> tensor<?x1xf32, #S>
  %dt = transfer.call @domain::@logits(%ft) : (tensor<?x?xf32, #SH>) -> tensor<?x1xf32, #S>
  %zero = graft.constant 0.0 : tensor<?x1xf32, #S>
  %half = graft.constant 0.5 : tensor<?x1xf32, #S>
  %one = graft.constant 1.0 : tensor<?x1xf32, #S>
  %source = transfer.loss binary_cross_entropy %ds, %zero mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %target = transfer.loss binary_cross_entropy %dt, %one mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %apart = transfer.combine 0.5 * %source + 0.5 * %target
  %doubt = transfer.loss binary_cross_entropy %ds, %half mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %doubts = transfer.loss binary_cross_entropy %dt, %half mean : tensor<?x1xf32, #S>, tensor<?x1xf32, #S>
  %alike = transfer.combine 0.5 * %doubt + "0.5 * progress" * %doubts

  transfer.predict %logits softmax evaluate %label : tensor<?x?xf32, #SK>
  transfer.phase @probe minimise %label over [@head] with adamw rate linear @rate warmup 0.5
  transfer.phase @critic minimise %apart over [@judge] with adamw rate constant @rate
  transfer.phase @confuse minimise %alike over [@encoder] with sgd rate linear "@rate / 10"
  transfer.phase @learn minimise %label over [@encoder, @head] with adamw rate linear @rate clip 1.0
  transfer.schedule epochs 1 of [@probe]
  transfer.schedule epochs @passes of [@critic times @ahead, @confuse every @rarely, @learn]
}

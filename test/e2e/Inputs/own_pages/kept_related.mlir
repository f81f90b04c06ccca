// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A kept value in a loss that relates examples and in one that does not: texts keep
// near to what they were when the step began, before the first phase moved them.

#S = #graft.dims<S>
#SH = #graft.dims<S, H>
#SK = #graft.dims<S, K>

transfer.strategy @kept_related sizes (H, K) {
  transfer.parameter @rate = 1.0e-3 in [0.0, 1.0] "learning rate"
  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @all of @net
  %x = transfer.call @net::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %logits = transfer.call @net::@classify(%x, %text) : (tensor<?x?xf32, #SH>, !transfer.text) -> tensor<?x?xf32, #SK>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %was = transfer.keep @was %x : tensor<?x?xf32, #SH>
  %near = transfer.loss contrastive %x, %was temperature 0.1 mean : tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>
  %moved = transfer.loss mse %x, %was mean : tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>
  %both = transfer.combine 1.0 * %near + 10.0 * %moved

  transfer.predict %logits softmax evaluate %label : tensor<?x?xf32, #SK>
  transfer.phase @learn minimise %label over [@all] with adamw rate constant @rate
  transfer.phase @stay minimise %both over [@all] with adamw rate constant @rate
  transfer.schedule epochs 2 of [@learn, @stay]
}

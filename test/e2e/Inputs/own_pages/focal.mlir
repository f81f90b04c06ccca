// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Focal loss (Lin et al. 2017): texts that are classified well count less, by (1 -
// p)^2 with p, the probability of the label.

#S = #graft.dims<S>
#SK = #graft.dims<S, K>

transfer.strategy @focal sizes (K) {
  transfer.parameter @rate = 5.0e-5 in [0.0, 1.0] "peak learning rate"
  transfer.parameter @epochs = 3 in [1, 1000] "passes over the data"
  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %surprise = graft.cross_entropy %logits, %labels : (tensor<?x?xf32, #SK>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  %negative = graft.scale %surprise by -1.0 : tensor<?xf32, #S>
  %p = graft.exp %negative : tensor<?xf32, #S>
  %one = graft.constant 1.0 : tensor<?xf32, #S>
  %rest = graft.sub %one, %p : tensor<?xf32, #S>
  %factor = graft.mul %rest, %rest : tensor<?xf32, #S>
  %focal = graft.mul %factor, %surprise : tensor<?xf32, #S>
  %loss = transfer.mean %focal : tensor<?xf32, #S>
  transfer.predict %logits softmax : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear @rate
  transfer.schedule epochs @epochs of [@step]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// One head of sets of labels, and one of a label each, of the same classes.

#S = #graft.dims<S>
#SH = #graft.dims<S, H>
#SK = #graft.dims<S, K>
#KH = #graft.dims<K, H>

graft.model @kinds {
  graft.parameter @weight : tensor<?x?xf32, #KH> initial "normal" deviation 0.02
}

transfer.strategy @two_kinds sizes (H, K) {
  %text, %truth = transfer.stream @sets of text, multi_hot<K> in @T, @S
  %other, %labels = transfer.stream @single of text, labels<K> in @T, @S
  transfer.group @encoder of @model
  transfer.group @top of @kinds multiplier 10.0
  %z = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %x = transfer.call @model::@pooled(%other) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %w = transfer.read @kinds [@weight] : tensor<?x?xf32, #KH>
  %y = graft.formula "x[s, h], w[k, h] -> [s, k]: sum h (x * w)" (%x, %w) : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #KH>) -> tensor<?x?xf32, #SK>
  %a = transfer.loss binary_cross_entropy %z, %truth mean : tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>
  %b = transfer.loss cross_entropy %y, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %loss = transfer.combine 1.0 * %a + 1.0 * %b
  transfer.predict @sets %z sigmoid evaluate %a : tensor<?x?xf32, #SK>
  transfer.predict @single %y softmax evaluate %b : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@encoder, @top] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

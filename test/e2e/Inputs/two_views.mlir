// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A classifier whose texts are near to themselves under another dropout mask, and far
// from all others of the batch.

#T = #graft.dims<T>
#S = #graft.dims<S>
#SK = #graft.dims<S, K>
#SH = #graft.dims<S, H>
transfer.strategy @two_views sizes (H, K) {
  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %a = transfer.call @model::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %b = transfer.call @model::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %alike = transfer.loss contrastive %a, %b temperature 0.05 mean : tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>
  %loss = transfer.combine 1.0 * %label + 0.5 * %alike
  transfer.predict %logits softmax evaluate %label : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3 clip 1.0
  transfer.schedule epochs 1 of [@step]
}

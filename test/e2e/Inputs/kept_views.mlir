// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Texts are near to what a teacher has kept of them, each by its weight: what relates the
// examples reads a cache and a field beside what the model computes.

#T = #graft.dims<T>
#S = #graft.dims<S>
#SK = #graft.dims<S, K>
#SH = #graft.dims<S, H>
transfer.strategy @kept_views sizes (H, K) {
  %text, %labels, %weights = transfer.stream @train of text, labels<K>, weights in @T, @S
  transfer.group @all of @model
  transfer.group @fixed of @teacher frozen
  %said = transfer.call deterministic @teacher::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %kept = transfer.cache @kept %said : tensor<?x?xf32, #SH>
  %a = transfer.call @model::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %logits = transfer.call @model::@classify(%a, %text) : (tensor<?x?xf32, #SH>, !transfer.text) -> tensor<?x?xf32, #SK>
  %label = transfer.loss cross_entropy %logits, %labels weight %weights mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>, tensor<?xf32, #S>
  %alike = transfer.loss contrastive %a, %kept weight %weights temperature 0.1 mean : tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>, tensor<?xf32, #S>
  %loss = transfer.combine 1.0 * %label + 0.5 * %alike
  transfer.predict %logits softmax evaluate %label : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

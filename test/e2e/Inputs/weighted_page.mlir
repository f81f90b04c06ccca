// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Fine-tuning in which each example has a weight.
#S = #graft.dims<S>
#SK = #graft.dims<S, K>
transfer.strategy @weighted sizes (K) {
  transfer.parameter @rate = 1.0e-3 in [0.0, 1.0] "learning rate"
  %text, %labels, %weights = transfer.stream @train of text, labels<K>, weights in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %loss = transfer.loss cross_entropy %logits, %labels weight %weights mean
      : tensor<?x?xf32, #SK>, tensor<?xi32, #S>, tensor<?xf32, #S>
  transfer.predict %logits softmax : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant @rate
  transfer.schedule epochs 2 of [@step]
}

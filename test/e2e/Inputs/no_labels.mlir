// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A student that learns from a teacher alone: the texts have no labels.
#S = #graft.dims<S>
#SK = #graft.dims<S, K>
transfer.strategy @imitate sizes (K) {
  transfer.parameter @rate = 3.0e-3 in [0.0, 1.0] "learning rate"
  %text = transfer.stream @texts of text in @T, @S
  transfer.group @teacher of @big frozen
  transfer.group @student of @small
  %said = transfer.call deterministic @big::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %logits = transfer.call @small::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %loss = transfer.loss kl_divergence %logits, %said temperature 2.0 mean
      : tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>
  transfer.predict %logits softmax : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@student] with adamw rate constant @rate
  transfer.schedule epochs 4 of [@step]
}

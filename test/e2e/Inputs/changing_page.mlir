// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A loss whose factor changes from step to step, and a rate that does.
#S = #graft.dims<S>
#SK = #graft.dims<S, K>
transfer.strategy @changing sizes (K) {
  transfer.parameter @peak = 0.0 in [0.0, 1.0] "learning rate of the first step"
  transfer.parameter @slope = 2.0 in [0.0, 100.0] "how the factor rises"
  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %plain = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %loss = transfer.combine "FACTOR" * %plain
  transfer.predict %logits softmax evaluate %plain : tensor<?x?xf32, #SK>
  transfer.phase @learn minimise %loss over [@all]
      with sgd rate constant "@peak / (1 + 10 * progress)"
  transfer.schedule epochs 4 of [@learn]
}

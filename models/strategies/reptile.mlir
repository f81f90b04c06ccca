// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Reptile (Nichol et al. 2018): some steps of gradient descent on each batch, of which
// the model then goes a part of the way. Batches are of one task each with --task-column.
//
// Invariant 7 does not hold: a batch of an inner loop is never cut.

#S = #graft.dims<S>
#SK = #graft.dims<S, K>

transfer.strategy @reptile sizes (K) {
  transfer.parameter @inner_rate = 0.02 in [0.0, 3.0e+38] "learning rate of the inner steps"
  transfer.parameter @inner_steps = 3 in [1, 100] "inner steps"
  transfer.parameter @part = 1.0 in [0.0, 1.0] "part of the way that the model goes, which falls to 0"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the examples"

  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @all of @model

  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %fast = transfer.inner minimise %label over [@all] rate @inner_rate times @inner_steps order 1
  %far = transfer.distance %fast : tensor<f32>

  transfer.predict %logits softmax evaluate %label : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %far over [@all] with sgd rate linear @part
  transfer.schedule epochs @epochs of [@step]
}

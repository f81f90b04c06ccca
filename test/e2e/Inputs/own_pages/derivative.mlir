// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A loss whose factor is a derivative: that of a value whose gradient is scaled by
// @gamma. Training and evaluation agree on it.

#S = #graft.dims<S>
#SK = #graft.dims<S, K>

transfer.strategy @derivative sizes (K) {
  transfer.parameter @rate = 5.0e-5 in [0.0, 1.0] "peak learning rate"
  transfer.parameter @gamma = 3.0 in [0.0, 1000.0] "factor of the loss"
  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %surprise = graft.cross_entropy %logits, %labels : (tensor<?x?xf32, #SK>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  %one = graft.constant 1.0 : tensor<?xf32, #S>
  %scaled = transfer.scale_gradient %one by @gamma : tensor<?xf32, #S>
  %slope = transfer.gradient %scaled wrt %one : tensor<?xf32, #S>, tensor<?xf32, #S>
  %third = transfer.number "1 / @gamma" : tensor<?xf32, #S>
  %part = graft.mul %slope, %third : tensor<?xf32, #S>
  %more = graft.add %slope, %part : tensor<?xf32, #S>
  %each = graft.mul %surprise, %more : tensor<?xf32, #S>
  %loss = transfer.mean %each : tensor<?xf32, #S>
  transfer.predict %logits softmax : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear @rate
  transfer.schedule epochs 1 of [@step]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A penalty of one's own between two streams: the mean cosine-free product of all
// pairs of their features, squared, which pushes the domains to be orthogonal.

#S = #graft.dims<S>
#SH = #graft.dims<S, H>
#RH = #graft.dims<R, H>
#SR = #graft.dims<S, R>
#SK = #graft.dims<S, K>

transfer.strategy @kernel sizes (H, K) {
  transfer.parameter @rate = 5.0e-5 in [0.0, 1.0] "peak learning rate"
  transfer.parameter @epochs = 3 in [1, 1000] "passes over the source"
  %text, %labels = transfer.stream @source of text, labels<K> in @T, @S
  %other = transfer.stream @target of text in @U, @R
  transfer.group @all of @model
  %fs = transfer.call @model::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %ft = transfer.call @model::@pooled(%other) : (!transfer.text) -> tensor<?x?xf32, #RH>
  %logits = transfer.call @model::@classify(%fs, %text) : (tensor<?x?xf32, #SH>, !transfer.text) -> tensor<?x?xf32, #SK>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %pairs = graft.matmul %fs, %ft transpose_rhs : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #RH>) -> tensor<?x?xf32, #SR>
  %squares = graft.mul %pairs, %pairs : tensor<?x?xf32, #SR>
  %each = graft.reduce sum %squares over [1] : (tensor<?x?xf32, #SR>) -> tensor<?xf32, #S>
  %alike = transfer.mean %each : tensor<?xf32, #S>
  %loss = transfer.combine 1.0 * %label + 1.0e-3 * %alike
  transfer.predict %logits softmax evaluate %label : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear @rate
  transfer.schedule epochs @epochs of [@step]
}

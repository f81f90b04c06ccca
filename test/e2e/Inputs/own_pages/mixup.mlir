// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Mixup of pooled texts (Zhang et al. 2018), each with one that is drawn from its batch,
// and a supervised contrastive loss (Khosla et al. 2020) whose softmax is over all pairs.

#T = #graft.dims<T>
#S = #graft.dims<S>
#SS = #graft.dims<S, S>
#SH = #graft.dims<S, H>
#SK = #graft.dims<S, K>

transfer.strategy @mixup sizes (H, K) {
  transfer.parameter @rate = 1.0e-3 in [0.0, 1.0] "peak learning rate"
  transfer.parameter @least = 0.5 in [0.0, 1.0] "least share of a text's own"
  transfer.parameter @pairs = 0.1 in [0.0, 10.0] "weight of the contrastive loss"
  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @all of @model

  %x = transfer.call @model::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %plain = transfer.call @model::@classify(%x, %text) : (tensor<?x?xf32, #SH>, !transfer.text) -> tensor<?x?xf32, #SK>
  %judge = transfer.loss cross_entropy %plain, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>

  %least = transfer.number @least : tensor<f32>
  %u = graft.uniform %text id 20 : (!transfer.text) -> tensor<?x?xf32, #SS>
  %v = graft.uniform %text id 21 : (!transfer.text) -> tensor<?x1xf32, #S>
  %other = graft.formula "u[s, r] -> [s, r]: step(u, max r (u))" (%u) : (tensor<?x?xf32, #SS>) -> tensor<?x?xf32, #SS>
  %own = graft.formula "v, least[]: max(v, least)" (%v, %least) : (tensor<?x1xf32, #S>, tensor<f32>) -> tensor<?x1xf32, #S>
  %y = graft.one_hot %labels : (tensor<?xi32, #S>) -> tensor<?x?xf32, #SK>
  %mixed = graft.formula "a[s, h], b[r, h], other[s, r], own[s, 1] -> [s, h]: own * a + (1 - own) * sum r (other * b)" (%x, %x, %other, %own) : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>, tensor<?x?xf32, #SS>, tensor<?x1xf32, #S>) -> tensor<?x?xf32, #SH>
  %target = graft.formula "a[s, k], b[r, k], other[s, r], own[s, 1] -> [s, k]: own * a + (1 - own) * sum r (other * b)" (%y, %y, %other, %own) : (tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>, tensor<?x?xf32, #SS>, tensor<?x1xf32, #S>) -> tensor<?x?xf32, #SK>
  %z = transfer.call @model::@classify(%mixed, %text) : (tensor<?x?xf32, #SH>, !transfer.text) -> tensor<?x?xf32, #SK>
  %logs = graft.softmax %z log : (tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SK>
  %each = graft.formula "q[s, k], l[s, k] -> [s]: -sum k (q * l)" (%target, %logs) : (tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>) -> tensor<?xf32, #S>
  %soft = transfer.mean %each : tensor<?xf32, #S>

  %n = graft.formula "x[s, h] -> [s, h]: x / sqrt(sum h (x * x) + 1e-6)" (%x) : (tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SH>
  %c = graft.formula "a[s, h], b[r, h] -> [s, r]: 10 * sum h (a * b)" (%n, %n) : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SS>
  %same = graft.formula "u[s, k], v[r, k] -> [s, r]: sum k (u * v)" (%y, %y) : (tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SS>
  %near = graft.softmax %c log : (tensor<?x?xf32, #SS>) -> tensor<?x?xf32, #SS>
  %apart = graft.formula "n[s, r], same[s, r] -> [s]: -sum r (n * same) / sum r (same)" (%near, %same) : (tensor<?x?xf32, #SS>, tensor<?x?xf32, #SS>) -> tensor<?xf32, #S>
  %contrast = transfer.mean %apart : tensor<?xf32, #S>

  %loss = transfer.combine 1.0 * %soft + @pairs * %contrast
  transfer.predict %plain softmax evaluate %judge : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear @rate
  transfer.schedule epochs 3 of [@step]
}

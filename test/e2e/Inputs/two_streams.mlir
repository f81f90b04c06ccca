// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A classifier of the source, whose predictions on the target shall not depend
// on the dropout mask. The target has no labels.
#S = #graft.dims<S>
#SK = #graft.dims<S, K>
transfer.strategy @adapt sizes (K) {
  transfer.parameter @rate = 1.0e-3 in [0.0, 1.0] "learning rate"
  transfer.parameter @passes = 1 in [1, 100] "epochs"
  transfer.parameter @share = 0.5 in [0.0, 10.0] "weight of the target's loss"
  %seen, %answer = transfer.stream @source of text, labels<K> in @T, @S
  %unseen = transfer.stream @target of text in @T, @S
  transfer.group @everything of @net decay 0.01
  %scores = transfer.call @net::@logits(%seen) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %loss = transfer.loss cross_entropy %scores, %answer mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %noisy = transfer.call @net::@logits(%unseen) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %plain = transfer.call deterministic @net::@logits(%unseen) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %fixed = graft.stop_gradient %plain : tensor<?x?xf32, #SK>
  %distance = transfer.loss kl_divergence %noisy, %fixed mean : tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>
  %all = transfer.combine 1.0 * %loss + @share * %distance
  transfer.predict %scores softmax evaluate %loss : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %all over [@everything] with adamw rate linear @rate
  transfer.schedule epochs @passes of [@step]
}

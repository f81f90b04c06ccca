// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A strategy as a user writes it, in words of their own: one group of all
// parameters, and only the numbers that they want to turn.
#S = #graft.dims<S>
#SK = #graft.dims<S, K>
transfer.strategy @mine sizes (K) {
  transfer.parameter @peak = 2.0e-4 in [0.0, 1.0] "learning rate after the warm-up"
  transfer.parameter @rise = 0.0 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @fall = "linear" of ["constant", "linear", "cosine"] "what the rate does then"
  transfer.parameter @passes = 1 in [1, 100] "epochs"
  %said, %answer = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @everything of @net decay 0.01
  %scores = transfer.call @net::@logits(%said) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %loss = transfer.loss cross_entropy %scores, %answer mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  transfer.predict %scores softmax : tensor<?x?xf32, #SK>
  transfer.phase @learn minimise %loss over [@everything] with adamw rate @fall @peak warmup @rise
  transfer.schedule epochs @passes of [@learn]
}

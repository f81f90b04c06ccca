// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Model-agnostic meta-learning (MAML, Finn et al. 2017): the model learns to be a good
// beginning, from which a few steps on the texts of @support help with those of @query.
// With texts of two domains that is the learning to generalise of Li et al. (2018): @direct
// is the weight of the loss without these steps. Training counts the steps as constants
// (`order` 1), or differentiates them, too (2).
//
// Invariant 7 does not hold: a batch of an inner loop is never cut.

#S = #graft.dims<S>
#R = #graft.dims<R>
#SK = #graft.dims<S, K>
#RK = #graft.dims<R, K>

transfer.strategy @maml sizes (K) {
  transfer.parameter @rate = 5.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the support texts"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @inner_rate = 0.01 in [0.0, 3.0e+38] "learning rate of the inner steps"
  transfer.parameter @inner_steps = 1 in [1, 100] "inner steps"
  transfer.parameter @order = 1 in [1, 2] "1: inner steps are constants; 2: they are differentiated"
  transfer.parameter @direct = 0.0 in [0.0, 1.0e+6] "weight of the loss of the support texts themselves"

  %text, %labels = transfer.stream @support of text, labels<K> in @T, @S
  %other, %others = transfer.stream @query of text, labels<K> in @U, @R
  transfer.group @all of @model decay @weight_decay

  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %learnt = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %fast = transfer.inner minimise %learnt over [@all] rate @inner_rate times @inner_steps order @order
  %after = transfer.call @model::@logits(%other) at %fast : (!transfer.text) -> tensor<?x?xf32, #RK>
  %helped = transfer.loss cross_entropy %after, %others mean : tensor<?x?xf32, #RK>, tensor<?xi32, #R>
  %loss = transfer.combine 1.0 * %helped + @direct * %learnt

  transfer.predict %logits softmax evaluate %learnt : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@all]
      with adamw rate linear @rate warmup @warmup clip @clip
  transfer.schedule epochs @epochs of [@step]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Almost no inner loop (ANIL, Raghu et al. 2020): as maml, but the inner steps on the
// texts of @support move the head alone. The encoder learns features from which a head is
// learnt in a few steps; their derivatives pass through these steps (`order` 2) or, as with
// first-order methods, do not (1).
//
// Invariant 7 does not hold: a batch of an inner loop is never cut.

#S = #graft.dims<S>
#R = #graft.dims<R>
#SH = #graft.dims<S, H>
#RH = #graft.dims<R, H>
#SK = #graft.dims<S, K>
#RK = #graft.dims<R, K>

transfer.strategy @anil sizes (H, K) {
  transfer.parameter @rate = 5.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the support texts"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @inner_rate = 0.1 in [0.0, 3.0e+38] "learning rate of the inner steps"
  transfer.parameter @inner_steps = 5 in [1, 100] "inner steps"
  transfer.parameter @order = 2 in [1, 2] "1: inner steps are constants; 2: they are differentiated"
  transfer.parameter @new = "^classifier[.]" "pattern of the head's parameters"

  %text, %labels = transfer.stream @support of text, labels<K> in @T, @S
  %other, %others = transfer.stream @query of text, labels<K> in @U, @R
  transfer.group @head of @model select @new decay @weight_decay
  transfer.group @body of @model rest decay @weight_decay

  %x = transfer.call @model::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %y = transfer.call @model::@pooled(%other) : (!transfer.text) -> tensor<?x?xf32, #RH>
  %logits = transfer.call @model::@classify(%x, %text) : (tensor<?x?xf32, #SH>, !transfer.text) -> tensor<?x?xf32, #SK>
  %learnt = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %fast = transfer.inner minimise %learnt over [@head] rate @inner_rate times @inner_steps order @order
  %after = transfer.call @model::@classify(%y, %other) at %fast : (tensor<?x?xf32, #RH>, !transfer.text) -> tensor<?x?xf32, #RK>
  %loss = transfer.loss cross_entropy %after, %others mean : tensor<?x?xf32, #RK>, tensor<?xi32, #R>

  transfer.predict %logits softmax evaluate %learnt : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@head, @body]
      with adamw rate linear @rate warmup @warmup clip @clip
  transfer.schedule epochs @epochs of [@step]
}

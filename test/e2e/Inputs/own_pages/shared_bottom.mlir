// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Two tasks that share a layer behind the encoder. Its parameters have the names of the
// first expert of the page mmoe, and so the same first values.

#S = #graft.dims<S>
#AH = #graft.dims<A, H>
#BH = #graft.dims<B, H>
#HH = #graft.dims<H, H>
#SH = #graft.dims<S, H>
#SA = #graft.dims<S, A>
#SB = #graft.dims<S, B>

graft.model @tasks {
  graft.parameter @expert.0.weight : tensor<?x?xf32, #HH> initial "normal" deviation 0.05
  graft.parameter @first.weight : tensor<?x?xf32, #AH> initial "normal" deviation 0.02
  graft.parameter @second.weight : tensor<?x?xf32, #BH> initial "normal" deviation 0.02
  func.func @first(%x: tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SA> {
    %v = graft.read @expert.0.weight : tensor<?x?xf32, #HH>
    %y = graft.linear %x, %v : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #HH>) -> tensor<?x?xf32, #SH>
    %r = graft.relu %y : tensor<?x?xf32, #SH>
    %w = graft.read @first.weight : tensor<?x?xf32, #AH>
    %z = graft.linear %r, %w : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #AH>) -> tensor<?x?xf32, #SA>
    return %z : tensor<?x?xf32, #SA>
  }
  func.func @second(%x: tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SB> {
    %v = graft.read @expert.0.weight : tensor<?x?xf32, #HH>
    %y = graft.linear %x, %v : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #HH>) -> tensor<?x?xf32, #SH>
    %r = graft.relu %y : tensor<?x?xf32, #SH>
    %w = graft.read @second.weight : tensor<?x?xf32, #BH>
    %z = graft.linear %r, %w : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #BH>) -> tensor<?x?xf32, #SB>
    return %z : tensor<?x?xf32, #SB>
  }
}

transfer.strategy @shared_bottom sizes (H, A, B) {
  transfer.parameter @rate = 5.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rate after the warm-up"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the first task"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @share = 1.0 in [0.0, 1.0e+6] "weight of the second task in the loss"
  transfer.parameter @head_speed = 10.0 in [0.0, 1.0e+6] "factor of the learning rate for the layer and heads"

  %text, %labels = transfer.stream @first of text, labels<A> in @T, @S
  %other, %others = transfer.stream @second of text, labels<B> in @T, @S

  transfer.group @encoder of @model decay @weight_decay
  transfer.group @top of @tasks multiplier @head_speed

  %x = transfer.call @model::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %z = transfer.call @tasks::@first(%x) : (tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SA>
  %l = transfer.loss cross_entropy %z, %labels mean : tensor<?x?xf32, #SA>, tensor<?xi32, #S>
  %u = transfer.call @model::@pooled(%other) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %y = transfer.call @tasks::@second(%u) : (tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SB>
  %m = transfer.loss cross_entropy %y, %others mean : tensor<?x?xf32, #SB>, tensor<?xi32, #S>
  %loss = transfer.combine 1.0 * %l + @share * %m

  transfer.predict @first %z softmax evaluate %l : tensor<?x?xf32, #SA>
  transfer.predict @second %y softmax evaluate %m : tensor<?x?xf32, #SB>
  transfer.phase @step minimise %loss over [@encoder, @top]
      with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.schedule epochs @epochs of [@step]
}

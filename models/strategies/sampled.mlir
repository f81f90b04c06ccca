// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Multi-task learning with one task per step (Stickland and Murray 2019): each step
// takes a batch of @first or of @second, drawn in proportion to their examples to a
// power, which may fall in the course of the training. The encoder learns from both
// tasks; a head stays as it is while the other task has its turn. A page of more tasks
// has another model, stream, group and prediction for each.

#S = #graft.dims<S>
#A = #graft.dims<A>
#B = #graft.dims<B>
#AH = #graft.dims<A, H>
#BH = #graft.dims<B, H>
#SH = #graft.dims<S, H>
#SA = #graft.dims<S, A>
#SB = #graft.dims<S, B>

graft.model @first_head {
  graft.parameter @weight : tensor<?x?xf32, #AH> initial "normal" deviation 0.02
  graft.parameter @bias : tensor<?xf32, #A> initial "zeros"
  func.func @logits(%x: tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SA> {
    %w = graft.read @weight : tensor<?x?xf32, #AH>
    %b = graft.read @bias : tensor<?xf32, #A>
    %z = graft.linear %x, %w, %b : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #AH>, tensor<?xf32, #A>) -> tensor<?x?xf32, #SA>
    return %z : tensor<?x?xf32, #SA>
  }
}

graft.model @second_head {
  graft.parameter @weight : tensor<?x?xf32, #BH> initial "normal" deviation 0.02
  graft.parameter @bias : tensor<?xf32, #B> initial "zeros"
  func.func @logits(%x: tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SB> {
    %w = graft.read @weight : tensor<?x?xf32, #BH>
    %b = graft.read @bias : tensor<?xf32, #B>
    %z = graft.linear %x, %w, %b : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #BH>, tensor<?xf32, #B>) -> tensor<?x?xf32, #SB>
    return %z : tensor<?x?xf32, #SB>
  }
}

transfer.strategy @sampled sizes (H, A, B) {
  transfer.parameter @rate = 5.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rate after the warm-up"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes, of as many steps as both tasks have batches"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @power = 0.5 in [0.0, 10.0] "how much more often the larger task comes: 1 as its examples, 0 like the other"
  transfer.parameter @annealing = 0.0 in [0.0, 1.0] "share of the power that is lost in the course of the training"
  transfer.parameter @head_speed = 10.0 in [0.0, 1.0e+6] "factor of the learning rate for the heads"

  %text, %labels = transfer.stream @first of text, labels<A> in @T, @S
  %other, %others = transfer.stream @second of text, labels<B> in @T, @S

  transfer.group @encoder of @model decay @weight_decay
  transfer.group @first_top of @first_head multiplier @head_speed
  transfer.group @second_top of @second_head multiplier @head_speed

  %x = transfer.call @model::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %z = transfer.call @first_head::@logits(%x) : (tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SA>
  %l = transfer.loss cross_entropy %z, %labels mean : tensor<?x?xf32, #SA>, tensor<?xi32, #S>
  %u = transfer.call @model::@pooled(%other) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %y = transfer.call @second_head::@logits(%u) : (tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SB>
  %m = transfer.loss cross_entropy %y, %others mean : tensor<?x?xf32, #SB>, tensor<?xi32, #S>
  %loss = transfer.combine 1.0 * %l + 1.0 * %m

  transfer.predict @first %z softmax evaluate %l : tensor<?x?xf32, #SA>
  transfer.predict @second %y softmax evaluate %m : tensor<?x?xf32, #SB>
  transfer.phase @step minimise %loss over [@encoder, @first_top, @second_top]
      with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.schedule epochs @epochs drawing power "@power * (1 - @annealing * progress)" of [@step]
}

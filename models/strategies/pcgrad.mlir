// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Multi-task learning in which gradients do not work against each other (PCGrad, Yu et al.
// 2020): as multitask, but where the gradients of both tasks point apart, each is projected
// onto the plane that is normal to the other. g - (g h / h h) h for both together is a sum of
// g and h, whose weights follow from their products.

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
graft.model @surgery {
  // 1 - min(0, g h) / (g g), and the same for h.
  func.func @project(%products: tensor<2x2xf32>) -> tensor<2xf32> {
    %row = graft.reshape %products : (tensor<2x2xf32>) -> tensor<1x4xf32>
    %gg = graft.slice %row columns 0 size 1 : (tensor<1x4xf32>) -> tensor<1x1xf32>
    %gh = graft.slice %row columns 1 size 1 : (tensor<1x4xf32>) -> tensor<1x1xf32>
    %hh = graft.slice %row columns 3 size 1 : (tensor<1x4xf32>) -> tensor<1x1xf32>
    %squares = graft.concat %gg, %hh : (tensor<1x1xf32>, tensor<1x1xf32>) -> tensor<1x2xf32>
    %least = graft.constant 1.0e-30 : tensor<1x2xf32>
    %lengths = graft.max %squares, %least : tensor<1x2xf32>
    %against = graft.scale %gh by -1.0 : tensor<1x1xf32>
    %apart = graft.relu %against : tensor<1x1xf32>
    %both = graft.concat %apart, %apart : (tensor<1x1xf32>, tensor<1x1xf32>) -> tensor<1x2xf32>
    %more = graft.div %both, %lengths : tensor<1x2xf32>
    %one = graft.constant 1.0 : tensor<1x2xf32>
    %w = graft.add %one, %more : tensor<1x2xf32>
    %weights = graft.reshape %w : (tensor<1x2xf32>) -> tensor<2xf32>
    return %weights : tensor<2xf32>
  }
}
transfer.strategy @pcgrad sizes (H, A, B) {
  transfer.parameter @rate = 5.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the first task"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @share = 1.0 in [0.0, 1.0e+6] "weight of the second task in the loss"
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
  %loss = transfer.combine 1.0 * %l + @share * %m
  transfer.predict @first %z softmax evaluate %l : tensor<?x?xf32, #SA>
  transfer.predict @second %y softmax evaluate %m : tensor<?x?xf32, #SB>
  transfer.phase @step minimise %loss weighing @surgery::@project over [@encoder, @first_top, @second_top] with adamw rate linear @rate warmup @warmup clip 1.0
  transfer.schedule epochs @epochs of [@step]
}

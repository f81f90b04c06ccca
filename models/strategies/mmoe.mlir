// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Multi-task learning with a mixture of experts (MMoE, Ma et al. 2018): experts E_i, a linear map
// and ReLU each, read the features x of the encoder. A task has a linear head on sum_i g_i E_i(x),
// where g = softmax_i(v_i x) is a gate of its own. Scores v x lie within 80 of 0, by
// 80 tanh(v x / 80), so that their exponentials are finite. @experts is their number, in place of 4.
#S = #graft.dims<S>
#H = #graft.dims<H>
#AH = #graft.dims<A, H>
#BH = #graft.dims<B, H>
#HH = #graft.dims<H, H>
#SH = #graft.dims<S, H>
#SA = #graft.dims<S, A>
#SB = #graft.dims<S, B>
graft.model @tasks {
  graft.layers @expert count 4 {
    graft.parameter @weight : tensor<?x?xf32, #HH> initial "normal" deviation 0.05
    graft.parameter @first_gate : tensor<1x?xf32, #H> initial "normal" deviation 0.02
    graft.parameter @second_gate : tensor<1x?xf32, #H> initial "normal" deviation 0.02
  }
  graft.parameter @first.weight : tensor<?x?xf32, #AH> initial "normal" deviation 0.02
  graft.parameter @second.weight : tensor<?x?xf32, #BH> initial "normal" deviation 0.02
  func.func @hear(%x: tensor<?x?xf32, #SH>, %v: tensor<1x?xf32, #H>, %e: tensor<?x?xf32, #SH>, %sum: tensor<?x?xf32, #SH>, %shares: tensor<?x?xf32, #SH>) -> (tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>) {
    %one = graft.constant 1.0 : tensor<1x?xf32, #H>
    %score = graft.linear %x, %v : (tensor<?x?xf32, #SH>, tensor<1x?xf32, #H>) -> tensor<?x1xf32, #S>
    %small = graft.scale %score by 0.0125 : tensor<?x1xf32, #S>
    %held = graft.tanh %small : tensor<?x1xf32, #S>
    %near = graft.scale %held by 80.0 : tensor<?x1xf32, #S>
    %wide = graft.matmul %near, %one : (tensor<?x1xf32, #S>, tensor<1x?xf32, #H>) -> tensor<?x?xf32, #SH>
    %share = graft.exp %wide : tensor<?x?xf32, #SH>
    %part = graft.mul %share, %e : tensor<?x?xf32, #SH>
    %next = graft.add %sum, %part : tensor<?x?xf32, #SH>
    %more = graft.add %shares, %share : tensor<?x?xf32, #SH>
    return %next, %more : tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>
  }
  func.func @logits(%x: tensor<?x?xf32, #SH>) -> (tensor<?x?xf32, #SA>, tensor<?x?xf32, #SB>) {
    %none = graft.constant 0.0 : tensor<?x?xf32, #SH>
    %m:4 = graft.repeat 4 scope @expert (%a = %none, %p = %none, %b = %none, %q = %none) : tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH> {
      %w = graft.read layer @weight : tensor<?x?xf32, #HH>
      %v = graft.read layer @first_gate : tensor<1x?xf32, #H>
      %u = graft.read layer @second_gate : tensor<1x?xf32, #H>
      %y = graft.linear %x, %w : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #HH>) -> tensor<?x?xf32, #SH>
      %e = graft.relu %y : tensor<?x?xf32, #SH>
      %f:2 = graft.call @hear(%x, %v, %e, %a, %p) : (tensor<?x?xf32, #SH>, tensor<1x?xf32, #H>, tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>) -> (tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>)
      %s:2 = graft.call @hear(%x, %u, %e, %b, %q) : (tensor<?x?xf32, #SH>, tensor<1x?xf32, #H>, tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>) -> (tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>)
      graft.yield %f#0, %f#1, %s#0, %s#1 : tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>, tensor<?x?xf32, #SH>
    }
    %first = graft.div %m#0, %m#1 : tensor<?x?xf32, #SH>
    %second = graft.div %m#2, %m#3 : tensor<?x?xf32, #SH>
    %k = graft.read @first.weight : tensor<?x?xf32, #AH>
    %l = graft.read @second.weight : tensor<?x?xf32, #BH>
    %g = graft.linear %first, %k : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #AH>) -> tensor<?x?xf32, #SA>
    %h = graft.linear %second, %l : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #BH>) -> tensor<?x?xf32, #SB>
    return %g, %h : tensor<?x?xf32, #SA>, tensor<?x?xf32, #SB>
  }
}
transfer.strategy @mmoe sizes (H, A, B) {
  transfer.parameter @rate = 5.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the first task"
  transfer.parameter @experts = 4 in [1, 1000] "number of experts"
  transfer.parameter @share = 1.0 in [0.0, 1.0e+6] "weight of the second task in the loss"
  transfer.parameter @head_speed = 10.0 in [0.0, 1.0e+6] "factor of the learning rate for experts, gates and heads"
  %text, %labels = transfer.stream @first of text, labels<A> in @T, @S
  %other, %others = transfer.stream @second of text, labels<B> in @T, @S
  transfer.count @tasks::@expert is @experts
  transfer.group @encoder of @model decay 0.01
  transfer.group @top of @tasks multiplier @head_speed
  %x = transfer.call @model::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %z, %z_other = transfer.call @tasks::@logits(%x) : (tensor<?x?xf32, #SH>) -> (tensor<?x?xf32, #SA>, tensor<?x?xf32, #SB>)
  %l = transfer.loss cross_entropy %z, %labels mean : tensor<?x?xf32, #SA>, tensor<?xi32, #S>
  %u = transfer.call @model::@pooled(%other) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %y_other, %y = transfer.call @tasks::@logits(%u) : (tensor<?x?xf32, #SH>) -> (tensor<?x?xf32, #SA>, tensor<?x?xf32, #SB>)
  %m = transfer.loss cross_entropy %y, %others mean : tensor<?x?xf32, #SB>, tensor<?xi32, #S>
  %loss = transfer.combine 1.0 * %l + @share * %m
  transfer.predict @first %z softmax evaluate %l : tensor<?x?xf32, #SA>
  transfer.predict @second %y softmax evaluate %m : tensor<?x?xf32, #SB>
  transfer.phase @step minimise %loss over [@encoder, @top] with adamw rate linear @rate warmup 0.1 clip 1.0
  transfer.schedule epochs @epochs of [@step]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Multi-task learning with a mixture of experts (MMoE, Ma et al. 2018): experts E_i, a
// linear layer and ReLU each, read the features x of the shared encoder, and a task has a
// linear head on sum_i g_i E_i(x), where g = softmax_i(v_i x) is a gate of its own. So
// tasks that have little in common need not share all that comes after the encoder. A
// page of more tasks has another gate, head, stream and prediction for each.

#S = #graft.dims<S>
#A = #graft.dims<A>
#B = #graft.dims<B>
#H = #graft.dims<H>
#AH = #graft.dims<A, H>
#BH = #graft.dims<B, H>
#HH = #graft.dims<H, H>
#SH = #graft.dims<S, H>
#SA = #graft.dims<S, A>
#SB = #graft.dims<S, B>

// @experts says how many there are, in place of 4.
graft.model @tasks {
  graft.layers @expert count 4 {
    graft.parameter @weight : tensor<?x?xf32, #HH> initial "normal" deviation 0.05
    graft.parameter @bias : tensor<?xf32, #H> initial "zeros"
    graft.parameter @first_gate : tensor<1x?xf32, #H> initial "normal" deviation 0.02
    graft.parameter @second_gate : tensor<1x?xf32, #H> initial "normal" deviation 0.02
  }
  graft.parameter @first.weight : tensor<?x?xf32, #AH> initial "normal" deviation 0.02
  graft.parameter @first.bias : tensor<?xf32, #A> initial "zeros"
  graft.parameter @second.weight : tensor<?x?xf32, #BH> initial "normal" deviation 0.02
  graft.parameter @second.bias : tensor<?xf32, #B> initial "zeros"
  func.func @score(%x: tensor<?x?xf32, #SH>, %v: tensor<1x?xf32, #H>) -> tensor<?xf32, #S> {
    %c = graft.linear %x, %v : (tensor<?x?xf32, #SH>, tensor<1x?xf32, #H>) -> tensor<?x1xf32, #S>
    %s = graft.reshape %c : (tensor<?x1xf32, #S>) -> tensor<?xf32, #S>
    return %s : tensor<?xf32, #S>
  }
  // The greatest score is subtracted before the exponential, so that none is too large.
  func.func @first(%x: tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SA> {
    %lowest = graft.constant -3.0e+38 : tensor<?xf32, #S>
    %greatest = graft.repeat 4 scope @expert (%m = %lowest) : tensor<?xf32, #S> {
      %v = graft.read layer @first_gate : tensor<1x?xf32, #H>
      %s = graft.call @score(%x, %v) : (tensor<?x?xf32, #SH>, tensor<1x?xf32, #H>) -> tensor<?xf32, #S>
      %n = graft.max %m, %s : tensor<?xf32, #S>
      graft.yield %n : tensor<?xf32, #S>
    }
    %top = graft.stop_gradient %greatest : tensor<?xf32, #S>
    %none = graft.constant 0.0 : tensor<?x?xf32, #SH>
    %zero = graft.constant 0.0 : tensor<?xf32, #S>
    %sums:2 = graft.repeat 4 scope @expert (%sum = %none, %total = %zero) : tensor<?x?xf32, #SH>, tensor<?xf32, #S> {
      %v = graft.read layer @first_gate : tensor<1x?xf32, #H>
      %s = graft.call @score(%x, %v) : (tensor<?x?xf32, #SH>, tensor<1x?xf32, #H>) -> tensor<?xf32, #S>
      %d = graft.sub %s, %top : tensor<?xf32, #S>
      %e = graft.exp %d : tensor<?xf32, #S>
      %w = graft.read layer @weight : tensor<?x?xf32, #HH>
      %b = graft.read layer @bias : tensor<?xf32, #H>
      %y = graft.linear %x, %w, %b : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #HH>, tensor<?xf32, #H>) -> tensor<?x?xf32, #SH>
      %r = graft.relu %y : tensor<?x?xf32, #SH>
      %share = graft.broadcast %e along [1] : (tensor<?xf32, #S>) -> tensor<?x?xf32, #SH>
      %part = graft.mul %share, %r : tensor<?x?xf32, #SH>
      %next = graft.add %sum, %part : tensor<?x?xf32, #SH>
      %more = graft.add %total, %e : tensor<?xf32, #S>
      graft.yield %next, %more : tensor<?x?xf32, #SH>, tensor<?xf32, #S>
    }
    %totals = graft.broadcast %sums#1 along [1] : (tensor<?xf32, #S>) -> tensor<?x?xf32, #SH>
    %mixed = graft.div %sums#0, %totals : tensor<?x?xf32, #SH>
    %w = graft.read @first.weight : tensor<?x?xf32, #AH>
    %b = graft.read @first.bias : tensor<?xf32, #A>
    %z = graft.linear %mixed, %w, %b : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #AH>, tensor<?xf32, #A>) -> tensor<?x?xf32, #SA>
    return %z : tensor<?x?xf32, #SA>
  }
  func.func @second(%x: tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SB> {
    %lowest = graft.constant -3.0e+38 : tensor<?xf32, #S>
    %greatest = graft.repeat 4 scope @expert (%m = %lowest) : tensor<?xf32, #S> {
      %v = graft.read layer @second_gate : tensor<1x?xf32, #H>
      %s = graft.call @score(%x, %v) : (tensor<?x?xf32, #SH>, tensor<1x?xf32, #H>) -> tensor<?xf32, #S>
      %n = graft.max %m, %s : tensor<?xf32, #S>
      graft.yield %n : tensor<?xf32, #S>
    }
    %top = graft.stop_gradient %greatest : tensor<?xf32, #S>
    %none = graft.constant 0.0 : tensor<?x?xf32, #SH>
    %zero = graft.constant 0.0 : tensor<?xf32, #S>
    %sums:2 = graft.repeat 4 scope @expert (%sum = %none, %total = %zero) : tensor<?x?xf32, #SH>, tensor<?xf32, #S> {
      %v = graft.read layer @second_gate : tensor<1x?xf32, #H>
      %s = graft.call @score(%x, %v) : (tensor<?x?xf32, #SH>, tensor<1x?xf32, #H>) -> tensor<?xf32, #S>
      %d = graft.sub %s, %top : tensor<?xf32, #S>
      %e = graft.exp %d : tensor<?xf32, #S>
      %w = graft.read layer @weight : tensor<?x?xf32, #HH>
      %b = graft.read layer @bias : tensor<?xf32, #H>
      %y = graft.linear %x, %w, %b : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #HH>, tensor<?xf32, #H>) -> tensor<?x?xf32, #SH>
      %r = graft.relu %y : tensor<?x?xf32, #SH>
      %share = graft.broadcast %e along [1] : (tensor<?xf32, #S>) -> tensor<?x?xf32, #SH>
      %part = graft.mul %share, %r : tensor<?x?xf32, #SH>
      %next = graft.add %sum, %part : tensor<?x?xf32, #SH>
      %more = graft.add %total, %e : tensor<?xf32, #S>
      graft.yield %next, %more : tensor<?x?xf32, #SH>, tensor<?xf32, #S>
    }
    %totals = graft.broadcast %sums#1 along [1] : (tensor<?xf32, #S>) -> tensor<?x?xf32, #SH>
    %mixed = graft.div %sums#0, %totals : tensor<?x?xf32, #SH>
    %w = graft.read @second.weight : tensor<?x?xf32, #BH>
    %b = graft.read @second.bias : tensor<?xf32, #B>
    %z = graft.linear %mixed, %w, %b : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #BH>, tensor<?xf32, #B>) -> tensor<?x?xf32, #SB>
    return %z : tensor<?x?xf32, #SB>
  }
}

transfer.strategy @mmoe sizes (H, A, B) {
  transfer.parameter @rate = 5.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rate after the warm-up"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the first task"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @experts = 4 in [1, 1000] "number of experts"
  transfer.parameter @share = 1.0 in [0.0, 1.0e+6] "weight of the second task in the loss"
  transfer.parameter @head_speed = 10.0 in [0.0, 1.0e+6] "factor of the learning rate for experts, gates and heads"

  %text, %labels = transfer.stream @first of text, labels<A> in @T, @S
  %other, %others = transfer.stream @second of text, labels<B> in @T, @S

  transfer.count @tasks::@expert is @experts
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

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Multi-task learning whose tasks weigh themselves (Kendall et al. 2018): each loss L counts
// exp(-s) L + s / 2, where s, the logarithm of the variance of the task's noise, is learned.
// It settles where exp(s) = 2 L, so that no task is lost because its losses are small. The
// first task has the head of @model; both share its encoder.

#S = #graft.dims<S>
#BH = #graft.dims<B, H>
#SH = #graft.dims<S, H>
#SA = #graft.dims<S, A>
#SB = #graft.dims<S, B>

graft.model @second_head {
  graft.parameter @weight : tensor<?x?xf32, #BH> initial "normal" deviation 0.02
  func.func @logits(%x: tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SB> {
    %w = graft.read @weight : tensor<?x?xf32, #BH>
    %z = graft.linear %x, %w : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #BH>) -> tensor<?x?xf32, #SB>
    return %z : tensor<?x?xf32, #SB>
  }
}
graft.model @noise {
  graft.parameter @first_log : tensor<f32> initial "zeros"
  graft.parameter @second_log : tensor<f32> initial "zeros"
  func.func @first(%losses: tensor<?xf32, #S>) -> tensor<?xf32, #S> {
    %n = graft.read @first_log : tensor<f32>
    %s = graft.broadcast %n along [0] : (tensor<f32>) -> tensor<?xf32, #S>
    %less = graft.scale %s by -1.0 : tensor<?xf32, #S>
    %factor = graft.exp %less : tensor<?xf32, #S>
    %scaled = graft.mul %factor, %losses : tensor<?xf32, #S>
    %half = graft.scale %s by 0.5 : tensor<?xf32, #S>
    %sum = graft.add %scaled, %half : tensor<?xf32, #S>
    return %sum : tensor<?xf32, #S>
  }
  func.func @second(%losses: tensor<?xf32, #S>) -> tensor<?xf32, #S> {
    %n = graft.read @second_log : tensor<f32>
    %s = graft.broadcast %n along [0] : (tensor<f32>) -> tensor<?xf32, #S>
    %less = graft.scale %s by -1.0 : tensor<?xf32, #S>
    %factor = graft.exp %less : tensor<?xf32, #S>
    %scaled = graft.mul %factor, %losses : tensor<?xf32, #S>
    %half = graft.scale %s by 0.5 : tensor<?xf32, #S>
    %sum = graft.add %scaled, %half : tensor<?xf32, #S>
    return %sum : tensor<?xf32, #S>
  }
}
transfer.strategy @uncertainty sizes (H, A, B) {
  transfer.parameter @rate = 5.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the first task"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @head_speed = 10.0 in [0.0, 1.0e+6] "factor of the learning rate for the second head"
  transfer.parameter @noise_speed = 100.0 in [0.0, 1.0e+9] "factor of the learning rate for the noises"
  %text, %labels = transfer.stream @first of text, labels<A> in @T, @S
  %other, %others = transfer.stream @second of text, labels<B> in @T, @S
  transfer.group @all of @model decay @weight_decay
  transfer.group @top of @second_head multiplier @head_speed
  transfer.group @noises of @noise multiplier @noise_speed
  %z = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SA>
  %x = transfer.call @model::@pooled(%other) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %y = transfer.call @second_head::@logits(%x) : (tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SB>
  %l = transfer.loss cross_entropy %z, %labels mean : tensor<?x?xf32, #SA>, tensor<?xi32, #S>
  %m = transfer.loss cross_entropy %y, %others mean : tensor<?x?xf32, #SB>, tensor<?xi32, #S>
  %lz = graft.cross_entropy %z, %labels : (tensor<?x?xf32, #SA>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  %my = graft.cross_entropy %y, %others : (tensor<?x?xf32, #SB>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  %lw = transfer.call @noise::@first(%lz) : (tensor<?xf32, #S>) -> tensor<?xf32, #S>
  %mw = transfer.call @noise::@second(%my) : (tensor<?xf32, #S>) -> tensor<?xf32, #S>
  %a = transfer.mean %lw : tensor<?xf32, #S>
  %b = transfer.mean %mw : tensor<?xf32, #S>
  %loss = transfer.combine 1.0 * %a + 1.0 * %b
  transfer.predict @first %z softmax evaluate %l : tensor<?x?xf32, #SA>
  transfer.predict @second %y softmax evaluate %m : tensor<?x?xf32, #SB>
  transfer.phase @step minimise %loss over [@all, @top, @noises] with adamw rate linear @rate warmup @warmup clip 1.0
  transfer.schedule epochs @epochs of [@step]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Two tasks of numbers with features in common: models/strategies/multitask.mlir, and with
// the weights of @surgery pcgrad.mlir. Where @share is 0, the first task learns alone.
#S = #graft.dims<S>
!numbers = tensor<?x16xf32, #S>
!features = tensor<?x2xf32, #S>
!map = tensor<2x16xf32>
!head = tensor<1x2xf32>
!answer = tensor<?x1xf32, #S>

graft.model @encoder {
  graft.parameter @weight : !map initial "normal" deviation 0.1
  func.func @features(%x: !numbers) -> !features {
    %w = graft.read @weight : !map
    %f = graft.linear %x, %w : (!numbers, !map) -> !features
    return %f : !features
  }
}
graft.model @heads {
  graft.parameter @first.weight : !head initial "normal" deviation 0.3
  graft.parameter @second.weight : !head initial "normal" deviation 0.3
  func.func @first(%f: !features) -> !answer {
    %w = graft.read @first.weight : !head
    %y = graft.linear %f, %w : (!features, !head) -> !answer
    return %y : !answer
  }
  func.func @second(%f: !features) -> !answer {
    %w = graft.read @second.weight : !head
    %y = graft.linear %f, %w : (!features, !head) -> !answer
    return %y : !answer
  }
}
graft.model @surgery {
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

transfer.strategy @tasks {
  transfer.parameter @rate = 1.0e-2 in [0.0, 1.0] "peak learning rate"
  transfer.parameter @epochs = 400 in [1, 100000] "passes over the first task"
  transfer.parameter @share = 1.0 in [0.0, 1.0e+6] "weight of the second task in the loss"
  %x, %xs = transfer.stream @first of features<16>, labels<1> in @T, @S
  %u, %us = transfer.stream @second of features<16>, labels<1> in @T, @S
  transfer.group @encoder of @encoder
  transfer.group @heads of @heads
  %f = transfer.call @encoder::@features(%x) : (!numbers) -> !features
  %y = transfer.call @heads::@first(%f) : (!features) -> !answer
  %l = transfer.loss mse %y, %xs mean : !answer, !answer
  %g = transfer.call @encoder::@features(%u) : (!numbers) -> !features
  %z = transfer.call @heads::@second(%g) : (!features) -> !answer
  %m = transfer.loss mse %z, %us mean : !answer, !answer
  %loss = transfer.combine 1.0 * %l + @share * %m
  transfer.predict %y evaluate %l : !answer
  transfer.phase @step minimise %loss over [@encoder, @heads] with adam rate linear @rate
  transfer.schedule epochs @epochs of [@step]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The similarity of models/strategies/similarity.mlir, for counts of words: of a row of
// length 1 to the mean of those of the target, less its mean over the source and divided
// by its deviation. What a row weighs grows with it.

#S = #graft.dims<S>

!counts = tensor<?x50xf32, #S>
!each = tensor<?xf32, #S>
!one = tensor<?x1xf32, #S>

graft.model @near {
  graft.parameter @centre : tensor<50xf32> initial "zeros"
  graft.parameter @level : tensor<f32> initial "zeros"
  graft.parameter @variance : tensor<f32> initial "zeros"
  func.func @off(%x: !counts) -> !counts {
    %squares = graft.mul %x, %x : !counts
    %square = graft.reduce sum %squares over [1] : (!counts) -> !each
    %length = graft.sqrt %square : !each
    %lengths = graft.broadcast %length along [1] : (!each) -> !counts
    %u = graft.div %x, %lengths : !counts
    %c = graft.read @centre : tensor<50xf32>
    %centres = graft.broadcast %c along [0] : (tensor<50xf32>) -> !counts
    %d = graft.sub %u, %centres : !counts
    return %d : !counts
  }
  func.func @apart(%x: !counts) -> !each {
    %d = graft.call @off(%x) : (!counts) -> !counts
    %squares = graft.mul %d, %d : !counts
    %square = graft.reduce sum %squares over [1] : (!counts) -> !each
    %half = graft.scale %square by 0.5 : !each
    return %half : !each
  }
  func.func @over(%x: !counts) -> !each {
    %d = graft.call @off(%x) : (!counts) -> !counts
    %c = graft.read @centre : tensor<50xf32>
    %centres = graft.broadcast %c along [0] : (tensor<50xf32>) -> !counts
    %products = graft.mul %d, %centres : !counts
    %s = graft.reduce sum %products over [1] : (!counts) -> !each
    %l = graft.read @level : tensor<f32>
    %levels = graft.broadcast %l along [0] : (tensor<f32>) -> !each
    %o = graft.sub %s, %levels : !each
    return %o : !each
  }
  func.func @spread(%o: !each) -> !each {
    %v = graft.read @variance : tensor<f32>
    %variances = graft.broadcast %v along [0] : (tensor<f32>) -> !each
    return %variances : !each
  }
}

transfer.strategy @noisy_similarity {
  %x = transfer.stream @source of features<50> in @T, @S
  %u = transfer.stream @target of features<50> in @T, @S
  transfer.group @middle of @near select "^centre$"
  transfer.group @level of @near select "^level$"
  transfer.group @variance of @near select "^variance$"
  %far = transfer.call @near::@apart(%u) : (!counts) -> !each
  %around = transfer.mean %far : !each
  %over = transfer.call @near::@over(%x) : (!counts) -> !each
  %squares = graft.mul %over, %over : !each
  %half = graft.scale %squares by 0.5 : !each
  %level = transfer.mean %half : !each
  %spread = transfer.call @near::@spread(%over) : (!each) -> !each
  %apart = graft.sub %spread, %squares : !each
  %square = graft.mul %apart, %apart : !each
  %half_square = graft.scale %square by 0.5 : !each
  %variance = transfer.mean %half_square : !each
  %deviation = graft.sqrt %spread : !each
  %z = graft.div %over, %deviation : !each
  %column = graft.reshape %z : (!each) -> !one
  transfer.predict %column evaluate %level : !one
  // With these rates, what is nearest by squared distances is the mean of all batches.
  transfer.phase @find_middle minimise %around over [@middle] with sgd rate constant "1 / (1 + step)"
  transfer.phase @find_level minimise %level over [@level] with sgd rate constant "1 / (1 + step)"
  transfer.phase @find_variance minimise %variance over [@variance] with sgd rate constant "1 / (1 + step)"
  transfer.schedule epochs 1 of [@find_middle]
  transfer.schedule epochs 1 of [@find_level]
  transfer.schedule epochs 1 of [@find_variance]
}

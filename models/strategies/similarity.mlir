// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Selection of texts by similarity (after Ruder and Plank 2017): a text of @source counts
// more the nearer it is to those of @target. Its similarity is s = (u - c) c, of its
// pretrained features u, normalised to length 1, and the mean c of those of @target; it
// counts exp(a z - a^2 / 2), at most @most, where z is s less its mean over @source,
// divided by its standard deviation, and a is @sharpness. These are about 1 in the mean.
// c, the mean and the variance are computed in a pass each: with the rate 1 / (1 + step),
// what is nearest by squared distances is the mean of all batches so far.

#S = #graft.dims<S>
#H = #graft.dims<H>
#SH = #graft.dims<S, H>
#SK = #graft.dims<S, K>

graft.model @near {
  graft.parameter @centre : tensor<?xf32, #H> initial "zeros"
  graft.parameter @level : tensor<f32> initial "zeros"
  graft.parameter @variance : tensor<f32> initial "zeros"
  func.func @unit(%x: tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SH> {
    %squares = graft.mul %x, %x : tensor<?x?xf32, #SH>
    %square = graft.reduce sum %squares over [1] : (tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
    %least = graft.constant 1.0e-24 : tensor<?xf32, #S>
    %positive = graft.max %square, %least : tensor<?xf32, #S>
    %length = graft.sqrt %positive : tensor<?xf32, #S>
    %lengths = graft.broadcast %length along [1] : (tensor<?xf32, #S>) -> tensor<?x?xf32, #SH>
    %u = graft.div %x, %lengths : tensor<?x?xf32, #SH>
    return %u : tensor<?x?xf32, #SH>
  }
  // Half of the squared distance from the mean.
  func.func @apart(%x: tensor<?x?xf32, #SH>) -> tensor<?xf32, #S> {
    %u = graft.call @unit(%x) : (tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SH>
    %c = graft.read @centre : tensor<?xf32, #H>
    %centres = graft.broadcast %c along [0] : (tensor<?xf32, #H>) -> tensor<?x?xf32, #SH>
    %d = graft.sub %centres, %u : tensor<?x?xf32, #SH>
    %squares = graft.mul %d, %d : tensor<?x?xf32, #SH>
    %square = graft.reduce sum %squares over [1] : (tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
    %half = graft.scale %square by 0.5 : tensor<?xf32, #S>
    return %half : tensor<?xf32, #S>
  }
  func.func @similarity(%x: tensor<?x?xf32, #SH>) -> tensor<?xf32, #S> {
    %u = graft.call @unit(%x) : (tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SH>
    %c = graft.read @centre : tensor<?xf32, #H>
    %centres = graft.broadcast %c along [0] : (tensor<?xf32, #H>) -> tensor<?x?xf32, #SH>
    // u c alone would differ in its last digits only.
    %d = graft.sub %u, %centres : tensor<?x?xf32, #SH>
    %products = graft.mul %d, %centres : tensor<?x?xf32, #SH>
    %s = graft.reduce sum %products over [1] : (tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
    return %s : tensor<?xf32, #S>
  }
  func.func @over(%s: tensor<?xf32, #S>) -> tensor<?xf32, #S> {
    %l = graft.read @level : tensor<f32>
    %levels = graft.broadcast %l along [0] : (tensor<f32>) -> tensor<?xf32, #S>
    %d = graft.sub %s, %levels : tensor<?xf32, #S>
    return %d : tensor<?xf32, #S>
  }
  func.func @varied(%d: tensor<?xf32, #S>) -> tensor<?xf32, #S> {
    %v = graft.read @variance : tensor<f32>
    %variances = graft.broadcast %v along [0] : (tensor<f32>) -> tensor<?xf32, #S>
    %squares = graft.mul %d, %d : tensor<?xf32, #S>
    %a = graft.sub %variances, %squares : tensor<?xf32, #S>
    return %a : tensor<?xf32, #S>
  }
  func.func @standard(%d: tensor<?xf32, #S>) -> tensor<?xf32, #S> {
    %v = graft.read @variance : tensor<f32>
    %least = graft.constant 1.0e-12 : tensor<f32>
    %positive = graft.max %v, %least : tensor<f32>
    %deviation = graft.sqrt %positive : tensor<f32>
    %deviations = graft.broadcast %deviation along [0] : (tensor<f32>) -> tensor<?xf32, #S>
    %z = graft.div %d, %deviations : tensor<?xf32, #S>
    return %z : tensor<?xf32, #S>
  }
  func.func @half_square(%d: tensor<?xf32, #S>) -> tensor<?xf32, #S> {
    %square = graft.mul %d, %d : tensor<?xf32, #S>
    %half = graft.scale %square by 0.5 : tensor<?xf32, #S>
    return %half : tensor<?xf32, #S>
  }
}

transfer.strategy @similarity sizes (H, K) {
  transfer.parameter @rate = 2.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rate after the warm-up"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the source"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @sharpness = 1.0 in [0.0, 100.0] "how much more a text counts that is nearer; 0: all count alike"
  transfer.parameter @most = 10.0 in [1.0e-6, 1.0e+6] "greatest weight of a text"

  %text, %labels = transfer.stream @source of text, labels<K> in @T, @S
  %other = transfer.stream @target of text in @T, @S
  transfer.group @encoder of @model decay @weight_decay
  transfer.group @middle of @near select "^centre$"
  transfer.group @level of @near select "^level$"
  transfer.group @variance of @near select "^variance$"
  // The pretrained features, for all of the training.
  transfer.group @kept of @start tracks @model keep 1.0

  %ft = transfer.call deterministic @start::@pooled(%other) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %far = transfer.call @near::@apart(%ft) : (tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
  %around = transfer.mean %far : tensor<?xf32, #S>
  %fs = transfer.call deterministic @start::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %s = transfer.call @near::@similarity(%fs) : (tensor<?x?xf32, #SH>) -> tensor<?xf32, #S>
  %d = transfer.call @near::@over(%s) : (tensor<?xf32, #S>) -> tensor<?xf32, #S>
  %off = transfer.call @near::@half_square(%d) : (tensor<?xf32, #S>) -> tensor<?xf32, #S>
  %level = transfer.mean %off : tensor<?xf32, #S>
  %v = transfer.call @near::@varied(%d) : (tensor<?xf32, #S>) -> tensor<?xf32, #S>
  %varied = transfer.call @near::@half_square(%v) : (tensor<?xf32, #S>) -> tensor<?xf32, #S>
  %variance = transfer.mean %varied : tensor<?xf32, #S>

  %z = transfer.call @near::@standard(%d) : (tensor<?xf32, #S>) -> tensor<?xf32, #S>
  %a = transfer.number @sharpness : tensor<?xf32, #S>
  %shift = transfer.number "@sharpness * @sharpness / 2 + log(@most)" : tensor<?xf32, #S>
  %scaled = graft.mul %a, %z : tensor<?xf32, #S>
  %over = graft.sub %scaled, %shift : tensor<?xf32, #S>
  %excess = graft.relu %over : tensor<?xf32, #S>
  %capped = graft.sub %over, %excess : tensor<?xf32, #S>
  %share = graft.exp %capped : tensor<?xf32, #S>
  %most = transfer.number @most : tensor<?xf32, #S>
  %count = graft.mul %share, %most : tensor<?xf32, #S>
  %weight = graft.stop_gradient %count : tensor<?xf32, #S>

  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %each = graft.cross_entropy %logits, %labels : (tensor<?x?xf32, #SK>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  %counted = graft.mul %each, %weight : tensor<?xf32, #S>
  %loss = transfer.mean %counted : tensor<?xf32, #S>

  // How unsure the model is chooses the best epoch by texts without labels.
  %sure = graft.softmax %logits : (tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SK>
  %logs = graft.softmax %logits log : (tensor<?x?xf32, #SK>) -> tensor<?x?xf32, #SK>
  %terms = graft.mul %sure, %logs : tensor<?x?xf32, #SK>
  %certain = graft.reduce sum %terms over [1] : (tensor<?x?xf32, #SK>) -> tensor<?xf32, #S>
  %unsure = graft.scale %certain by -1.0 : tensor<?xf32, #S>
  %entropy = transfer.mean %unsure : tensor<?xf32, #S>
  transfer.predict %logits softmax evaluate %label or %entropy : tensor<?x?xf32, #SK>
  transfer.phase @find_middle minimise %around over [@middle] with sgd rate constant "1 / (1 + step)"
  transfer.phase @find_level minimise %level over [@level] with sgd rate constant "1 / (1 + step)"
  transfer.phase @find_variance minimise %variance over [@variance] with sgd rate constant "1 / (1 + step)"
  transfer.phase @learn minimise %loss over [@encoder] with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.schedule epochs 1 of [@find_middle]
  transfer.schedule epochs 1 of [@find_level]
  transfer.schedule epochs 1 of [@find_variance]
  transfer.schedule epochs @epochs of [@learn]
}

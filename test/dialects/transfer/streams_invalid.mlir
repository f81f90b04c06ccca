// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// C10 of transfer.strategy: what may depend on which stream.

// RUN: graft-opt %s --split-input-file --verify-diagnostics

// A stream that no loss reads.
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x3xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x3xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x3xf32>) -> tensor<?x3xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @source of ids, segments, labels<3> in @T, @S
  // expected-error @below {{'transfer.stream' op expects a loss of a phase to read it, got none}}
  %ids_0, %segments_1 = transfer.stream @target of ids, segments in @T, @S
  transfer.group @all of @model
  %a = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %b = transfer.call @model::@logits(%ids_0, %segments_1) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %a, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %a evaluate %l : tensor<?x3xf32, #S>
  transfer.phase @step minimise %l over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 2 of [@step]
}

// -----

// A loss that relates examples of two streams.
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x3xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x3xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x3xf32>) -> tensor<?x3xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @source of ids, segments, labels<3> in @T, @S
  // expected-note @below {{declared here}}
  %ids_0, %segments_1 = transfer.stream @target of ids, segments in @T, @S
  transfer.group @all of @model
  %a = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %b = transfer.call @model::@logits(%ids_0, %segments_1) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %a, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  // expected-error @below {{'transfer.loss' op expects prediction and target of one stream, got @source and @target in @T, @S}}
  %m = transfer.loss mse %a, %b mean : tensor<?x3xf32, #S>, tensor<?x3xf32, #S>
  %loss = transfer.combine 1.0 * %l + 1.0 * %m
  transfer.predict %a evaluate %l : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 2 of [@step]
}

// -----

// A term that is no function of a batch.
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x3xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x3xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x3xf32>) -> tensor<?x3xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @source of ids, segments, labels<3> in @T, @S
  %ids_0, %segments_1 = transfer.stream @target of ids, segments in @T, @S
  transfer.group @all of @model
  %a = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %b = transfer.call @model::@logits(%ids_0, %segments_1) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %a, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %zero = graft.constant 0.0 : tensor<?x3xf32, #S>
  %m = transfer.loss mse %b, %zero mean : tensor<?x3xf32, #S>, tensor<?x3xf32, #S>
  // expected-error @below {{'graft.constant' op expects to depend on a stream, as each loss does, got none}}
  %c = graft.constant 1.0 : tensor<f32>
  %loss = transfer.combine 1.0 * %l + 1.0 * %m + 1.0 * %c
  transfer.predict %a evaluate %l : tensor<?x3xf32, #S>
  // expected-note @below {{minimised here}}
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 2 of [@step]
}

// -----

// A prediction from two texts that do not belong together.
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x3xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x3xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x3xf32>) -> tensor<?x3xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @source of ids, segments, labels<3> in @T, @S
  %ids_0, %segments_1 = transfer.stream @target of ids, segments in @T, @S
  transfer.group @all of @model
  %a = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %b = transfer.call @model::@logits(%ids_0, %segments_1) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %a, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %zero = graft.constant 0.0 : tensor<?x3xf32, #S>
  %m = transfer.loss mse %b, %zero mean : tensor<?x3xf32, #S>, tensor<?x3xf32, #S>
  %loss = transfer.combine 1.0 * %l + 1.0 * %m
  %sum = graft.add %a, %b : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.predict' op expects a prediction that depends on one stream, got 2}}
  transfer.predict %sum evaluate %l : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 2 of [@step]
}

// -----

// An evaluation by the whole loss, whose target has no evaluation data.
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x3xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x3xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x3xf32>) -> tensor<?x3xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @source of ids, segments, labels<3> in @T, @S
  %ids_0, %segments_1 = transfer.stream @target of ids, segments in @T, @S
  transfer.group @all of @model
  %a = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %b = transfer.call @model::@logits(%ids_0, %segments_1) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %a, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %zero = graft.constant 0.0 : tensor<?x3xf32, #S>
  %m = transfer.loss mse %b, %zero mean : tensor<?x3xf32, #S>, tensor<?x3xf32, #S>
  %loss = transfer.combine 1.0 * %l + 1.0 * %m
  // expected-error @below {{'transfer.predict' op expects a loss to evaluate that depends on @source alone, as the prediction does, got @target as well; 'evaluate' names one}}
  transfer.predict %a : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 2 of [@step]
}

// -----

// A row of a cache is of one example.
#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @words : tensor<16x3xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x3xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x3xf32>) -> tensor<?x3xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
graft.model @teacher {
  graft.parameter @words : tensor<16x3xf32>
  func.func @logits(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @words : tensor<16x3xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x3xf32>) -> tensor<?x3xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @source of ids, segments, labels<3> in @T, @S
  %ids_0, %segments_1 = transfer.stream @target of ids, segments in @T, @S
  transfer.group @all of @model
  transfer.group @frozen of @teacher frozen
  %a = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %b = transfer.call @model::@logits(%ids_0, %segments_1) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %fa = transfer.call deterministic @teacher::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %fb = transfer.call deterministic @teacher::@logits(%ids_0, %segments_1) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %a, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %zero = graft.constant 0.0 : tensor<?x3xf32, #S>
  %m = transfer.loss mse %b, %zero mean : tensor<?x3xf32, #S>, tensor<?x3xf32, #S>
  %sum = graft.add %fa, %fb : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.cache' op expects a value that depends on one stream, got 2}}
  %kept = transfer.cache @kept %sum : tensor<?x3xf32, #S>
  %k = transfer.loss mse %a, %kept mean : tensor<?x3xf32, #S>, tensor<?x3xf32, #S>
  %loss = transfer.combine 1.0 * %l + 1.0 * %m
  transfer.predict %a evaluate %l : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 2 of [@step]
}

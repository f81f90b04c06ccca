// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Schedules whose steps take a batch of one stream: C1 and C2 of transfer.schedule,
// C14 of transfer.strategy.

// RUN: graft-opt %s --split-input-file --verify-diagnostics

// C2: one of both ways.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.size @U bound 64
graft.size @R bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.parameter @label : tensor<3x4xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %z : tensor<?x4xf32, #S>
  }
  func.func @classify(%x: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @first of ids, segments, labels<3> in @T, @S
  %ids_0, %segments_1, %labels_2 = transfer.stream @second of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %x = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %u = transfer.call @model::@classify(%x) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %k = transfer.loss cross_entropy %u, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %y = transfer.call @model::@pooled(%ids_0, %segments_1) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %v = transfer.call @model::@classify(%y) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %v, %labels_2 mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %loss = transfer.combine 1.0 * %k + 1.0 * %l
  transfer.predict %u softmax evaluate %k : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  // expected-error @below {{'transfer.schedule' op expects 'drawing' or 'taking', got both}}
  transfer.schedule epochs 1 drawing power 1.0 taking [@first, @second] of [@step]
}

// -----

// C1: a power.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.size @U bound 64
graft.size @R bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.parameter @label : tensor<3x4xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %z : tensor<?x4xf32, #S>
  }
  func.func @classify(%x: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @first of ids, segments, labels<3> in @T, @S
  %ids_0, %segments_1, %labels_2 = transfer.stream @second of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %x = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %u = transfer.call @model::@classify(%x) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %k = transfer.loss cross_entropy %u, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %y = transfer.call @model::@pooled(%ids_0, %segments_1) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %v = transfer.call @model::@classify(%y) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %v, %labels_2 mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %loss = transfer.combine 1.0 * %k + 1.0 * %l
  transfer.predict %u softmax evaluate %k : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  // expected-error @below {{'transfer.schedule' op expects 'power' to be a number that is not negative, got -1}}
  transfer.schedule epochs 1 drawing power -1.0 of [@step]
}

// -----

// C1: batches.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.size @U bound 64
graft.size @R bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.parameter @label : tensor<3x4xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %z : tensor<?x4xf32, #S>
  }
  func.func @classify(%x: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @first of ids, segments, labels<3> in @T, @S
  %ids_0, %segments_1, %labels_2 = transfer.stream @second of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %x = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %u = transfer.call @model::@classify(%x) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %k = transfer.loss cross_entropy %u, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %y = transfer.call @model::@pooled(%ids_0, %segments_1) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %v = transfer.call @model::@classify(%y) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %v, %labels_2 mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %loss = transfer.combine 1.0 * %k + 1.0 * %l
  transfer.predict %u softmax evaluate %k : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  // expected-error @below {{'transfer.schedule' op expects 'times' to be a positive integer, got 0}}
  transfer.schedule epochs 1 taking [@first times 0, @second] of [@step]
}

// -----

// Batches that change.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.size @U bound 64
graft.size @R bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.parameter @label : tensor<3x4xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %z : tensor<?x4xf32, #S>
  }
  func.func @classify(%x: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @first of ids, segments, labels<3> in @T, @S
  %ids_0, %segments_1, %labels_2 = transfer.stream @second of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %x = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %u = transfer.call @model::@classify(%x) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %k = transfer.loss cross_entropy %u, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %y = transfer.call @model::@pooled(%ids_0, %segments_1) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %v = transfer.call @model::@classify(%y) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %v, %labels_2 mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %loss = transfer.combine 1.0 * %k + 1.0 * %l
  transfer.predict %u softmax evaluate %k : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  // expected-error @below {{'transfer.schedule' op expects 'times' to be the same in each step, got "1 + step"}}
  transfer.schedule epochs 1 taking [@first times "1 + step", @second] of [@step]
}

// -----

// A number for each stream, which the text always has.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.size @U bound 64
graft.size @R bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.parameter @label : tensor<3x4xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %z : tensor<?x4xf32, #S>
  }
  func.func @classify(%x: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @first of ids, segments, labels<3> in @T, @S
  %ids_0, %segments_1, %labels_2 = transfer.stream @second of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %x = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %u = transfer.call @model::@classify(%x) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %k = transfer.loss cross_entropy %u, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %y = transfer.call @model::@pooled(%ids_0, %segments_1) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %v = transfer.call @model::@classify(%y) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %v, %labels_2 mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %loss = transfer.combine 1.0 * %k + 1.0 * %l
  transfer.predict %u softmax evaluate %k : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  // expected-error @below {{'transfer.schedule' op expects a number of batches for each of 2 streams, got 1}}
  "transfer.schedule"() {epochs = 1 : i64, streams = [@first, @second], batches = [1 : i64], phases = [@step]} : () -> ()
}

// -----

// C2: a loss that relates streams.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.size @U bound 64
graft.size @R bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.parameter @label : tensor<3x4xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %z : tensor<?x4xf32, #S>
  }
  func.func @classify(%x: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @first of ids, segments, labels<3> in @T, @S
  %ids_0, %segments_1, %labels_2 = transfer.stream @second of ids, segments, labels<3> in @U, @R
  transfer.group @all of @model
  %x = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %u = transfer.call @model::@classify(%x) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %k = transfer.loss cross_entropy %u, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %y = transfer.call @model::@pooled(%ids_0, %segments_1) : (tensor<?xi32, #graft.dims<U>>, !graft.segments<U, R>) -> tensor<?x4xf32, #graft.dims<R>>
  // expected-error @below {{'transfer.penalty' op expects to read one stream, of which a step takes a batch, got @first and @second}}
  %l = transfer.penalty mmd %x, %y : tensor<?x4xf32, #S>, tensor<?x4xf32, #graft.dims<R>>
  %loss = transfer.combine 1.0 * %k + 1.0 * %l
  transfer.predict %u softmax evaluate %k : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  // expected-note @below {{one stream is drawn in each step here}}
  transfer.schedule epochs 1 drawing power 1.0 of [@step]
}

// -----

// C2: one stream.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.size @U bound 64
graft.size @R bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.parameter @label : tensor<3x4xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %z : tensor<?x4xf32, #S>
  }
  func.func @classify(%x: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @first of ids, segments, labels<3> in @T, @S
  %ids_0, %segments_1, %labels_2 = transfer.stream @second of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %x = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %u = transfer.call @model::@classify(%x) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %k = transfer.loss cross_entropy %u, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %y = transfer.call @model::@pooled(%ids_0, %segments_1) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %v = transfer.call @model::@classify(%y) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %v, %labels_2 mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %loss = transfer.combine 1.0 * %k + 1.0 * %l
  transfer.predict %u softmax evaluate %k : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.phase' op expects a loss of two streams or more, got 1}}
  transfer.phase @step minimise %k over [@all] with adamw rate constant 1.0e-3
  transfer.phase @other minimise %l over [@all] with adamw rate constant 1.0e-3
  // expected-note @below {{one stream is taken in each step here}}
  transfer.schedule epochs 1 taking [@first] of [@step]
  transfer.schedule epochs 1 of [@other]
}

// -----

// C2: gradients of several streams.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.size @U bound 64
graft.size @R bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.parameter @label : tensor<3x4xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %z : tensor<?x4xf32, #S>
  }
  func.func @classify(%x: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
graft.model @balance {
  func.func @weights(%products: tensor<2x2xf32>) -> tensor<2xf32> {
    %w = graft.reduce max %products over [1] : (tensor<2x2xf32>) -> tensor<2xf32>
    return %w : tensor<2xf32>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @first of ids, segments, labels<3> in @T, @S
  %ids_0, %segments_1, %labels_2 = transfer.stream @second of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %x = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %u = transfer.call @model::@classify(%x) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %k = transfer.loss cross_entropy %u, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %y = transfer.call @model::@pooled(%ids_0, %segments_1) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %v = transfer.call @model::@classify(%y) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %v, %labels_2 mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %loss = transfer.combine 1.0 * %k + 1.0 * %l
  transfer.predict %u softmax evaluate %k : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.phase' op expects no gradients to weigh, which are of several streams}}
  transfer.phase @step minimise %loss weighing @balance::@weights over [@all] with adamw rate constant 1.0e-3
  // expected-note @below {{one stream is drawn in each step here}}
  transfer.schedule epochs 1 drawing power 1.0 of [@step]
}

// -----

// C2: phases of other streams.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.size @U bound 64
graft.size @R bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.parameter @label : tensor<3x4xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %z : tensor<?x4xf32, #S>
  }
  func.func @classify(%x: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @first of ids, segments, labels<3> in @T, @S
  %ids_0, %segments_1, %labels_2 = transfer.stream @second of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %x = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %u = transfer.call @model::@classify(%x) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %k = transfer.loss cross_entropy %u, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %y = transfer.call @model::@pooled(%ids_0, %segments_1) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %v = transfer.call @model::@classify(%y) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %v, %labels_2 mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %loss = transfer.combine 1.0 * %k + 1.0 * %l
  transfer.predict %u softmax evaluate %k : tensor<?x3xf32, #S>
  // expected-note @below {{declared here}}
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  %ids_3, %segments_4, %labels_5 = transfer.stream @third of ids, segments, labels<3> in @T, @S
  %z = transfer.call @model::@pooled(%ids_3, %segments_4) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %w = transfer.call @model::@classify(%z) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %m = transfer.loss cross_entropy %w, %labels_5 mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %more = transfer.combine 1.0 * %k + 1.0 * %m
  // expected-error @below {{'transfer.phase' op expects to read the streams that @step reads, of which a step takes one}}
  transfer.phase @other minimise %more over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 drawing power 1.0 of [@step, @other]
}

// -----

// C2: a stream that no phase reads.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.size @U bound 64
graft.size @R bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.parameter @label : tensor<3x4xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %z : tensor<?x4xf32, #S>
  }
  func.func @classify(%x: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @first of ids, segments, labels<3> in @T, @S
  %ids_0, %segments_1, %labels_2 = transfer.stream @second of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %x = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %u = transfer.call @model::@classify(%x) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %k = transfer.loss cross_entropy %u, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %y = transfer.call @model::@pooled(%ids_0, %segments_1) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %v = transfer.call @model::@classify(%y) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %v, %labels_2 mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %loss = transfer.combine 1.0 * %k + 1.0 * %l
  transfer.predict %u softmax evaluate %k : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  // expected-error @below {{'transfer.schedule' op expects to take streams that its phases read, got @third}}
  transfer.schedule epochs 1 taking [@first, @third] of [@step]
}

// -----

// C2: a stream twice.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.size @U bound 64
graft.size @R bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.parameter @label : tensor<3x4xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %z : tensor<?x4xf32, #S>
  }
  func.func @classify(%x: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @first of ids, segments, labels<3> in @T, @S
  %ids_0, %segments_1, %labels_2 = transfer.stream @second of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %x = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %u = transfer.call @model::@classify(%x) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %k = transfer.loss cross_entropy %u, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %y = transfer.call @model::@pooled(%ids_0, %segments_1) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %v = transfer.call @model::@classify(%y) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %v, %labels_2 mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %loss = transfer.combine 1.0 * %k + 1.0 * %l
  transfer.predict %u softmax evaluate %k : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  // expected-error @below {{'transfer.schedule' op expects each stream once, got @first twice}}
  transfer.schedule epochs 1 taking [@first, @second, @first] of [@step]
}

// -----

// C2: a stream that is left out.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.size @U bound 64
graft.size @R bound 8
graft.model @model {
  graft.parameter @words : tensor<16x4xf32>
  graft.parameter @label : tensor<3x4xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %w = graft.read @words : tensor<16x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<16x4xf32>) -> tensor<?x4xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %z : tensor<?x4xf32, #S>
  }
  func.func @classify(%x: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %ids, %segments, %labels = transfer.stream @first of ids, segments, labels<3> in @T, @S
  // expected-note @below {{declared here}}
  %ids_0, %segments_1, %labels_2 = transfer.stream @second of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %x = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %u = transfer.call @model::@classify(%x) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %k = transfer.loss cross_entropy %u, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %y = transfer.call @model::@pooled(%ids_0, %segments_1) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %v = transfer.call @model::@classify(%y) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %l = transfer.loss cross_entropy %v, %labels_2 mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %loss = transfer.combine 1.0 * %k + 1.0 * %l
  transfer.predict %u softmax evaluate %k : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  // expected-error @below {{'transfer.schedule' op expects to take all streams that its phases read, got none of @second}}
  transfer.schedule epochs 1 taking [@first times 2] of [@step]
}

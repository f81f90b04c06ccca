// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Predictions of sets of labels, and streams that have them.

// RUN: graft-opt %s --split-input-file --verify-diagnostics

// C3 of transfer.predict.

#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @label : tensor<3x4xf32>
  func.func @classify(%x: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  // expected-note @below {{declared here}}
  %x, %y = transfer.stream @train of features<4>, multi_hot<3> in @T, @S
  transfer.group @all of @model
  %z = transfer.call @model::@classify(%x) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss binary_cross_entropy %z, %y mean : tensor<?x3xf32, #S>, tensor<?x3xf32, #S>
  // expected-error @below {{expects sigmoid, as each label of @train is there by itself, got softmax}}
  transfer.predict %z softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

// -----

#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @label : tensor<3x4xf32>
  func.func @classify(%x: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  // expected-note @below {{declared here}}
  %x, %y = transfer.stream @train of features<4>, multi_hot<3> in @T, @S
  transfer.group @all of @model
  %z = transfer.call @model::@classify(%x) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss binary_cross_entropy %z, %y mean : tensor<?x3xf32, #S>, tensor<?x3xf32, #S>
  // expected-error @below {{expects sigmoid, as each label of @train is there by itself, got none}}
  transfer.predict %z : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

// -----

#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @label : tensor<3x4xf32>
  func.func @classify(%x: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  // expected-note @below {{declared here}}
  %x, %y = transfer.stream @train of features<4>, labels<3> in @T, @S
  transfer.group @all of @model
  %z = transfer.call @model::@classify(%x) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %z, %y mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  // expected-error @below {{expects softmax, as @train has one label of each example, got sigmoid}}
  transfer.predict %z sigmoid : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

// -----

#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @label : tensor<3x4xf32>
  func.func @classify(%x: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %x, %y = transfer.stream @train of features<4>, multi_hot<3> in @T, @S
  transfer.group @all of @model
  %z = transfer.call @model::@classify(%x) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss binary_cross_entropy %z, %y mean : tensor<?x3xf32, #S>, tensor<?x3xf32, #S>
  // expected-error @below {{expects softmax, for one label of each example, or sigmoid, for any number of them, got both}}
  transfer.predict %z softmax sigmoid : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

// -----

#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @label : tensor<3x4xf32>
  func.func @classify(%x: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  %x, %y = transfer.stream @train of features<4>, multi_hot<3> in @T, @S
  transfer.group @all of @model
  %z = transfer.call @model::@classify(%x) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %sum = graft.add %z, %y : tensor<?x3xf32, #S>
  %loss = transfer.loss binary_cross_entropy %z, %y mean : tensor<?x3xf32, #S>, tensor<?x3xf32, #S>
  // expected-error @below {{expects a prediction that does not depend on labels, weights or soft targets}}
  transfer.predict %sum sigmoid : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

// -----

// Numbers of sets are 0 and 1, no logits.
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @model {
  graft.parameter @label : tensor<3x4xf32>
  func.func @classify(%x: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s {
  // expected-note @below {{declared here}}
  %x, %y = transfer.stream @train of features<4>, multi_hot<3> in @T, @S
  transfer.group @all of @model
  %z = transfer.call @model::@classify(%x) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.loss' op expects logits of which it takes a softmax, got the sets of labels of @train; binary_cross_entropy compares with them}}
  %loss = transfer.loss kl_divergence %z, %y mean : tensor<?x3xf32, #S>, tensor<?x3xf32, #S>
  transfer.predict %z sigmoid : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: graft-opt %s --split-input-file --verify-diagnostics

graft.size @S bound 8
graft.model @m {
  graft.parameter @w : tensor<3x4xf32> initial "zeros"
}
transfer.strategy @c1_count {
  %x = transfer.stream @train of features<4> in @S, @S
  // expected-error @below {{expects a result for each parameter, got 2 for 1}}
  %w, %v = transfer.read @m [@w] : tensor<3x4xf32>, tensor<3x4xf32>
}

// -----

graft.size @S bound 8
// expected-note @below {{declared here}}
graft.model @m {
  graft.parameter @w : tensor<3x4xf32> initial "zeros"
}
transfer.strategy @c1_parameter {
  %x = transfer.stream @train of features<4> in @S, @S
  // expected-error @below {{expects a parameter of @m, got @v}}
  %w = transfer.read @m [@v] : tensor<3x4xf32>
}

// -----

// A function of the model is no parameter.
graft.size @S bound 8
// expected-note @below {{declared here}}
graft.model @m {
  graft.parameter @w : tensor<3x4xf32> initial "zeros"
  func.func @v() -> tensor<3x4xf32> {
    %w = graft.read @w : tensor<3x4xf32>
    return %w : tensor<3x4xf32>
  }
}
transfer.strategy @c1_function {
  %x = transfer.stream @train of features<4> in @S, @S
  // expected-error @below {{expects a parameter of @m, got @v}}
  %w = transfer.read @m [@v] : tensor<3x4xf32>
}

// -----

// Nothing more is imported for a strategy that is linked.
graft.size @S bound 8
transfer.strategy @c1_model {
  %x = transfer.stream @train of features<4> in @S, @S
  // expected-error @below {{expects parameters of a graft.model, got @m}}
  %w = transfer.read @m [@w] : tensor<3x4xf32>
}

// -----

graft.size @S bound 8
graft.model @m {
  // expected-note @below {{declared here}}
  graft.parameter @w : tensor<3x4xf32> initial "zeros"
}
transfer.strategy @c2_type {
  %x = transfer.stream @train of features<4> in @S, @S
  // expected-error @below {{expects @w of type 'tensor<3x4xf32>', got 'tensor<3x5xf32>'}}
  %w = transfer.read @m [@w] : tensor<3x5xf32>
}

// -----

// Names of sizes are those of the parameter before they are numbers, too.
graft.size @S bound 8
graft.model @m {
  // expected-note @below {{declared here}}
  graft.parameter @w : tensor<?x?xf32, #graft.dims<K, H>> initial "zeros"
}
transfer.strategy @c2_names sizes (H, K) {
  %x = transfer.stream @train of features<4> in @S, @S
  // expected-error @below {{expects @w of type 'tensor<?x?xf32, #graft.dims<K, H>>', got 'tensor<?x?xf32, #graft.dims<H, K>>'}}
  %w = transfer.read @m [@w] : tensor<?x?xf32, #graft.dims<H, K>>
}

// -----

// A model that is imported, and sizes of one that has been.
graft.size @S bound 8
graft.model @imported {
  graft.parameter @w : tensor<3x4xf32>
}
transfer.strategy @open sizes (H, K) {
  %x = transfer.stream @train of features<4> in @S, @S
  %v = transfer.read @m [@w] : tensor<?x?xf32, #graft.dims<K, H>>
  %w = transfer.read @imported [@w] : tensor<?x?xf32, #graft.dims<K, H>>
}

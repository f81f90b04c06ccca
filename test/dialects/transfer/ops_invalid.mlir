// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The rules of single ops, by the labels of their documentation.

// RUN: graft-opt %s --split-input-file --verify-diagnostics \
// RUN:   --allow-unregistered-dialect

// C1: known fields.

transfer.strategy @s {
  // expected-error @below {{expects fields of text, ids, types, segments, labels and weights, got tokens}}
  %0:2 = transfer.stream @train of ids, tokens in @T, @S
}

// -----

// C1.

transfer.strategy @s {
  // expected-error @below {{'transfer.stream' op expects each field once, got ids twice}}
  %0:2 = transfer.stream @train of ids, ids in @T, @S
}

// -----

// C2.

transfer.strategy @s {
  // expected-error @below {{'transfer.stream' op expects labels with their number, as labels<2>}}
  %0:2 = transfer.stream @train of ids, labels in @T, @S
}

// -----

// C2.

transfer.strategy @s {
  // expected-error @below {{'transfer.stream' op expects a number for labels only}}
  %0 = transfer.stream @train of ids<2> in @T, @S
}

// -----

// C2.

transfer.strategy @s {
  // expected-error @below {{'transfer.stream' op expects at least 1 label, got -1}}
  %0:2 = transfer.stream @train of ids, labels<-1> in @T, @S
}

// -----

// C3.

transfer.strategy @s {
  // expected-error @below {{'transfer.stream' op expects ids of type 'tensor<?xi32, #graft.dims<T>>', got 'tensor<?xi32>'}}
  %0 = "transfer.stream"() <{sym_name = "train", fields = ["ids"], tokens = @T, sequences = @S}> : () -> tensor<?xi32>
}

// -----

// C3.

transfer.strategy @s {
  // expected-error @below {{'transfer.stream' op expects a result for each of 1 fields, got 0}}
  "transfer.stream"() <{sym_name = "train", fields = ["ids"], tokens = @T, sequences = @S}> : () -> ()
}

// -----

// Group, C1.

transfer.strategy @s {
  // expected-error @below {{'transfer.group' op expects 'except' to be a regular expression, got "layer.(": parentheses not balanced}}
  transfer.group @g of @m except "layer.("
}

// -----

// Group, C2.

transfer.strategy @s {
  // expected-error @below {{'transfer.group' op expects no 'decay', 'multiplier' or 'layer_decay' of a group that is frozen}}
  transfer.group @g of @m frozen decay 1.000000e-02
}

// -----

// Loss, C1.

transfer.strategy @s {
  %z, %y = "test.values"() : () -> (tensor<3x4xf32>, tensor<2xi32>)
  // expected-error @below {{'transfer.loss' op expects 'target' to be one label per row of 'tensor<3x4xf32>', got 'tensor<2xi32>'}}
  %l = transfer.loss cross_entropy %z, %y mean : tensor<3x4xf32>, tensor<2xi32>
}

// -----

// Loss, C1.

transfer.strategy @s {
  %z, %y = "test.values"() : () -> (tensor<3x4xf32>, tensor<3x1xf32>)
  // expected-error @below {{'transfer.loss' op expects 'prediction' and 'target' of one type, got 'tensor<3x4xf32>' and 'tensor<3x1xf32>'}}
  %l = transfer.loss mse %z, %y mean : tensor<3x4xf32>, tensor<3x1xf32>
}

// -----

// Loss, C2.

transfer.strategy @s {
  %z, %y = "test.values"() : () -> (tensor<3x4xf32>, tensor<3x4xf32>)
  // expected-error @below {{'transfer.loss' op expects 'smoothing' and 'ignore' of cross_entropy only}}
  %l = transfer.loss mse %z, %y smoothing 1.000000e-01 mean : tensor<3x4xf32>, tensor<3x4xf32>
}

// -----

// Loss, C2.

transfer.strategy @s {
  %z, %y = "test.values"() : () -> (tensor<3x4xf32>, tensor<3x4xf32>)
  // expected-error @below {{'transfer.loss' op expects 'temperature' of kl_divergence and contrastive only}}
  %l = transfer.loss mse %z, %y temperature 2.000000e+00 mean : tensor<3x4xf32>, tensor<3x4xf32>
}

// -----

// Loss, C3.

transfer.strategy @s {
  %z, %w = "test.values"() : () -> (tensor<3x4xf32>, tensor<2xf32>)
  // expected-error @below {{'transfer.loss' op expects 'weight' to be one value per row of 'tensor<3x4xf32>', got 'tensor<2xf32>'}}
  %l = transfer.loss mse %z, %z weight %w mean : tensor<3x4xf32>, tensor<3x4xf32>, tensor<2xf32>
}

// -----

// Combine, C1.

transfer.strategy @s {
  %l = "test.values"() : () -> tensor<f32>
  // expected-error @below {{'transfer.combine' op expects a factor for each loss, got 2 and 1}}
  %c = "transfer.combine"(%l) <{factors = [1.0 : f64, 2.0 : f64]}> : (tensor<f32>) -> tensor<f32>
}

// -----

transfer.strategy @s {
  %ids, %segments, %weights = transfer.stream @train of ids, segments, weights in @T, @S
  %rows = graft.constant 1.0 : tensor<?xf32, #graft.dims<R>>
  // expected-error @below {{'transfer.mean' op expects 'weight' to be one value per element of 'tensor<?xf32, #graft.dims<R>>', got 'tensor<?xf32, #graft.dims<S>>'}}
  %loss = transfer.mean %rows weight %weights : tensor<?xf32, #graft.dims<R>>, tensor<?xf32, #graft.dims<S>>
}

// -----

// Rows of one stream have no distance: nothing says that they are others.
transfer.strategy @s {
  %a = graft.constant 1.0 : tensor<?x4xf32, #graft.dims<S>>
  // expected-error @below {{'transfer.penalty' op expects rows that sizes of different names count, those of two streams, got 'tensor<?x4xf32, #graft.dims<S>>' and 'tensor<?x4xf32, #graft.dims<S>>'}}
  %p = transfer.penalty mmd %a, %a : tensor<?x4xf32, #graft.dims<S>>, tensor<?x4xf32, #graft.dims<S>>
}

// -----

transfer.strategy @s {
  %a = graft.constant 1.0 : tensor<?x4xf32, #graft.dims<S>>
  %b = graft.constant 1.0 : tensor<?x3xf32, #graft.dims<R>>
  // expected-error @below {{'transfer.penalty' op expects rows of one width, got 'tensor<?x4xf32, #graft.dims<S>>' and 'tensor<?x3xf32, #graft.dims<R>>'}}
  %p = transfer.penalty coral %a, %b : tensor<?x4xf32, #graft.dims<S>>, tensor<?x3xf32, #graft.dims<R>>
}

// -----

transfer.strategy @s {
  %a = graft.constant 1.0 : tensor<?x4xf32, #graft.dims<S>>
  // expected-error @below {{'transfer.scale_gradient' op 'factor' expects a parameter that is a number behind '@' in "1 / (@none", got "none"}}
  %p = transfer.scale_gradient %a by "1 / (@none" : tensor<?x4xf32, #graft.dims<S>>
}

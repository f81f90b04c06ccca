// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The rules of single ops, by the labels of their documentation.

// RUN: graft-opt %s --split-input-file --verify-diagnostics \
// RUN:   --allow-unregistered-dialect

// C1: known fields.

transfer.strategy @s {
  // expected-error @below {{expects fields of text, ids, types, segments, adapters, features, labels, multi_hot, soft and weights, got tokens}}
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
  // expected-error @below {{expects labels with a number, as labels<2>}}
  %0:2 = transfer.stream @train of ids, labels in @T, @S
}

// -----

// C2.

transfer.strategy @s {
  // expected-error @below {{expects a number for labels, multi_hot, features and soft only, got one for ids}}
  %0 = transfer.stream @train of ids<2> in @T, @S
}

// -----

// C2.

transfer.strategy @s {
  // expected-error @below {{'transfer.stream' op expects at least 1 label, got -1}}
  %0:2 = transfer.stream @train of ids, labels<-1> in @T, @S
}

// -----

// C2.

transfer.strategy @s {
  // expected-error @below {{'transfer.stream' op expects a number for labels only}}
  %0 = "transfer.stream"() <{sym_name = "train", fields = ["ids"], label_count = 2 : i64, tokens = @T, sequences = @S}> : () -> tensor<?xi32, #graft.dims<T>>
}

// -----

// C2.

transfer.strategy @s {
  // expected-error @below {{expects features with a number, as features<2>}}
  %0 = transfer.stream @train of features in @T, @S
}

// -----

// C2.

transfer.strategy @s {
  // expected-error @below {{'transfer.stream' op expects at least 1 column of features, got -2}}
  %0 = transfer.stream @train of features<-2> in @T, @S
}

// -----

// C2.

transfer.strategy @s sizes (H) {
  // expected-error @below {{expects features of a number of columns, as features<2>, got H}}
  %0 = transfer.stream @train of features<H> in @T, @S
}

// -----

// C2.

transfer.strategy @s {
  // expected-error @below {{expects soft with a number, as soft<2>}}
  %0 = transfer.stream @train of soft in @T, @S
}

// -----

// C2.

transfer.strategy @s {
  // expected-error @below {{'transfer.stream' op expects soft targets of at least 2 classes, got 1; a number for each example is labels<1>}}
  %0 = transfer.stream @train of soft<1> in @T, @S
}

// -----

// C2.

transfer.strategy @s {
  // expected-error @below {{'transfer.stream' op expects soft of a number, or of a size of the strategy, got K}}
  %0 = transfer.stream @train of soft<K> in @T, @S
}

// -----

// C2.

transfer.strategy @s sizes (K) {
  // expected-error @below {{'transfer.stream' op expects soft targets of the classes of labels, K, got 3}}
  %0:3 = transfer.stream @train of text, labels<K>, soft<3> in @T, @S
}

// -----

// C3.

transfer.strategy @s {
  // expected-error @below {{'transfer.stream' op expects features of type 'tensor<?x2xf32, #graft.dims<S>>', got 'tensor<?x3xf32, #graft.dims<S>>'}}
  %0 = "transfer.stream"() <{sym_name = "train", fields = ["features"], feature_count = 2 : i64, tokens = @T, sequences = @S}> : () -> tensor<?x3xf32, #graft.dims<S>>
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

transfer.strategy @s {
  %ids, %segments, %weights = transfer.stream @train of ids, segments, weights in @T, @S
  %rows = graft.constant 1.0 : tensor<?xf32, #graft.dims<R>>
  // expected-error @below {{'transfer.total' op expects 'weight' to be one value per element of 'tensor<?xf32, #graft.dims<R>>', got 'tensor<?xf32, #graft.dims<S>>'}}
  %loss = transfer.total %rows weight %weights : tensor<?xf32, #graft.dims<R>>, tensor<?xf32, #graft.dims<S>>
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

// -----

// C1 of transfer.gradient.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
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
transfer.strategy @smooth {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %f = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%f) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %g = graft.stop_gradient %f : tensor<?x4xf32, #S>
  %again = transfer.call @model::@classify(%g) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.gradient' op expects 'values' to depend on 'wrt', which they do not}}
  %slope = transfer.gradient %again wrt %f : tensor<?x3xf32, #S>, tensor<?x4xf32, #S>
  %squares = graft.mul %slope, %slope : tensor<?x4xf32, #S>
  %length = graft.reduce sum %squares over [1] : (tensor<?x4xf32, #S>) -> tensor<?xf32, #S>
  %steep = transfer.mean %length : tensor<?xf32, #S>
  %loss = transfer.combine 1.0 * %label + 0.1 * %steep
  transfer.predict %logits softmax evaluate %label : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// C1 of transfer.number.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
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
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %f = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%f) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  // expected-error @below {{'transfer.number' op expects a tensor of f32, got 'tensor<?xbf16, #graft.dims<S>>'}}
  %n = transfer.number 1.0 : tensor<?xbf16, #S>
  transfer.predict %logits softmax evaluate %label : tensor<?x3xf32, #S>
  transfer.phase @step minimise %label over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 3 of [@step]
}


// -----

// C1 of transfer.stream: its name.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
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
  // expected-error @below {{'transfer.stream' op expects a name of letters, digits and '_', got @a.b}}
  %ids, %segments, %labels = transfer.stream @a.b of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %f = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%f) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %label : tensor<?x3xf32, #S>
  transfer.phase @step minimise %label over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 3 of [@step]
}


// -----

// C3 of transfer.phase.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
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
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %f = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%f) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %label : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.phase' op expects a name of letters, digits and '_', got @a b}}
  transfer.phase @"a b" minimise %label over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

transfer.strategy @s sizes (K) {
  // expected-error @below {{expects multi_hot of at least 2 labels, got 1; whether an example has one label or not is labels<2>}}
  %0 = transfer.stream @train of multi_hot<1> in @T, @S
}

// -----

transfer.strategy @s sizes (K) {
  // expected-error @below {{expects labels, one of each example, or multi_hot, any number of them, got both}}
  %0:2 = transfer.stream @train of labels<K>, multi_hot<K> in @T, @S
}

// -----

transfer.strategy @s sizes (K) {
  // expected-error @below {{expects multi_hot with a number, as multi_hot<2>}}
  %0 = transfer.stream @train of multi_hot in @T, @S
}

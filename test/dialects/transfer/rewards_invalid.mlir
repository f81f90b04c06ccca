// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// What the rules of kept values, rewards and registers refuse: C2, C7, C15 and C16 of
// transfer.strategy, and those of the ops.

// RUN: graft-opt %s --split-input-file --verify-diagnostics

// C15: a kept value that is a loss.

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
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %each = graft.cross_entropy %logits, %labels : (tensor<?x3xf32, #S>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  // expected-error @below {{'transfer.keep' op expects an f32 row of static size for each example of @train, got 'tensor<f32>'}}
  %kept = transfer.keep @kept %loss : tensor<f32>
  %wide = graft.broadcast %kept along [0] : (tensor<f32>) -> tensor<?xf32, #S>
  %product = graft.mul %each, %wide : tensor<?xf32, #S>
  %weighted = transfer.mean %product : tensor<?xf32, #S>
  transfer.predict %logits softmax evaluate %loss : tensor<?x3xf32, #S>
  transfer.phase @step minimise %weighted over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

// -----

// C15: a row that is made of a loss.

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
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  // expected-note @below {{which is here}}
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %each = graft.cross_entropy %logits, %labels : (tensor<?x3xf32, #S>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  %wide = graft.broadcast %loss along [0] : (tensor<f32>) -> tensor<?xf32, #S>
  // expected-error @below {{'transfer.keep' op expects a value of each example by itself, got one of a loss}}
  %kept = transfer.keep @kept %wide : tensor<?xf32, #S>
  %product = graft.mul %each, %kept : tensor<?xf32, #S>
  %weighted = transfer.mean %product : tensor<?xf32, #S>
  transfer.predict %logits softmax evaluate %loss : tensor<?x3xf32, #S>
  transfer.phase @step minimise %weighted over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

// -----

// C15: a value that relates examples.

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
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %each = graft.cross_entropy %logits, %labels : (tensor<?x3xf32, #S>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  // expected-note @below {{examples meet here}}
  %pairs = graft.matmul %logits, %logits transpose_lhs : (tensor<?x3xf32, #S>, tensor<?x3xf32, #S>) -> tensor<3x3xf32>
  %back = graft.matmul %logits, %pairs : (tensor<?x3xf32, #S>, tensor<3x3xf32>) -> tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.keep' op expects a value of each example by itself, got one of a batch}}
  %kept = transfer.keep @kept %back : tensor<?x3xf32, #S>
  %sums = graft.reduce sum %kept over [1] : (tensor<?x3xf32, #S>) -> tensor<?xf32, #S>
  %product = graft.mul %each, %sums : tensor<?xf32, #S>
  %weighted = transfer.mean %product : tensor<?xf32, #S>
  transfer.predict %logits softmax evaluate %loss : tensor<?x3xf32, #S>
  transfer.phase @step minimise %weighted over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

// -----

// C15: a value that nothing reads.

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
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  // expected-error @below {{'transfer.keep' op expects a loss of a phase to read it, got none}}
  %kept = transfer.keep @kept %logits : tensor<?x3xf32, #S>
  transfer.predict %logits softmax evaluate %loss : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

// -----

// C15: a value of no example.

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
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %each = graft.cross_entropy %logits, %labels : (tensor<?x3xf32, #S>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  %one = graft.constant 1.0 : tensor<?xf32, #S>
  // expected-error @below {{'transfer.keep' op expects a value that depends on one stream, got 0}}
  %kept = transfer.keep @kept %one : tensor<?xf32, #S>
  %product = graft.mul %each, %kept : tensor<?xf32, #S>
  %weighted = transfer.mean %product : tensor<?xf32, #S>
  transfer.predict %logits softmax evaluate %loss : tensor<?x3xf32, #S>
  transfer.phase @step minimise %weighted over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

// -----

// C7: an evaluation of a kept value.

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
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %each = graft.cross_entropy %logits, %labels : (tensor<?x3xf32, #S>, tensor<?xi32, #S>) -> tensor<?xf32, #S>
  %kept = transfer.keep @kept %each : tensor<?xf32, #S>
  %product = graft.mul %each, %kept : tensor<?xf32, #S>
  %weighted = transfer.mean %product : tensor<?xf32, #S>
  // expected-error @below {{'transfer.predict' op expects not to depend on a kept value, got "kept"; 'evaluate' names a loss without one}}
  transfer.predict %logits softmax evaluate %weighted : tensor<?x3xf32, #S>
  transfer.phase @step minimise %weighted over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

// -----

// C16: a reward on what a loss reads.

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
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  %ids_0, %segments_1, %labels_2 = transfer.stream @validation of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  // expected-note @below {{read here}}
  %others = transfer.call @model::@logits(%ids_0, %segments_1) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %more = transfer.loss cross_entropy %others, %labels_2 mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %both = transfer.combine 1.0 * %loss + 1.0 * %more
  transfer.predict %logits softmax evaluate %loss : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.reward' op expects a stream that nothing else reads, or the training sees what the reward measures, got @validation}}
  transfer.reward @now score on @validation
  transfer.phase @step minimise %both over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step, @now]
}

// -----

// C16: a reward on the data of the training.

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
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %loss : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.reward' op expects a transfer.stream, got @held}}
  transfer.reward @now score on @held
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step, @now]
}

// -----

// C16: a head that there is not.

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
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  %ids_0, %segments_1, %labels_2 = transfer.stream @validation of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %loss : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.reward' op expects the head of a transfer.predict, got @mood}}
  transfer.reward @now score of @mood on @validation
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step, @now]
}

// -----

// C16: several heads, of which the reward names none.

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
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  %ids_0, %segments_1, %labels_2 = transfer.stream @validation of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict @a %logits softmax evaluate %loss : tensor<?x3xf32, #S>
  transfer.predict @b %logits softmax evaluate %loss : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.reward' op expects 'of' a head in a strategy of several predictions, got none}}
  transfer.reward @now score on @validation
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step, @now]
}

// -----

// C16: data without labels.

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
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  // expected-note @below {{declared here}}
  %ids_0, %segments_1 = transfer.stream @validation of ids, segments in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %loss : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.reward' op expects a stream with the fields of @train, as the prediction reads, got no labels of @validation}}
  transfer.reward @now score on @validation
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step, @now]
}

// -----

// C1 of transfer.reward.

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
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  %ids_0, %segments_1, %labels_2 = transfer.stream @validation of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %loss : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.reward' op expects to measure score or loss, got "speed"}}
  transfer.reward @now speed on @validation
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step, @now]
}

// -----

// C2 of transfer.reward.

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
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  %ids_0, %segments_1, %labels_2 = transfer.stream @validation of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %loss : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.reward' op expects a name of letters, digits and '_', got @so-far}}
  transfer.reward @"so-far" score on @validation
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step, @"so-far"]
}

// -----

// Records have the step beside it.

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
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %loss : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.register' op expects another name than one that changes by itself, got @step}}
  transfer.register @step = 0.0 becomes 1.0
  transfer.phase @learn minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@learn, @step]
}

// -----

// C1 of transfer.register.

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
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %loss : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.register' op expects 'initial' to be the same in each step, got "step"}}
  transfer.register @count = "step" becomes 1.0
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step, @count]
}

// -----

// A register that begins with itself.

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
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %loss : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.register' op 'initial' expects }}
  transfer.register @count = @count becomes 1.0
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step, @count]
}

// -----

// C2 of transfer.strategy: a register in no schedule.

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
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %loss : tensor<?x3xf32, #S>
  // expected-note @below {{declared here}}
  transfer.register @count = 0.0 becomes "@count + 1"
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  // expected-error @below {{'transfer.schedule' op expects all rewards and registers, got none of @count}}
  transfer.schedule epochs 1 of [@step]
}

// -----

// C2: a register twice.

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
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %loss : tensor<?x3xf32, #S>
  transfer.register @count = 0.0 becomes "@count + 1"
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  // expected-note @below {{scheduled here}}
  // expected-error @below {{'transfer.schedule' op expects each reward and register once, got @count twice}}
  transfer.schedule epochs 1 of [@count, @step, @count]
}

// -----

// C2: a register in several turns.

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
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %loss : tensor<?x3xf32, #S>
  transfer.register @count = 0.0 becomes "@count + 1"
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  // expected-error @below {{'transfer.schedule' op expects no 'times' of a transfer.register, got that of @count}}
  transfer.schedule epochs 1 of [@count times 2, @step]
}

// -----

// C2: a schedule without a phase.

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
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %loss : tensor<?x3xf32, #S>
  transfer.register @count = 0.0 becomes "@count + 1"
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3
  // expected-error @below {{'transfer.schedule' op expects a transfer.phase, got none}}
  transfer.schedule epochs 1 of [@count]
  transfer.schedule epochs 1 of [@step]
}

// -----

// A number that is compiled in.

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
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %loss : tensor<?x3xf32, #S>
  transfer.register @count = 0.0 becomes "@count + 1"
  // expected-error @below {{'transfer.phase' op expects 'clip' to be the same in each step, got "@count"}}
  transfer.phase @step minimise %loss over [@all] with adamw rate constant 1.0e-3 clip @count
  transfer.schedule epochs 1 of [@step, @count]
}

// -----

// The rate of an optimiser that keeps more than gradients is not negative.

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
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %loss : tensor<?x3xf32, #S>
  transfer.register @count = -1.0 becomes "@count - 1"
  // expected-error @below {{'transfer.phase' op expects 'rate' to be a number that is not negative, got -1}}
  transfer.phase @step minimise %loss over [@all] with adamw rate constant @count
  transfer.schedule epochs 1 of [@step, @count]
}

// -----

// Nor is that of sgd where it names no reward or register.

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
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %loss : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.phase' op expects 'rate' to be a number that is not negative, got -1}}
  transfer.phase @step minimise %loss over [@all] with sgd rate constant "step - 1"
  transfer.schedule epochs 1 of [@step]
}

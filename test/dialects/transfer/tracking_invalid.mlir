// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// What the rules of groups that track a model, or decay to their start, refuse.

// RUN: graft-opt %s --split-input-file --verify-diagnostics

// C2: settings of an update.

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
graft.model @average {
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
transfer.strategy @averaged {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @body of @model select "^words" decay 0.5 to_start
  transfer.group @head of @model rest decay 0.25
  // expected-error @below {{'transfer.group' op expects no 'decay', 'multiplier' or 'layer_decay' of a group that tracks a model}}
  transfer.group @mean of @average select "^words" tracks @model keep 0.75 decay 0.1
  transfer.group @top of @average rest tracks @model keep "progress"
  %f = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%f) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %g = transfer.call @average::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %said = transfer.call @average::@classify(%g) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %said_loss = transfer.loss cross_entropy %said, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %said softmax evaluate %said_loss : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@body, @head] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

// -----

// C2: both.

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
graft.model @average {
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
transfer.strategy @averaged {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @body of @model select "^words" decay 0.5 to_start
  transfer.group @head of @model rest decay 0.25
  // expected-error @below {{'transfer.group' op expects a group that is frozen or tracks a model, got both}}
  transfer.group @mean of @average select "^words" frozen tracks @model keep 0.75
  transfer.group @top of @average rest tracks @model keep "progress"
  %f = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%f) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %g = transfer.call @average::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %said = transfer.call @average::@classify(%g) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %said_loss = transfer.loss cross_entropy %said, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %said softmax evaluate %said_loss : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@body, @head] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

// -----

// C3.

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
graft.model @average {
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
transfer.strategy @averaged {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  // expected-error @below {{'transfer.group' op expects 'decay' with 'to_start', got none}}
  transfer.group @body of @model select "^words" to_start
  transfer.group @head of @model rest decay 0.25
  transfer.group @mean of @average select "^words" tracks @model keep 0.75
  transfer.group @top of @average rest tracks @model keep "progress"
  %f = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%f) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %g = transfer.call @average::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %said = transfer.call @average::@classify(%g) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %said_loss = transfer.loss cross_entropy %said, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %said softmax evaluate %said_loss : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@body, @head] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

// -----

// C3.

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
graft.model @average {
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
transfer.strategy @averaged {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @body of @model select "^words" decay 0.5 to_start
  transfer.group @head of @model rest decay 0.25
  // expected-error @below {{'transfer.group' op expects 'tracks' and 'keep' together}}
  transfer.group @mean of @average select "^words" tracks @model
  transfer.group @top of @average rest tracks @model keep "progress"
  %f = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%f) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %g = transfer.call @average::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %said = transfer.call @average::@classify(%g) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %said_loss = transfer.loss cross_entropy %said, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %said softmax evaluate %said_loss : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@body, @head] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

// -----

// C3.

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
graft.model @average {
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
transfer.strategy @averaged {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @body of @model select "^words" decay 0.5 to_start
  transfer.group @head of @model rest decay 0.25
  // expected-error @below {{'transfer.group' op expects 'keep' to be a number in [0, 1], got 1.5}}
  transfer.group @mean of @average select "^words" tracks @model keep 1.5
  transfer.group @top of @average rest tracks @model keep "progress"
  %f = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%f) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %g = transfer.call @average::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %said = transfer.call @average::@classify(%g) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %said_loss = transfer.loss cross_entropy %said, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %said softmax evaluate %said_loss : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@body, @head] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

// -----

// C3 of the strategy: what is no model.

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
graft.model @average {
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
transfer.strategy @averaged {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @body of @model select "^words" decay 0.5 to_start
  transfer.group @head of @model rest decay 0.25
  // expected-error @below {{'transfer.group' op expects to track another graft.model, got @other}}
  transfer.group @mean of @average select "^words" tracks @other keep 0.75
  transfer.group @top of @average rest tracks @model keep "progress"
  %f = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%f) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %g = transfer.call @average::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %said = transfer.call @average::@classify(%g) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %said_loss = transfer.loss cross_entropy %said, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %said softmax evaluate %said_loss : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@body, @head] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

// -----

// Itself.

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
graft.model @average {
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
transfer.strategy @averaged {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @body of @model select "^words" decay 0.5 to_start
  transfer.group @head of @model rest decay 0.25
  // expected-error @below {{'transfer.group' op expects to track another graft.model, got @average}}
  transfer.group @mean of @average select "^words" tracks @average keep 0.75
  transfer.group @top of @average rest tracks @model keep "progress"
  %f = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%f) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %g = transfer.call @average::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %said = transfer.call @average::@classify(%g) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %said_loss = transfer.loss cross_entropy %said, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %said softmax evaluate %said_loss : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@body, @head] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

// -----

// Another type.

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
graft.model @average {
  // expected-note @below {{declared here}}
  graft.parameter @words : tensor<17x4xf32>
  graft.parameter @label : tensor<3x4xf32>
  func.func @pooled(%ids: tensor<?xi32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
    %w = graft.read @words : tensor<17x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<17x4xf32>) -> tensor<?x4xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %z : tensor<?x4xf32, #S>
  }
  func.func @classify(%x: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S> {
    %w = graft.read @label : tensor<3x4xf32>
    %z = graft.linear %x, %w : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @averaged {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @body of @model select "^words" decay 0.5 to_start
  transfer.group @head of @model rest decay 0.25
  // expected-error @below {{'transfer.group' op expects a parameter of @model of the name and the type of each that tracks it, got another type for @average::@words}}
  transfer.group @mean of @average select "^words" tracks @model keep 0.75
  transfer.group @top of @average rest tracks @model keep "progress"
  %f = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%f) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %g = transfer.call @average::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %said = transfer.call @average::@classify(%g) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %said_loss = transfer.loss cross_entropy %said, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %said softmax evaluate %said_loss : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@body, @head] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

// -----

// C4: a phase of it.

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
graft.model @average {
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
transfer.strategy @averaged {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @body of @model select "^words" decay 0.5 to_start
  transfer.group @head of @model rest decay 0.25
  // expected-note @below {{which tracks a model here}}
  transfer.group @mean of @average select "^words" tracks @model keep 0.75
  transfer.group @top of @average rest tracks @model keep "progress"
  %f = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%f) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %g = transfer.call @average::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %said = transfer.call @average::@classify(%g) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %said_loss = transfer.loss cross_entropy %said, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %said softmax evaluate %said_loss : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.phase' op expects groups that track no model, got @mean}}
  transfer.phase @step minimise %loss over [@body, @head, @mean] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

// -----

// C4: an optimiser that measures parameters.

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
graft.model @average {
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
transfer.strategy @averaged {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  // expected-note @below {{decays to its start here}}
  transfer.group @body of @model select "^words" decay 0.5 to_start
  transfer.group @head of @model rest decay 0.25
  transfer.group @mean of @average select "^words" tracks @model keep 0.75
  transfer.group @top of @average rest tracks @model keep "progress"
  %f = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%f) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %g = transfer.call @average::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %said = transfer.call @average::@classify(%g) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %said_loss = transfer.loss cross_entropy %said, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %said softmax evaluate %said_loss : tensor<?x3xf32, #S>
  // expected-error @below {{'transfer.phase' op expects an optimiser whose steps do not depend on the size of a parameter, got lamb for @body}}
  transfer.phase @step minimise %loss over [@body, @head] with lamb rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

// -----

// A chain.

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
graft.model @average {
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
graft.model @third {
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
transfer.strategy @averaged {
  %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3> in @T, @S
  transfer.group @body of @model select "^words" decay 0.5 to_start
  transfer.group @head of @model rest decay 0.25
  // expected-note @below {{which tracks another}}
  transfer.group @mean of @average select "^words" tracks @model keep 0.75
  transfer.group @top of @average rest tracks @model keep "progress"
  // expected-error @below {{'transfer.group' op expects to track a model that tracks none, got @average}}
  transfer.group @all of @third tracks @average keep 0.5
  %f = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%f) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  %g = transfer.call @average::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %said = transfer.call @average::@classify(%g) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %said_loss = transfer.loss cross_entropy %said, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %said softmax evaluate %said_loss : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@body, @head] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@step]
}

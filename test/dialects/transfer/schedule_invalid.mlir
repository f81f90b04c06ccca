// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// What the rules of schedules refuse, C1 and C2 of transfer.strategy, and C1 of
// transfer.schedule.

// RUN: graft-opt %s --split-input-file --verify-diagnostics

// A phase in two schedules.

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
  transfer.parameter @often = 2.5 in [0.0, 9.0] "turns"
  %ids, %segments, %labels = transfer.stream @source of ids, segments, labels<3> in @T, @S
  transfer.group @encoder of @model select "^words"
  transfer.group @head of @model select "^label"
  %fs = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%fs) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %label : tensor<?x3xf32, #S>
  transfer.phase @probe minimise %label over [@head] with adamw rate constant 1.0e-3
  transfer.phase @all minimise %label over [@encoder, @head] with adamw rate constant 1.0e-3
  // expected-note @below {{scheduled here}}
  transfer.schedule epochs 1 of [@probe]
  // expected-error @below {{'transfer.schedule' op expects each phase once, got @probe twice}}
  transfer.schedule epochs 1 of [@all, @probe]
}

// -----

// A phase twice in one schedule.

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
  transfer.parameter @often = 2.5 in [0.0, 9.0] "turns"
  %ids, %segments, %labels = transfer.stream @source of ids, segments, labels<3> in @T, @S
  transfer.group @encoder of @model select "^words"
  transfer.group @head of @model select "^label"
  %fs = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%fs) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %label : tensor<?x3xf32, #S>
  transfer.phase @probe minimise %label over [@head] with adamw rate constant 1.0e-3
  transfer.phase @all minimise %label over [@encoder, @head] with adamw rate constant 1.0e-3
  // expected-error @below {{'transfer.schedule' op expects each phase once, got @probe twice}}
  // expected-note @below {{scheduled here}}
  transfer.schedule epochs 1 of [@probe, @all, @probe]
}

// -----

// A phase in none.

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
  transfer.parameter @often = 2.5 in [0.0, 9.0] "turns"
  %ids, %segments, %labels = transfer.stream @source of ids, segments, labels<3> in @T, @S
  transfer.group @encoder of @model select "^words"
  transfer.group @head of @model select "^label"
  %fs = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%fs) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %label : tensor<?x3xf32, #S>
  transfer.phase @probe minimise %label over [@head] with adamw rate constant 1.0e-3
  // expected-note @below {{declared here}}
  transfer.phase @all minimise %label over [@encoder, @head] with adamw rate constant 1.0e-3
  // expected-error @below {{'transfer.schedule' op expects all phases, got none of @all}}
  transfer.schedule epochs 1 of [@probe]
}

// -----

// A schedule of nothing.

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
  transfer.parameter @often = 2.5 in [0.0, 9.0] "turns"
  %ids, %segments, %labels = transfer.stream @source of ids, segments, labels<3> in @T, @S
  transfer.group @encoder of @model select "^words"
  transfer.group @head of @model select "^label"
  %fs = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%fs) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %label : tensor<?x3xf32, #S>
  transfer.phase @probe minimise %label over [@head] with adamw rate constant 1.0e-3
  transfer.phase @all minimise %label over [@encoder, @head] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@probe, @all]
  // expected-error @below {{'transfer.schedule' op expects a transfer.phase, got none}}
  transfer.schedule epochs 1 of []
}

// -----

// What is no phase.

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
  transfer.parameter @often = 2.5 in [0.0, 9.0] "turns"
  %ids, %segments, %labels = transfer.stream @source of ids, segments, labels<3> in @T, @S
  transfer.group @encoder of @model select "^words"
  transfer.group @head of @model select "^label"
  %fs = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%fs) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %label : tensor<?x3xf32, #S>
  transfer.phase @probe minimise %label over [@head] with adamw rate constant 1.0e-3
  transfer.phase @all minimise %label over [@encoder, @head] with adamw rate constant 1.0e-3
  // expected-error @below {{'transfer.schedule' op expects a transfer.phase, transfer.reward or transfer.register, got @head}}
  transfer.schedule epochs 1 of [@probe, @all, @head]
}

// -----

// No turns.

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
  transfer.parameter @often = 2.5 in [0.0, 9.0] "turns"
  %ids, %segments, %labels = transfer.stream @source of ids, segments, labels<3> in @T, @S
  transfer.group @encoder of @model select "^words"
  transfer.group @head of @model select "^label"
  %fs = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%fs) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %label : tensor<?x3xf32, #S>
  transfer.phase @probe minimise %label over [@head] with adamw rate constant 1.0e-3
  transfer.phase @all minimise %label over [@encoder, @head] with adamw rate constant 1.0e-3
  // expected-error @below {{'transfer.schedule' op expects 'times' to be a positive integer, got 0}}
  transfer.schedule epochs 1 of [@probe times 0, @all]
}

// -----

// Half a turn.

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
  transfer.parameter @often = 2.5 in [0.0, 9.0] "turns"
  %ids, %segments, %labels = transfer.stream @source of ids, segments, labels<3> in @T, @S
  transfer.group @encoder of @model select "^words"
  transfer.group @head of @model select "^label"
  %fs = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%fs) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %label : tensor<?x3xf32, #S>
  transfer.phase @probe minimise %label over [@head] with adamw rate constant 1.0e-3
  transfer.phase @all minimise %label over [@encoder, @head] with adamw rate constant 1.0e-3
  // expected-error @below {{'transfer.schedule' op expects 'every' to be a positive integer, got 2.5}}
  transfer.schedule epochs 1 of [@probe, @all every @often]
}

// -----

// Turns that change.

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
  transfer.parameter @often = 2.5 in [0.0, 9.0] "turns"
  %ids, %segments, %labels = transfer.stream @source of ids, segments, labels<3> in @T, @S
  transfer.group @encoder of @model select "^words"
  transfer.group @head of @model select "^label"
  %fs = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%fs) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax evaluate %label : tensor<?x3xf32, #S>
  transfer.phase @probe minimise %label over [@head] with adamw rate constant 1.0e-3
  transfer.phase @all minimise %label over [@encoder, @head] with adamw rate constant 1.0e-3
  // expected-error @below {{'transfer.schedule' op expects 'times' to be the same in each step, got "1 + step"}}
  transfer.schedule epochs 1 of [@probe times "1 + step", @all]
}

// -----

// C7: which loss is evaluated.

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
  transfer.parameter @often = 2.5 in [0.0, 9.0] "turns"
  %ids, %segments, %labels = transfer.stream @source of ids, segments, labels<3> in @T, @S
  transfer.group @encoder of @model select "^words"
  transfer.group @head of @model select "^label"
  %fs = transfer.call @model::@pooled(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  %logits = transfer.call @model::@classify(%fs) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %label = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  // expected-error @below {{'transfer.predict' op expects 'evaluate' in a strategy of several phases, got 2}}
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @probe minimise %label over [@head] with adamw rate constant 1.0e-3
  transfer.phase @all minimise %label over [@encoder, @head] with adamw rate constant 1.0e-3
  transfer.schedule epochs 1 of [@probe, @all]
}

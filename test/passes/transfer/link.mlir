// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Sizes and texts of a strategy become those of the models that it calls.

// RUN: graft-opt %s --split-input-file --transfer-link --verify-diagnostics | FileCheck %s
// RUN: graft-opt %s --split-input-file --transfer-link --verify-diagnostics | graft-opt --split-input-file --transfer-link > /dev/null

// A student without types, and a teacher with them: the stream has what both
// take, in the order of their first calls.

#T = #graft.dims<T>
#S = #graft.dims<S>
#SK = #graft.dims<S, K>
graft.size @T bound 64
graft.size @S bound 8
graft.model @student {
  graft.parameter @w : tensor<9x5xf32>
  func.func @logits(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x5xf32, #S> {
    %w = graft.read @w : tensor<9x5xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<9x5xf32>) -> tensor<?x5xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x5xf32, #T>, !graft.segments<T, S>) -> tensor<?x5xf32, #S>
    return %z : tensor<?x5xf32, #S>
  }
}
graft.model @teacher {
  graft.parameter @w : tensor<9x5xf32>
  func.func @logits(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %types: tensor<?xi32, #T> {graft.name = "types"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x5xf32, #S> {
    %w = graft.read @w : tensor<9x5xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<9x5xf32>) -> tensor<?x5xf32, #T>
    %z = graft.segment_pool first %x, %seq : (tensor<?x5xf32, #T>, !graft.segments<T, S>) -> tensor<?x5xf32, #S>
    return %z : tensor<?x5xf32, #S>
  }
}
// CHECK-LABEL: transfer.strategy @distill {
transfer.strategy @distill sizes (K) {
  // CHECK: %ids, %segments, %types, %labels = transfer.stream @train of ids, segments, types, labels<5> in @T, @S
  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @frozen of @teacher frozen
  transfer.group @all of @student
  // CHECK: %[[Z:.*]] = transfer.call @student::@logits(%ids, %segments) : (tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x5xf32, #S>
  %logits = transfer.call @student::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  // CHECK: transfer.call deterministic @teacher::@logits(%ids, %types, %segments)
  %said = transfer.call deterministic @teacher::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  // CHECK: transfer.loss cross_entropy %[[Z]], %labels mean : tensor<?x5xf32, #S>, tensor<?xi32, #S>
  %hard = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %soft = transfer.loss kl_divergence %logits, %said mean : tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>
  %loss = transfer.combine 0.5 * %hard + 0.5 * %soft
  transfer.predict %logits softmax evaluate %hard : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// C1: two models that disagree.

#T = #graft.dims<T>
#S = #graft.dims<S>
#SK = #graft.dims<S, K>
graft.size @T bound 64
graft.size @S bound 8
graft.model @a {
  func.func private @logits(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x5xf32, #S>
}
graft.model @b {
  func.func private @logits(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x3xf32, #S>
}
transfer.strategy @s sizes (K) {
  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  // expected-note @below {{which @a::@logits has}}
  %y = transfer.call @a::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  // expected-error @below {{'transfer.call' op expects @b::@logits to have 5 for K, got 3}}
  %z = transfer.call @b::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
}

// -----

// C1: a size that no call has.

graft.size @T bound 64
graft.size @S bound 8
// expected-error @below {{'transfer.strategy' op expects a call whose result has the size K, got none}}
transfer.strategy @s sizes (K) {
  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
}

// -----

// C2: an argument that no text has.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  // expected-error @below {{'func.func' op expects graft.name of argument 0 to be ids, types, segments or adapters, to take a text, got pixels}}
  func.func private @logits(%x: tensor<?xi32, #T> {graft.name = "pixels"}) -> tensor<?x5xf32, #S>
}
transfer.strategy @s {
  %text = transfer.stream @train of text in @T, @S
  // expected-note @below {{called here}}
  %y = transfer.call @m::@logits(%text) : (!transfer.text) -> tensor<?x5xf32, #S>
}

// -----

// A text beside other operands stands for the fields at its place; each stream
// gets what its own calls take; a model on the page gets its sizes from the calls
// of others, and all of its ops with it.

#T = #graft.dims<T>
#S = #graft.dims<S>
#H = #graft.dims<H>
#SH = #graft.dims<S, H>
#SK = #graft.dims<S, K>
graft.size @T bound 64
graft.size @S bound 8
graft.model @net {
  graft.parameter @table : tensor<9x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  func.func @pooled(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x4xf32, #S> {
    %w = graft.read @table : tensor<9x4xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<9x4xf32>) -> tensor<?x4xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    return %z : tensor<?x4xf32, #S>
  }
  func.func @classify(%x: tensor<?x4xf32, #S> {graft.name = "pooled"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x3xf32, #S> {
    %d = graft.dropout %x, %seq rate 1.0e-1 id 1 : (tensor<?x4xf32, #S>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
    %w = graft.read @head : tensor<3x4xf32>
    %z = graft.linear %d, %w : (tensor<?x4xf32, #S>, tensor<3x4xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
// CHECK-LABEL: graft.model @critic {
graft.model @critic {
  // CHECK-NEXT: graft.parameter @norm.weight : tensor<4xf32> initial "ones"
  graft.parameter @norm.weight : tensor<?xf32, #H> initial "ones"
  graft.parameter @norm.bias : tensor<?xf32, #H> initial "zeros"
  // CHECK: graft.parameter @hidden.weight : tensor<8x4xf32> initial "normal" deviation 5.000000e-02
  graft.parameter @hidden.weight : tensor<8x?xf32, #H> initial "normal" deviation 5.0e-2
  graft.parameter @hidden.bias : tensor<8xf32> initial "zeros"
  graft.layers @layer count 2 {
    // CHECK: graft.parameter @weight : tensor<4x4xf32> initial "zeros"
    graft.parameter @weight : tensor<?x?xf32, #graft.dims<H, H>> initial "zeros"
  }
  graft.parameter @output.weight : tensor<?x8xf32, #graft.dims<K>> initial "zeros"
  graft.parameter @output.bias : tensor<?xf32, #graft.dims<K>> initial "zeros"
  // CHECK: func.func @logits(%{{.*}}: tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  func.func @logits(%x: tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SK> {
    %g = graft.read @norm.weight : tensor<?xf32, #H>
    %s = graft.read @norm.bias : tensor<?xf32, #H>
    // CHECK: graft.layer_norm {{.*}} : (tensor<?x4xf32, #S>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xf32, #S>
    %n = graft.layer_norm %x, %g, %s epsilon 1.0e-5 : (tensor<?x?xf32, #SH>, tensor<?xf32, #H>, tensor<?xf32, #H>) -> tensor<?x?xf32, #SH>
    // CHECK: graft.repeat 2 scope @layer ({{.*}}) : tensor<?x4xf32, #S>
    %r = graft.repeat 2 scope @layer (%y = %n) : tensor<?x?xf32, #SH> {
      %lw = graft.read layer @weight : tensor<?x?xf32, #graft.dims<H, H>>
      %l = graft.linear %y, %lw : (tensor<?x?xf32, #SH>, tensor<?x?xf32, #graft.dims<H, H>>) -> tensor<?x?xf32, #SH>
      %a = graft.add %l, %y : tensor<?x?xf32, #SH>
      graft.yield %a : tensor<?x?xf32, #SH>
    }
    %hw = graft.read @hidden.weight : tensor<8x?xf32, #H>
    %hb = graft.read @hidden.bias : tensor<8xf32>
    // CHECK: graft.linear {{.*}} : (tensor<?x4xf32, #S>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<?x8xf32, #S>
    %h = graft.linear %r, %hw, %hb : (tensor<?x?xf32, #SH>, tensor<8x?xf32, #H>, tensor<8xf32>) -> tensor<?x8xf32, #S>
    %p = graft.relu %h : tensor<?x8xf32, #S>
    %ow = graft.read @output.weight : tensor<?x8xf32, #graft.dims<K>>
    %ob = graft.read @output.bias : tensor<?xf32, #graft.dims<K>>
    // CHECK: graft.linear {{.*}} : (tensor<?x8xf32, #S>, tensor<3x8xf32>, tensor<3xf32>) -> tensor<?x3xf32, #S>
    %z = graft.linear %p, %ow, %ob : (tensor<?x8xf32, #S>, tensor<?x8xf32, #graft.dims<K>>, tensor<?xf32, #graft.dims<K>>) -> tensor<?x?xf32, #SK>
    return %z : tensor<?x?xf32, #SK>
  }
}
// CHECK-LABEL: transfer.strategy @several {
transfer.strategy @several sizes (H, K) {
  // CHECK: %[[IDS:.*]], %[[SEGMENTS:.*]], %labels = transfer.stream @source of ids, segments, labels<3> in @T, @S
  %text, %labels = transfer.stream @source of text, labels<K> in @T, @S
  // CHECK: %[[IDS_T:.*]], %[[SEGMENTS_T:.*]] = transfer.stream @target of ids, segments in @T, @S
  %other = transfer.stream @target of text in @T, @S
  transfer.group @encoder of @net
  transfer.group @head of @critic
  // CHECK: %[[P:.*]] = transfer.call @net::@pooled(%[[IDS]], %[[SEGMENTS]])
  %pooled = transfer.call @net::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  // CHECK: %[[Z:.*]] = transfer.call @net::@classify(%[[P]], %[[SEGMENTS]]) : (tensor<?x4xf32, #S>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %logits = transfer.call @net::@classify(%pooled, %text) : (tensor<?x?xf32, #SH>, !transfer.text) -> tensor<?x?xf32, #SK>
  // CHECK: %[[P_T:.*]] = transfer.call @net::@pooled(%[[IDS_T]], %[[SEGMENTS_T]])
  %pooled_t = transfer.call @net::@pooled(%other) : (!transfer.text) -> tensor<?x?xf32, #SH>
  // CHECK: transfer.call @net::@classify(%[[P_T]], %[[SEGMENTS_T]])
  %guessed = transfer.call @net::@classify(%pooled_t, %other) : (tensor<?x?xf32, #SH>, !transfer.text) -> tensor<?x?xf32, #SK>
  // CHECK: transfer.call @critic::@logits(%[[P_T]]) : (tensor<?x4xf32, #S>) -> tensor<?x3xf32, #S>
  %judged = transfer.call @critic::@logits(%pooled_t) : (tensor<?x?xf32, #SH>) -> tensor<?x?xf32, #SK>
  %a = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %b = transfer.loss kl_divergence %judged, %guessed mean : tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>
  %loss = transfer.combine 0.5 * %a + 0.5 * %b
  transfer.predict %logits softmax evaluate %a : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@encoder, @head] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// Two texts of one call: a run of fields has each name once.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @pair {
  graft.parameter @w : tensor<9x3xf32>
  func.func @logits(%a: tensor<?xi32, #T> {graft.name = "ids"}, %sa: !graft.segments<T, S> {graft.name = "segments"}, %b: tensor<?xi32, #T> {graft.name = "ids"}, %sb: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x3xf32, #S> {
    %w = graft.read @w : tensor<9x3xf32>
    %x = graft.embedding %a, %w : (tensor<?xi32, #T>, tensor<9x3xf32>) -> tensor<?x3xf32, #T>
    %z = graft.segment_pool mean %x, %sa : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
// CHECK-LABEL: transfer.strategy @pairs {
transfer.strategy @pairs {
  // CHECK: %ids, %segments, %labels = transfer.stream @train of ids, segments, labels<3>
  %text, %labels = transfer.stream @train of text, labels<3> in @T, @S
  transfer.group @all of @pair
  // CHECK: transfer.call @pair::@logits(%ids, %segments, %ids, %segments)
  %logits = transfer.call @pair::@logits(%text, %text) : (!transfer.text, !transfer.text) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// C2: no argument is left for a text.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  // expected-error @below {{'func.func' op expects graft.name of argument 2 to be ids, types, segments or adapters, to take a text, got none}}
  func.func private @logits(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x5xf32, #S>
}
transfer.strategy @s {
  %text = transfer.stream @train of text in @T, @S
  // expected-note @below {{called here}}
  %y = transfer.call @m::@logits(%text, %text) : (!transfer.text, !transfer.text) -> tensor<?x5xf32, #S>
}

// -----

// An argument behind the fields of a text is an operand of its own.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @w : tensor<9x5xf32>
  // expected-note @below {{declared here}}
  func.func @logits(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}, %x: tensor<?x5xf32, #S>) -> tensor<?x5xf32, #S> {
    return %x : tensor<?x5xf32, #S>
  }
}
transfer.strategy @s {
  %text, %labels = transfer.stream @train of text, labels<5> in @T, @S
  transfer.group @all of @m
  // expected-error @below {{'transfer.call' op expects @m::@logits of type}}
  %logits = transfer.call @m::@logits(%text) : (!transfer.text) -> tensor<?x5xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x5xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x5xf32, #S>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

// -----

// C3: a model returns no text.

#T = #graft.dims<T>
#S = #graft.dims<S>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  func.func private @say(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> !transfer.text
}
transfer.strategy @s {
  %text = transfer.stream @train of text in @T, @S
  %said = transfer.call @m::@say(%text) : (!transfer.text) -> !transfer.text
  // expected-error @below {{'transfer.call' op expects the text of a stream, got another}}
  %again = transfer.call @m::@say(%said) : (!transfer.text) -> !transfer.text
}

// -----

// C1: a size of a model on the page, which no call of another model has.

#T = #graft.dims<T>
#S = #graft.dims<S>
#SH = #graft.dims<S, H>
graft.size @T bound 64
graft.size @S bound 8
graft.model @critic {
  graft.parameter @bias : tensor<8xf32>
  // expected-note @below {{for "weight" of 'tensor<8x?xf32, #graft.dims<H>>'}}
  graft.parameter @weight : tensor<8x?xf32, #graft.dims<H>>
  func.func private @logits(%x: tensor<?x?xf32, #SH>) -> tensor<?x8xf32, #S>
}
// expected-error @below {{'transfer.strategy' op expects a call whose result has the size H, got none}}
transfer.strategy @s sizes (H) {
  %text = transfer.stream @train of text in @T, @S
}

// -----

// C5: a size of models is none of a batch.

graft.size @T bound 64
// expected-note @below {{declared here}}
graft.size @S bound 8
// expected-error @below {{'transfer.strategy' op expects sizes of other names than those of a batch, got S}}
transfer.strategy @s sizes (S) {
  %text = transfer.stream @train of text in @T, @S
}

// -----

// C6: a size that no strategy declares.

graft.model @critic {
  // expected-error @below {{'graft.parameter' op expects a static shape, or sizes that a strategy declares, got 'tensor<8x?xf32, #graft.dims<H>>'}}
  graft.parameter @weight : tensor<8x?xf32, #graft.dims<H>>
}

// -----

// C4: one class is none to tell apart.

#T = #graft.dims<T>
#S = #graft.dims<S>
#SK = #graft.dims<S, K>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  func.func private @logits(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x1xf32, #S>
}
transfer.strategy @s sizes (K) {
  // expected-error @below {{'transfer.stream' op expects labels<K> of at least 2 classes, got 1; labels<1> is a number for each text}}
  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  // expected-note @below {{which @m::@logits has}}
  %y = transfer.call @m::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
}

// -----

// Labels of a number, beside logits of a size that is another.

#T = #graft.dims<T>
#S = #graft.dims<S>
#SC = #graft.dims<S, C>
graft.size @T bound 64
graft.size @S bound 8
graft.model @m {
  graft.parameter @w : tensor<9x3xf32>
  func.func @logits(%ids: tensor<?xi32, #T> {graft.name = "ids"}, %seq: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x3xf32, #S> {
    %w = graft.read @w : tensor<9x3xf32>
    %x = graft.embedding %ids, %w : (tensor<?xi32, #T>, tensor<9x3xf32>) -> tensor<?x3xf32, #T>
    %z = graft.segment_pool mean %x, %seq : (tensor<?x3xf32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @s sizes (C) {
  // expected-note @below {{declared here}}
  %text, %labels = transfer.stream @train of text, labels<2> in @T, @S
  transfer.group @all of @m
  %logits = transfer.call @m::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SC>
  // expected-error @below {{'transfer.loss' op expects logits of 2 columns, for labels<2> of @train, got 'tensor<?x3xf32, #graft.dims<S>>'}}
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SC>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x?xf32, #SC>
  transfer.phase @step minimise %loss over [@all] with adamw rate linear 1.0e-3
  transfer.schedule epochs 3 of [@step]
}

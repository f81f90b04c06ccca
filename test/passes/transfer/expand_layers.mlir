// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: graft-opt %s --transfer-expand-layers --split-input-file \
// RUN:   --verify-diagnostics | FileCheck %s
// RUN: graft-opt %S/Inputs/tiny_bert.mlir --transfer-expand-layers \
// RUN:   --mlir-print-local-scope --mlir-print-debuginfo \
// RUN:   | FileCheck %s --check-prefix=BERT

// Parameters stand where the stack stood, layer by layer; `*` in a source
// becomes the layer's number, wherever it stands.

// CHECK-LABEL: graft.model @names
// CHECK-NEXT:    graft.parameter @before
// CHECK-NEXT:    graft.parameter @layer.0.w : tensor<4x4xf32> from "h.0.w0"
// CHECK-NEXT:    graft.parameter @layer.0.b : tensor<4xf32>{{$}}
// CHECK-NEXT:    graft.parameter @layer.1.w : tensor<4x4xf32> from "h.1.w1"
// CHECK-NEXT:    graft.parameter @layer.1.b : tensor<4xf32>{{$}}
// CHECK-NEXT:    graft.parameter @after : tensor<4xf32> from "last.*"
graft.model @names {
  graft.parameter @before : tensor<4xf32>
  graft.layers @layer count 2 {
    graft.parameter @w : tensor<4x4xf32> from "h.*.w*"
    graft.parameter @b : tensor<4xf32>
  }
  graft.parameter @after : tensor<4xf32> from "last.*"
}

// -----

// Layers that the checkpoint numbers otherwise: the source has its number, the
// parameter that of the model.

// CHECK-LABEL: graft.model @some
// CHECK-NEXT:    graft.parameter @layer.0.w : tensor<4x4xf32> from "h.2.w2"
// CHECK-NEXT:    graft.parameter @layer.0.b : tensor<4xf32> from "layer.2.b"
// CHECK-NEXT:    graft.parameter @layer.1.w : tensor<4x4xf32> from "h.1.w1"
// CHECK-NEXT:    graft.parameter @layer.1.b : tensor<4xf32>{{$}}
graft.model @some {
  graft.layers @layer count 2 from [2, 1] {
    graft.parameter @w : tensor<4x4xf32> from "h.*.w*"
    graft.parameter @b : tensor<4xf32>
  }
}

// -----

graft.model @few {
  // expected-error @below {{'graft.layers' op expects 'from' to have a number for each of 2 layers, got array<i64: 2>}}
  graft.layers @layer count 2 from [2] {
    graft.parameter @w : tensor<4x4xf32>
  }
}

// -----

graft.model @negative {
  // expected-error @below {{'graft.layers' op expects 'from' to have a number for each of 2 layers, got array<i64: 2, -1>}}
  graft.layers @layer count 2 from [2, -1] {
    graft.parameter @w : tensor<4x4xf32>
  }
}

// -----

// Each turn reads its own layer, carries its values to the next, and gets ids
// 64 apart; what lies outside keeps its id.

#T = #graft.dims<T>

// CHECK-LABEL: graft.model @turns
// CHECK:       func.func @f(%[[X:.*]]: tensor<?x4xf32, #T>, %[[Y:.*]]: tensor<?x4xf32, #T>, %[[SEQ:.*]]: !graft.segments<T, S>)
// CHECK-NEXT:    %[[D:.*]] = graft.dropout %[[X]], %[[SEQ]] rate 1.000000e-01 id 3 :
// CHECK-NEXT:    %[[W0:.*]] = graft.read @layer.0.w
// CHECK-NEXT:    %[[L0:.*]] = graft.linear %[[D]], %[[W0]]
// CHECK-NEXT:    %[[A0:.*]] = graft.attention %[[L0]], %[[L0]], %[[L0]], %[[SEQ]] heads 2 dropout 1.000000e-01 id 64 :
// CHECK-NEXT:    %[[D0:.*]] = graft.dropout %[[A0]], %[[SEQ]] rate 1.000000e-01 id 127 :
// CHECK-NEXT:    %[[S0:.*]] = graft.add %[[D0]], %[[Y]]
// CHECK-NEXT:    %[[W1:.*]] = graft.read @layer.1.w
// CHECK-NEXT:    %[[L1:.*]] = graft.linear %[[S0]], %[[W1]]
// CHECK-NEXT:    %[[A1:.*]] = graft.attention %[[L1]], %[[L1]], %[[L1]], %[[SEQ]] heads 2 dropout 1.000000e-01 id 128 :
// CHECK-NEXT:    %[[D1:.*]] = graft.dropout %[[A1]], %[[SEQ]] rate 1.000000e-01 id 191 :
// CHECK-NEXT:    %[[S1:.*]] = graft.add %[[D1]], %[[D]]
// CHECK-NEXT:    return %[[S1]], %[[S0]]
graft.model @turns {
  graft.layers @layer count 2 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @f(%x: tensor<?x4xf32, #T>, %y: tensor<?x4xf32, #T>, %seq: !graft.segments<T, S>) -> (tensor<?x4xf32, #T>, tensor<?x4xf32, #T>) {
    %d = graft.dropout %x, %seq rate 1.000000e-01 id 3 : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
    %z:2 = graft.repeat 2 scope @layer (%h = %d, %g = %y) : tensor<?x4xf32, #T>, tensor<?x4xf32, #T> {
      %w = graft.read layer @w : tensor<4x4xf32>
      %l = graft.linear %h, %w : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      %a = graft.attention %l, %l, %l, %seq heads 2 dropout 1.000000e-01 id 64 : (tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
      %e = graft.dropout %a, %seq rate 1.000000e-01 id 127 : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
      %s = graft.add %e, %g : tensor<?x4xf32, #T>
      graft.yield %s, %h : tensor<?x4xf32, #T>, tensor<?x4xf32, #T>
    }
    return %z#0, %z#1 : tensor<?x4xf32, #T>, tensor<?x4xf32, #T>
  }
}

// -----

// C1: the ids of a body keep out of those of other turns.

#T = #graft.dims<T>

graft.model @m {
  graft.layers @layer count 2 {
  }
  func.func @f(%x: tensor<?x4xf32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #T> {
    %y = graft.repeat 2 scope @layer (%h = %x) : tensor<?x4xf32, #T> {
      // expected-error @below {{'graft.dropout' op expects a random id in [64, 128) inside graft.repeat, got 63}}
      %e = graft.dropout %h, %seq rate 1.000000e-01 id 63 : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
      graft.yield %e : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}

// -----

// C1.

#T = #graft.dims<T>

graft.model @m {
  func.func @f(%x: tensor<?x4xf32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #T> {
    // expected-error @below {{'graft.dropout' op expects a random id in [0, 64) outside of graft.repeat, got 64}}
    %e = graft.dropout %x, %seq rate 1.000000e-01 id 64 : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
    return %e : tensor<?x4xf32, #T>
  }
}

// -----

// C1: two ops with one id would drop the same elements.

#T = #graft.dims<T>

graft.model @m {
  func.func @f(%x: tensor<?x4xf32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #T> {
    // expected-note @below {{also used here}}
    %d = graft.dropout %x, %seq rate 1.000000e-01 id 2 : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
    // expected-error @below {{'graft.dropout' op expects a random id of its own, got 2}}
    %e = graft.dropout %d, %seq rate 2.000000e-01 id 2 : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
    return %e : tensor<?x4xf32, #T>
  }
}

// -----

// C2.

graft.model @m {
  graft.layers @layer count 2 {
    graft.parameter @w : tensor<4xf32>
    // expected-error @below {{'graft.state' op expects graft.parameter only in graft.layers}}
    graft.state @s "gradient" of @w : tensor<4xf32>
  }
}

// -----

// C3.

graft.model @m {
  graft.layers @layer count 2 {
  }
  func.func @f(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
    // expected-note @below {{this one is}}
    %y = graft.repeat 2 scope @layer (%h = %x) : tensor<3x4xf32> {
      // expected-error @below {{'graft.repeat' op expects no other graft.repeat around it}}
      %z = graft.repeat 2 scope @layer (%g = %h) : tensor<3x4xf32> {
        %t = graft.tanh %g : tensor<3x4xf32>
        graft.yield %t : tensor<3x4xf32>
      }
      graft.yield %z : tensor<3x4xf32>
    }
    return %y : tensor<3x4xf32>
  }
}

// A whole model: nothing of the authoring form is left, and every op of a
// layer says in its location which layer it belongs to.

// BERT-NOT:     graft.layers
// BERT-NOT:     graft.repeat
// BERT-NOT:     graft.read layer
// BERT:         graft.parameter @embeddings.LayerNorm.bias
// BERT-NEXT:    graft.parameter @encoder.layer.0.attention.self.query.weight : tensor<8x8xf32> from "bert.encoder.layer.0.attention.self.query.weight" loc("encoder.layer.0"(
// BERT:         graft.parameter @encoder.layer.1.output.LayerNorm.bias : tensor<8xf32> from "bert.encoder.layer.1.output.LayerNorm.bias" loc("encoder.layer.1"(
// BERT-NEXT:    graft.parameter @pooler.dense.weight
// BERT:         %[[E:.*]] = graft.dropout {{.*}} rate 1.000000e-01 id 0 :
// BERT-NEXT:    %[[W0:.*]] = graft.read @encoder.layer.0.attention.self.query.weight : tensor<8x8xf32> loc("encoder.layer.0"(
// BERT:         graft.linear %[[E]], %[[W0]]
// BERT:         graft.attention {{.*}} id 64 :
// BERT:         graft.dropout {{.*}} id 65 :
// BERT:         graft.dropout {{.*}} id 66 :
// BERT:         %[[H:.*]] = graft.layer_norm {{.*}} loc("encoder.layer.0"(
// BERT-NEXT:    %[[W1:.*]] = graft.read @encoder.layer.1.attention.self.query.weight
// BERT:         graft.linear %[[H]], %[[W1]]
// BERT:         graft.attention {{.*}} id 128 :
// BERT:         graft.dropout {{.*}} id 129 :
// BERT:         graft.dropout {{.*}} id 130 :
// BERT:         %[[Z:.*]] = graft.layer_norm {{.*}} loc("encoder.layer.1"(
// BERT-NEXT:    return %[[Z]]

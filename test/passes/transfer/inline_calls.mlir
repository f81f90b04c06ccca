// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: graft-opt %s --transfer-inline-calls --split-input-file \
// RUN:   --verify-diagnostics | FileCheck %s
// RUN: graft-opt %s --transfer-inline-calls=keep-functions \
// RUN:   --split-input-file --verify-diagnostics \
// RUN:   | FileCheck %s --check-prefix=KEEP

#T = #graft.dims<T>

// Calls inside of calls disappear too, a tensor is read once, and functions
// of the model go.

// CHECK-LABEL: graft.model @m {
// CHECK-NEXT:    graft.parameter @w
// CHECK-NEXT:  }
// CHECK-LABEL: func.func @predict
// CHECK-SAME:    (%[[X:.*]]: tensor<3x4xf32>)
// CHECK-NEXT:    %[[W:.*]] = graft.read @m::@w : tensor<4x4xf32>
// CHECK-NEXT:    %[[A:.*]] = graft.linear %[[X]], %[[W]]
// CHECK-NEXT:    %[[B:.*]] = graft.linear %[[A]], %[[W]]
// CHECK-NEXT:    return %[[B]], %[[W]]
// KEEP-LABEL:  graft.model @m {
// KEEP:          func.func @inner
// KEEP:          func.func @outer
// KEEP-LABEL:  func.func @predict
// KEEP-NOT:      graft.call
// KEEP:          return
graft.model @m {
  graft.parameter @w : tensor<4x4xf32>
  func.func @inner(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
    %w = graft.read @w : tensor<4x4xf32>
    %y = graft.linear %x, %w : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
    return %y : tensor<3x4xf32>
  }
  func.func @outer(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
    %y = graft.call @inner(%x) : (tensor<3x4xf32>) -> tensor<3x4xf32>
    %z = graft.call @inner(%y) : (tensor<3x4xf32>) -> tensor<3x4xf32>
    return %z : tensor<3x4xf32>
  }
}
func.func @predict(%x: tensor<3x4xf32>) -> (tensor<3x4xf32>, tensor<4x4xf32>) {
  %y = graft.call @m::@outer(%x) : (tensor<3x4xf32>) -> tensor<3x4xf32>
  %w = graft.read @m::@w : tensor<4x4xf32>
  return %y, %w : tensor<3x4xf32>, tensor<4x4xf32>
}

// -----

// The second call of a function draws anew, and so does one of its namesake in another
// model; another function and another phase begin at 0.

#T = #graft.dims<T>

// CHECK-LABEL: func.func @twice
// CHECK:         graft.dropout {{.*}} id 1 : (
// CHECK-NEXT:    graft.attention {{.*}} id 2 : (
// CHECK-NEXT:    graft.dropout {{.*}} id 1 draw 1 :
// CHECK-NEXT:    graft.attention {{.*}} id 2 draw 1 :
// CHECK-NEXT:    graft.dropout {{.*}} id 1 draw 2 :
// CHECK-NEXT:    graft.attention {{.*}} id 2 draw 2 :
// CHECK-NEXT:    graft.dropout {{.*}} id 1 draw 3 :
// CHECK-LABEL: func.func @next
// CHECK:         graft.dropout {{.*}} id 1 : (
graft.model @m {
  func.func @f(%x: tensor<?x4xf32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #T> {
    %d = graft.dropout %x, %seq rate 1.000000e-01 id 1 : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
    %a = graft.attention %d, %d, %d, %seq heads 2 dropout 1.000000e-01 id 2 : (tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
    return %a : tensor<?x4xf32, #T>
  }
  func.func @g(%x: tensor<?x4xf32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #T> {
    %d = graft.call @f(%x, %seq) : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
    return %d : tensor<?x4xf32, #T>
  }
}
graft.model @other {
  func.func @f(%x: tensor<?x4xf32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #T> {
    %d = graft.dropout %x, %seq rate 1.000000e-01 id 1 : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
    return %d : tensor<?x4xf32, #T>
  }
}
func.func @twice(%x: tensor<?x4xf32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #T> {
  %a = graft.call @m::@f(%x, %seq) : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
  %b = graft.call @m::@g(%a, %seq) : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
  %c = graft.call @m::@f(%b, %seq) : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
  %d = graft.call @other::@f(%c, %seq) : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
  return %d : tensor<?x4xf32, #T>
}
func.func @next(%x: tensor<?x4xf32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #T> {
  %a = graft.call @m::@f(%x, %seq) : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
  return %a : tensor<?x4xf32, #T>
}

// -----

// A function that draws twice by itself takes two numbers a call.

#T = #graft.dims<T>

// CHECK-LABEL: func.func @draws
// CHECK:         graft.dropout {{.*}} id 1 : (
// CHECK-NEXT:    graft.dropout {{.*}} id 1 draw 1 :
// CHECK-NEXT:    graft.dropout {{.*}} id 1 draw 2 :
// CHECK-NEXT:    graft.dropout {{.*}} id 1 draw 3 :
graft.model @m {
  func.func @f(%x: tensor<?x4xf32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #T> {
    %d = graft.dropout %x, %seq rate 1.000000e-01 id 1 : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
    %e = graft.dropout %d, %seq rate 1.000000e-01 id 1 draw 1 : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
    return %e : tensor<?x4xf32, #T>
  }
}
func.func @draws(%x: tensor<?x4xf32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #T> {
  %a = graft.call @m::@f(%x, %seq) : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
  %b = graft.call @m::@f(%a, %seq) : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
  return %b : tensor<?x4xf32, #T>
}

// -----

// A deterministic call drops nothing, in nested calls too, and counts as no
// draw.

#T = #graft.dims<T>

// CHECK-LABEL: func.func @deterministic
// CHECK-SAME:    (%[[X:.*]]: tensor<?x4xf32, #T>, %[[SEQ:.*]]: !graft.segments<T, S>)
// CHECK-NEXT:    %[[A:.*]] = graft.attention %[[X]], %[[X]], %[[X]], %[[SEQ]] heads 2 : (
// CHECK-NEXT:    %[[D:.*]] = graft.dropout %[[A]], %[[SEQ]] rate 1.000000e-01 id 1 : (
// CHECK-NEXT:    %[[B:.*]] = graft.attention %[[D]], %[[D]], %[[D]], %[[SEQ]] heads 2 dropout 1.000000e-01 id 2 : (
// CHECK-NEXT:    return %[[B]]
graft.model @m {
  func.func @f(%x: tensor<?x4xf32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #T> {
    %d = graft.dropout %x, %seq rate 1.000000e-01 id 1 : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
    %a = graft.attention %d, %d, %d, %seq heads 2 dropout 1.000000e-01 id 2 : (tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
    return %a : tensor<?x4xf32, #T>
  }
  func.func @g(%x: tensor<?x4xf32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #T> {
    %d = graft.call @f(%x, %seq) : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
    return %d : tensor<?x4xf32, #T>
  }
}
func.func @deterministic(%x: tensor<?x4xf32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #T> {
  %a = graft.call deterministic @m::@g(%x, %seq) : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
  %b = graft.call @m::@g(%a, %seq) : (tensor<?x4xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #T>
  return %b : tensor<?x4xf32, #T>
}

// -----

// A module without functions of its own keeps those of its models: there is
// nothing yet that could call them.

// CHECK-LABEL: graft.model @imported
// CHECK:         func.func @f
graft.model @imported {
  func.func @f(%x: tensor<3xf32>) -> tensor<3xf32> {
    return %x : tensor<3xf32>
  }
}

// -----

// C1.

graft.model @m {
  func.func @f(%x: tensor<3xf32>) -> tensor<3xf32> {
    // expected-error @below {{'graft.call' op expects no recursion, got a call of @m::@f inside itself}}
    %y = graft.call @f(%x) : (tensor<3xf32>) -> tensor<3xf32>
    return %y : tensor<3xf32>
  }
}
func.func @g(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = graft.call @m::@f(%x) : (tensor<3xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// -----

// C2.

graft.model @m {
  // expected-note @below {{declared here}}
  func.func private @f(tensor<3xf32>) -> tensor<3xf32>
}
func.func @g(%x: tensor<3xf32>) -> tensor<3xf32> {
  // expected-error @below {{'graft.call' op expects a function of one block, got 0 blocks}}
  %y = graft.call @m::@f(%x) : (tensor<3xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// -----

// C3.

graft.model @m {
  graft.layers @layer count 2 {
  }
  func.func @f(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
    // expected-error @below {{'graft.repeat' op expects to be expanded by transfer-expand-layers before its function is inlined}}
    %y = graft.repeat 2 scope @layer (%h = %x) : tensor<3x4xf32> {
      %t = graft.tanh %h : tensor<3x4xf32>
      graft.yield %t : tensor<3x4xf32>
    }
    return %y : tensor<3x4xf32>
  }
}
func.func @g(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %y = graft.call @m::@f(%x) : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

// -----

// A function of the module is no function of a model.

func.func @f(%x: tensor<3xf32>) -> tensor<3xf32> {
  return %x : tensor<3xf32>
}
func.func @g(%x: tensor<3xf32>) -> tensor<3xf32> {
  // expected-error @below {{'graft.call' op expects a function of a model, got @f}}
  %y = graft.call @f(%x) : (tensor<3xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// -----

// A call with values for parameters, which it passes on, reads none of these.

// CHECK-LABEL: func.func @elsewhere
// CHECK-SAME:    (%[[X:.*]]: tensor<3x4xf32>, %[[V:.*]]: tensor<4x4xf32>)
// CHECK-NEXT:    %[[B:.*]] = graft.read @m::@b : tensor<4xf32>
// CHECK-NEXT:    %[[Y:.*]] = graft.linear %[[X]], %[[V]], %[[B]]
// CHECK-NEXT:    %[[W:.*]] = graft.read @m::@w : tensor<4x4xf32>
// CHECK-NEXT:    %[[Z:.*]] = graft.linear %[[Y]], %[[W]], %[[B]]
// CHECK-NEXT:    return %[[Z]]
graft.model @m {
  graft.parameter @w : tensor<4x4xf32>
  graft.parameter @b : tensor<4xf32>
  func.func @inner(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
    %w = graft.read @w : tensor<4x4xf32>
    %b = graft.read @b : tensor<4xf32>
    %y = graft.linear %x, %w, %b : (tensor<3x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<3x4xf32>
    return %y : tensor<3x4xf32>
  }
  func.func @outer(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
    %y = graft.call @inner(%x) : (tensor<3x4xf32>) -> tensor<3x4xf32>
    return %y : tensor<3x4xf32>
  }
}
func.func @elsewhere(%x: tensor<3x4xf32>, %v: tensor<4x4xf32>) -> tensor<3x4xf32> {
  %y = graft.call @m::@outer(%x) at [@w] = (%v : tensor<4x4xf32>) : (tensor<3x4xf32>) -> tensor<3x4xf32>
  %z = graft.call @m::@outer(%y) : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %z : tensor<3x4xf32>
}

// -----

// Two calls of one function have random numbers of their own; a deterministic one
// has none.

#S = #graft.dims<S>

// CHECK-LABEL: func.func @choose
// CHECK:         graft.uniform %{{.*}} id 5 : (
// CHECK-NEXT:    graft.uniform %{{.*}} id 5 draw 1 : (
// KEEP-LABEL:  func.func @choose
graft.model @m {
  func.func @act(%seq: !graft.segments<T, S>) -> tensor<?xf32, #S> {
    %u = graft.uniform %seq id 5 : (!graft.segments<T, S>) -> tensor<?xf32, #S>
    return %u : tensor<?xf32, #S>
  }
}
func.func @choose(%seq: !graft.segments<T, S>) -> (tensor<?xf32, #S>, tensor<?xf32, #S>) {
  %x = graft.call @m::@act(%seq) : (!graft.segments<T, S>) -> tensor<?xf32, #S>
  %y = graft.call @m::@act(%seq) : (!graft.segments<T, S>) -> tensor<?xf32, #S>
  return %x, %y : tensor<?xf32, #S>, tensor<?xf32, #S>
}

// -----

#S = #graft.dims<S>
graft.model @m {
  func.func @act(%seq: !graft.segments<T, S>) -> tensor<?xf32, #S> {
    // expected-error @below {{expects no deterministic call, such as those of predictions, evaluations and caches}}
    %u = graft.uniform %seq id 5 : (!graft.segments<T, S>) -> tensor<?xf32, #S>
    return %u : tensor<?xf32, #S>
  }
}
func.func @choose(%seq: !graft.segments<T, S>) -> tensor<?xf32, #S> {
  // expected-note @below {{called here}}
  %x = graft.call deterministic @m::@act(%seq) : (!graft.segments<T, S>) -> tensor<?xf32, #S>
  return %x : tensor<?xf32, #S>
}

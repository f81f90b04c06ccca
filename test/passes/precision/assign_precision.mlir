// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: graft-opt %s --allow-unregistered-dialect --precision-assign | FileCheck %s
// RUN: graft-opt %s --allow-unregistered-dialect --precision-assign=type=f16 | FileCheck %s --check-prefix=F16
// RUN: not graft-opt %s --allow-unregistered-dialect --precision-assign=type=f64 -o /dev/null 2>&1 | FileCheck %s --check-prefix=WRONG
// WRONG: error: expects type bf16 or f16, got 'f64'

graft.size @T bound 4096
graft.size @S bound 512
graft.model @m {
  graft.parameter @w : tensor<8x8xf32>
  graft.parameter @b : tensor<8xf32>
  graft.parameter @table : tensor<30x8xf32>
  graft.state @w.gradient "gradient" of @w : tensor<8x8xf32>
  graft.state @b.gradient "gradient" of @b : tensor<8xf32>
}

// The example of the pass: what comes in and goes out keeps its type.
// CHECK-LABEL: func.func @example(
// CHECK-SAME:      %[[X:.+]]: tensor<3x4xf32>, %[[W:.+]]: tensor<8x4xf32>) -> tensor<3x8xf32>
// CHECK-NEXT:    %[[LW:.+]] = graft.cast %[[W]] : tensor<8x4xf32> to tensor<8x4xbf16>
// CHECK-NEXT:    %[[LX:.+]] = graft.cast %[[X]] : tensor<3x4xf32> to tensor<3x4xbf16>
// CHECK-NEXT:    %[[Y:.+]] = graft.linear %[[LX]], %[[LW]] : (tensor<3x4xbf16>, tensor<8x4xbf16>) -> tensor<3x8xbf16>
// CHECK-NEXT:    %[[Z:.+]] = graft.gelu erf %[[Y]] : tensor<3x8xbf16>
// CHECK-NEXT:    %[[C:.+]] = graft.cast %[[Z]] : tensor<3x8xbf16> to tensor<3x8xf32>
// CHECK-NEXT:    return %[[C]] : tensor<3x8xf32>
// F16-LABEL: func.func @example(
// F16:         graft.linear {{.*}} -> tensor<3x8xf16>
func.func @example(%x: tensor<3x4xf32>, %w: tensor<8x4xf32>) -> tensor<3x8xf32>
    attributes {graft.phase = "example"} {
  %y = graft.linear %x, %w : (tensor<3x4xf32>, tensor<8x4xf32>) -> tensor<3x8xf32>
  %z = graft.gelu erf %y : tensor<3x8xf32>
  return %z : tensor<3x8xf32>
}

// A function that is no phase stays as it is.
// CHECK-LABEL: func.func @helper(
// CHECK:         graft.linear {{.*}} -> tensor<3x8xf32>
func.func @helper(%x: tensor<3x4xf32>, %w: tensor<8x4xf32>) -> tensor<3x8xf32> {
  %y = graft.linear %x, %w : (tensor<3x4xf32>, tensor<8x4xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

// A block of an encoder, forward. One cast serves three products; the bias is
// part of a sum and the table is looked up, so neither is rounded; the residual
// and its normalisation are f32.
// CHECK-LABEL: func.func @forward(
// CHECK:         %[[B:.+]] = graft.read @m::@b : tensor<8xf32>
// CHECK:         %[[E:.+]] = graft.embedding %{{.+}}, %{{.+}} -> tensor<?x8xf32, #T>
// CHECK-NEXT:    %[[L:.+]] = graft.cast %[[E]]
// CHECK-NEXT:    %[[Q:.+]] = graft.linear %[[L]], %{{.+}}, %[[B]] : (tensor<?x8xbf16, #T>, tensor<8x8xbf16>, tensor<8xf32>) -> tensor<?x8xbf16, #T>
// CHECK-NEXT:    %[[K:.+]] = graft.linear %[[L]]
// CHECK-NEXT:    %[[V:.+]] = graft.linear %[[L]]
// CHECK-NEXT:    %[[A:.+]] = graft.attention %[[Q]], %[[K]], %[[V]], {{.*}} -> tensor<?x8xbf16, #T>
// CHECK-NEXT:    %[[O:.+]] = graft.linear %[[A]], {{.*}} -> tensor<?x8xbf16, #T>
// CHECK-NEXT:    %[[D:.+]] = graft.dropout %[[O]], {{.*}} -> tensor<?x8xbf16, #T>
// CHECK-NEXT:    %[[DW:.+]] = graft.cast %[[D]]
// CHECK-NEXT:    %[[R:.+]] = graft.add %[[DW]], %[[E]] : tensor<?x8xf32, #T>
// CHECK-NEXT:    graft.layer_norm %[[R]], {{.*}} -> tensor<?x8xf32, #T>
func.func @forward(%ids: tensor<?xi32, #graft.dims<T>>, %seq: !graft.segments<T, S>)
    -> tensor<?x8xf32, #graft.dims<T>> attributes {graft.phase = "forward"} {
  %t = graft.read @m::@table : tensor<30x8xf32>
  %w = graft.read @m::@w : tensor<8x8xf32>
  %b = graft.read @m::@b : tensor<8xf32>
  %e = graft.embedding %ids, %t : (tensor<?xi32, #graft.dims<T>>, tensor<30x8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %q = graft.linear %e, %w, %b : (tensor<?x8xf32, #graft.dims<T>>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %k = graft.linear %e, %w, %b : (tensor<?x8xf32, #graft.dims<T>>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %v = graft.linear %e, %w, %b : (tensor<?x8xf32, #graft.dims<T>>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %a = graft.attention %q, %k, %v, %seq heads 2 : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
  %o = graft.linear %a, %w, %b : (tensor<?x8xf32, #graft.dims<T>>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %d = graft.dropout %o, %seq rate 1.000000e-01 id 7 : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
  %r = graft.add %d, %e : tensor<?x8xf32, #graft.dims<T>>
  %n = graft.layer_norm %r, %b, %b epsilon 1.000000e-05 : (tensor<?x8xf32, #graft.dims<T>>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  return %n : tensor<?x8xf32, #graft.dims<T>>
}

// Backward. The gradient of a weight is the unrounded sum of its product, for
// the slot is f32; a sum over rows reads what there is and is f32; the gradient
// that goes on is low.
// CHECK-LABEL: func.func @backward(
// CHECK:         %[[G:.+]] = graft.gelu_gradient erf {{.*}} : tensor<?x8xbf16, #T>
// CHECK-NEXT:    %[[DW:.+]] = graft.matmul %[[G]], %{{.+}} transpose_lhs : (tensor<?x8xbf16, #T>, tensor<?x8xbf16, #T>) -> tensor<8x8xf32>
// CHECK-NEXT:    %[[DB:.+]] = graft.reduce sum %[[G]] over [0] : (tensor<?x8xbf16, #T>) -> tensor<8xf32>
// CHECK-NEXT:    %[[OW:.+]] = graft.read @m::@w.gradient
// CHECK-NEXT:    graft.add %[[OW]], %[[DW]] : tensor<8x8xf32>
// CHECK:         graft.matmul %[[G]], %{{.+}} -> tensor<?x8xbf16, #T>
func.func @backward(%x: tensor<?x8xf32, #graft.dims<T>>, %dz: tensor<?x8xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>)
    -> tensor<?x8xf32, #graft.dims<T>> attributes {graft.phase = "backward"} {
  %w = graft.read @m::@w : tensor<8x8xf32>
  %p = graft.linear %x, %w : (tensor<?x8xf32, #graft.dims<T>>, tensor<8x8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %dy = graft.matmul %dz, %w : (tensor<?x8xf32, #graft.dims<T>>, tensor<8x8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %g = graft.gelu_gradient erf %dy, %p : tensor<?x8xf32, #graft.dims<T>>
  %dw = graft.matmul %g, %x transpose_lhs : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>) -> tensor<8x8xf32>
  %db = graft.reduce sum %g over [0] : (tensor<?x8xf32, #graft.dims<T>>) -> tensor<8xf32>
  %ow = graft.read @m::@w.gradient : tensor<8x8xf32>
  %sw = graft.add %ow, %dw : tensor<8x8xf32>
  %ob = graft.read @m::@b.gradient : tensor<8xf32>
  %sb = graft.add %ob, %db : tensor<8xf32>
  %dx = graft.matmul %g, %w : (tensor<?x8xf32, #graft.dims<T>>, tensor<8x8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %d = graft.dropout %dx, %seq rate 1.000000e-01 id 7 : (tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
  graft.write @m::@w.gradient, %sw : tensor<8x8xf32>
  graft.write @m::@b.gradient, %sb : tensor<8xf32>
  return %d : tensor<?x8xf32, #graft.dims<T>>
}

// Gradients of attention are f32 sums; products take their casts, sums
// themselves.
// CHECK-LABEL: func.func @attention_backward(
// CHECK:         %[[Q:.+]], %[[K:.+]], %[[V:.+]] = graft.attention_gradient {{.*}} -> (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>)
// CHECK-NEXT:    %[[LQ:.+]] = graft.cast %[[Q]]
// CHECK-NEXT:    graft.reduce sum %[[Q]] over [0]
// CHECK-NEXT:    graft.matmul %[[LQ]]
func.func @attention_backward(%x: tensor<?x8xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>)
    -> (tensor<8xf32>, tensor<8x8xf32>) attributes {graft.phase = "attention_backward"} {
  %dq, %dk, %dv = graft.attention_gradient %x, %x, %x, %x, %seq heads 2 : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>)
  %db = graft.reduce sum %dq over [0] : (tensor<?x8xf32, #graft.dims<T>>) -> tensor<8xf32>
  %dw = graft.matmul %dq, %x transpose_lhs : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>) -> tensor<8x8xf32>
  return %db, %dw : tensor<8xf32>, tensor<8x8xf32>
}

// A divergence of relations reads projections as they are, and gives f32.
// CHECK-LABEL: func.func @relations(
// CHECK:         %[[Q:.+]] = graft.linear {{.*}} -> tensor<?x8xbf16, #T>
// CHECK-NEXT:    graft.attention %[[Q]], %[[Q]], %[[Q]]
// CHECK-NEXT:    %[[L:.+]] = graft.relation_divergence kl %[[Q]], %[[Q]], %arg0, %arg0, %arg1 heads 2 : (tensor<?x8xbf16, #T>, tensor<?x8xbf16, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?xf32, #S>
// CHECK-NEXT:    graft.relation_divergence_gradient kl %[[L]], %[[Q]], %[[Q]], %arg0, %arg0, %arg1 heads 2 : (tensor<?xf32, #S>, tensor<?x8xbf16, #T>, tensor<?x8xbf16, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>)
func.func @relations(%x: tensor<?x8xf32, #graft.dims<T>>, %seq: !graft.segments<T, S>)
    -> (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>) attributes {graft.phase = "relations"} {
  %w = graft.read @m::@w : tensor<8x8xf32>
  %q = graft.linear %x, %w : (tensor<?x8xf32, #graft.dims<T>>, tensor<8x8xf32>) -> tensor<?x8xf32, #graft.dims<T>>
  %y = graft.attention %q, %q, %q, %seq heads 2 : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x8xf32, #graft.dims<T>>
  %l = graft.relation_divergence kl %q, %q, %x, %x, %seq heads 2 : (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>>
  %dq, %dk = graft.relation_divergence_gradient kl %l, %q, %q, %x, %x, %seq heads 2 : (tensor<?xf32, #graft.dims<S>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>, !graft.segments<T, S>) -> (tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>)
  return %y, %dq : tensor<?x8xf32, #graft.dims<T>>, tensor<?x8xf32, #graft.dims<T>>
}

// Logits that a loss alone reads are never rounded, nor are losses.
// CHECK-LABEL: func.func @loss(
// CHECK:         %[[L:.+]] = graft.linear {{.*}} -> tensor<?x8xf32, #S>
// CHECK-NEXT:    graft.cross_entropy %[[L]], {{.*}} -> tensor<?xf32, #S>
func.func @loss(%x: tensor<?x8xf32, #graft.dims<S>>, %labels: tensor<?xi32, #graft.dims<S>>)
    -> tensor<?xf32, #graft.dims<S>> attributes {graft.phase = "loss"} {
  %w = graft.read @m::@w : tensor<8x8xf32>
  %y = graft.linear %x, %w : (tensor<?x8xf32, #graft.dims<S>>, tensor<8x8xf32>) -> tensor<?x8xf32, #graft.dims<S>>
  %loss = graft.cross_entropy %y, %labels : (tensor<?x8xf32, #graft.dims<S>>, tensor<?xi32, #graft.dims<S>>) -> tensor<?xf32, #graft.dims<S>>
  return %loss : tensor<?xf32, #graft.dims<S>>
}

// An op says otherwise: a product stays f32, an exponential is low, and what
// follows them has their types.
// CHECK-LABEL: func.func @overrides(
// CHECK:         graft.linear %arg0, %arg1 {graft.precision = "keep"} : (tensor<3x8xf32>, tensor<8x8xf32>) -> tensor<3x8xf32>
// CHECK:         %[[E:.+]] = graft.softmax %{{.+}} {graft.precision = "low"} : (tensor<3x8xbf16>) -> tensor<3x8xbf16>
// CHECK-NEXT:    %[[G:.+]] = graft.gelu erf %[[E]] : tensor<3x8xbf16>
// CHECK-NEXT:    %[[C:.+]] = graft.cast %[[G]]
// CHECK-NEXT:    graft.gelu erf %[[C]] {graft.precision = "keep"} : tensor<3x8xf32>
func.func @overrides(%x: tensor<3x8xf32>, %w: tensor<8x8xf32>) -> tensor<3x8xf32>
    attributes {graft.phase = "overrides"} {
  %y = graft.linear %x, %w {graft.precision = "keep"} : (tensor<3x8xf32>, tensor<8x8xf32>) -> tensor<3x8xf32>
  %e = graft.softmax %y {graft.precision = "low"} : (tensor<3x8xf32>) -> tensor<3x8xf32>
  %g = graft.gelu erf %e : tensor<3x8xf32>
  %h = graft.gelu erf %g {graft.precision = "keep"} : tensor<3x8xf32>
  return %h : tensor<3x8xf32>
}

// An op that says nothing, such as one of a plug-in, gets and gives what it did
// before; so does what is inside of its regions.
// CHECK-LABEL: func.func @unknown(
// CHECK:         %[[Y:.+]] = graft.linear {{.*}} -> tensor<3x8xbf16>
// CHECK-NEXT:    %[[C:.+]] = graft.cast %[[Y]]
// CHECK-NEXT:    graft.gelu erf %[[Y]] : tensor<3x8xbf16>
// CHECK:         %[[P:.+]] = "other.op"(%[[C]]) ({
// CHECK-NEXT:      "other.yield"(%[[C]]) : (tensor<3x8xf32>) -> ()
// CHECK-NEXT:    }) : (tensor<3x8xf32>) -> tensor<3x8xf32>
// CHECK-NEXT:    graft.gelu erf %[[P]] : tensor<3x8xf32>
func.func @unknown(%x: tensor<3x8xf32>, %w: tensor<8x8xf32>) -> (tensor<3x8xf32>, tensor<3x8xf32>)
    attributes {graft.phase = "unknown"} {
  %y = graft.linear %x, %w : (tensor<3x8xf32>, tensor<8x8xf32>) -> tensor<3x8xf32>
  %z = graft.gelu erf %y : tensor<3x8xf32>
  %p = "other.op"(%y) ({
    "other.yield"(%y) : (tensor<3x8xf32>) -> ()
  }) : (tensor<3x8xf32>) -> tensor<3x8xf32>
  %h = graft.gelu erf %p : tensor<3x8xf32>
  return %h, %z : tensor<3x8xf32>, tensor<3x8xf32>
}

// Roundings that the program has stay. What was cast exactly goes back without
// another cast.
// CHECK-LABEL: func.func @casts(
// CHECK-NEXT:    %[[R:.+]] = graft.cast %arg0 : tensor<3x8xf32> to tensor<3x8xf16>
// CHECK-NEXT:    %[[W:.+]] = graft.cast %[[R]] : tensor<3x8xf16> to tensor<3x8xf32>
// CHECK-NEXT:    %[[L:.+]] = graft.cast %[[W]] : tensor<3x8xf32> to tensor<3x8xbf16>
// CHECK-NEXT:    graft.matmul %[[L]], %arg1 transpose_rhs : (tensor<3x8xbf16>, tensor<8x8xbf16>)
func.func @casts(%x: tensor<3x8xf32>, %w: tensor<8x8xbf16>) -> tensor<3x8xf32>
    attributes {graft.phase = "casts"} {
  %r = graft.cast %x : tensor<3x8xf32> to tensor<3x8xf16>
  %f = graft.cast %r : tensor<3x8xf16> to tensor<3x8xf32>
  %e = graft.cast %w : tensor<8x8xbf16> to tensor<8x8xf32>
  %y = graft.matmul %f, %e transpose_rhs : (tensor<3x8xf32>, tensor<8x8xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}

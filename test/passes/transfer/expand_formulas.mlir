// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// What formulas become: each form of a product, of what is repeated, and of labels and
// texts. The numbers are in test/passes/interpret/formulas.test.
// RUN: graft-opt %s --verify-roundtrip | FileCheck %s --check-prefix=WRITTEN
// RUN: graft-opt %s --transfer-expand-formulas --verify-roundtrip | FileCheck %s --implicit-check-not graft.formula

#S = #graft.dims<S>
#T = #graft.dims<T>
graft.size @S bound 64
graft.size @T bound 64

// WRITTEN: graft.formula "x[i, h], w[j, h] -> [i, j]: sum h (x * w)"(%{{.*}}, %{{.*}}) : (tensor<3x4xf32>, tensor<5x4xf32>) -> tensor<3x5xf32>

// A matrix product, of operands as they lie.
// CHECK-LABEL: @nt(
// CHECK-SAME:    %[[X:.*]]: tensor<3x4xf32>, %[[W:.*]]: tensor<5x4xf32>)
// CHECK-NEXT:    %[[Y:.*]] = graft.matmul %[[X]], %[[W]] transpose_rhs {graft.precision = "keep"}
// CHECK-NEXT:    return %[[Y]]
func.func @nt(%x: tensor<3x4xf32>, %w: tensor<5x4xf32>) -> tensor<3x5xf32> {
  %y = graft.formula "x[i, h], w[j, h] -> [i, j]: sum h (x * w)" (%x, %w) : (tensor<3x4xf32>, tensor<5x4xf32>) -> tensor<3x5xf32>
  return %y : tensor<3x5xf32>
}
// CHECK-LABEL: @nn(
// CHECK:         graft.matmul %{{.*}}, %{{.*}} {graft.precision = "keep"} : (tensor<3x4xf32>, tensor<4x5xf32>) -> tensor<3x5xf32>
// CHECK-NEXT:    return
func.func @nn(%x: tensor<3x4xf32>, %w: tensor<4x5xf32>) -> tensor<3x5xf32> {
  %y = graft.formula "x[i, h], w[h, j] -> [i, j]: sum h (x * w)" (%x, %w) : (tensor<3x4xf32>, tensor<4x5xf32>) -> tensor<3x5xf32>
  return %y : tensor<3x5xf32>
}
// CHECK-LABEL: @tn(
// CHECK:         graft.matmul %{{.*}}, %{{.*}} transpose_lhs {graft.precision = "keep"} : (tensor<4x3xf32>, tensor<4x5xf32>) -> tensor<3x5xf32>
// CHECK-NEXT:    return
func.func @tn(%x: tensor<4x3xf32>, %w: tensor<4x5xf32>) -> tensor<3x5xf32> {
  %y = graft.formula "x[h, i], w[h, j] -> [i, j]: sum h (x * w)" (%x, %w) : (tensor<4x3xf32>, tensor<4x5xf32>) -> tensor<3x5xf32>
  return %y : tensor<3x5xf32>
}
// CHECK-LABEL: @tt(
// CHECK:         graft.matmul %{{.*}}, %{{.*}} transpose_lhs transpose_rhs {graft.precision = "keep"} : (tensor<4x3xf32>, tensor<5x4xf32>) -> tensor<3x5xf32>
// CHECK-NEXT:    return
func.func @tt(%x: tensor<4x3xf32>, %w: tensor<5x4xf32>) -> tensor<3x5xf32> {
  %y = graft.formula "x[h, i], w[j, h] -> [i, j]: sum h (x * w)" (%x, %w) : (tensor<4x3xf32>, tensor<5x4xf32>) -> tensor<3x5xf32>
  return %y : tensor<3x5xf32>
}
// Rows of the result come first, whatever the order of the factors.
// CHECK-LABEL: @turned(
// CHECK-SAME:    %[[X:.*]]: tensor<3x4xf32>, %[[W:.*]]: tensor<5x4xf32>)
// CHECK:         graft.matmul %[[W]], %[[X]] transpose_rhs {graft.precision = "keep"} : (tensor<5x4xf32>, tensor<3x4xf32>) -> tensor<5x3xf32>
// CHECK-NEXT:    return
func.func @turned(%x: tensor<3x4xf32>, %w: tensor<5x4xf32>) -> tensor<5x3xf32> {
  %y = graft.formula "x[i, h], w[j, h] -> [j, i]: sum h (x * w)" (%x, %w) : (tensor<3x4xf32>, tensor<5x4xf32>) -> tensor<5x3xf32>
  return %y : tensor<5x3xf32>
}

// Signs, and factors without the index, stay outside of the product; those with it are
// multiplied before.
// CHECK-LABEL: @factors(
// CHECK-SAME:    %[[X:.*]]: tensor<3x4xf32>, %[[W:.*]]: tensor<5x4xf32>, %[[A:.*]]: tensor<3xf32>, %[[B:.*]]: tensor<4xf32>)
// CHECK-NEXT:    %[[B3:.*]] = graft.broadcast %[[B]] along [0]
// CHECK-NEXT:    %[[XB:.*]] = graft.mul %[[X]], %[[B3]]
// CHECK-NEXT:    %[[P:.*]] = graft.matmul %[[XB]], %[[W]] transpose_rhs
// CHECK-NEXT:    %[[A5:.*]] = graft.broadcast %[[A]] along [1]
// CHECK-NEXT:    %[[Q:.*]] = graft.div %[[P]], %[[A5]]
// CHECK-NEXT:    %[[R:.*]] = graft.scale %[[Q]] by 2.000000e+00
// CHECK-NEXT:    %[[S:.*]] = graft.scale %[[R]] by -1.000000e+00
// CHECK-NEXT:    return %[[S]]
func.func @factors(%x: tensor<3x4xf32>, %w: tensor<5x4xf32>, %a: tensor<3xf32>, %b: tensor<4xf32>) -> tensor<3x5xf32> {
  %y = graft.formula "x[i, h], w[j, h], a[i], b[h] -> [i, j]: sum h (-(x / a) * b * w * 2)" (%x, %w, %a, %b) : (tensor<3x4xf32>, tensor<5x4xf32>, tensor<3xf32>, tensor<4xf32>) -> tensor<3x5xf32>
  return %y : tensor<3x5xf32>
}

// Matrices that share both indices are multiplied by element, and turned if they must.
// CHECK-LABEL: @elements(
// CHECK-SAME:    %[[X:.*]]: tensor<3x4xf32>, %[[W:.*]]: tensor<4x3xf32>)
// CHECK-NEXT:    %[[T:.*]] = graft.transpose %[[W]]
// CHECK-NEXT:    %[[P:.*]] = graft.mul %[[X]], %[[T]]
// CHECK-NEXT:    %[[Y:.*]] = graft.reduce sum %[[P]] over [1]
// CHECK-NEXT:    return %[[Y]]
func.func @elements(%x: tensor<3x4xf32>, %w: tensor<4x3xf32>) -> tensor<3xf32> {
  %y = graft.formula "x[i, h], w[h, i] -> [i]: sum h (x * w)" (%x, %w) : (tensor<3x4xf32>, tensor<4x3xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// An operand is repeated once; two vectors make a matrix.
// CHECK-LABEL: @repeated(
// CHECK-SAME:    %[[A:.*]]: tensor<3xf32>, %[[B:.*]]: tensor<4xf32>)
// CHECK-NEXT:    %[[A4:.*]] = graft.broadcast %[[A]] along [1]
// CHECK-NEXT:    %[[B3:.*]] = graft.broadcast %[[B]] along [0]
// CHECK-NEXT:    %[[S:.*]] = graft.add %[[A4]], %[[B3]]
// CHECK-NEXT:    %[[P:.*]] = graft.mul %[[S]], %[[A4]]
// CHECK-NEXT:    %[[D:.*]] = graft.sub %[[P]], %[[B3]]
// CHECK-NEXT:    return %[[D]]
func.func @repeated(%a: tensor<3xf32>, %b: tensor<4xf32>) -> tensor<3x4xf32> {
  %y = graft.formula "a[i], b[j] -> [i, j]: (a + b) * a - b" (%a, %b) : (tensor<3xf32>, tensor<4xf32>) -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

// Numbers are computed here. Halves are exact, thirds are not.
// CHECK-LABEL: @numbers(
// CHECK-SAME:    %[[X:.*]]: tensor<3xf32>)
// CHECK-NEXT:    %[[H:.*]] = graft.scale %[[X]] by 5.000000e-01
// CHECK-NEXT:    %[[C3:.*]] = graft.constant 3.000000e+00
// CHECK-NEXT:    %[[T:.*]] = graft.div %[[H]], %[[C3]]
// CHECK-NEXT:    %[[C1:.*]] = graft.constant 1.000000e+00
// CHECK-NEXT:    %[[Y:.*]] = graft.add %[[T]], %[[C1]]
// CHECK-NEXT:    return %[[Y]]
func.func @numbers(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = graft.formula "x: x / 2 / (4 - 1) + max(log(1), min(1, exp(0) * 3))" (%x) : (tensor<3xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// A mean over a batch counts it; other sizes are known.
// CHECK-LABEL: @means(
// CHECK:         %[[ONE:.*]] = graft.constant 1.000000e+00 {graft.precision = "keep"} : tensor<?xf32, #S>
// CHECK-NEXT:    %[[N:.*]] = graft.reduce sum %[[ONE]] over [0]
// CHECK-NEXT:    %[[N4:.*]] = graft.broadcast %[[N]] along [0]
// CHECK-NEXT:    graft.div %{{.*}}, %[[N4]]
// CHECK:         graft.scale %{{.*}} by 2.500000e-01
// CHECK:         graft.reduce max %{{.*}} over [0]
func.func @means(%x: tensor<?x4xf32, #S>) -> tensor<f32> {
  %y = graft.formula "x[s, h] -> []: mean h (mean s (x)) - max h (mean s (x))" (%x) : (tensor<?x4xf32, #S>) -> tensor<f32>
  return %y : tensor<f32>
}

// Labels, and an index that counts as none.
// CHECK-LABEL: @labels(
// CHECK-SAME:    %[[Y:.*]]: tensor<?xi32, #S>, %[[Z:.*]]: tensor<?x1xf32, #S>, %[[M:.*]]: tensor<3x4xf32>)
// CHECK-NEXT:    %[[OWN:.*]] = graft.one_hot %[[Y]] {graft.precision = "keep"} : (tensor<?xi32, #S>) -> tensor<?x3xf32, #S>
// CHECK-NEXT:    %[[ROWS:.*]] = graft.matmul %[[OWN]], %[[M]] {graft.precision = "keep"}
// CHECK-NEXT:    %[[V:.*]] = graft.reshape %[[Z]] {{.*}} -> tensor<?xf32, #S>
// CHECK-NEXT:    %[[V4:.*]] = graft.broadcast %[[V]] along [1]
// CHECK-NEXT:    graft.mul %[[ROWS]], %[[V4]]
func.func @labels(%y: tensor<?xi32, #S>, %z: tensor<?x1xf32, #S>, %m: tensor<3x4xf32>) -> tensor<?x4xf32, #S> {
  %r = graft.formula "y[s], z[s, 1], m[k, h] -> [s, h]: sum k (is(y, k) * m) * z" (%y, %z, %m) : (tensor<?xi32, #S>, tensor<?x1xf32, #S>, tensor<3x4xf32>) -> tensor<?x4xf32, #S>
  return %r : tensor<?x4xf32, #S>
}

// Texts, of rows and of numbers.
// CHECK-LABEL: @texts(
// CHECK-SAME:    %[[X:.*]]: tensor<?x4xf32, #T>, %[[W:.*]]: tensor<?xf32, #T>, %[[SEQ:.*]]: !graft.segments<T, S>)
// CHECK-NEXT:    graft.segment_pool mean %[[X]], %[[SEQ]]
// CHECK-NEXT:    %[[C:.*]] = graft.reshape %[[W]] {{.*}} -> tensor<?x1xf32, #T>
// CHECK-NEXT:    %[[P:.*]] = graft.segment_pool max %[[C]], %[[SEQ]]
// CHECK-NEXT:    graft.reshape %[[P]] {{.*}} -> tensor<?xf32, #S>
func.func @texts(%x: tensor<?x4xf32, #T>, %w: tensor<?xf32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x4xf32, #S> {
  %y = graft.formula "x[t, h], w[t], text[t, s] -> [s, h]: mean text (x) * max text (w)" (%x, %w, %seq) : (tensor<?x4xf32, #T>, tensor<?xf32, #T>, !graft.segments<T, S>) -> tensor<?x4xf32, #S>
  return %y : tensor<?x4xf32, #S>
}

// Each op has the precision of its own.
// CHECK-LABEL: @follow(
// CHECK-NEXT:    graft.matmul %{{.*}}, %{{.*}} transpose_rhs : (tensor<3x4xf32>, tensor<5x4xf32>) -> tensor<3x5xf32>
func.func @follow(%x: tensor<3x4xf32>, %w: tensor<5x4xf32>) -> tensor<3x5xf32> {
  %y = graft.formula "x[i, h], w[j, h] -> [i, j]: sum h (x * w)" (%x, %w) {graft.precision = "follow"} : (tensor<3x4xf32>, tensor<5x4xf32>) -> tensor<3x5xf32>
  return %y : tensor<3x5xf32>
}

// A formula that is an operand.
// CHECK-LABEL: @itself(
// CHECK-SAME:    %[[X:.*]]: tensor<3xf32>)
// CHECK-NEXT:    return %[[X]]
func.func @itself(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = graft.formula "x: x" (%x) : (tensor<3xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// A softmax over the examples of a batch, whose number no kernel knows; others stay.
// CHECK-LABEL: @pairs(
// CHECK-SAME:    %[[X:.*]]: tensor<?x?xf32, #{{.*}}>, %[[Y:.*]]: tensor<?x4xf32, #S>)
// CHECK-NEXT:    %[[M:.*]] = graft.reduce max %[[X]] over [1]
// CHECK:         %[[E:.*]] = graft.exp
// CHECK:         graft.reduce sum %{{.*}} over [1]
// CHECK:         graft.softmax %[[Y]] log
// CHECK-NOT:     graft.softmax
func.func @pairs(%x: tensor<?x?xf32, #graft.dims<S, T>>, %y: tensor<?x4xf32, #S>) -> (tensor<?x?xf32, #graft.dims<S, T>>, tensor<?x4xf32, #S>) {
  %p = graft.softmax %x : (tensor<?x?xf32, #graft.dims<S, T>>) -> tensor<?x?xf32, #graft.dims<S, T>>
  %q = graft.softmax %y log : (tensor<?x4xf32, #S>) -> tensor<?x4xf32, #S>
  return %p, %q : tensor<?x?xf32, #graft.dims<S, T>>, tensor<?x4xf32, #S>
}

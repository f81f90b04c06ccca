// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The numbers of formulas, computed by hand.
// RUN: graft-opt %s --transfer-expand-formulas --interpret=entry=apart -o /dev/null | FileCheck %s --check-prefix=APART
// RUN: graft-opt %s --transfer-expand-formulas --interpret=entry=classes -o /dev/null | FileCheck %s --check-prefix=CLASSES
// RUN: graft-opt %s --transfer-expand-formulas --interpret=entry=functions -o /dev/null | FileCheck %s --check-prefix=FUNCTIONS
// RUN: graft-opt %s --transfer-expand-formulas --interpret=entry=powers -o /dev/null | FileCheck %s --check-prefix=POWERS
// RUN: graft-opt %s --transfer-expand-formulas --interpret="entry=texts lengths=2,1" -o /dev/null | FileCheck %s --check-prefix=TEXTS
// RUN: graft-opt %s --transfer-expand-formulas --interpret=entry=means -o /dev/null | FileCheck %s --check-prefix=MEANS
// RUN: graft-opt %s --transfer-expand-formulas --interpret=entry=order -o /dev/null | FileCheck %s --check-prefix=ORDER
// RUN: graft-opt %s --transfer-expand-formulas --interpret=entry=pairs -o /dev/null | FileCheck %s --check-prefix=PAIRS

#S = #graft.dims<S>
#T = #graft.dims<T>
graft.size @S bound 64
graft.size @T bound 64

// APART: d: tensor<3x2xf32> {{\[\[}}4, 1], [20, 13], [52, 41]]
func.func @apart(
    %x: tensor<3x2xf32> {graft.value = dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>},
    %c: tensor<2x2xf32> {graft.value = dense<[[1.0, 0.0], [0.0, 2.0]]> : tensor<2x2xf32>})
    -> (tensor<3x2xf32> {graft.name = "d"}) {
  %d = graft.formula "x[s, h], c[n, h] -> [s, n]: sum h (x * x) - 2 * sum h (x * c) + sum h (c * c)" (%x, %c) : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
  return %d : tensor<3x2xf32>
}

// One value for two operands, each with an index of its own.
// PAIRS: d: tensor<3xf32> [10, 5, 13]
func.func @pairs(
    %a: tensor<3xf32> {graft.value = dense<[1.0, 2.0, 4.0]> : tensor<3xf32>})
    -> (tensor<3xf32> {graft.name = "d"}) {
  %d = graft.formula "a[s], b[t] -> [s]: sum t ((a - b) * (a - b))" (%a, %a) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %d : tensor<3xf32>
}

// A class without a text has a mean of 0.
// CLASSES: c: tensor<2x2xf32> {{\[\[}}0, 0], [3, 4]]
func.func @classes(
    %y: tensor<3xi32> {graft.value = dense<[1, 1, 1]> : tensor<3xi32>},
    %x: tensor<3x2xf32> {graft.value = dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>})
    -> (tensor<2x2xf32> {graft.name = "c"}) {
  %c = graft.formula "y[s], x[s, h] -> [k, h]: sum s (is(y, k) * x) / max(1, sum s (is(y, k)))" (%y, %x) : (tensor<3xi32>, tensor<3x2xf32>) -> tensor<2x2xf32>
  return %c : tensor<2x2xf32>
}

// softplus(x) - softplus(-x) is x.
// FUNCTIONS: y: tensor<3xf32> [10, 213, -1.5]
func.func @functions(
    %x: tensor<3xf32> {graft.value = dense<[0.0, 2.0, -1.0]> : tensor<3xf32>})
    -> (tensor<3xf32> {graft.name = "y"}) {
  %y = graft.formula "x: min(1, max(-0.5, x)) + 10 * step(x, 0) + 1e2 * relu(x) + softplus(x) - softplus(-x)" (%x) : (tensor<3xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// POWERS: y: tensor<2xf32> [6.5, 2.5]
func.func @powers(
    %x: tensor<f32> {graft.value = dense<4.0> : tensor<f32>},
    %w: tensor<2xf32> {graft.value = dense<[1.0, -1.0]> : tensor<2xf32>})
    -> (tensor<2xf32> {graft.name = "y"}) {
  %y = graft.formula "x[], w: log(exp(x)) + w * sqrt(x) + tanh(x - 4) + sigmoid(x - 2 * 2)" (%x, %w) : (tensor<f32>, tensor<2xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// TEXTS: y: tensor<2x2xf32> {{\[\[}}4, 6], [20, 24]]
func.func @texts(
    %x: tensor<?x2xf32, #T> {graft.value = dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>},
    %w: tensor<?xf32, #T> {graft.value = dense<[1.0, 2.0, 4.0]> : tensor<3xf32>},
    %seq: !graft.segments<T, S>)
    -> (tensor<?x2xf32, #S> {graft.name = "y"}) {
  %y = graft.formula "x[t, h], w[t], text[t, s] -> [s, h]: mean text (x) * max text (w)" (%x, %w, %seq) : (tensor<?x2xf32, #T>, tensor<?xf32, #T>, !graft.segments<T, S>) -> tensor<?x2xf32, #S>
  return %y : tensor<?x2xf32, #S>
}

// MEANS: y: tensor<f32> -0.5
func.func @means(
    %x: tensor<?x2xf32, #S> {graft.value = dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>})
    -> (tensor<f32> {graft.name = "y"}) {
  %y = graft.formula "x[s, h] -> []: mean h (mean s (x)) - max h (mean s (x))" (%x) : (tensor<?x2xf32, #S>) -> tensor<f32>
  return %y : tensor<f32>
}

// Operators bind as in arithmetic, and from left to right.
// ORDER: y: tensor<f32> -13.5
func.func @order(%x: tensor<f32> {graft.value = dense<2.0> : tensor<f32>}) -> (tensor<f32> {graft.name = "y"}) {
  %y = graft.formula "x: 1 - x - 3 * x * x + -x / 4 * -(x - 1) - 1" (%x) : (tensor<f32>) -> tensor<f32>
  return %y : tensor<f32>
}

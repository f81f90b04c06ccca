// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Declared parameters print as they were written, and so do the numbers and
// words that name them.

// RUN: graft-opt %s | graft-opt | FileCheck %s

#S = #graft.dims<S>
#SK = #graft.dims<S, K>

// CHECK-LABEL: transfer.strategy @page sizes (K) {
transfer.strategy @page sizes (K) {
  // CHECK: transfer.parameter @rate = 5.000000e-05 in [0.000000e+00, 1.000000e+00] "peak"
  transfer.parameter @rate = 5.0e-5 in [0.0, 1.0] "peak"
  // CHECK: transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "how"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "how"
  // CHECK: transfer.parameter @epochs = 3 in [1, 100] "passes"
  transfer.parameter @epochs = 3 in [1, 100] "passes"
  // CHECK: transfer.parameter @shift = -5.000000e-01 "any number"
  transfer.parameter @shift = -0.5 "any number"
  // CHECK: transfer.parameter @freeze = "^$" "names"
  transfer.parameter @freeze = "^$" "names"
  // CHECK: transfer.stream @train of text, labels<K> in @T, @S
  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  // CHECK: transfer.group @frozen of @model select @freeze frozen optional
  transfer.group @frozen of @model select @freeze frozen optional
  // CHECK: transfer.group @rest of @model rest decay 1.000000e-02 multiplier "1 + @shift"
  transfer.group @rest of @model rest decay 0.01 multiplier "1 + @shift"
  // CHECK: transfer.call @model::@logits({{.*}}) : (!transfer.text) -> tensor<?x?xf32, #S_K>
  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  // CHECK: transfer.combine "1 - 0.25" * %{{.*}} + -2.500000e-01 * %
  %sum = transfer.combine "1 - 0.25" * %loss + -0.25 * %loss
  transfer.predict %logits softmax : tensor<?x?xf32, #SK>
  // CHECK: transfer.phase @step minimise %{{.*}} over [@rest] with adamw rate @schedule @rate warmup 1.000000e-01
  transfer.phase @step minimise %sum over [@rest] with adamw rate @schedule @rate warmup 0.1
  // CHECK: transfer.schedule epochs @epochs of [@step]
  transfer.schedule epochs @epochs of [@step]
}

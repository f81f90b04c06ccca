// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: graft-opt %s --plan-limit-inputs --split-input-file | FileCheck %s

// The smallest table counts; labels are classes; positions bound a sequence.
// CHECK-LABEL: func.func @forward(
// CHECK-SAME: %{{.*}}: tensor<?xi32, #T> {graft.limit = 20 : i64}
// CHECK-SAME: %{{.*}}: !graft.segments<T, S> {graft.limit = 16 : i64}
// CHECK-SAME: %{{.*}}: tensor<?xi32, #T> {graft.limit = 4 : i64}
func.func @forward(%ids: tensor<?xi32, #graft.dims<T>>,
                   %seq: !graft.segments<T, S>,
                   %labels: tensor<?xi32, #graft.dims<T>>,
                   %large: tensor<30x4xf32>, %small: tensor<20x4xf32>,
                   %places: tensor<16x4xf32>)
    -> tensor<?xf32, #graft.dims<T>> {
  %a = graft.embedding %ids, %large : (tensor<?xi32, #graft.dims<T>>, tensor<30x4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
  %b = graft.embedding %ids, %small : (tensor<?xi32, #graft.dims<T>>, tensor<20x4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
  %p = graft.positions %seq : (!graft.segments<T, S>) -> tensor<?xi32, #graft.dims<T>>
  %c = graft.embedding %p, %places : (tensor<?xi32, #graft.dims<T>>, tensor<16x4xf32>) -> tensor<?x4xf32, #graft.dims<T>>
  %ab = graft.add %a, %b : tensor<?x4xf32, #graft.dims<T>>
  %abc = graft.add %ab, %c : tensor<?x4xf32, #graft.dims<T>>
  %loss = graft.cross_entropy %abc, %labels : (tensor<?x4xf32, #graft.dims<T>>, tensor<?xi32, #graft.dims<T>>) -> tensor<?xf32, #graft.dims<T>>
  return %loss : tensor<?xf32, #graft.dims<T>>
}

// -----

// A label that is ignored lies outside of the classes on purpose.
// CHECK-LABEL: func.func @ignored(
// CHECK-SAME: tensor<3x4xf32>, %{{.*}}: tensor<3xi32> {graft.limit = 4 : i64, graft.limit_exception = -100 : i64}
func.func @ignored(%z: tensor<3x4xf32>, %labels: tensor<3xi32>) -> tensor<3xf32> {
  %loss = graft.cross_entropy %z, %labels ignore -100 : (tensor<3x4xf32>, tensor<3xi32>) -> tensor<3xf32>
  return %loss : tensor<3xf32>
}

// -----

// Rows of labels have a column for each class; a loss that ignores no label allows
// none that rows ignore.
// CHECK-LABEL: func.func @rows(
// CHECK-SAME: tensor<3xi32> {graft.limit = 5 : i64, graft.limit_exception = -100 : i64}, %{{.*}}: tensor<3x4xf32>, %{{.*}}: tensor<3xi32> {graft.limit = 4 : i64})
func.func @rows(%a: tensor<3xi32>, %z: tensor<3x4xf32>, %b: tensor<3xi32>) -> (tensor<3x5xf32>, tensor<3x5xf32>, tensor<3xf32>) {
  %0 = graft.one_hot %a ignore -100 : (tensor<3xi32>) -> tensor<3x5xf32>
  %1 = graft.one_hot %b ignore -100 : (tensor<3xi32>) -> tensor<3x5xf32>
  %2 = graft.cross_entropy %z, %b : (tensor<3x4xf32>, tensor<3xi32>) -> tensor<3xf32>
  return %0, %1, %2 : tensor<3x5xf32>, tensor<3x5xf32>, tensor<3xf32>
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Which casts are no roundings.
// RUN: graft-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @same(
// CHECK-NEXT:    return %arg0
func.func @same(%x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = graft.cast %x : tensor<3xf32> to tensor<3xf32>
  return %0 : tensor<3xf32>
}

// CHECK-LABEL: func.func @wider_and_back(
// CHECK-NEXT:    return %arg0, %arg1
func.func @wider_and_back(%x: tensor<3xbf16>, %y: tensor<3xf16>) -> (tensor<3xbf16>, tensor<3xf16>) {
  %0 = graft.cast %x : tensor<3xbf16> to tensor<3xf32>
  %1 = graft.cast %0 : tensor<3xf32> to tensor<3xbf16>
  %2 = graft.cast %y : tensor<3xf16> to tensor<3xf32>
  %3 = graft.cast %2 : tensor<3xf32> to tensor<3xf16>
  return %1, %3 : tensor<3xbf16>, tensor<3xf16>
}

// Each of these rounds.
// CHECK-LABEL: func.func @narrower_and_back(
// CHECK-COUNT-4: graft.cast
func.func @narrower_and_back(%x: tensor<3xf32>, %y: tensor<3xf16>) -> (tensor<3xf32>, tensor<3xf16>) {
  %0 = graft.cast %x : tensor<3xf32> to tensor<3xbf16>
  %1 = graft.cast %0 : tensor<3xbf16> to tensor<3xf32>
  %2 = graft.cast %y : tensor<3xf16> to tensor<3xbf16>
  %3 = graft.cast %2 : tensor<3xbf16> to tensor<3xf16>
  return %1, %3 : tensor<3xf32>, tensor<3xf16>
}

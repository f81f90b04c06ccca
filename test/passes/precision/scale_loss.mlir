// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: graft-opt %s --precision-scale-loss | FileCheck %s

graft.model @m {
  graft.parameter @w : tensor<3xf32>
  graft.state @w.gradient "gradient" of @w : tensor<3xf32>
  graft.state @w.m "first_moment" of @w : tensor<3xf32>
  graft.state @w.v "second_moment" of @w : tensor<3xf32>
}

// The example of the pass: the loss that is returned stays as it is.
// CHECK-LABEL: func.func @gradients(
// CHECK-SAME:      %[[W:.+]]: tensor<3xf32>, %[[SCALE:.+]]: tensor<f32> {graft.name = "scale"})
// CHECK-NEXT:    %[[LOSS:.+]] = graft.reduce sum %[[W]]
// CHECK-NEXT:    %[[SCALED:.+]] = graft.mul %[[LOSS]], %[[SCALE]] : tensor<f32>
// CHECK-NEXT:    %[[G:.+]] = graft.gradients %[[SCALED]] wrt %[[W]]
// CHECK-NEXT:    return %[[G]], %[[LOSS]]
func.func @gradients(%w: tensor<3xf32>) -> (tensor<3xf32>, tensor<f32>)
    attributes {graft.phase = "gradients"} {
  %loss = graft.reduce sum %w over [0] : (tensor<3xf32>) -> tensor<f32>
  %g = graft.gradients %loss wrt %w : tensor<3xf32>
  return %g, %loss : tensor<3xf32>, tensor<f32>
}

// The norm, and what clips by it, are those of unscaled gradients.
// CHECK-LABEL: func.func @clipped(
// CHECK-SAME:      %[[UNSCALE:[a-z0-9]+]]: tensor<f32> {graft.name = "unscale"})
// CHECK:         %[[RAW:.+]] = graft.global_norm
// CHECK-NEXT:    %[[NORM:.+]] = graft.mul %[[RAW]], %[[UNSCALE]] : tensor<f32>
// CHECK-NEXT:    %[[CLIP:.+]] = graft.clip_factor %[[NORM]] limit
// CHECK:         %[[FACTOR:.+]] = graft.mul %[[CLIP]], %[[UNSCALE]] : tensor<f32>
// CHECK-COUNT-2: graft.adamw {{.*}} factor %[[FACTOR]]
// CHECK:         return %[[NORM]]
func.func @clipped(%rate: tensor<f32>, %step: tensor<i32>) -> tensor<f32>
    attributes {graft.phase = "clipped"} {
  %w = graft.read @m::@w : tensor<3xf32>
  %g = graft.read @m::@w.gradient : tensor<3xf32>
  %m = graft.read @m::@w.m : tensor<3xf32>
  %v = graft.read @m::@w.v : tensor<3xf32>
  %n = graft.global_norm %g : (tensor<3xf32>) -> tensor<f32>
  %f = graft.clip_factor %n limit 1.000000e+00 : (tensor<f32>) -> tensor<f32>
  %a, %b, %c = graft.adamw %w, %g, %m, %v rate %rate step %step factor %f beta1 9.000000e-01 beta2 9.990000e-01 epsilon 1.000000e-08 decay 0.000000e+00 : tensor<3xf32>
  %d, %e, %h = graft.adamw %a, %g, %b, %c rate %rate step %step factor %f beta1 9.000000e-01 beta2 9.990000e-01 epsilon 1.000000e-08 decay 0.000000e+00 : tensor<3xf32>
  graft.write @m::@w, %d : tensor<3xf32>
  return %n : tensor<f32>
}

// CHECK-LABEL: func.func @unclipped(
// CHECK-SAME:      %[[UNSCALE:[a-z0-9]+]]: tensor<f32> {graft.name = "unscale"})
// CHECK:         graft.adamw {{.*}} factor %[[UNSCALE]]
func.func @unclipped(%rate: tensor<f32>, %step: tensor<i32>) attributes {graft.phase = "unclipped"} {
  %w = graft.read @m::@w : tensor<3xf32>
  %g = graft.read @m::@w.gradient : tensor<3xf32>
  %m = graft.read @m::@w.m : tensor<3xf32>
  %v = graft.read @m::@w.v : tensor<3xf32>
  %a, %b, %c = graft.adamw %w, %g, %m, %v rate %rate step %step beta1 9.000000e-01 beta2 9.990000e-01 epsilon 1.000000e-08 decay 0.000000e+00 : tensor<3xf32>
  graft.write @m::@w, %a : tensor<3xf32>
  return
}

// All optimisers.
// CHECK-LABEL: func.func @optimizers(
// CHECK-SAME:      %[[UNSCALE:[a-z0-9]+]]: tensor<f32> {graft.name = "unscale"})
// CHECK:         graft.sgd {{.*}} factor %[[UNSCALE]]
// CHECK-NEXT:    {{.*}} = graft.momentum {{.*}} factor %[[UNSCALE]]
// CHECK-NEXT:    {{.*}} = graft.lamb {{.*}} factor %[[UNSCALE]]
func.func @optimizers(%w: tensor<3xf32>, %g: tensor<3xf32>, %rate: tensor<f32>, %step: tensor<i32>) -> tensor<3xf32>
    attributes {graft.phase = "optimizers"} {
  %a = graft.sgd %w, %g rate %rate decay 0.000000e+00 : tensor<3xf32>
  %b, %v = graft.momentum %a, %g, %w rate %rate momentum 9.000000e-01 decay 0.000000e+00 : tensor<3xf32>
  %c, %m, %n = graft.lamb %b, %g, %w, %w rate %rate step %step beta1 9.000000e-01 beta2 9.990000e-01 epsilon 1.000000e-06 decay 0.000000e+00 : tensor<3xf32>
  return %c : tensor<3xf32>
}

// A phase without gradients, and a function that is no phase, stay as they are.
// CHECK-LABEL: func.func @other(
// CHECK-SAME:      %{{[a-z0-9]+}}: tensor<3xf32>) -> tensor<3xf32>
func.func @other(%x: tensor<3xf32>) -> tensor<3xf32> attributes {graft.phase = "other"} {
  return %x : tensor<3xf32>
}
// CHECK-LABEL: func.func @helper(
// CHECK-SAME:      %{{[a-z0-9]+}}: tensor<3xf32>, %{{[a-z0-9]+}}: tensor<f32>) -> tensor<3xf32>
// CHECK-NOT:     graft.mul
func.func @helper(%w: tensor<3xf32>, %loss: tensor<f32>) -> tensor<3xf32> {
  %g = graft.gradients %loss wrt %w : tensor<3xf32>
  return %g : tensor<3xf32>
}

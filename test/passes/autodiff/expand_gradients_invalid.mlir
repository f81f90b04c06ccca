// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: graft-opt %s --autodiff-expand-gradients --split-input-file --verify-diagnostics

// expected-note @below {{defined here}}
func.func @unreached(%x: tensor<3xf32>, %w: tensor<3xf32>) -> tensor<3xf32> {
  %loss = graft.reduce sum %x over [0] : (tensor<3xf32>) -> tensor<f32>
  // expected-error @below {{expects each value of 'wrt' to reach the loss, got #0 of type 'tensor<3xf32>' that does not}}
  %g = graft.gradients %loss wrt %w : tensor<3xf32>
  return %g : tensor<3xf32>
}

// -----

// expected-note @below {{defined here}}
func.func @stopped(%x: tensor<3xf32>) -> tensor<3xf32> {
  %s = graft.stop_gradient %x : tensor<3xf32>
  %loss = graft.reduce sum %s over [0] : (tensor<3xf32>) -> tensor<f32>
  // expected-error @below {{expects each value of 'wrt' to reach the loss, got #0}}
  %g = graft.gradients %loss wrt %x : tensor<3xf32>
  return %g : tensor<3xf32>
}

// -----

func.func @no_interface(%x: tensor<f32>) -> tensor<f32> {
  // expected-error @below {{expects a gradient, because it lies between 'wrt' and the loss}}
  %c = graft.clip_factor %x limit 1.000000e+00 : (tensor<f32>) -> tensor<f32>
  // expected-note @below {{differentiated here}}
  %g = graft.gradients %c wrt %x : tensor<f32>
  return %g : tensor<f32>
}

// -----

// The last derivative of attention is its second.
#T = #graft.dims<T>
func.func @third(%q: tensor<?x8xf32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #T> {
  // expected-error @below {{has no gradient: attention has no third derivative}}
  %y = graft.attention %q, %q, %q, %seq heads 2 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?x8xf32, #T>
  %loss = graft.reduce sum %y over [0, 1] : (tensor<?x8xf32, #T>) -> tensor<f32>
  %first = graft.gradients %loss wrt %q : tensor<?x8xf32, #T>
  %slope = graft.reduce sum %first over [0, 1] : (tensor<?x8xf32, #T>) -> tensor<f32>
  %second = graft.gradients %slope wrt %q : tensor<?x8xf32, #T>
  %bend = graft.reduce sum %second over [0, 1] : (tensor<?x8xf32, #T>) -> tensor<f32>
  // expected-remark @below {{differentiated here}}
  %third = graft.gradients %bend wrt %q : tensor<?x8xf32, #T>
  return %third : tensor<?x8xf32, #T>
}

// -----

graft.model @m {
  graft.layers @layer count 2 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @inside(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
    // expected-error @below {{expects a gradient, because it lies between 'wrt' and the loss}}
    %y = graft.repeat 2 scope @layer (%h = %x) : tensor<3x4xf32> {
      graft.yield %h : tensor<3x4xf32>
    }
    %loss = graft.reduce sum %y over [0, 1] : (tensor<3x4xf32>) -> tensor<f32>
    // expected-note @below {{differentiated here}}
    %g = graft.gradients %loss wrt %x : tensor<3x4xf32>
    return %g : tensor<3x4xf32>
  }
}

// -----

func.func @factor(%x: tensor<3xf32>, %f: tensor<f32>) -> tensor<f32> {
  // expected-error @below {{has no gradient with respect to its factor}}
  %y = graft.scale_gradient %x by %f : tensor<3xf32>
  %loss = graft.reduce sum %y over [0] : (tensor<3xf32>) -> tensor<f32>
  // expected-remark @below {{differentiated here}}
  %g = graft.gradients %loss wrt %f : tensor<f32>
  return %g : tensor<f32>
}

// -----

// A target that depends on what is trained is no teacher, and nothing is dropped
// without a word.
#T = #graft.dims<T>
func.func @relation_target(%x: tensor<?x8xf32, #T>, %w: tensor<8x8xf32>, %seq: !graft.segments<T, S>) -> tensor<8x8xf32> {
  %q = graft.linear %x, %w : (tensor<?x8xf32, #T>, tensor<8x8xf32>) -> tensor<?x8xf32, #T>
  // expected-error @below {{has no gradient with respect to 'target_key', which is constant: expects graft.stop_gradient between it and what is trained}}
  %l = graft.relation_divergence kl %q, %q, %x, %q, %seq heads 2 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>>
  %loss = graft.reduce sum %l over [0] : (tensor<?xf32, #graft.dims<S>>) -> tensor<f32>
  // expected-remark @below {{differentiated here}}
  %g = graft.gradients %loss wrt %w : tensor<8x8xf32>
  return %g : tensor<8x8xf32>
}

// -----

#T = #graft.dims<T>
func.func @relation_target_alone(%q: tensor<?x8xf32, #T>, %r: tensor<?x8xf32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #T> {
  // expected-error @below {{has no gradient with respect to 'target_query'}}
  %l = graft.relation_divergence mse %q, %q, %r, %q, %seq heads 2 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>>
  %loss = graft.reduce sum %l over [0] : (tensor<?xf32, #graft.dims<S>>) -> tensor<f32>
  // expected-remark @below {{differentiated here}}
  %g = graft.gradients %loss wrt %r : tensor<?x8xf32, #T>
  return %g : tensor<?x8xf32, #T>
}

// -----

#T = #graft.dims<T>
func.func @relation_third(%q: tensor<?x8xf32, #T>, %r: tensor<?x8xf32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #T> {
  // expected-error @below {{has no gradient: the divergence of relations has no third derivative}}
  %l = graft.relation_divergence kl %q, %q, %r, %r, %seq heads 2 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>>
  %loss = graft.reduce sum %l over [0] : (tensor<?xf32, #graft.dims<S>>) -> tensor<f32>
  %first = graft.gradients %loss wrt %q : tensor<?x8xf32, #T>
  %slope = graft.reduce sum %first over [0, 1] : (tensor<?x8xf32, #T>) -> tensor<f32>
  %second = graft.gradients %slope wrt %q : tensor<?x8xf32, #T>
  %bend = graft.reduce sum %second over [0, 1] : (tensor<?x8xf32, #T>) -> tensor<f32>
  // expected-remark @below {{differentiated here}}
  %third = graft.gradients %bend wrt %q : tensor<?x8xf32, #T>
  return %third : tensor<?x8xf32, #T>
}

// -----

// The slope by what learns depends on the target as well.
#T = #graft.dims<T>
func.func @relation_second_target(%q: tensor<?x8xf32, #T>, %r: tensor<?x8xf32, #T>, %seq: !graft.segments<T, S>) -> tensor<?x8xf32, #T> {
  // expected-error @below {{has no gradient with respect to 'target_query', which is constant}}
  %l = graft.relation_divergence kl %q, %q, %r, %r, %seq heads 2 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>>
  %loss = graft.reduce sum %l over [0] : (tensor<?xf32, #graft.dims<S>>) -> tensor<f32>
  %g = graft.gradients %loss wrt %q : tensor<?x8xf32, #T>
  %slope = graft.reduce sum %g over [0, 1] : (tensor<?x8xf32, #T>) -> tensor<f32>
  // expected-remark @below {{differentiated here}}
  %h = graft.gradients %slope wrt %r : tensor<?x8xf32, #T>
  return %h : tensor<?x8xf32, #T>
}

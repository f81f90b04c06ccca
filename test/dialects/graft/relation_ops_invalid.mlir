// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// RUN: graft-opt %s --split-input-file --verify-diagnostics

#T = #graft.dims<T>
func.func @c1(%q: tensor<?x8xf32, #T>, %k: tensor<?x12xf32, #T>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects 'query' and 'key' to have one shape, got 'tensor<?x8xf32, #graft.dims<T>>' and 'tensor<?x12xf32, #graft.dims<T>>'}}
  %0 = graft.relation_divergence kl %q, %k, %q, %q, %seq heads 2 : (tensor<?x8xf32, #T>, tensor<?x12xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>>
  return
}

// -----

#T = #graft.dims<T>
func.func @c1_rows(%q: tensor<?x8xf32, #T>, %k: tensor<?x8xf32, #graft.dims<U>>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects 'target_query' and 'target_key' to have one shape, got 'tensor<?x8xf32, #graft.dims<T>>' and 'tensor<?x8xf32, #graft.dims<U>>'}}
  %0 = graft.relation_divergence kl %q, %q, %q, %k, %seq heads 2 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #graft.dims<U>>, !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>>
  return
}

// -----

#T = #graft.dims<T>
#U = #graft.dims<U>
func.func @c2(%q: tensor<?x8xf32, #T>, %r: tensor<?x8xf32, #U>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects 'target_query' to have the segments' token dimension, got 'tensor<?x8xf32, #graft.dims<U>>' and '!graft.segments<T, S>'}}
  %0 = graft.relation_divergence mse %q, %q, %r, %r, %seq heads 2 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #U>, tensor<?x8xf32, #U>, !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>>
  return
}

// -----

#T = #graft.dims<T>
func.func @c3(%q: tensor<?x8xf32, #T>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects the width of 'query' to be a multiple of 'heads', got 'tensor<?x8xf32, #graft.dims<T>>' and 3}}
  %0 = graft.relation_divergence kl %q, %q, %q, %q, %seq heads 3 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>>
  return
}

// -----

#T = #graft.dims<T>
func.func @c3_target(%q: tensor<?x8xf32, #T>, %r: tensor<?x10xf32, #T>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects the width of 'target_query' to be a multiple of 'heads', got 'tensor<?x10xf32, #graft.dims<T>>' and 4}}
  %0 = graft.relation_divergence kl %q, %q, %r, %r, %seq heads 4 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x10xf32, #T>, tensor<?x10xf32, #T>, !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>>
  return
}

// -----

// A width that is not known yet fits any number of heads.
#T = #graft.dims<T>
#TH = #graft.dims<T, H>
func.func @open_width(%q: tensor<?x?xf32, #TH>, %r: tensor<?x8xf32, #T>, %seq: !graft.segments<T, S>) {
  %0 = graft.relation_divergence kl %q, %q, %r, %r, %seq heads 2 : (tensor<?x?xf32, #TH>, tensor<?x?xf32, #TH>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> tensor<?xf32, #graft.dims<S>>
  return
}

// -----

#T = #graft.dims<T>
func.func @gradient_c1(%g: tensor<?xf32, #graft.dims<S>>, %q: tensor<?x8xf32, #T>, %k: tensor<?x4xf32, #T>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects 'query' and 'key' to have one shape}}
  %0:2 = graft.relation_divergence_gradient kl %g, %q, %k, %q, %q, %seq heads 2 : (tensor<?xf32, #graft.dims<S>>, tensor<?x8xf32, #T>, tensor<?x4xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>)
  return
}

// -----

#T = #graft.dims<T>
func.func @gradient_c2(%g: tensor<?xf32, #T>, %q: tensor<?x8xf32, #T>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects 'gradient' to have the segments' sequences, got 'tensor<?xf32, #graft.dims<T>>' and '!graft.segments<T, S>'}}
  %0:2 = graft.relation_divergence_gradient kl %g, %q, %q, %q, %q, %seq heads 2 : (tensor<?xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>)
  return
}

// -----

#T = #graft.dims<T>
func.func @gradient_c3(%g: tensor<?xf32, #graft.dims<S>>, %q: tensor<?x8xf32, #T>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects the width of 'query' to be a multiple of 'heads', got 'tensor<?x8xf32, #graft.dims<T>>' and 5}}
  %0:2 = graft.relation_divergence_gradient mse %g, %q, %q, %q, %q, %seq heads 5 : (tensor<?xf32, #graft.dims<S>>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>)
  return
}

// -----

#T = #graft.dims<T>
func.func @second_c1(%i: tensor<?x8xf32, #T>, %j: tensor<?x8xf32, #T>, %g: tensor<?xf32, #graft.dims<S>>, %q: tensor<?x8xf32, #T>, %k: tensor<?x4xf32, #T>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects 'query' and 'key' to have one shape}}
  %0:3 = graft.relation_divergence_second_gradient kl %i, %j, %g, %q, %k, %q, %q, %seq heads 2 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?xf32, #graft.dims<S>>, tensor<?x8xf32, #T>, tensor<?x4xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> (tensor<?xf32, #graft.dims<S>>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>)
  return
}

// -----

#T = #graft.dims<T>
func.func @second_c1_incoming(%i: tensor<?x8xf32, #T>, %j: tensor<?x4xf32, #T>, %g: tensor<?xf32, #graft.dims<S>>, %q: tensor<?x8xf32, #T>, %k: tensor<?x8xf32, #T>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects incoming gradients of the shape of 'query', got 'tensor<?x4xf32, #graft.dims<T>>' and 'tensor<?x8xf32, #graft.dims<T>>'}}
  %0:3 = graft.relation_divergence_second_gradient kl %i, %j, %g, %q, %k, %q, %q, %seq heads 2 : (tensor<?x8xf32, #T>, tensor<?x4xf32, #T>, tensor<?xf32, #graft.dims<S>>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> (tensor<?xf32, #graft.dims<S>>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>)
  return
}

// -----

#T = #graft.dims<T>
func.func @second_c2_incoming(%i: tensor<?x8xf32, #graft.dims<S>>, %j: tensor<?x8xf32, #T>, %g: tensor<?xf32, #graft.dims<S>>, %q: tensor<?x8xf32, #T>, %k: tensor<?x8xf32, #T>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects incoming gradients of the shape of 'query'}}
  %0:3 = graft.relation_divergence_second_gradient kl %i, %j, %g, %q, %k, %q, %q, %seq heads 2 : (tensor<?x8xf32, #graft.dims<S>>, tensor<?x8xf32, #T>, tensor<?xf32, #graft.dims<S>>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> (tensor<?xf32, #graft.dims<S>>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>)
  return
}

// -----

#T = #graft.dims<T>
func.func @second_c2(%i: tensor<?x8xf32, #T>, %j: tensor<?x8xf32, #T>, %g: tensor<?xf32, #T>, %q: tensor<?x8xf32, #T>, %k: tensor<?x8xf32, #T>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects 'gradient' to have the segments' sequences, got 'tensor<?xf32, #graft.dims<T>>' and '!graft.segments<T, S>'}}
  %0:3 = graft.relation_divergence_second_gradient kl %i, %j, %g, %q, %k, %q, %q, %seq heads 2 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> (tensor<?xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>)
  return
}

// -----

#T = #graft.dims<T>
func.func @second_c3(%i: tensor<?x8xf32, #T>, %j: tensor<?x8xf32, #T>, %g: tensor<?xf32, #graft.dims<S>>, %q: tensor<?x8xf32, #T>, %k: tensor<?x8xf32, #T>, %seq: !graft.segments<T, S>) {
  // expected-error @below {{expects the width of 'query' to be a multiple of 'heads', got 'tensor<?x8xf32, #graft.dims<T>>' and 5}}
  %0:3 = graft.relation_divergence_second_gradient kl %i, %j, %g, %q, %k, %q, %q, %seq heads 5 : (tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?xf32, #graft.dims<S>>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>, !graft.segments<T, S>) -> (tensor<?xf32, #graft.dims<S>>, tensor<?x8xf32, #T>, tensor<?x8xf32, #T>)
  return
}

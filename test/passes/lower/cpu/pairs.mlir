// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Reductions and broadcasts of matrices of pairs, both of whose dimensions are
// dynamic, compute what the interpretation does; the check says nothing then.

// RUN: graft-opt %s --check-numerics-each --lower-outline --lower-merge-kernels \
// RUN:   --cse --plan-memory -o /dev/null 2>&1 | count 0

#S = #graft.dims<S>
#T = #graft.dims<T>
#ST = #graft.dims<S, T>
graft.size @S bound 64
graft.size @T bound 480
graft.model @m {
  graft.parameter @w : tensor<8x8xf32>
}
func.func @reduced(%seq: !graft.segments<T, S>, %a: tensor<?x?xf32, #ST>) -> (tensor<?xf32, #S>, tensor<?xf32, #T>, tensor<?xf32, #S>, tensor<f32>) attributes {graft.phase = "reduced"} {
  %rows = graft.reduce sum %a over [1] : (tensor<?x?xf32, #ST>) -> tensor<?xf32, #S>
  %columns = graft.reduce sum %a over [0] : (tensor<?x?xf32, #ST>) -> tensor<?xf32, #T>
  %most = graft.reduce max %a over [1] : (tensor<?x?xf32, #ST>) -> tensor<?xf32, #S>
  %all = graft.reduce sum %a over [0, 1] : (tensor<?x?xf32, #ST>) -> tensor<f32>
  return %rows, %columns, %most, %all : tensor<?xf32, #S>, tensor<?xf32, #T>, tensor<?xf32, #S>, tensor<f32>
}
func.func @spread(%seq: !graft.segments<T, S>, %s: tensor<?xf32, #S>, %r: tensor<?xf32, #T>, %x: tensor<f32>) -> (tensor<?x?xf32, #ST>, tensor<?x?xf32, #ST>, tensor<?x?xf32, #ST>) attributes {graft.phase = "spread"} {
  %rows = graft.broadcast %s along [1] : (tensor<?xf32, #S>) -> tensor<?x?xf32, #ST>
  %columns = graft.broadcast %r along [0] : (tensor<?xf32, #T>) -> tensor<?x?xf32, #ST>
  %all = graft.broadcast %x along [0, 1] : (tensor<f32>) -> tensor<?x?xf32, #ST>
  return %rows, %columns, %all : tensor<?x?xf32, #ST>, tensor<?x?xf32, #ST>, tensor<?x?xf32, #ST>
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Formulas of texts and of layers, random numbers of texts, and parameters that are read.
// RUN: graft-opt %s --transfer-link --transfer-expand-layers | FileCheck %s --check-prefix=LINKED
// RUN: graft-opt %s --transfer-link --transfer-expand-layers --transfer-expand-taps --transfer-expand-formulas | FileCheck %s --check-prefix=EXPANDED --implicit-check-not graft.formula
// RUN: graft-opt %s --transfer | FileCheck %s --check-prefix=ENTRIES

#S = #graft.dims<S>
#T = #graft.dims<T>
#TH = #graft.dims<T, H>
#SH = #graft.dims<S, H>
#H = #graft.dims<H>
graft.size @S bound 64
graft.size @T bound 64

graft.model @model {
  graft.parameter @words : tensor<100x4xf32>
  graft.parameter @head : tensor<3x4xf32>
  graft.layers @layer count 2 {
    graft.parameter @w : tensor<4x4xf32>
  }
  func.func @encode(%ids: tensor<?xi32, #T> {graft.name = "ids"}) -> tensor<?x4xf32, #T> {
    %v = graft.read @words : tensor<100x4xf32>
    %x = graft.embedding %ids, %v : (tensor<?xi32, #T>, tensor<100x4xf32>) -> tensor<?x4xf32, #T>
    %y = graft.repeat 2 scope @layer (%h = %x) : tensor<?x4xf32, #T> {
      %w = graft.read layer @w : tensor<4x4xf32>
      %z = graft.formula "x[t, h], w[g, h] -> [t, g]: tanh(sum h (x * w))" (%h, %w) : (tensor<?x4xf32, #T>, tensor<4x4xf32>) -> tensor<?x4xf32, #T>
      graft.tap "hidden" %z : tensor<?x4xf32, #T>
      graft.yield %z : tensor<?x4xf32, #T>
    }
    return %y : tensor<?x4xf32, #T>
  }
}
// Two of its parameters are read by the strategy; the third has no group.
graft.model @centre {
  graft.parameter @middle : tensor<?xf32, #H> initial "zeros"
  graft.parameter @scale : tensor<f32> initial "ones"
}

// LINKED-LABEL: transfer.strategy @s {
// LINKED:         %[[IDS:.*]], %[[SEQ:.*]], %{{.*}} = transfer.stream @train of ids, segments, labels<3>
// LINKED:         %[[M:.*]]:2 = transfer.read @centre [@middle, @scale] : tensor<4xf32>, tensor<f32>
// LINKED:         graft.formula "x[t, h], text[t, s], m[h] -> [s, h]: mean text (x) - m"(%{{.*}}, %[[SEQ]], %[[M]]#0) : (tensor<?x4xf32, #T>, !graft.segments<T, S>, tensor<4xf32>) -> tensor<?x4xf32, #S>
// LINKED:         graft.uniform %[[SEQ]] id 7 : (!graft.segments<T, S>) -> tensor<?xf32, #S>

// EXPANDED-LABEL: graft.model @model
// EXPANDED-COUNT-2: graft.tanh {{.*}} {graft.precision = "keep"}
// EXPANDED-LABEL: graft.model @centre
// EXPANDED:         func.func @read() -> (tensor<4xf32>, tensor<f32>) {
// EXPANDED-NEXT:      %[[A:.*]] = graft.read @middle : tensor<4xf32>
// EXPANDED-NEXT:      %[[B:.*]] = graft.read @scale : tensor<f32>
// EXPANDED-NEXT:      return %[[A]], %[[B]]
// EXPANDED-LABEL: transfer.strategy @s {
// EXPANDED:         transfer.call @centre::@read() : () -> (tensor<4xf32>, tensor<f32>)
// EXPANDED:         graft.segment_pool mean
// EXPANDED-COUNT-2: graft.segment_pool max
// EXPANDED:         graft.add %{{.*}}, %{{.*}} : tensor<?xf32, #S>

// The phase of the middle reaches that parameter, and no other one.
// ENTRIES:       graft.state @middle.gradient
// ENTRIES-NOT:   graft.state @scale.gradient
// ENTRIES-LABEL: func.func @accumulate_find
// ENTRIES:       graft.read @centre::@middle :
// ENTRIES-NOT:   graft.write @model
// ENTRIES:       graft.write @centre::@middle.gradient
transfer.strategy @s sizes (H) {
  %text, %labels = transfer.stream @train of text, labels<3> in @T, @S
  transfer.group @all of @model
  transfer.group @middle of @centre select "^middle$"
  transfer.group @kept of @centre rest frozen
  %x = transfer.call @model::@encode(%text) : (!transfer.text) -> tensor<?x?xf32, #TH>
  %m, %scale = transfer.read @centre [@middle, @scale] : tensor<?xf32, #H>, tensor<f32>
  %d = graft.formula "x[t, h], text[t, s], m[h] -> [s, h]: mean text (x) - m" (%x, %text, %m) : (tensor<?x?xf32, #TH>, !transfer.text, tensor<?xf32, #H>) -> tensor<?x?xf32, #SH>
  %u = graft.uniform %text id 7 : (!transfer.text) -> tensor<?xf32, #S>
  %far = graft.formula "d[s, h], u[s], scale[] -> [s]: scale * u * sum h (d * d)" (%d, %u, %scale) : (tensor<?x?xf32, #SH>, tensor<?xf32, #S>, tensor<f32>) -> tensor<?xf32, #S>
  %around = transfer.mean %far : tensor<?xf32, #S>

  %h = transfer.tap "hidden" of %x : tensor<?x?xf32, #TH> -> !transfer.layers<tensor<?x?xf32, #TH>>
  %top = graft.formula "x[t, h], text[t, s] -> [s]: max h (max text (x))" (%h, %text) : (!transfer.layers<tensor<?x?xf32, #TH>>, !transfer.text) -> !transfer.layers<tensor<?xf32, #S>>
  %tops = transfer.sum %top : !transfer.layers<tensor<?xf32, #S>>
  %loss = transfer.mean %tops : tensor<?xf32, #S>
  %rows = graft.formula "x[t, h], text[t, s] -> [s, h]: mean text (x)" (%x, %text) : (tensor<?x?xf32, #TH>, !transfer.text) -> tensor<?x?xf32, #SH>
  transfer.predict %rows evaluate %loss : tensor<?x?xf32, #SH>
  transfer.phase @find minimise %around over [@middle] with sgd rate constant 1.0
  transfer.phase @learn minimise %loss over [@all] with adamw rate linear 5.0e-5
  transfer.schedule epochs 1 of [@find]
  transfer.schedule epochs 1 of [@learn]
}

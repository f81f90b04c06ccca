// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Steps of an inner loop: the loss is computed again where a step has led, with the
// parameters that it moves, and what follows is at the last place.

// RUN: sed 's/@times = 1/@times = 2/' %S/Inputs/inner.mlir | graft-opt --transfer-expand-strategy | FileCheck %s
// RUN: sed 's/@order = 2/@order = 1/' %S/Inputs/inner.mlir | graft-opt --transfer-expand-strategy | FileCheck %s --check-prefix=FIRST
// RUN: graft-opt %S/Inputs/inner.mlir --transfer | FileCheck %s --check-prefix=INLINED

// CHECK-LABEL: func.func @accumulate(
// CHECK:         %[[W0:.*]] = graft.call @model::@number(%[[IDS:.*]], %[[SEGMENTS:[a-z0-9]+]]) :
// CHECK-NEXT:    %[[L0:.*]] = graft.call @model::@half(%[[W0]], %[[LABELS:[a-z0-9]+]])
// CHECK-NEXT:    %[[SUM0:.*]] = graft.reduce sum %[[L0]] over [0]
// CHECK-NEXT:    %[[LOSS0:.*]] = graft.div %[[SUM0]], %[[TOTAL:[a-z0-9]+]]
// CHECK-NEXT:    %[[P0:.*]] = graft.read @model::@w
// CHECK:         %[[G0:.*]] = graft.gradients value %[[LOSS0]] wrt %[[P0]]
// CHECK:         %[[D0:.*]] = graft.mul %[[G0]],
// CHECK-NEXT:    %[[P1:.*]] = graft.sub %[[P0]], %[[D0]]
// CHECK-NEXT:    %[[W1:.*]] = graft.call @model::@number(%[[IDS]], %[[SEGMENTS]]) at [@w] = (%[[P1]] : tensor<1x1xf32>)
// CHECK-NEXT:    graft.call @model::@half(%[[W1]], %[[LABELS]])
// CHECK:         %[[LOSS1:.*]] = graft.div
// CHECK-NEXT:    %[[G1:.*]] = graft.gradients value %[[LOSS1]] wrt %[[P1]]
// CHECK:         %[[P2:.*]] = graft.sub %[[P1]],
// CHECK-NEXT:    %[[QUERY:.*]] = graft.call @model::@number({{.*}}) at [@w] = (%[[P2]] : tensor<1x1xf32>)
// CHECK-NOT:     graft.call @model::@number
// CHECK:         graft.stop_gradient %[[P2]]
// CHECK:         graft.gradients %{{[a-z0-9]+}} wrt %{{[a-z0-9]+}} : tensor<1x1xf32>

// A step is a constant.
// FIRST-LABEL: func.func @accumulate(
// FIRST:         %[[G:.*]] = graft.gradients value
// FIRST-NEXT:    %[[STOP:.*]] = graft.stop_gradient %[[G]]
// FIRST:         graft.mul %[[STOP]],

// Batches are whole, and no call is left.
// INLINED:       exec.for_each_micro_batch @support whole
// INLINED:       exec.for_each_micro_batch @query whole
// INLINED-NOT:   graft.call

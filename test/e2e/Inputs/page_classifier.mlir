// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// What own_page.mlir trains, but the classifier of the model stands on the page:
// the same names, random ids and first values.
#S = #graft.dims<S>
#SH = #graft.dims<S, H>
graft.model @classifier {
  graft.parameter @weight : tensor<3x?xf32, #graft.dims<H>> initial "normal" deviation 2.0e-2
  graft.parameter @bias : tensor<3xf32> initial "zeros"
  func.func @logits(%x: tensor<?x?xf32, #SH>, %segments: !graft.segments<T, S> {graft.name = "segments"}) -> tensor<?x3xf32, #S> {
    %k = graft.dropout %x, %segments rate 1.0e-1 id 1 : (tensor<?x?xf32, #SH>, !graft.segments<T, S>) -> tensor<?x?xf32, #SH>
    %w = graft.read @weight : tensor<3x?xf32, #graft.dims<H>>
    %b = graft.read @bias : tensor<3xf32>
    %z = graft.linear %k, %w, %b : (tensor<?x?xf32, #SH>, tensor<3x?xf32, #graft.dims<H>>, tensor<3xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @page_classifier sizes (H) {
  transfer.parameter @peak = 2.0e-4 in [0.0, 1.0] "learning rate after the warm-up"
  transfer.parameter @passes = 1 in [1, 100] "epochs"
  %text, %labels = transfer.stream @train of text, labels<3> in @T, @S
  transfer.group @encoder of @net decay 0.01
  transfer.group @top of @classifier decay 0.01
  %pooled = transfer.call @net::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %logits = transfer.call @classifier::@logits(%pooled, %text) : (tensor<?x?xf32, #SH>, !transfer.text) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@encoder, @top] with adamw rate linear @peak
  transfer.schedule epochs @passes of [@step]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A classifier of two layers on the page, on the pooled texts of a model whose
// width the page does not say.
#S = #graft.dims<S>
#SH = #graft.dims<S, H>
graft.model @head {
  graft.parameter @hidden.weight : tensor<16x?xf32, #graft.dims<H>> initial "normal" deviation 5.0e-2
  graft.parameter @hidden.bias : tensor<16xf32> initial "zeros"
  graft.parameter @output.weight : tensor<3x16xf32> initial "normal" deviation 5.0e-2
  graft.parameter @output.bias : tensor<3xf32> initial "zeros"
  func.func @logits(%x: tensor<?x?xf32, #SH>) -> tensor<?x3xf32, #S> {
    %hw = graft.read @hidden.weight : tensor<16x?xf32, #graft.dims<H>>
    %hb = graft.read @hidden.bias : tensor<16xf32>
    %h = graft.linear %x, %hw, %hb : (tensor<?x?xf32, #SH>, tensor<16x?xf32, #graft.dims<H>>, tensor<16xf32>) -> tensor<?x16xf32, #S>
    %a = graft.relu %h : tensor<?x16xf32, #S>
    %ow = graft.read @output.weight : tensor<3x16xf32>
    %ob = graft.read @output.bias : tensor<3xf32>
    %z = graft.linear %a, %ow, %ob : (tensor<?x16xf32, #S>, tensor<3x16xf32>, tensor<3xf32>) -> tensor<?x3xf32, #S>
    return %z : tensor<?x3xf32, #S>
  }
}
transfer.strategy @page_head sizes (H) {
  transfer.parameter @rate = 3.0e-3 in [0.0, 1.0] "peak learning rate"
  transfer.parameter @epochs = 4 in [1, 100] "passes over the data"
  %text, %labels = transfer.stream @train of text, labels<3> in @T, @S
  transfer.group @encoder of @net
  transfer.group @top of @head
  %pooled = transfer.call @net::@pooled(%text) : (!transfer.text) -> tensor<?x?xf32, #SH>
  %logits = transfer.call @head::@logits(%pooled) : (tensor<?x?xf32, #SH>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@encoder, @top] with adamw rate linear @rate warmup 0.1
  transfer.schedule epochs @epochs of [@step]
}

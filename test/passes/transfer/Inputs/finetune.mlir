// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Full fine-tuning of tiny_bert.mlir, which comes before it in one module.

transfer.strategy @finetune {
  %ids, %types, %segments, %labels = transfer.stream @train of ids, types, segments, labels<3> in @T, @S

  transfer.group @decayed of @model select "weight$" except "LayerNorm" decay 0.01
  transfer.group @plain of @model rest

  %logits = transfer.call @model::@logits(%ids, %types, %segments) : (tensor<?xi32, #T>, tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>

  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@decayed, @plain] with adamw rate linear 5.0e-5 warmup 0.1 clip 1.0
  transfer.schedule epochs 3 of [@step]
}

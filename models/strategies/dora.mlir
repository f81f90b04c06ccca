// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Weight-decomposed low-rank adaptation (DoRA, Liu et al. 2024): as in the page lora,
// two thin matrices learn beside each one that @targets names, and a number for each of
// its rows that is the norm of the row. The paper sees it learn as full fine-tuning
// does, most of all where the rank is small.

#S = #graft.dims<S>
#SK = #graft.dims<S, K>

transfer.strategy @dora sizes (K) {
  transfer.parameter @rate = 3.0e-3 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rate after the warm-up"
  transfer.parameter @warmup = 0.0 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the examples"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @rank = 8 in [1, 65536] "rank of the adapters"
  transfer.parameter @alpha = 16.0 in [1.0e-9, 1.0e+9] "the adapters' share is alpha / rank"
  transfer.parameter @targets = "[.](query|value)[.]weight$" "pattern of the matrices that are adapted"
  transfer.parameter @new = "^classifier[.]" "pattern of parameters that are not pretrained"

  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.inject dora of @model select @targets rank @rank alpha @alpha
  transfer.group @adapters of @model select "[.]lora_[ab]$" decay @weight_decay
  transfer.group @magnitudes of @model select "[.]lora_magnitude$"
  transfer.group @head of @model select @new decay @weight_decay
  transfer.group @base of @model rest frozen

  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>

  transfer.predict %logits softmax : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@adapters, @magnitudes, @head]
      with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.schedule epochs @epochs of [@step]
}

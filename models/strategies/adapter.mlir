// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Bottleneck adapters (Houlsby et al. 2019): behind the output projections that @targets
// names, those of attention and of the feed-forward layer, a small layer learns what to
// add, with layer norms and the head. All else stays as it is. The layers stay in the
// model, so `graft export` cannot write it for Transformers.

#S = #graft.dims<S>
#SK = #graft.dims<S, K>

transfer.strategy @adapter sizes (K) {
  transfer.parameter @rate = 1.0e-3 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rate after the warm-up"
  transfer.parameter @warmup = 0.0 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the examples"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @width = 64 in [1, 65536] "width of the adapters"
  transfer.parameter @targets = "[.]output[.]dense[.]weight$" "pattern of the matrices before the adapters"
  transfer.parameter @norms = "LayerNorm[.]" "pattern of the pretrained parameters that learn, too"
  transfer.parameter @new = "^classifier[.]" "pattern of parameters that are not pretrained"

  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.inject bottleneck of @model select @targets width @width
  transfer.group @adapters of @model select "[.]adapter_(down|up)[.]weight$" decay @weight_decay
  transfer.group @biases of @model select "[.]adapter_(down|up)[.]bias$"
  transfer.group @norms_learn of @model select @norms optional
  transfer.group @head of @model select @new decay @weight_decay
  transfer.group @base of @model rest frozen

  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>

  transfer.predict %logits softmax : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@adapters, @biases, @norms_learn, @head]
      with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.schedule epochs @epochs of [@step]
}

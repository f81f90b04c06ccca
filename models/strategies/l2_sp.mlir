// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Fine-tuning that decays to the pretrained weights, and not to zero (L2-SP, Li et al.
// 2018): what the model knew is forgotten only where the labels ask for it. The new
// head decays to zero.

#S = #graft.dims<S>
#SK = #graft.dims<S, K>

transfer.strategy @l2_sp sizes (K) {
  transfer.parameter @rate = 5.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rate after the warm-up"
  transfer.parameter @warmup = 0.0 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the examples"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @to_start = 1.0 in [0.0, 3.0e+38] "decay to the pretrained weights"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decay of the head to zero"
  transfer.parameter @new = "^classifier[.]" "pattern of parameters that are not pretrained"

  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @head of @model select @new decay @weight_decay
  transfer.group @body of @model rest decay @to_start to_start

  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>

  transfer.predict %logits softmax : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@head, @body]
      with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.schedule epochs @epochs of [@step]
}

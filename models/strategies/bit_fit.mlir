// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Fine-tuning of the biases and the new head alone (BitFit, Ben Zaken et al. 2022): all
// other weights stay as they are. So few parameters take a higher rate than all of them.

#S = #graft.dims<S>
#SK = #graft.dims<S, K>

transfer.strategy @bit_fit sizes (K) {
  transfer.parameter @rate = 1.0e-3 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rate after the warm-up"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the examples"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.0 in [0.0, 3.0e+38] "decoupled weight decay of the new head"
  transfer.parameter @biases = "bias$" "pattern of the biases"
  transfer.parameter @new = "^classifier[.]" "pattern of parameters that are not pretrained"

  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @head of @model select @new decay @weight_decay
  transfer.group @learned of @model select @biases except @new
  transfer.group @fixed of @model rest frozen

  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>

  transfer.predict %logits softmax : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@head, @learned]
      with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.schedule epochs @epochs of [@step]
}

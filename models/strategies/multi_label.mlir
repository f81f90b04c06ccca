// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Full fine-tuning for texts with any number of labels: the loss asks of each label by
// itself whether it is there, and the prediction has those with a probability above a
// half. Labels stand in one column with commas between them.

#S = #graft.dims<S>
#SK = #graft.dims<S, K>

transfer.strategy @multi_label sizes (K) {
  transfer.parameter @rate = 5.0e-5 in [0.0, 3.0e+38] "peak learning rate"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rate after the warm-up"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps in which the rate rises"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the examples"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @new = "^classifier[.]" "pattern of parameters that are not pretrained"
  transfer.parameter @head_speed = 10.0 in [0.0, 1.0e+6] "factor of the learning rate for these"

  %text, %truth = transfer.stream @train of text, multi_hot<K> in @T, @S
  transfer.group @head of @model select @new multiplier @head_speed
  transfer.group @body of @model rest decay @weight_decay

  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %loss = transfer.loss binary_cross_entropy %logits, %truth mean : tensor<?x?xf32, #SK>, tensor<?x?xf32, #SK>

  transfer.predict %logits sigmoid : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@head, @body]
      with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.schedule epochs @epochs of [@step]
}

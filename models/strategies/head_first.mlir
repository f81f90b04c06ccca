// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Fine-tuning in two stages (Kumar et al. 2022): the new head learns alone, from
// features that stay as they are, and then everything learns. So a random head does
// not pull the pretrained weights away from what they know.

#S = #graft.dims<S>
#SK = #graft.dims<S, K>

transfer.strategy @head_first sizes (K) {
  transfer.parameter @head_rate = 1.0e-3 in [0.0, 3.0e+38] "peak learning rate of the head alone"
  transfer.parameter @head_epochs = 2 in [1, 1000000000] "passes over the examples for the head alone"
  transfer.parameter @rate = 3.0e-5 in [0.0, 3.0e+38] "peak learning rate of everything"
  transfer.parameter @epochs = 3 in [1, 1000000000] "passes over the examples for everything"
  transfer.parameter @schedule = "linear" of ["constant", "linear", "cosine"] "the rates after the warm-up"
  transfer.parameter @warmup = 0.0 in [0.0, 1.0] "share of the steps of a stage in which its rate rises"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @new = "^classifier[.]" "pattern of parameters that are not pretrained"

  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @head of @model select @new decay @weight_decay
  transfer.group @body of @model rest decay @weight_decay

  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %fixed = transfer.call deterministic @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  %probe_loss = transfer.loss cross_entropy %fixed, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>

  transfer.predict %logits softmax evaluate %loss : tensor<?x?xf32, #SK>
  transfer.phase @probe minimise %probe_loss over [@head]
      with adamw rate @schedule @head_rate warmup @warmup clip @clip
  transfer.phase @tune minimise %loss over [@head, @body]
      with adamw rate @schedule @rate warmup @warmup clip @clip
  transfer.schedule epochs @head_epochs of [@probe]
  transfer.schedule epochs @epochs of [@tune]
}

// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Gradual unfreezing (ULMFiT, Howard and Ruder 2018): the head learns first, then
// the layers with it, then the embeddings as well, at rates that fall from layer to
// layer.

#S = #graft.dims<S>
#SK = #graft.dims<S, K>

transfer.strategy @gradual sizes (K) {
  transfer.parameter @rate = 1.0e-4 in [0.0, 3.0e+38] "peak learning rate of the head"
  transfer.parameter @layer_decay = 0.8 in [1.0e-9, 1.0] "factor of the rate from each layer to the layer below"
  transfer.parameter @epochs = 1 in [1, 1000000000] "passes over the examples for each stage"
  transfer.parameter @warmup = 0.1 in [0.0, 1.0] "share of the steps of a stage in which its rate rises"
  transfer.parameter @clip = 1.0 in [0.0, 3.0e+38] "maximum norm of the gradient; 0: no clipping"
  transfer.parameter @weight_decay = 0.01 in [0.0, 3.0e+38] "decoupled weight decay"
  transfer.parameter @top = "^classifier[.]|^pooler[.]" "pattern of what learns in all stages"
  transfer.parameter @bottom = "^embeddings[.]" "pattern of what learns in the last stage alone"

  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @head of @model select @top decay @weight_decay layer_decay @layer_decay
  transfer.group @embeddings of @model select @bottom decay @weight_decay layer_decay @layer_decay
  transfer.group @layers of @model rest decay @weight_decay layer_decay @layer_decay

  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x?xf32, #SK>, tensor<?xi32, #S>

  transfer.predict %logits softmax evaluate %loss : tensor<?x?xf32, #SK>
  transfer.phase @first minimise %loss over [@head]
      with adamw rate linear @rate warmup @warmup clip @clip
  transfer.phase @second minimise %loss over [@head, @layers]
      with adamw rate linear @rate warmup @warmup clip @clip
  transfer.phase @third minimise %loss over [@head, @layers, @embeddings]
      with adamw rate linear @rate warmup @warmup clip @clip
  transfer.schedule epochs @epochs of [@first]
  transfer.schedule epochs @epochs of [@second]
  transfer.schedule epochs @epochs of [@third]
}
